"""What is promised to those who watch, each as a function that yields (sentence, holds, facts)."""

import json
import random
import subprocess
import threading
import time

from program import (INSTANCES, WAIT_S, Broken, Connection, Load, OFFSET, Server, Watcher,
                     create_instances, head_of)

KIB = 1024
MIB = 1024 * 1024
# 64 KiB of notifications and one more, what a session has besides, and the allocator's share.
BYTES_PER_WATCHER = 96 * KIB


FILL_MS = 5_000


class Scale:
    """How much of everything: small for each commit, full by hand."""

    def __init__(self, full):
        self.stall_s = 60 if full else 3
        self.rounds = 3 if full else 0
        self.round_ms = 10_000
        self.watchers = 1_000
        self.silent_ms = 20_000 if full else 2_000
        self.readers = 50 if full else 5
        self.fanout = 1_000 if full else 200
        self.subscriptions = 100_000 if full else 20_000
        self.kills = 20 if full else 3


class Reading(threading.Thread):
    """Has a watcher read, live, until it is told to stop at an offset."""

    def __init__(self, watcher):
        super().__init__(daemon=True)
        self.watcher = watcher
        self.until = None
        self.problem = None

    def run(self):
        self.watcher.socket.settimeout(0.2)
        try:
            while self.until is None or self.watcher.next <= self.until:
                try:
                    if not self.watcher.take():
                        raise Broken("the stream ended")
                except TimeoutError:
                    continue
        except (Broken, OSError) as problem:
            self.problem = problem

    def finish(self, offset):
        self.until = offset
        self.join(120)
        return self.problem is None and self.watcher.next == offset + 1


def stalled_then_resumed(server, tools, scale):
    """One that reads nothing while others write as fast as they can."""
    create_instances(tools.load, server)
    live = Reading(Watcher(server))
    live.start()
    stalled = Watcher(server)
    begun_at = stalled.next
    load = Load(tools.load, server, scale.stall_s * 1_000)
    measured = load.result()
    head = head_of(server)
    took = stalled.take_up_to(head)
    yield ("a watcher that was stalled under load gets everything, in order", stalled.told > 0,
           f"stalled for {scale.stall_s} s under {measured['requests_per_second']:.0f} writes/s, "
           f"then {head + 1 - begun_at} notifications in {took:.1f} s")
    yield ("one that read all the time missed nothing either", live.finish(head),
           f"{live.watcher.told} notifications, {live.problem}")
    again = Load(tools.load, server, 500).result()
    stalled.take_up_to(head_of(server))
    yield "and is live again", again["requests"] > 0, f"{stalled.told} notifications in all"
    stalled.close()
    live.watcher.close()
    yield from compare_writers(server, tools, scale, 1)


def compare_writers(server, tools, scale, count):
    """Writers' latency without and with `count` watchers that do not read, by turns."""
    p99 = {"without": [], "with": []}
    for _ in range(scale.rounds):
        for case in p99:
            watchers = [Watcher(server) for _ in range(count if case == "with" else 0)]
            Load(tools.load, server, FILL_MS).result()  # until nothing more fits into any socket
            result = Load(tools.load, server, scale.round_ms).result()
            p99[case].append((round(result["p99_us"]), round(result["requests_per_second"])))
            for watcher in watchers:
                watcher.close()
    if scale.rounds:
        middle = {case: sorted(values)[len(values) // 2][0] for case, values in p99.items()}
        yield (f"writers' p99 with {count} stalled is at most twice what it is without",
               middle["with"] <= 2 * middle["without"],
               f"(p99 us, writes/s) without {p99['without']}, with {p99['with']}")


def many_that_read(server, tools, scale):
    """All of them on everything: the program checks each offset and each checksum."""
    create_instances(tools.load, server)
    for count, rate, params in [(100, 2_000, {}), (100, 0, {}), (scale.fanout, 0, {}),
                                (20, 0, {"include_ctx": False, "kinds": ["transition"]})]:
        done = subprocess.run(
            [tools.fanout, "--port", str(server.port), "--instances", str(INSTANCES), "--watchers",
             str(count), "--rate", str(rate), "--params", json.dumps(params), "--warmup-ms", "100",
             "--measured-ms", "300"], capture_output=True, text=True, timeout=WAIT_S, check=False)
        facts = json.loads(done.stdout) if done.returncode == 0 else {}
        under = rate or "as many as can be"
        yield (f"{count} that read are told everything, in order, under {under} writes/s",
               facts.get("notifications_per_second", 0) > 0,
               f"{facts.get('notifications_per_second')} notifications/s, then "
               f"{facts.get('settle_seconds')} s to the end" if facts else done.stderr)


def silent_watchers(server, tools, scale):
    """A thousand that never read: memory, and then everything for some of them."""
    create_instances(tools.load, server)
    watchers = [Watcher(server) for _ in range(scale.watchers)]
    Load(tools.load, server, 300).result()  # what writing alone takes
    for watcher in watchers:
        watcher.close()
    watchers = [Watcher(server) for _ in range(scale.watchers)]
    before = server.rss_bytes()
    measured = Load(tools.load, server, scale.silent_ms).result()
    grown = server.rss_bytes() - before
    bound = scale.watchers * BYTES_PER_WATCHER
    yield (f"{scale.watchers} watchers that never read stay within {bound // MIB} MiB",
           grown <= bound,
           f"grown by {grown / MIB:.1f} MiB over {measured['requests']} writes at "
           f"{measured['requests_per_second']:.0f}/s")
    head = head_of(server)
    for watcher in watchers[:scale.readers]:
        watcher.take_up_to(head)
    yield (f"{scale.readers} of them read at last, and get everything in order",
           all(watcher.next == head + 1 for watcher in watchers[:scale.readers]),
           f"{watchers[0].told} notifications each")
    for watcher in watchers:
        watcher.close()
    yield from compare_writers(server, tools, scale, scale.watchers)


def many_that_do_not_match(server, tools, scale):
    """100,000 subscriptions of something else: what writers notice of them."""
    create_instances(tools.load, server)
    rates = {"without": [], "with": []}
    for _ in range(scale.rounds):
        for case in rates:
            connections = strangers(server, 100) if case == "with" else []
            result = Load(tools.load, server, scale.round_ms).result()
            rates[case].append((round(result["requests_per_second"]), round(result["p99_us"])))
            for connection in connections:
                connection.close()
    connections = strangers(server, 2)
    Load(tools.load, server, 200).result()
    for connection in connections:
        connection.send("PING", {})
    yield ("whose filter does not match is told nothing",
           all(b'"pong":true' in connection.line() for connection in connections), "2,000 filters")
    if scale.rounds:
        middle = {case: sorted(values)[len(values) // 2][0] for case, values in rates.items()}
        yield ("100,000 subscriptions that do not match take at most a fifth of the writes",
               middle["with"] >= 0.8 * middle["without"],
               f"(writes/s, p99 us) without {rates['without']}, with {rates['with']}")


def strangers(server, count):
    """`count` connections with 1,000 filters each that the load never matches, of several forms."""
    connections = []
    for number in range(count):
        connection = Connection(server)
        shapes = [("machines", "machine"), ("to_states", "state"), ("events", "event"),
                  ("from_states", "state")]
        connection.socket.sendall(b"".join(
            connection.request("WATCH_ALL", {field: [f"{name}-{number}-{n}"]})
            for n, (field, name) in enumerate(shapes * 250)))
        for _ in range(1_000):
            if b'"subscription_id"' not in connection.line():
                raise Broken("WATCH_ALL was refused")
        connections.append(connection)
    return connections


def watch_and_unwatch(server, _tools, scale):
    """Subscriptions come and go: memory stays where it is."""
    connection = Connection(server)
    create_machine(connection)
    before = come_and_go(connection, 2_000) and server.rss_bytes()
    come_and_go(connection, scale.subscriptions)
    grown = server.rss_bytes() - before
    yield (f"{scale.subscriptions} times WATCH and UNWATCH leave no memory behind",
           grown <= 2 * MIB, f"grown by {grown / KIB:.0f} KiB")
    connection.close()


def create_machine(connection):
    definition = {"states": ["a"], "initial": "a",
                  "transitions": [{"from": "a", "event": "GO", "to": "a"}]}
    connection.ask("PUT_MACHINE", {"machine": "m", "version": 1, "definition": definition})
    connection.ask("CREATE_INSTANCE", {"machine": "m", "version": 1, "instance_id": "i"})


def come_and_go(connection, count):
    """By 500: half of one instance, a quarter by filter, a quarter from the past."""
    shapes = [("WATCH_INSTANCE", {"instance_id": "i"}), ("WATCH_ALL", {"machines": ["m", "n"]}),
              ("WATCH_INSTANCE", {"instance_id": "i"}), ("WATCH_ALL", {"from_offset": 1})]
    for first in range(0, count, 500):
        connection.socket.sendall(b"".join(connection.request(*shapes[n % len(shapes)])
                                           for n in range(first, first + 500)))
        ids = [json.loads(connection.line())["result"]["subscription_id"] for _ in range(500)]
        connection.socket.sendall(b"".join(
            connection.request("UNWATCH", {"subscription_id": one}) for one in ids))
        for _ in range(500):
            if b'"removed":true' not in connection.line():
                raise Broken("UNWATCH was refused")
    return True


def resumed_over_kills(server, tools, scale):
    """Cut off, and killed with its server, it goes on behind the last offset that it was told."""
    create_instances(tools.load, server)
    dice = random.Random(1)
    seen = []
    last = head_of(server)
    first = last + 1
    reconnects = 0
    for _ in range(scale.kills):
        load = Load(tools.load, server, 60_000)
        end = time.monotonic() + dice.uniform(0.2, 0.6)
        while time.monotonic() < end:
            last = read_some(server, last, seen, dice.randrange(1, 5_000))
            reconnects += 1
        server.kill()
        load.abandon()
        server.start()
    head = head_of(server)
    while last < head:
        last = read_some(server, last, seen, head - last)
    logged = transitions_in_log(server, first)
    yield ("what was told over all connections and servers is the log, once and in order",
           seen == logged,
           f"{len(seen)} told, {len(logged)} in the log, {reconnects} connections, "
           f"{scale.kills} kills")


def read_some(server, last, seen, count):
    """Up to `count` notifications behind `last`; the connection is then dropped in the middle."""
    connection = Connection(server)
    connection.ask("WATCH_ALL", {"after_offset": last})
    connection.socket.settimeout(0.5)
    try:
        for _ in range(count):
            line = connection.line()
            last = int(OFFSET.search(line).group(1))
            seen.append(essence(json.loads(line), last))
    except TimeoutError:
        pass  # nothing more has happened
    finally:
        connection.close()
    return last


def essence(fact, offset):
    return (offset, *(json.dumps(fact[name], sort_keys=True)
                      for name in ("instance_id", "event", "from_state", "to_state", "payload",
                                   "ctx")))


def transitions_in_log(server, first):
    connection = Connection(server)
    found = []
    while first is not None:
        page = connection.ask("WAL_READ", {"from_offset": first, "limit": 1_000})
        found += [essence(record["entry"], record["offset"]) for record in page["records"]
                  if record["entry"]["type"] == "apply_event"]
        first = page["next_offset"]
    connection.close()
    return found


SCENARIOS = (stalled_then_resumed, many_that_read, silent_watchers, many_that_do_not_match,
             watch_and_unwatch, resumed_over_kills)
__all__ = ["SCENARIOS", "Scale", "Server"]
