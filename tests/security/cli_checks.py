"""rstmdb-cli, and with it the C++ client, against the real server with TLS."""

import os
import pathlib
import subprocess

import certificates
from world import SEEN, Server, token_line

TOKEN = "cli-token-of-somebody-0123456789"


def run(program, folder, report, _full):
    own = certificates.Authority(folder / "certificates")
    for root in ("root", "other-root"):
        own.root(root)
    own.make("server", "root", "server", subject="/O=Acme/CN=localhost")
    own.make("writer", "root")
    own.make("stranger", "other-root")
    cli = str(pathlib.Path(program).parent / "rstmdb-cli")
    machine = folder / "machine.json"
    machine.write_text('{"states":["a","b"],"initial":"a",'
                       '"transitions":[{"from":"a","event":"GO","to":"b"}]}')

    def call(server, *words, **variables):
        environment = {key: value for key, value in os.environ.items()
                       if not key.startswith("RSTMDB_")}
        environment.update(RSTMDB_SERVER=f"127.0.0.1:{server.port}", **variables)
        done = subprocess.run([cli, *words], env=environment, capture_output=True, text=True,
                              check=False, timeout=60)
        SEEN.append(("rstmdb-cli", (done.stdout + done.stderr).encode()))
        return done

    def expect(what, done, code, says=""):
        report.check(what, done.returncode == code and says in done.stdout + done.stderr,
                     f"exit {done.returncode}: {done.stdout}{done.stderr}")

    tls = {"enabled": True, "cert_path": own.path("server.pem"), "key_path": own.path("server.key")}
    ca = own.path("root.pem")
    auth = {"required": True, "token_hashes": [token_line(TOKEN, "name=somebody")]}
    with Server(program, folder / "tls", {"tls": tls, "auth": auth}) as server:
        expect("a trusted server", call(server, "--ca-cert", ca, "-t", TOKEN, "info"), 0, "rstmdb")
        expect("all by variables", call(server, "info", RSTMDB_TLS="1", RSTMDB_CA_CERT=ca,
                                        RSTMDB_TOKEN=TOKEN), 0, "rstmdb")
        expect("jsonl over TLS", call(server, "--ca-cert", ca, "--wire-mode", "jsonl", "ping"), 0)
        expect("a server of an unknown CA",
               call(server, "--ca-cert", own.path("other-root.pem"), "ping"), 3, "certificate")
        expect("the system's CAs do not know it", call(server, "--tls", "ping"), 3, "certificate")
        expect("-k takes it all the same", call(server, "-k", "ping"), 0, "pong")
        expect("a server of another name", call(server, "--ca-cert", ca, "--server-name",
                                                "db.example.org", "ping"), 3, "certificate")
        expect("and of the name given", call(server, "--ca-cert", ca, "--server-name", "localhost",
                                             "ping"), 0, "pong")
        expect("a wrong token over TLS",
               call(server, "--ca-cert", ca, "-t", "wrong-token-from-the-command-line", "info"), 1,
               "AUTH_FAILED")
        expect("-v shows no token", call(server, "-v", "--ca-cert", ca, "-t", TOKEN, "info"), 0,
               "the token is not shown")
        expect("without TLS there is no answer", call(server, "--timeout", "3", "ping"), 3)
    asking = {**tls, "client_ca_path": ca, "require_client_cert": True}
    auth["certificates"] = ["CN=writer,O=Acme role=write"]
    with Server(program, folder / "mtls", {"tls": asking, "auth": auth}) as server:
        pair = ("--client-cert", own.path("writer.pem"), "--client-key", own.path("writer.key"))
        expect("a certificate stands for a token",
               call(server, "--ca-cert", ca, *pair, "put-machine", "-n", "m", "-v", "1",
                    str(machine)), 0, "created")
        expect("the same by variables",
               call(server, "create-instance", "-m", "m", "-i", "i", RSTMDB_CA_CERT=ca,
                    RSTMDB_TLS="1", RSTMDB_CLIENT_CERT=own.path("writer.pem"),
                    RSTMDB_CLIENT_KEY=own.path("writer.key")), 0, "wal_offset")
        expect("its role is its limit", call(server, "--ca-cert", ca, *pair, "wal-read"), 1,
               "FORBIDDEN")
        expect("a token on top gives the token's role, and shows whose the records are",
               call(server, "--json", "--ca-cert", ca, *pair, "-t", TOKEN, "wal-read"), 0,
               '"actor":"CN=writer,O=Acme"')
        expect("no certificate", call(server, "--ca-cert", ca, "--timeout", "5", "ping"), 3)
        strange = ("--client-cert", own.path("stranger.pem"), "--client-key",
                   own.path("stranger.key"))
        expect("one of an unknown CA", call(server, "--ca-cert", ca, *strange, "--timeout", "5",
                                            "ping"), 3)
