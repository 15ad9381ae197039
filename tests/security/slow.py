"""Slow, idle and promising connections, and what they cost others: memory of the server, and the
time that another client waits for its answers."""

import itertools
import os
import resource
import socket
import time

import certificates
from tls_checks import context
from world import Client, Failed, Server, eventually, percentile, rcp

PAYLOAD_MAX = 16 * 1024 * 1024


class Crowd:
    """Many plain sockets at once, a few of them from each address of the loopback network.

    No address is used by two crowds, nor likely by two runs: for a minute the ports of a crowd that
    has gone are still taken, and the kernel searches for a free one so long among them that the
    first of the next crowd are cut for their silence before the last have come."""

    EACH = 2_000
    addresses = itertools.count(os.getpid() % 200 << 8)

    def __init__(self, port, count, first=b""):
        began = time.monotonic()
        self.sockets = []
        for i in range(count):
            if i % self.EACH == 0:
                number = next(self.addresses)
                source = f"127.{16 + (number >> 8)}.{number & 255}.1"
            plain = socket.create_connection(("127.0.0.1", port), timeout=10,
                                             source_address=(source, 0))
            if first:
                plain.sendall(first)
            self.sockets.append(plain)
        self.seconds = time.monotonic() - began

    def dribble(self, byte):
        """One byte from everybody; how many have been turned away meanwhile."""
        gone = 0
        for one in self.sockets:
            try:
                one.send(byte)
            except OSError:
                gone += 1
        return gone

    def close(self):
        for one in self.sockets:
            one.close()


def times(server, seconds, between=lambda: None):
    """What a well-behaved client sees meanwhile: (median, 99th percentile) of PING in ms."""
    waited = []
    with Client(server.port, source="127.0.0.2") as client:
        end = time.monotonic() + seconds
        tick = 0.0
        while time.monotonic() < end:
            if time.monotonic() > tick:
                between()
                tick = time.monotonic() + 1.0
            began = time.perf_counter()
            client.must("PING")
            waited.append((time.perf_counter() - began) * 1000)
    return percentile(waited, 0.5), percentile(waited, 0.99)


def announce(dialect, size):
    """The head of a frame whose payload never comes."""
    return rcp.encode(dialect, b"", length=size, crc=0)


def settle(server, holds, what):
    """Until the server's count of connections is as it should be; the one that asks is in it."""
    with Client(server.port, source="127.0.0.2") as client:
        eventually(lambda: holds(client.must("INFO")["connections"]), 30.0, what)


def check_crowd(server, report, before, name, count, first, bound_mib, seconds, byte=None):
    """`before` is the memory without any crowd: what the last one has left would hide the next."""
    crowd = Crowd(server.port, count, first)
    # Whoever has said nothing for ten seconds is cut: a crowd that takes longer to come together is
    # never all there.
    settle(server, lambda now: now > count,
           f"{count} connections, made in {crowd.seconds:.1f} s, are held at once")
    between = (lambda: crowd.dribble(byte)) if byte else (lambda: None)
    median, slowest = times(server, seconds, between)
    grown = server.memory_mib() - before
    crowd.close()
    settle(server, lambda now: now == 1, "all connections are gone")
    report.check(f"{count} {name}: {grown:.0f} MiB of {bound_mib}", grown <= bound_mib)
    report.check(f"{count} {name}: another client waits {median:.2f}, p99 {slowest:.2f} ms of 50",
                 slowest < 50)


def check_tls_idle(program, folder, report, count, seconds):
    own = certificates.Authority(folder / "certificates")
    own.root("root")
    own.make("server", "root", "server", subject="/O=Acme/CN=localhost")
    settings = {"tls": {"enabled": True, "cert_path": own.path("server.pem"),
                        "key_path": own.path("server.key")},
                "network": {"max_connections": count + 100}}
    with Server(program, folder / "tls", settings) as server:
        before = server.memory_mib()
        made = context(own)
        clients = [Client(server.port, tls=made) for _ in range(count)]
        for client in clients:
            client.must("PING")
        grown = server.memory_mib() - before
        waited = []
        with Client(server.port, tls=made) as client:
            end = time.monotonic() + seconds
            while time.monotonic() < end:
                began = time.perf_counter()
                client.must("PING")
                waited.append((time.perf_counter() - began) * 1000)
        for client in clients:
            client.socket.close()
        bound = count * 64 / 1024 + 16  # 64 KiB each
        report.check(f"{count} idle TLS sessions: {grown:.0f} MiB of {bound:.0f}, "
                     f"{grown * 1024 / count:.1f} KiB each", grown <= bound)
        report.check(f"{count} idle TLS sessions: another client's p99 is "
                     f"{percentile(waited, 0.99):.2f} ms of 50", percentile(waited, 0.99) < 50)


def check_cut(server, report, count):
    """A dribbler never gets as far as a frame: it is cut when the handshake has taken too long."""
    crowd = Crowd(server.port, count, announce("rcpx", 16_384))
    began = time.monotonic()
    with Client(server.port, source="127.0.0.2") as client:
        while client.must("INFO")["connections"] > 1:
            if time.monotonic() - began > 20:
                raise Failed("dribblers are still there after 20 s")
            crowd.dribble(b" ")
            time.sleep(0.2)  # polling, with the deadline above
    report.check(f"{count} dribblers are cut after {time.monotonic() - began:.1f} s",
                 time.monotonic() - began > 5)
    crowd.close()


def run(program, folder, report, full):
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = 12_000 if full else 3_000
    resource.setrlimit(resource.RLIMIT_NOFILE, (min(most, max(wanted, 4_096)), most))
    scale, seconds = (1, 5.0) if full else (20, 0.7)
    settings = {"network": {"max_connections": 12_000}}
    with Server(program, folder / "plain", settings) as server:
        before = server.memory_mib()
        check_crowd(server, report, before, "dribblers", 1_000 // scale, announce("rcpx", 16_384),
                    32, seconds, b" ")
        check_crowd(server, report, before, "connections that say nothing", 10_000 // scale, b"",
                    200, seconds)
        check_crowd(server, report, before, "connections that announce 16 MiB", 5_000 // scale,
                    announce("rcpx", PAYLOAD_MAX), 350, seconds)
        if full:
            check_cut(server, report, 1_000)
    check_tls_idle(program, folder / "encrypted", report, 2_000 // scale, seconds)
