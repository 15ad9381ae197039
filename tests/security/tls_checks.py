"""TLS on a real server: which certificates, versions and suites it takes, what it does with bytes
that are none, and certificates that change while it runs."""

import pathlib
import re
import shutil
import socket
import ssl
import subprocess
import warnings

import certificates
from world import MACHINE, Client, Failed, Server, code_of, eventually, token_line

warnings.filterwarnings("ignore", category=DeprecationWarning)  # of old versions, asked on purpose
TOKEN = "tls-token-of-the-administrator-01"
SUITES_12 = {f"ECDHE-{key}-{suite}" for key in ("ECDSA", "RSA")
             for suite in ("AES128-GCM-SHA256", "AES256-GCM-SHA384", "CHACHA20-POLY1305")}


def context(own, pair=None, version=None, suites=None):
    made = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    # What is refused must be refused by the server, not by this side.
    made.set_ciphers(suites or "DEFAULT:@SECLEVEL=0")
    made.minimum_version = version or ssl.TLSVersion.TLSv1_2
    if version:
        made.maximum_version = version
    made.load_verify_locations(own.path("root.pem"))
    if pair:
        made.load_cert_chain(own.path(f"{pair}.pem"), own.path(f"{pair}.key"))
    return made


def settings(own, **tls):
    return {"tls": {"enabled": True, "cert_path": own.path("server.pem"),
                    "key_path": own.path("server.key"), **tls},
            "auth": {"required": True, "token_hashes": [token_line(TOKEN, "name=ops")]}}


def shake(port, made):
    """The connection's version and suite, or None when the handshake fails."""
    try:
        with socket.create_connection(("127.0.0.1", port), timeout=10) as plain:
            with made.wrap_socket(plain, server_hostname="localhost") as connection:
                return connection.version(), connection.cipher()[0]
    except (ssl.SSLError, ConnectionError):
        return None


def outcome(port, own, pair, version):
    """"accepted", "unmapped", or how the connection failed."""
    try:
        with Client(port, tls=context(own, pair, version)) as client:
            answer = code_of(client.ask("INFO"))
            return {"ok": "accepted", "UNAUTHORIZED": "unmapped"}.get(answer, answer)
    except (ssl.SSLError, ConnectionError, EOFError) as problem:
        return f"refused ({type(problem).__name__})"


def check_certificates(program, folder, own, kinds, report):
    tls = {"require_client_cert": True, "client_ca_path": own.path("root.pem"),
           "client_crl_path": own.path("all.crl")}
    server_settings = settings(own, **tls)
    server_settings["auth"]["certificates"] = ["CN=good,O=Acme role=write"]
    with Server(program, folder, server_settings) as server:
        for version in (ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3):
            accepted, wrong = [], {}
            for what, pair in kinds.items():
                got = outcome(server.port, own, pair, version)
                wanted = {"good": "accepted", "unmapped": "unmapped"}.get(pair, "refused")
                if not got.startswith(wanted):
                    wrong[what or "the good one"] = got
                if got == "accepted":
                    accepted.append(pair)
            if accepted != ["good"]:
                wrong["accepted"] = accepted
            report.count(len(kinds) - len(wrong), f"certificates, {version.name}: {len(kinds)} "
                         f"shown, {len(accepted)} accepted", wrong)
        with Client(server.port, tls=context(own, "good")) as client:
            client.must("PUT_MACHINE", MACHINE)
            report.check("a certificate's role is its limit",
                         code_of(client.ask("WAL_READ", {"from_offset": 1}))
                         == "UNAUTHORIZED/FORBIDDEN")
            client.auth(TOKEN)
            record = client.must("WAL_READ", {"from_offset": 1})["records"][0]
            report.check("its subject is the actor", "CN=good,O=Acme" in str(record), record)


def check_policy(server, own, report):
    """Every suite that this side knows, one by one."""
    taken = {}
    for version in ("TLSv1", "TLSv1_1"):
        old = context(own)
        old.minimum_version = getattr(ssl.TLSVersion, version)
        old.maximum_version = getattr(ssl.TLSVersion, version)
        report.check(f"{version} is refused", shake(server.port, old) is None)
    names = [cipher["name"] for cipher in context(own, suites="ALL:COMPLEMENTOFALL:@SECLEVEL=0")
             .get_ciphers() if cipher["protocol"] != "TLSv1.3"]
    for name in names:
        try:
            one = context(own, version=ssl.TLSVersion.TLSv1_2, suites=f"{name}:@SECLEVEL=0")
        except ssl.SSLError:
            continue
        got = shake(server.port, one)
        if got:
            taken[name] = got
    allowed = {name for name in SUITES_12 if "ECDSA" in name}  # the server's key is ECDSA
    report.check(f"of {len(names)} suites of TLS 1.2 exactly the {len(allowed)} with ECDHE and "
                 "authenticated encryption are taken", set(taken) == allowed, sorted(taken))
    report.check("TLS 1.3 is preferred", shake(server.port, context(own))[0] == "TLSv1.3")
    for name in ("session resumption (1.2)", "session resumption (1.3)"):
        version = ssl.TLSVersion.TLSv1_2 if "1.2" in name else ssl.TLSVersion.TLSv1_3
        made = context(own, version=version)
        with Client(server.port, tls=made) as client:
            client.must("PING")
            session = client.socket.session
            usable = session is not None and (session.has_ticket or session.id)
        with socket.create_connection(("127.0.0.1", server.port), timeout=10) as plain:
            again = made.wrap_socket(plain, server_hostname="localhost",
                                     session=session if usable else None)
            report.check(f"no {name}", not again.session_reused)
            again.close()


def check_strangers(program, folder, server, own, report):
    """Plain bytes on the TLS port, and the reverse."""
    for name, sent in (("RCPX", b"RCPX\0\1" + bytes(12)), ("HTTP", b"GET / HTTP/1.1\r\n"),
                       ("jsonl", b'{"type":"request","id":"1","op":"PING"}\n')):
        with socket.create_connection(("127.0.0.1", server.port), timeout=5) as plain:
            plain.sendall(sent)
            received = b""
            try:
                while part := plain.recv(4096):
                    received += part
            except ConnectionResetError:
                pass
            report.check(f"{name} on the TLS port ends, with nothing said in the clear",
                         b"pong" not in received and b"error" not in received, received)
    report.check("and the log says why", "does not speak TLS" in server.output())
    with Server(program, folder / "plain", {}) as other:
        report.check("TLS on the plain port fails at once", shake(other.port, context(own)) is None)
        report.check("and the log says why", "has TLS switched off" in other.output(),
                     other.output()[-400:])


def check_reload(server, own, report):
    def serial(connection):
        return ssl.DER_cert_to_PEM_cert(connection.getpeercert(True))

    with Client(server.port, tls=context(own)) as old:
        before = serial(old.socket)
        old.must("PING")
        server.change({"tls": {"cert_path": own.path("server-2.pem"),
                               "key_path": own.path("server-2.key")}})
        server.reload()
        with Client(server.port, tls=context(own)) as new:
            new.must("PING")
            report.check("after SIGHUP new connections get the new certificate",
                         serial(new.socket) != before)
        for what, change in (("a key of another certificate", {"key_path": own.path("good.key")}),
                             ("no file", {"cert_path": own.path("nowhere.pem")}),
                             ("a certificate that is none", {"cert_path": own.path("good.csr")})):
            server.change({"tls": {"cert_path": own.path("server-2.pem"),
                                   "key_path": own.path("server-2.key")}})
            server.change({"tls": change})
            server.reload("the server goes on with the old one")
            report.check(f"{what}: the old certificate stays",
                         shake(server.port, context(own)) is not None)
        report.check("a connection outlives all of it", code_of(old.ask("PING")) == "ok")


def check_revocation(program, folder, own, report):
    tls = {"require_client_cert": True, "client_ca_path": own.path("root.pem"),
           "client_crl_path": own.path("none.crl")}
    own.crl(["other-root"], "x")
    shutil.copy(own.path("all.crl"), own.path("none.crl"))
    server_settings = settings(own, **tls)
    server_settings["auth"]["certificates"] = ["CN=to-be-revoked,O=Acme role=read"]
    own.make("to-be-revoked", "root")
    with Server(program, folder, server_settings) as server:
        with Client(server.port, tls=context(own, "to-be-revoked")) as client:
            client.must("INFO")
            own.revoke("to-be-revoked", "root")
            own.crl(["root"], "none")
            server.reload()
            last = client.last_word(5.0)
            report.check("a session whose certificate is revoked ends",
                         last and code_of(last) == "UNAUTHORIZED/CREDENTIAL_REVOKED", last)
        report.check("and does not come back",
                     outcome(server.port, own, "to-be-revoked", None).startswith("refused"))


def check_files(program, folder, own, report):
    """TLS settings that must not start a server."""
    open_key = folder / "open.key"
    folder.mkdir(parents=True, exist_ok=True)
    open_key.write_text(pathlib.Path(own.path("server.key")).read_text())
    open_key.chmod(0o640)
    for number, (what, change, says) in enumerate((
            ("a key that others may read", {"key_path": str(open_key)}, "tls.key_path"),
            ("a key of another certificate", {"key_path": own.path("good.key")}, "tls.key_path"),
            ("no certificate", {"cert_path": own.path("nowhere")}, "tls.cert_path"),
            ("no CA", {"client_ca_path": own.path("nowhere")}, "tls.client_ca_path"),
            ("no CRL", {"client_ca_path": own.path("root.pem"),
                        "client_crl_path": own.path("nowhere")}, "tls.client_crl_path"))):
        wrong = settings(own)
        wrong["tls"].update(change)
        said = Server(program, folder / str(number), wrong).refuses_to_start()
        report.check(f"{what}: no start, and {says} is named", says in said, said[-400:])


def check_scanner(server, report):
    """sslscan's opinion, where it is installed."""
    if not shutil.which("sslscan"):
        report.skip("sslscan is not installed")
        return
    said = subprocess.run(["sslscan", "--no-colour", f"127.0.0.1:{server.port}"],
                          capture_output=True, text=True, check=False, timeout=120).stdout
    enabled = re.findall(r"^((?:SSL|TLS)v[\d.]+)\s+enabled", said, re.MULTILINE)
    suites = re.findall(r"^(?:Preferred|Accepted)\s+\S+\s+\d+ bits\s+(\S+)", said, re.MULTILINE)
    report.check("sslscan: TLS 1.2 and 1.3 alone", enabled == ["TLSv1.2", "TLSv1.3"], enabled)
    report.check("sslscan: authenticated encryption alone", suites and all(
        "GCM" in suite or "CHACHA20" in suite for suite in suites), suites)
    # Debian's build cannot ask for compression, and says so.
    report.check("sslscan: no compression, no renegotiation, no heartbleed",
                 "Compression enabled" not in said
                 and "Session renegotiation not supported" in said
                 and "vulnerable to heartbleed" not in
                 said.replace("not vulnerable to heartbleed", ""), said)


def run(program, folder, report, _full):
    own, kinds = certificates.make_all(folder / "certificates")
    check_certificates(program, folder / "mtls", own, kinds, report)
    check_files(program, folder / "files", own, report)
    check_revocation(program, folder / "revocation", own, report)
    with Server(program, folder / "policy", settings(own)) as server:
        check_policy(server, own, report)
        check_strangers(program, folder, server, own, report)
        check_scanner(server, report)
        check_reload(server, own, report)
        eventually(lambda: server.process.poll() is None, 1.0, "the server lives")
