#!/usr/bin/env python3
"""Sends every row of protocol/vectors/frames.json to a real server, whole and byte by byte.

  tests/dialogs/run_frames.py --server build/release/bin/rstmdb

Each payload has to be answered in the dialect of the connection; bytes that cannot be trusted get
one error with the id "" and the connection closes; a frame cut short is let go without a word. A
second connection, open all the while, has to be answered after each row. Prints `N passed, N
failed`.
"""

import argparse
import json
import pathlib
import socket
import sys
import tempfile

sys.dont_write_bytecode = True
sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent))

from run import ROOT, Mismatch, Server  # noqa: E402
import rcp  # noqa: E402

PING = b'{"type":"request","id":"other","op":"PING"}'


def bytes_of(given):
    if isinstance(given, str):
        return bytes.fromhex(given)
    return b"".join(bytes.fromhex(part["hex"]) * part.get("times", 1) for part in given)


def exchange(port, pieces):
    """All that the server sends back until it closes."""
    with socket.create_connection(("127.0.0.1", port), timeout=10) as connection:
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        received = b""
        try:
            for piece in pieces:
                connection.sendall(piece)
            connection.shutdown(socket.SHUT_WR)
        except OSError:
            pass  # closed on us already; what it said is still to be read
        try:
            while data := connection.recv(65536):
                received += data
        except ConnectionResetError:
            pass
        return received


def answers_in(received):
    reader = rcp.FrameReader()
    reader.feed(received)
    answers = []
    while (payload := reader.next()) is not None:
        answers.append(json.loads(payload))
    if reader.rest:
        raise Mismatch(f"bytes left over: {reader.rest[:40]!r}")
    return answers, reader.dialect


def dialect_of(row):
    return row["name"].split(":")[0] if ":" in row["name"] else None


def check_row(row, received):
    """Raises Mismatch where the answers are not what the row asks for."""
    answers, dialect = answers_in(received)
    wanted = len(row["payloads"]) + ("error" in row)
    if len(answers) != wanted:
        raise Mismatch(f"{wanted} answers expected, got {answers}")
    if answers and dialect_of(row) and dialect != dialect_of(row):
        raise Mismatch(f"answered in {dialect}")
    for payload, answer in zip(row["payloads"], answers):
        check_answer(payload, answer)
    if "error" in row:
        error, last = row["error"], answers[-1]
        if last["id"] != "" or last["status"] != "error" or last["error"]["code"] != error["code"]:
            raise Mismatch(f"expected {error}, got {last}")
        details = last["error"].get("details", {})
        if any(details.get(key) != value for key, value in error["details"].items()):
            raise Mismatch(f"expected details {error['details']}, got {details}")


def check_answer(payload, answer):
    try:
        request = json.loads(payload)
        good = request["op"] == "PING"
    except (ValueError, KeyError, TypeError):
        request, good = {}, False
    if good and (answer["status"], answer["id"]) != ("ok", request["id"]):
        raise Mismatch(f"{payload!r} was answered with {answer}")
    if not good and answer.get("error", {}).get("code") != "BAD_REQUEST":
        raise Mismatch(f"{payload!r} was answered with {answer}")


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--server", required=True)
    args = parser.parse_args()
    rows = json.loads((ROOT / "protocol/vectors/frames.json").read_text())["frames"]
    passed = failed = 0
    with tempfile.TemporaryDirectory(prefix="rstmdb-frames-") as folder:
        server = Server(args.server, folder, {})
        try:
            server.start()
            other = rcp.Connection(server.port, "rcpx")
            for row in rows:
                if "payload_bytes_max" in row:
                    continue  # for readers whose limit can be chosen
                data = bytes_of(row["bytes"])
                ways = [[data]] + ([[bytes([byte]) for byte in data]] if len(data) < 4096 else [])
                try:
                    for pieces in ways:
                        check_row(row, exchange(server.port, pieces))
                    other.send(PING)
                    if json.loads(other.receive())["status"] != "ok":
                        raise Mismatch("the other connection was refused")
                except (Mismatch, OSError, EOFError, ValueError, rcp.FrameError) as problem:
                    print(f"FAIL {row['name']}: {problem or type(problem).__name__}")
                    failed += 1
                    continue
                passed += 1
            server.end("stop")
        except Mismatch as problem:
            print(f"FAIL {problem}")
            failed += 1
        finally:
            server.abandon()
    print(f"{passed} passed, {failed} failed")
    sys.exit(1 if failed or not passed else 0)


if __name__ == "__main__":
    main()
