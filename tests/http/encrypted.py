"""The gateway with TLS: with the main door's certificate, for clients that show their own."""

import ssl

import certificates
import tls_checks
import world
from bounds import CONNECTIONS_MAX, crowd_of
from gateway import Connection, Gateway, eventually, exchange
from tls_checks import TOKEN, context, settings


def connect(server, own, pair=None):
    return Connection(server.http, tls=context(own, pair))


def token_over_tls(server, own, report):
    with connect(server, own) as one:
        answers = [one.ask("GET", "/v1/info", token=token).status for token in (TOKEN, None)]
        made = one.ask("PUT", "/v1/machines/m/versions/1", world.MACHINE["definition"], token=TOKEN)
        report.check("a token over TLS", answers == [200, 401] and made.status == 201,
                     (answers, made))
        large = one.ask("POST", "/v1/instances", {
            "machine": "m", "version": 1, "id": "l", "initial_ctx": {"t": "x" * 900_000}},
            token=TOKEN)
        got = one.ask("GET", "/v1/instances/l", token=TOKEN)
        report.check("large bodies over TLS, there and back", large.status == 201
                     and len(got.json["ctx"]["t"]) == 900_000, large)
    plain = exchange(server.http, b"GET /v1/ping HTTP/1.1\r\nHost: localhost\r\n\r\n")
    report.check("plain bytes get no HTTP", b"HTTP/1.1" not in plain, plain)


def too_many(program, folder, own, report):
    with Gateway(program, folder, settings(own)) as server:
        made = context(own)
        held = crowd_of(CONNECTIONS_MAX, lambda: Connection(server.http, tls=made), "/healthz")
        # The last to be let in are there once they are answered.
        answers = {one.ask("GET", "/healthz").status for one in held}
        with connect(server, own) as one:
            refused = one.receive()
        report.check("1,000 connections are served, one more gets 503 over TLS too",
                     answers == {200} and refused.status == 503
                     and refused.json["details"]["code"] == "TOO_MANY_CONNECTIONS",
                     (answers, refused))
        for one in held:
            one.socket.close()


def certificate_instead(program, folder, own, report):
    asked = settings(own, client_ca_path=own.path("root.pem"), client_crl_path=own.path("all.crl"))
    asked["auth"]["certificates"] = ["CN=good,O=Acme role=write"]
    with Gateway(program, folder, asked) as server:
        with connect(server, own, "good") as one:
            made = one.ask("PUT", "/v1/machines/m/versions/1", world.MACHINE["definition"])
            over = one.ask("GET", "/v1/log?from_offset=1")
            admin = one.ask("GET", "/v1/log?from_offset=1", token=TOKEN)
            after = one.ask("GET", "/v1/log?from_offset=1")
            wrong = one.ask("GET", "/v1/info", token="not-a-token-of-anybody-01234567")
            report.check("a known certificate stands for a token, within its role",
                         (made.status, over.status) == (201, 403), (made, over))
            report.check("a token on top of it counts for its own request",
                         (admin.status, after.status, wrong.status) == (200, 403, 401),
                         (admin, after, wrong))
            report.check("the certificate's subject is the actor",
                         "CN=good,O=Acme" in admin.body.decode(), admin)
            forged = one.ask("POST", "/v1/batch", {"ops": []},
                             headers={"Origin": "https://evil.example"})
            report.check("a page of others cannot use the browser's certificate",
                         forged.status == 403
                         and forged.json["details"]["code"] == "FORBIDDEN_ORIGIN", forged)
        with connect(server, own, "unmapped") as one:
            report.check("an unknown one gives no rights", one.ask("GET", "/v1/info").status == 401)
        with connect(server, own) as one:
            report.check("nor does none", one.ask("GET", "/v1/info").status == 401)
        own.revoke("good", "root")
        own.crl(["root"], "all")
        with connect(server, own, "good") as one:
            before = one.ask("GET", "/v1/info").status
            server.reload()
            try:
                after = one.ask("GET", "/v1/info").status
            except (EOFError, ConnectionError, ssl.SSLError) as closed:
                after = type(closed).__name__
            report.check("one that is revoked ends its connection", before == 200 and after != 200,
                         (before, after))


def required(program, folder, own, report):
    asked = settings(own, require_client_cert=True, client_ca_path=own.path("root.pem"))
    with Gateway(program, folder, asked) as server:
        got = tls_checks.shake(server.http, context(own, version=ssl.TLSVersion.TLSv1_2))
        report.check("required is required", got is None, got)
        with connect(server, own, "unmapped") as one:
            answers = (one.ask("GET", "/v1/info").status,
                       one.ask("GET", "/v1/info", token=TOKEN).status)
            report.check("and then a token is asked for as well", answers == (401, 200), answers)


def run(program, folder, report, _full):
    own, _ = certificates.make_all(folder / "certificates")
    with Gateway(program, folder / "server", settings(own)) as server:
        token_over_tls(server, own, report)
        held = [connect(server, own) for _ in range(4)]
        statuses = [one.ask("GET", "/readyz").status for one in held]
        report.check("health over TLS", statuses == [200] * 4, statuses)
        for one in held:
            one.socket.close()
        eventually(lambda: server.process.poll() is None, 1.0, "the server lives")
    too_many(program, folder / "crowd", own, report)
    required(program, folder / "required", own, report)
    certificate_instead(program, folder / "known", own, report)
