#!/usr/bin/env python3
"""Metrics, health and the service manager's messages of the server program, seen from outside.

  tests/monitoring/run.py --server build/release/bin/rstmdb
"""

import argparse
import hashlib
import json
import os
import pathlib
import shlex
import signal
import socket
import subprocess
import sys
import tempfile
import time
import traceback

sys.dont_write_bytecode = True
HERE = pathlib.Path(__file__).resolve().parent
ROOT = HERE.parent.parent
sys.path.insert(0, str(HERE))

import scrape  # noqa: E402
from server_process import Server, wait_until  # noqa: E402

MACHINE = {"machine": "m", "version": 1,
           "definition": {"states": ["a", "b"], "initial": "a",
                          "transitions": [{"from": "a", "event": "GO", "to": "b"}]}}


def metrics(server):
    status, headers, body = server.get("/metrics")
    assert status == 200, status
    assert headers["Content-Type"].startswith("text/plain; version=0.0.4"), headers
    assert headers["X-Content-Type-Options"] == "nosniff", headers
    return scrape.read(body)


def scraped(server, name, expected, **labels):
    """Waits until a sample has the number: a page serves for a moment before it is made anew."""
    def look():
        return scrape.value(metrics(server), name, **labels) == expected
    wait_until(f"{name}{labels} = {expected}", look)


def use(server):
    """A few requests of every kind that has a metric."""
    with server.connect() as client:
        assert client.ask("PUT_MACHINE", **MACHINE)["status"] == "ok"
        for number in range(10):
            done = client.ask("CREATE_INSTANCE", machine="m", version=1, instance_id=f"i{number}")
            assert done["status"] == "ok", done
        assert client.ask("APPLY_EVENT", instance_id="i0", event="GO")["status"] == "ok"
        assert client.ask("APPLY_EVENT", instance_id="i0", event="GO")["status"] == "error"
        assert client.ask("DELETE_INSTANCE", instance_id="i9")["status"] == "ok"


def test_the_page_of_the_documents_is_what_is_scraped(server_program):
    with Server(server_program) as server:
        use(server)
        scraped(server, "rstmdb_requests_total", 10, operation="CREATE_INSTANCE")
        families = metrics(server)
        real = {name: kind for name, (kind, _) in families.items()}
        table = scrape.table_of((ROOT / "docs/running.md").read_text())
        assert real == table, (sorted(real.items() ^ table.items()))


def test_numbers_are_those_of_what_was_done(server_program):
    with Server(server_program) as server:
        use(server)
        scraped(server, "rstmdb_instances_total", 9)
        families = metrics(server)
        for name, expected, labels in (
                ("rstmdb_machines_total", 1, {}), ("rstmdb_wal_entries", 13, {}),
                ("rstmdb_wal_committed_offset", 13, {}), ("rstmdb_connections_total", 1, {}),
                ("rstmdb_requests_total", 2, {"operation": "APPLY_EVENT"}),
                ("rstmdb_request_duration_seconds_count", 2, {"operation": "APPLY_EVENT"}),
                ("rstmdb_errors_total", 1, {"code": "INVALID_TRANSITION"}),
                ("rstmdb_wal_group_records_sum", 13, {}), ("rstmdb_ready", 1, {}),
                ("rstmdb_wal_flush_duration_seconds_count", 13, {}),
                ("rstmdb_recovery_duration_seconds_count", 1, {}),
                ("rstmdb_snapshot_duration_seconds_count", 0, {})):
            found = scrape.value(families, name, **labels)
            assert found == expected, (name, labels, found, expected)
        # A write's time holds the wait for its flush.
        writes = scrape.value(families, "rstmdb_request_duration_seconds_sum",
                              operation="CREATE_INSTANCE")
        assert writes > 0.000_01, writes
        waits = scrape.value(families, "rstmdb_wal_commit_wait_seconds_sum")
        flushes = scrape.value(families, "rstmdb_wal_flush_duration_seconds_sum")
        assert waits >= flushes > 0, (waits, flushes)
        rss = scrape.value(families, "process_resident_memory_bytes")
        assert 1e6 < rss < 1e10, rss
        start = scrape.value(families, "process_start_time_seconds")
        assert abs(start - time.time()) < 120, start


def test_clients_make_no_series(server_program):
    with Server(server_program) as server:
        with server.connect() as client:
            client.ask("PING")
            scraped(server, "rstmdb_requests_total", 1, operation="PING")
            before = {(family, sample) for family, (_, samples) in metrics(server).items()
                      for sample in samples}
            for number in range(50):
                client.ask(f"NO_SUCH_{number}")
            scraped(server, "rstmdb_requests_total", 50, operation="unknown")
            after = {(family, sample) for family, (_, samples) in metrics(server).items()
                     for sample in samples}
            new = {sample for _, (name, sample) in after - before}
            assert all(("operation", "unknown") in labels for labels in new), new


def test_health_and_readiness(server_program):
    with Server(server_program) as server:
        status, headers, body = server.get("/healthz")
        assert status == 200 and json.loads(body)["status"] == "ok", body
        assert headers["Content-Type"] == "application/json", headers
        status, _, body = server.get("/readyz")
        page = json.loads(body)
        assert status == 200 and page["ready"] is True, body
        assert {"log", "stopping"} <= {one["name"] for one in page["conditions"]}, body
        assert server.stop() == 0


def test_the_door_speaks_http(server_program):
    with Server(server_program) as server:
        assert server.get("/")[0] == 404
        status, headers, _ = server.get("/metrics", "DELETE")
        assert status == 405 and headers["Allow"] == "GET, HEAD", (status, headers)
        status, headers, body = server.get("/metrics", "HEAD")
        assert status == 200 and int(headers["Content-Length"]) > 1000 and body == "", headers
        for request, expected in (
                (b"GET /metrics HTTP/1.1\nHost: a\n\n", b"400"),
                (b"GET /metrics HTTP/1.1\r\nHost: a\r\nX: y\r\n z\r\n\r\n", b"400"),
                (b"GET /metrics HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n"
                 b"Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n", b"400"),
                (b"POST /metrics HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\nhello", b"413"),
                (b"GET /metrics HTTP/1.1\r\nHost: a\r\nX: " + b"y" * 20000 + b"\r\n\r\n", b"431"),
                (b"GET /metrics HTTP/9.9\r\nHost: a\r\n\r\n", b"505")):
            answer = server.raw(request)
            assert answer.startswith(b"HTTP/1.1 " + expected + b" "), (request[:60], answer[:60])
            assert answer.count(b"HTTP/1.1 ") == 1, answer


def test_a_client_that_stays_away_holds_up_nobody(server_program):
    with Server(server_program) as server:
        held = [socket.create_connection(server.http) for _ in range(64)]
        try:
            def refused():
                return server.raw(b"GET /healthz HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n")
            wait_until("all places taken", lambda: refused().startswith(b"HTTP/1.1 503 "))
            with server.connect() as client:
                assert client.ask("PING")["status"] == "ok"
        finally:
            for connection in held:
                connection.close()
        wait_until("the places to come back", lambda: refused().startswith(b"HTTP/1.1 200 "))


def full_pipe():
    """(end to read from, end to write to): whoever writes waits until somebody reads."""
    reader, writer = os.pipe()
    os.set_blocking(writer, False)
    try:
        while True:
            os.write(writer, b"\n" * 65536)
    except BlockingIOError:
        os.set_blocking(writer, True)
    return reader, writer


def test_a_hangup_during_the_start_is_answered_behind_it(server_program):
    """The start is held by its own log lines, which nobody reads for a while."""
    tokens = {name: f"hangup-token-{name}-0123456789" for name in ("old", "new")}

    def settings(name):
        digest = hashlib.sha256(tokens[name].encode()).hexdigest()
        return f"auth: {{required: true, token_hashes: ['{digest} name={name}']}}\n"

    reader, writer = full_pipe()
    with Server(server_program, settings=settings("old"), stderr=writer) as server:
        os.close(writer)
        wait_until("the log's folder", (server.root / "data/wal").exists)
        server.configure(settings("new"))
        server.process.send_signal(signal.SIGHUP)
        server.read_lines(os.fdopen(reader))
        wait_until("the line that says so", lambda: any(
            line["msg"] == "the configuration was reloaded" for line in list(server.lines)))
        assert server.lines[0]["msg"] == "a new log was made", "the line that waited is cut off"
        for name, wanted in (("old", "error"), ("new", "ok")):
            with server.connect() as client:
                assert client.ask("AUTH", token=tokens[name])["status"] == wanted, name
        assert server.stop() == 0


class Receiver:
    """A service manager's end of NOTIFY_SOCKET."""

    def __init__(self, address):
        self.socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self.socket.bind("\0" + address[1:] if address.startswith("@") else address)
        self.socket.settimeout(30)
        self.messages = []

    def wait_for(self, part):
        while not any(part in message for message in self.messages):
            self.messages.append(self.socket.recv(4096).decode())
        return next(message for message in self.messages if part in message)


def test_the_service_manager_is_told(server_program):
    with tempfile.TemporaryDirectory() as folder:
        for address in (f"{folder}/notify", f"@rstmdb-monitoring-{os.getpid()}"):
            manager = Receiver(address)
            environment = {"NOTIFY_SOCKET": address, "WATCHDOG_USEC": "200000"}
            with Server(server_program, environment) as server:
                ready = manager.wait_for("READY=1")
                assert "STATUS=serving" in ready, ready
                before = [m for m in manager.messages if "READY=1" not in m]
                assert any("EXTEND_TIMEOUT_USEC=" in m for m in before), manager.messages
                manager.wait_for("WATCHDOG=1")
                assert server.stop() == 0
                manager.wait_for("STOPPING=1")
            manager.socket.close()


def test_an_open_door_is_warned_of(server_program):
    with Server(server_program, {"RSTMDB_METRICS_BIND": "0.0.0.0:0"}) as server:
        warned = [line for line in server.lines if "metrics.bind_addr" in line["msg"]]
        assert len(warned) == 1 and warned[0]["level"] == "warn", server.lines


def limited(program, folder, limits):
    """The program behind a shell that has set its limits of open files."""
    script = pathlib.Path(folder) / "limited"
    script.write_text(f'#!/bin/sh\n{limits}\nexec {shlex.quote(program)} "$@"\n')
    script.chmod(0o755)
    return str(script)


def test_as_many_files_may_be_open_as_the_system_allows(server_program):
    with tempfile.TemporaryDirectory() as folder:
        soft = limited(server_program, folder, "ulimit -Sn 300; ulimit -Hn 4000")
        with Server(soft) as server:
            assert scrape.value(metrics(server), "process_max_fds") == 4000
            assert not [line for line in server.lines if "as many files" in line["msg"]]
        hard = limited(server_program, folder, "ulimit -n 1024")
        with Server(hard) as server:
            warned = [line for line in server.lines if "as many files" in line["msg"]]
            assert len(warned) == 1 and warned[0]["level"] == "warn", server.lines
            assert warned[0]["allowed"] == 1024 and warned[0]["needed"] == 2576, warned
            assert server.stop() == 0


def test_an_address_that_is_taken_stops_the_start(server_program):
    with socket.create_server(("127.0.0.1", 0)) as taken, tempfile.TemporaryDirectory() as folder:
        address = "127.0.0.1:%d" % taken.getsockname()[1]
        done = subprocess.run(
            [server_program], timeout=30, capture_output=True, text=True, check=False,
            env={"RSTMDB_DATA": f"{folder}/data", "RSTMDB_BIND": "127.0.0.1:0",
                 "RSTMDB_METRICS_ENABLED": "true", "RSTMDB_METRICS_BIND": address,
                 "RSTMDB_HTTP_ENABLED": "false", "RSTMDB_LOG_FORMAT": "json"})
        assert done.returncode == 1, done
        assert address in done.stderr, done.stderr


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--server", required=True)
    parser.add_argument("--only", default="")
    args = parser.parse_args()
    program = str(pathlib.Path(args.server).resolve())
    passed = failed = 0
    for name, test in sorted(globals().items()):
        if not name.startswith("test_") or args.only not in name:
            continue
        began = time.monotonic()
        try:
            test(program)
            passed += 1
            print(f"ok   {name} [{time.monotonic() - began:.1f} s]", flush=True)
        except Exception:  # one test's failure is not the end of the others
            failed += 1
            print(f"FAIL {name}\n{traceback.format_exc()}", flush=True)
    print(f"{passed} passed, {failed} failed")
    return 1 if failed or not passed else 0


if __name__ == "__main__":
    sys.exit(main())
