"""Certificates of every kind, made with the openssl program, and which of them a server takes."""

import os
import pathlib
import subprocess

from world import Failed

CONFIG = """
[ca]
default_ca = own
[own]
dir = {folder}
database = {folder}/index.txt
new_certs_dir = {folder}/made
rand_serial = yes
unique_subject = no
default_md = sha256
policy = anything
default_crl_days = 30
copy_extensions = none
[anything]
organizationName = optional
organizationalUnitName = optional
commonName = optional
[req]
distinguished_name = nothing
[nothing]
[root]
basicConstraints = critical,CA:TRUE
keyUsage = critical,keyCertSign,cRLSign
subjectKeyIdentifier = hash
[middle]
basicConstraints = critical,CA:TRUE
keyUsage = critical,keyCertSign,cRLSign
[shallow]
basicConstraints = critical,CA:TRUE,pathlen:0
keyUsage = critical,keyCertSign,cRLSign
[unsigning]
basicConstraints = critical,CA:TRUE
keyUsage = critical,cRLSign
[fenced]
basicConstraints = critical,CA:TRUE
keyUsage = critical,keyCertSign,cRLSign
nameConstraints = critical,permitted;dirName:fence
[fence]
O = Elsewhere
[server]
basicConstraints = CA:FALSE
extendedKeyUsage = serverAuth
subjectAltName = DNS:localhost,IP:127.0.0.1
[client]
basicConstraints = CA:FALSE
keyUsage = critical,digitalSignature
extendedKeyUsage = clientAuth
[wrong_use]
basicConstraints = CA:FALSE
extendedKeyUsage = serverAuth
[wrong_key_use]
basicConstraints = CA:FALSE
keyUsage = critical,dataEncipherment
[strange]
basicConstraints = CA:FALSE
1.2.3.4.5.6 = critical,ASN1:UTF8String:what is this
"""
ALWAYS = ("20200101000000Z", "20990101000000Z")
PAST = ("20200101000000Z", "20210101000000Z")
FUTURE = ("20980101000000Z", "20990101000000Z")


class Authority:
    """A folder with keys, certificates and CRLs; names are file names without their end."""

    def __init__(self, folder):
        self.folder = pathlib.Path(folder)
        (self.folder / "made").mkdir(parents=True)
        (self.folder / "index.txt").touch()
        self.config = self.folder / "openssl.cnf"
        self.config.write_text(CONFIG.format(folder=self.folder))

    def path(self, name):
        return str(self.folder / name)

    def openssl(self, *words):
        done = subprocess.run(["openssl", *words], capture_output=True, text=True, check=False)
        if done.returncode != 0:
            raise Failed(f"openssl {' '.join(words)}: {done.stderr}")

    def key(self, name, kind="EC"):
        if kind == "EC":
            options = ["-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:P-256"]
        else:
            options = ["-algorithm", "RSA", "-pkeyopt", f"rsa_keygen_bits:{kind}"]
        self.openssl("genpkey", *options, "-out", self.path(f"{name}.key"))
        os.chmod(self.path(f"{name}.key"), 0o600)

    def root(self, name, subject=None):
        self.key(name)
        self.openssl("req", "-x509", "-new", "-key", self.path(f"{name}.key"), "-config",
                     str(self.config), "-extensions", "root", "-days", "30", "-subj",
                     subject or f"/O=Acme/CN={name}", "-out", self.path(f"{name}.pem"))

    def make(self, name, issuer, section="client", *, subject=None, life=ALWAYS, kind="EC",
             digest="sha256"):
        """A certificate with its key; its file holds the chain up to, without, the root."""
        self.key(name, kind)
        request = self.path(f"{name}.csr")
        self.openssl("req", "-new", "-key", self.path(f"{name}.key"), "-config", str(self.config),
                     "-subj", subject or f"/O=Acme/CN={name}", "-out", request)
        alone = self.path(f"{name}.alone.pem")
        self.openssl("ca", "-batch", "-notext", "-config", str(self.config), "-in", request,
                     "-cert", self.path(f"{issuer}.pem"), "-keyfile", self.path(f"{issuer}.key"),
                     "-extensions", section, "-startdate", life[0], "-enddate", life[1], "-md",
                     digest, "-preserveDN", "-out", alone)
        chain = pathlib.Path(alone).read_text()
        above = self.folder / f"{issuer}.alone.pem"
        if above.exists():  # the issuer is no root
            chain += (self.folder / f"{issuer}.pem").read_text()
        (self.folder / f"{name}.pem").write_text(chain)

    def revoke(self, name, issuer):
        self.openssl("ca", "-config", str(self.config), "-cert", self.path(f"{issuer}.pem"),
                     "-keyfile", self.path(f"{issuer}.key"), "-revoke",
                     self.path(f"{name}.alone.pem"))

    def crl(self, issuers, name):
        """One file with a CRL of each issuer. The index is one for all; serials do not repeat."""
        text = ""
        for issuer in issuers:
            self.openssl("ca", "-config", str(self.config), "-gencrl", "-cert",
                         self.path(f"{issuer}.pem"), "-keyfile", self.path(f"{issuer}.key"),
                         "-out", self.path("one.crl"))
            text += (self.folder / "one.crl").read_text()
        (self.folder / f"{name}.crl").write_text(text)


def make_all(folder):
    """The authority, and {what is wrong: name of the pair}; "" for the good one."""
    own = Authority(folder)
    own.root("root")
    own.root("other-root")
    own.make("server", "root", "server", subject="/O=Acme/CN=localhost")
    own.make("server-2", "root", "server", subject="/O=Acme/CN=second")
    own.make("good", "root")
    own.make("unmapped", "root")
    own.make("wrong-ca", "other-root")
    own.make("same-name", "other-root", subject="/O=Acme/CN=good")
    own.make("expired", "root", life=PAST)
    own.make("future", "root", life=FUTURE)
    own.root("self-signed", "/O=Acme/CN=good")
    own.make("wrong-use", "root", "wrong_use")
    own.make("wrong-key-use", "root", "wrong_key_use")
    own.make("strange", "root", "strange")
    own.make("revoked", "root")
    own.make("weak", "root", kind="1024")
    own.make("sha1", "root", digest="sha1")
    own.make("by-client", "good")
    own.make("long-name", "root",
             subject="/O=Acme" + "".join(f"/OU={letter * 60}" for letter in "abcde") + "/CN=long")
    own.make("old-middle", "root", "middle", life=PAST)
    own.make("by-old-middle", "old-middle")
    own.make("gone-middle", "root", "middle")
    own.make("by-gone-middle", "gone-middle")
    own.make("unsigning", "root", "unsigning")
    own.make("by-unsigning", "unsigning")
    own.make("fenced", "root", "fenced")
    own.make("by-fenced", "fenced")
    own.make("shallow", "root", "shallow")
    own.make("below-shallow", "shallow", "middle")
    own.make("by-below-shallow", "below-shallow")
    middles = [f"middle-{i}" for i in range(6)]
    for above, name in zip(["root", *middles], middles):
        own.make(name, above, "middle")
    own.make("by-six-middles", middles[-1])
    own.revoke("revoked", "root")
    own.revoke("gone-middle", "root")
    issuers = ["root", "other-root", "old-middle", "gone-middle", "unsigning", "fenced", "shallow",
               "below-shallow", *middles]
    own.crl(issuers, "all")
    kinds = {
        "": "good",
        "none at all": None,
        "of an unknown CA": "wrong-ca",
        "of an unknown CA, with the name of the good one": "same-name",
        "signed by itself, with the name of the good one": "self-signed",
        "expired": "expired",
        "not valid yet": "future",
        "for servers": "wrong-use",
        "whose key is not for signing": "wrong-key-use",
        "with a critical extension that nobody knows": "strange",
        "revoked": "revoked",
        "with an RSA key of 1,024 bits": "weak",
        "signed with SHA-1": "sha1",
        "signed by a client": "by-client",
        "whose subject is too long": "long-name",
        "of a CA that has expired": "by-old-middle",
        "of a CA that is revoked": "by-gone-middle",
        "of a CA that may not sign certificates": "by-unsigning",
        "of a CA that may not sign for this name": "by-fenced",
        "deeper than its CA allows": "by-below-shallow",
        "behind six CAs": "by-six-middles",
        "valid, but with no entry in auth.certificates": "unmapped",
    }
    return own, kinds
