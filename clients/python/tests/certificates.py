"""A certificate authority for one test run, made with the openssl program."""

from __future__ import annotations

import pathlib
import subprocess


def _openssl(*arguments: str) -> None:
    subprocess.run(["openssl", *arguments], check=True, capture_output=True)


def make(folder: pathlib.Path) -> None:
    """ca.pem, and server and client as NAME.pem with NAME.key; stranger.pem is nobody's."""
    for name in ("ca", "stranger"):
        _openssl(
            *("req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes"),
            *("-days", "30", "-subj", f"/O=Test/CN={name}"),
            *("-addext", "keyUsage=critical,keyCertSign,cRLSign"),
            *("-keyout", str(folder / f"{name}.key"), "-out", str(folder / f"{name}.pem")),
        )
    # Python 3.13 verifies strictly, so the authority says its use, and each whose key signed it.
    signed = "authorityKeyIdentifier=keyid\n"
    uses = {
        "server": f"{signed}subjectAltName=DNS:localhost,DNS:db.internal\n"
        "extendedKeyUsage=serverAuth\n",
        "client": f"{signed}extendedKeyUsage=clientAuth\nkeyUsage=digitalSignature\n",
    }
    for name, use in uses.items():
        (folder / f"{name}.ext").write_text(use)
        _openssl(
            *("req", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes"),
            *("-subj", f"/O=Test/CN={name}", "-keyout", str(folder / f"{name}.key")),
            *("-out", str(folder / f"{name}.csr")),
        )
        _openssl(
            *("x509", "-req", "-days", "30", "-in", str(folder / f"{name}.csr")),
            *("-CA", str(folder / "ca.pem"), "-CAkey", str(folder / "ca.key"), "-CAcreateserial"),
            *("-extfile", str(folder / f"{name}.ext"), "-out", str(folder / f"{name}.pem")),
        )
        (folder / f"{name}.key").chmod(0o600)
