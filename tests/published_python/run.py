#!/usr/bin/env python3
"""The published Python client, rstmdb 0.2.1 as the registry has it, against our server: every
method that it has, plain, with a token, and over TLS with certificates on both sides.

  tests/published_python/run.py --server build/release/bin/rstmdb

The package goes into build/published-python. Its users must not notice that the server is another:
what fails here is a fault of the server unless the protocol says otherwise. Prints `N passed,
N failed`.
"""

import argparse
import contextlib
import hashlib
import os
import pathlib
import re
import subprocess
import sys
import tempfile

sys.dont_write_bytecode = True
HERE = pathlib.Path(__file__).resolve().parent
ROOT = HERE.parents[1]
sys.path[:0] = [str(ROOT / "tests/dialogs"), str(ROOT / "tools"), str(ROOT / "tests/security")]

import pinned  # noqa: E402
from certificates import Authority  # noqa: E402
from run import Server  # noqa: E402 (of tests/dialogs)

PLACE = ROOT / "build/published-python"


def settings(folder):
    """{the name that probe.py has for a server: its configuration}"""
    token = {"required": True, "token_hashes": [hashlib.sha256(b"opensesame").hexdigest()]}
    limits = {"max_machine_versions": 5}
    tls = {"enabled": True, "cert_path": f"{folder}/server.pem", "key_path": f"{folder}/server.key",
           "client_ca_path": f"{folder}/ca.pem", "require_client_cert": True}
    return {
        "PROBE_PLAIN": {"storage": limits},
        "PROBE_TOKEN": {"storage": limits, "auth": token},
        "PROBE_TLS": {"storage": limits, "auth": token, "tls": tls},
        "PROBE_FULL": {"network": {"max_connections": 1}},
        "PROBE_FLUSH": {"storage": {"allow_flush_all": True}},
    }


def certificates(folder):
    own = Authority(folder)
    own.root("ca")
    own.make("server", "ca", "server", subject="/O=Acme/CN=localhost")
    own.make("client", "ca")


def count(output):
    ran = re.search(r"^Ran (\d+) tests?", output, re.MULTILINE)
    bad = re.search(r"^FAILED \((.*)\)", output, re.MULTILINE)
    failed = sum(map(int, re.findall(r"(?:failures|errors)=(\d+)", bad.group(1)))) if bad else 0
    return (int(ran.group(1)) - failed if ran else 0), failed


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--server", default=str(ROOT / "build/release/bin/rstmdb"))
    parser.add_argument("names", nargs="*", help="only these, as unittest names them")
    args = parser.parse_args()
    python = pinned.programs(PLACE, HERE / "requirements.txt") / "python"
    with tempfile.TemporaryDirectory(prefix="rstmdb-published-") as place, \
            contextlib.ExitStack() as stack:
        folder = pathlib.Path(place) / "certificates"
        certificates(folder)
        environment = {**os.environ, "PROBE_FOLDER": str(folder), "PYTHONDONTWRITEBYTECODE": "1"}
        for name, overrides in settings(folder).items():
            (pathlib.Path(place) / name).mkdir()
            server = Server(args.server, pathlib.Path(place) / name, overrides)
            stack.callback(server.abandon)
            server.start()
            environment[name] = str(server.port)
        done = subprocess.run([python, HERE / "probe.py", "--verbose", *args.names],
                              env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                              text=True, check=False)
    print(done.stdout, end="")
    passed, failed = count(done.stdout)
    if done.returncode != 0 and failed == 0:
        failed = 1
    print(f"{passed} passed, {failed} failed")
    sys.exit(1 if failed or not passed else 0)


if __name__ == "__main__":
    main()
