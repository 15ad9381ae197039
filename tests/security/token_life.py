"""A token's life: added, expired, changed and revoked while sessions are open."""

import os
import time

from world import Client, Failed, Server, code_of, eventually, rfc3339, token_line

END_S = 5.0
EXPIRES_S = 8  # all of them are in by then
NAMES = ("kept", "revoked", "demoted", "renamed", "expiring", "added")
TOKENS = {name: f"life-token-{name}-0123456789abcdef" for name in NAMES}


class Secrets:
    """The secrets file."""

    def __init__(self, path):
        self.path = path

    def write(self, *lines):
        self.path.write_text("# tokens\n" + "".join(f"{line}\n" for line in lines))
        os.chmod(self.path, 0o600)


def line(name, options=""):
    return token_line(TOKENS[name], f"name={name} {options}".strip())


def run(program, folder, report, _full):
    folder.mkdir(parents=True, exist_ok=True)
    secrets = Secrets(folder / "tokens")
    expires = rfc3339(EXPIRES_S)
    secrets.write(line("kept"), line("revoked"), line("demoted"), line("renamed"),
                  line("expiring", f"expires={expires}"))
    settings = {"auth": {"required": True, "secrets_file": str(secrets.path)}}
    with Server(program, folder, settings) as server:
        sessions = {name: Client(server.port) for name in NAMES if name != "added"}
        for name, session in sessions.items():
            if code_of(session.auth(TOKENS[name])) != "ok":
                raise Failed(f"AUTH {name}")
            session.must("WATCH_ALL")
        began = time.monotonic()
        secrets.write(line("kept"), line("demoted", "role=read"),
                      token_line(TOKENS["renamed"], "name=another"),
                      line("expiring", f"expires={expires}"), line("added"))
        server.reload()
        for name in ("revoked", "demoted", "renamed"):
            last = sessions[name].last_word(END_S)
            report.check(f"a session ends when its token is {name}",
                         last and last["id"] == "" and
                         code_of(last) == "UNAUTHORIZED/CREDENTIAL_REVOKED", last)
        seconds = time.monotonic() - began
        report.check(f"that took {seconds:.2f} s of {END_S:.0f}", seconds < END_S)
        report.check("others do not notice", code_of(sessions["kept"].ask("INFO")) == "ok")
        with Client(server.port) as client:
            report.check("a new token is known", code_of(client.auth(TOKENS["added"])) == "ok")
        with Client(server.port) as client:
            report.check("a revoked one is not",
                         code_of(client.auth(TOKENS["revoked"])) == "AUTH_FAILED")
        last = sessions["expiring"].last_word(EXPIRES_S + END_S)
        report.check("a session ends when its token expires",
                     last and code_of(last) == "UNAUTHORIZED/CREDENTIAL_EXPIRED", last)
        with Client(server.port) as client:
            report.check("and the token is refused from then on", code_of(
                client.auth(TOKENS["expiring"])) == "AUTH_FAILED/CREDENTIAL_EXPIRED")
        check_bad_reloads(server, secrets, sessions["kept"], report)
        report.check("no session's watch is left behind", eventually(
            lambda: sessions["kept"].must("INFO")["connections"] == 1, 5.0, "only one is open"))
        for session in sessions.values():
            session.socket.close()


def check_bad_reloads(server, secrets, session, report):
    good = secrets.path.read_text()
    for what, spoil in (("a line that is no hash", lambda: secrets.write(line("kept"), "oops")),
                        ("no token at all", secrets.write),
                        ("a file that others may read",
                         lambda: os.chmod(secrets.path, 0o644)),
                        ("no file", secrets.path.unlink)):
        spoil()
        server.reload("the server goes on with the old one")
        report.check(f"{what}: all stays as it was", code_of(session.ask("INFO")) == "ok")
        secrets.path.write_text(good)
        os.chmod(secrets.path, 0o600)
    server.change({"network": {"max_connections": 7}})
    server.reload()
    report.check("a key that needs a restart is named",
                 '"a changed setting needs a restart","key":"network.max_connections"'
                 in server.output())
