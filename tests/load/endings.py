"""Connections that end in every way: afterwards nothing of them is left in the server. And many
that stay: how quickly they come in, and what they take."""

import itertools
import os
import random
import resource
import socket
import struct
import time

import certificates
import rcp
from served import Served
from tls_checks import context
from world import Client, Failed, eventually

PORTS_OF_AN_ADDRESS = 5_000  # so many connections, then the next one: closed ones keep their port
KEPT_MIB = 16  # what a server may have grown by when all have gone
SESSIONS_KIB = 20  # of each session that has said something and waits
ADMITTED_PER_S = 2_000
GAUGES = ("rstmdb_connections_active", "rstmdb_gateway_connections_active",
          "rstmdb_gateway_streams_active", "rstmdb_subscriptions_active",
          "rstmdb_subscriptions_cursors")
HELLO = b'{"type":"request","id":"h","op":"HELLO","params":{"protocol_version":1}}\n'
PING = b'{"type":"request","id":"p","op":"PING","params":{}}\n'
BYE = b'{"type":"request","id":"b","op":"BYE","params":{}}\n'
WATCH = b'{"type":"request","id":"w","op":"WATCH_ALL","params":{}}\n'
GET = b"GET /v1/ping HTTP/1.1\r\nHost: localhost\r\n\r\n"
STREAM = b"GET /v1/watch HTTP/1.1\r\nHost: localhost\r\n\r\n"


def heard(plain, enough=1):
    """Reads until there are so many bytes, or the server has ended its side."""
    seen = b""
    while len(seen) < enough:
        more = plain.recv(65536)
        if not more:
            break
        seen += more
    return seen


def heard_out(plain):
    heard(plain, 1 << 30)


def reset(plain):
    plain.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))


def says(first, *then):
    """Sends, and does the rest one after the other."""
    def way(plain):
        plain.sendall(first)
        for each in then:
            each(plain)
    return way


def ends_its_side(plain):
    plain.shutdown(socket.SHUT_WR)


WAYS = {
    "rcp": {
        "closed at once": lambda plain: None,
        "reset at once": reset,
        "half closed at once": says(b"", ends_its_side, heard_out),
        "closed behind an answer": says(PING, heard),
        "reset before the answer": says(PING, reset),
        "half closed before the answer": says(PING * 20, ends_its_side, heard_out),
        "BYE": says(HELLO + BYE, heard_out),
        "a broken frame": says(rcp.encode("rcpx", b"{}", crc=1), heard_out),
        "a frame that is too large": says(rcp.encode("rcpx", b"", length=1 << 30, crc=0),
                                          heard_out),
        "in the middle of a frame": says(rcp.encode("rcpx", PING)[:-3]),
        "reset in the middle of a frame": says(rcp.encode("rcpx", PING)[:7], reset),
        "HTTP": says(GET, heard_out),
        "no JSON": says(b"{]\n", heard),
        "a watcher that is reset": says(WATCH, heard, reset),
        "a watcher that closes": says(WATCH, heard),
    },
    "http": {
        "closed at once": lambda plain: None,
        "closed behind an answer": says(GET, heard),
        "reset before the answer": says(GET, reset),
        "half closed before the answer": says(GET, ends_its_side, heard_out),
        "no HTTP": says(PING, heard_out),
        "in the middle of a head": says(GET[:20]),
        "reset in the middle of a head": says(GET[:20], reset),
        "a stream that is reset": says(STREAM, heard, reset),
        "a stream that is closed": says(STREAM, heard),
    },
    "tls": {
        "closed at once": lambda plain: None,
        "no TLS": says(PING, heard_out),
        "in the middle of a hello": says(b"\x16\x03\x01\x02\x00\x01"),
        "reset in the middle of a hello": says(b"\x16\x03\x01\x02\x00\x01", reset),
    },
}


class Door:
    """Where connections are made, from as many addresses as they need."""

    addresses = itertools.count(os.getpid() % 200 << 8)

    def __init__(self, port):
        self.port, self.made, self.source = port, 0, ""

    def connect(self):
        if self.made % PORTS_OF_AN_ADDRESS == 0:
            number = next(self.addresses)
            self.source = f"127.{48 + (number >> 8)}.{number & 255}.1"
        self.made += 1
        plain = socket.create_connection(("127.0.0.1", self.port), timeout=20,
                                         source_address=(self.source, 0))
        plain.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        return plain


def end_some(door, ways, count, chance):
    for _ in range(count):
        name, way = chance.choice(ways)
        plain = door.connect()
        try:
            way(plain)
        except ConnectionError:
            pass  # the server may have been the first to end it
        except TimeoutError:
            raise Failed(f"{name}: the server does not end it") from None
        finally:
            plain.close()


def check_endings(server, report, name, count):
    port = server.http if name == "http" else server.port
    door, ways, chance = Door(port), list(WAYS[name].items()), random.Random(count)
    for each in ways:
        end_some(door, [each], 1, chance)
    end_some(door, ways, 200, chance)  # the allocator's caches are full
    eventually(lambda: settled(server), 30, f"{name}: the first have gone")
    descriptors, memory = server.descriptors(), server.memory_mib()
    began = time.monotonic()
    end_some(door, ways, count, chance)
    seconds = time.monotonic() - began
    eventually(lambda: settled(server), 30, f"{name}: all have gone")
    eventually(lambda: server.descriptors() <= descriptors, 30,
               f"{name}: {descriptors} descriptors, as before")
    grown = server.memory_mib() - memory
    report.check(f"{name}: {count} connections that ended in {len(ways)} ways have left no "
                 f"connection, no descriptor and {grown:.1f} of {KEPT_MIB} MiB [{seconds:.0f} s]",
                 grown <= KEPT_MIB)


def settled(server):
    """Whether nobody is counted any more."""
    lines = [line.split() for line in server.scrape().splitlines() if not line.startswith("#")]
    counted = {gauge: [value for name, value in lines if name.partition("{")[0] == gauge]
               for gauge in GAUGES}
    return all(values and set(values) == {"0"} for values in counted.values())


def check_sessions(server, report, count, full):
    """Sessions that have said HELLO and wait for their users."""
    before, door = server.memory_mib(), Door(server.port)
    began = time.monotonic()
    sessions = []
    for _ in range(count):
        session = door.connect()
        session.sendall(HELLO)
        heard(session)
        sessions.append(session)
    rate = count / (time.monotonic() - began)
    grown = (server.memory_mib() - before) * 1024 / count
    report.check(f"{count} waiting sessions take {grown:.1f} of {SESSIONS_KIB} KiB each",
                 grown <= SESSIONS_KIB)
    if full:
        report.check(f"{rate:.0f} a second are let in, one after the other, with a greeting; "
                     f"asked: {ADMITTED_PER_S}", rate >= ADMITTED_PER_S)
    for session in sessions:
        session.close()
    eventually(lambda: settled(server), 30, "the sessions have gone")


def run(program, folder, report, full):
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (min(most, 12_000), most))
    scale = 1 if full else 50
    with Served(program, folder / "plain", {"network": {"max_connections": 12_000}}) as server:
        check_endings(server, report, "rcp", 60_000 // scale)
        check_endings(server, report, "http", 30_000 // scale)
        check_sessions(server, report, 10_000 // scale, full)
    own = certificates.Authority(folder / "certificates")
    own.root("root")
    own.make("server", "root", "server", subject="/O=Acme/CN=localhost")
    tls = {"enabled": True, "cert_path": own.path("server.pem"),
           "key_path": own.path("server.key")}
    made = context(own)

    def encrypted(plain):
        with made.wrap_socket(plain.dup(), server_hostname="localhost") as client:
            client.sendall(PING)
            heard(client)

    WAYS["tls"]["closed without a word behind an answer"] = encrypted
    with Served(program, folder / "encrypted", {"tls": tls}) as server:
        check_endings(server, report, "tls", 10_000 // scale)
        with Client(server.port, tls=made) as client:
            report.check("TLS is still served", client.ask("PING")["status"] == "ok")
