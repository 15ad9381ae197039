"""What stands at its limit and one beyond, what is deep, long or named to do harm, and what lies in
the data folder afterwards. Each check says by its first word which item of the list it is for."""

import ast
import json
import os
import pathlib
import re
import resource
import stat
import statistics
import subprocess
import time

from world import MACHINE, Client, Failed, Server, code_of, token_line

NAME_MAX = 256
DEPTH_MAX = 64
GUARD_BYTES_MAX = 4096
CONTEXT_BYTES_MAX = 1 << 20
FRAME_BYTES_MAX = 16 << 20
FRAME_BYTES_BEFORE_AUTH_MAX = 64 << 10
BATCH_MAX = 100
PAGE_MAX = 1000
SUBSCRIPTIONS_MAX = 1000
STACK_BYTES = 256 << 10
TOKEN = "edges-token-0123456789-abcdefgh"
T_MAX = 5.0


# ---- sec.limits

def definition(guard=None, states=2):
    arrow = {"from": "s0", "event": "GO", "to": "s1"}
    if guard is not None:
        arrow["guard"] = guard
    return {"states": [f"s{i}" for i in range(states)], "initial": "s0", "transitions": [arrow]}


def put(client, machine, made):
    return client.ask("PUT_MACHINE", {"machine": machine, "version": 1, "definition": made})


def create(client, **params):
    return client.ask("CREATE_INSTANCE", {"machine": "m", "version": 1, **params})


def unread(client, params):
    """The answer to a CREATE_INSTANCE of which perhaps not even the id can be read."""
    client.send("CREATE_INSTANCE", params)
    return client.receive()


def nested(depth):
    """A value that is `depth` containers deep."""
    value = 1
    for _ in range(depth):
        value = [value]
    return value


def context_of(size):
    """A context whose text without white space has so many bytes."""
    return {"t": "x" * (size - len('{"t":""}'))}


# (what, the limit, what to ask for with a size, the error one beyond)
LIMITS = (
    ("length of an instance id", NAME_MAX,
     lambda c, n: create(c, instance_id="i" * n), "BAD_REQUEST"),
    ("length of a machine's name", NAME_MAX,
     lambda c, n: put(c, "m" * n, definition()), "BAD_REQUEST"),
    ("length of an idempotency key", NAME_MAX,
     lambda c, n: create(c, idempotency_key="k" * n), "BAD_REQUEST"),
    ("length of an event's name", NAME_MAX, lambda c, n: put(c, f"event{n}", {
        "states": ["a"], "initial": "a",
        "transitions": [{"from": "a", "event": "E" * n, "to": "a"}]}), "BAD_REQUEST"),
    ("length of a guard", GUARD_BYTES_MAX,
     lambda c, n: put(c, f"guard{n}", definition("ctx." + "a" * (n - 8) + " > 1")), "BAD_REQUEST"),
    ("depth of a guard", DEPTH_MAX,
     lambda c, n: put(c, f"deep{n}", definition("!" * n + "ctx.a")), "BAD_REQUEST"),
    # In a request a context lies in the params of the message: three containers.
    ("depth of a request", DEPTH_MAX,
     lambda c, n: unread(c, {"machine": "m", "version": 1, "initial_ctx": {"d": nested(n - 3)}}),
     "BAD_REQUEST"),
    ("bytes of a context", CONTEXT_BYTES_MAX,
     lambda c, n: create(c, initial_ctx=context_of(n)), "BAD_REQUEST"),
    ("operations of a batch", BATCH_MAX, lambda c, n: c.ask("BATCH", {
        "mode": "atomic", "ops": [{"op": "CREATE_INSTANCE", "params": {
            "machine": "m", "version": 1}} for _ in range(n)]}), "BAD_REQUEST"),
    ("instances of a page", PAGE_MAX, lambda c, n: c.ask("LIST_INSTANCES", {"limit": n}),
     "BAD_REQUEST"),
    ("records of a page", PAGE_MAX,
     lambda c, n: c.ask("WAL_READ", {"from_offset": 1, "limit": n}), "BAD_REQUEST"),
    ("states of a machine", 10_000,
     lambda c, n: put(c, f"states{n}", definition(states=n)), "BAD_REQUEST"),
    ("versions of a machine", 2_147_483_647, lambda c, n: c.ask("PUT_MACHINE", {
        "machine": "versions", "version": n, "definition": definition()}), "BAD_REQUEST"),
)


def check_limits(server, report):
    with Client(server.port) as client:
        client.auth(TOKEN)
        client.must("PUT_MACHINE", MACHINE)
        for what, limit, ask, code in LIMITS:
            at, beyond = ask(client, limit), ask(client, limit + 1)
            report.check(f"sec.limits {what}: {limit} is taken, one more is {code}",
                         code_of(at) == "ok" and code_of(beyond).startswith(code)
                         and client.ask("PING")["status"] == "ok", (at, beyond))
        taken = sum(code_of(client.ask("WATCH_ALL")) == "ok" for _ in range(SUBSCRIPTIONS_MAX))
        refused = code_of(client.ask("WATCH_ALL"))
        report.check(f"sec.limits subscriptions: {SUBSCRIPTIONS_MAX} are taken, one more is not",
                     taken == SUBSCRIPTIONS_MAX
                     and refused == "RATE_LIMITED/TOO_MANY_SUBSCRIPTIONS", (taken, refused))


def frame(size):
    return b"RCPX" + (1).to_bytes(2, "big") + bytes(4) + size.to_bytes(4, "big") + bytes(4)


def check_frames(server, report):
    """The announced length alone decides, before a byte of it has come."""
    for what, limit, token in (("before AUTH", FRAME_BYTES_BEFORE_AUTH_MAX, None),
                               ("after AUTH", FRAME_BYTES_MAX, TOKEN)):
        with Client(server.port) as client:
            if token:
                client.auth(token)
            request = json.dumps({"type": "request", "id": "x", "op": "PING"}).encode()
            client.socket.sendall(frame(limit) + request + b" " * (limit - len(request)))
            answered = client.receive()["status"] == "ok"
            client.socket.sendall(frame(limit + 1))
            refused = client.last_word(5.0)
            report.check(f"sec.limits bytes of a frame {what}: {limit} are taken, one more is not",
                         answered and code_of(refused).startswith("BAD_REQUEST"), refused)


def check_connections(program, folder, report):
    settings = {"network": {"bind_addr": "127.0.0.1:0", "max_connections": 20}}
    with Server(program, folder, settings) as server:
        clients = [Client(server.port) for _ in range(20)]
        served = [client.ask("PING")["status"] for client in clients]
        with Client(server.port) as one_more:
            one_more.send("PING")
            refused = one_more.last_word(5.0)
        for client in clients:
            client.socket.close()
        report.check("sec.limits connections: 20 are served, one more is told and closed",
                     served == ["ok"] * 20 and
                     code_of(refused) == "RATE_LIMITED/TOO_MANY_CONNECTIONS", refused)


# ---- sec.depth, sec.bomb

def check_depth(program, folder, report):
    """A million of anything that nests, in threads with a stack of 256 KiB."""
    def small_stack():
        resource.setrlimit(resource.RLIMIT_STACK, (STACK_BYTES, STACK_BYTES))
    many = 1_000_000
    bombs = {"[": "[" * many, "{": '{"a":' * many, "mixed": '[{"a":' * (many // 2)}
    guards = {"!": "!" * 4000, "(": "(" * 2000 + "ctx.a" + ")" * 2000, "path": "ctx" + ".a" * 2000}
    with Server(program, folder, {}, preexec_fn=small_stack) as server:
        for what, text in bombs.items():
            with Client(server.port, "jsonl") as client:
                client.socket.sendall(b'{"type":"request","id":"b","op":"PING","params":' +
                                      text.encode() + b"\n")
                answer = client.receive()
                report.check(f"sec.depth a million times {what}: refused, the connection stays",
                             code_of(answer).startswith("BAD_REQUEST") and
                             client.ask("PING")["status"] == "ok", answer)
        with Client(server.port) as client:
            for what, guard in guards.items():
                answer = put(client, "g", definition(guard))
                report.check(f"sec.depth a guard of {len(guard)} bytes of {what}: answered",
                             code_of(answer) == "ok" or code_of(answer).startswith("BAD_REQUEST"),
                             answer)
            deep = {"d": nested(DEPTH_MAX - 3)}
            client.must("PUT_MACHINE", MACHINE)
            client.must("CREATE_INSTANCE", {"machine": "m", "version": 1, "instance_id": "deep",
                                            "initial_ctx": deep})
            shown = client.must("GET_INSTANCE", {"instance_id": "deep"})
            report.check("sec.depth the deepest context goes in and out",
                         shown["ctx"] == deep and server.process.poll() is None)


def check_compression(server, report):
    """Nothing is ever inflated: the flag alone is refused, whatever stands behind it."""
    with Client(server.port) as client:
        payload = b"\x1f\x8b" + os.urandom(64)
        client.socket.sendall(b"RCPX" + (1).to_bytes(2, "big") + (2).to_bytes(2, "big") + bytes(2)
                              + len(payload).to_bytes(4, "big") + bytes(4) + payload)
        last = client.last_word(5.0)
        report.check("sec.bomb a compressed frame is refused unread",
                     last is not None and code_of(last).startswith(("BAD_REQUEST", "UNSUPPORTED")),
                     last)


# ---- sec.names, sec.files

HARMFUL = ("../../etc/passwd", "/etc/passwd", "..", ".", "wal/LOCK", "%2e%2e%2f", "a\\b", "C:\\x",
           "-rf", "$(id)", "`id`", "a;b", "|", "*", "?", "~", " ", "  ", "\u202eabc", "e\u0301",
           "\u00e9", "\U0001f600", "'", "\"", "<script>", "${jndi:ldap://x}", "LOCK", "x" * 256)
BROKEN = ("", "a\0b", "a\nb", "\x7f", "\x1b[2J", "x" * 257)
EXPECTED = re.compile(r"(wal(/(LOCK|CLOSED|closed\.tmp|\d{20}\.seg|(new|prepared)-segment\.tmp))?"
                      r"|snapshots(/\d{20}\.snap)?)")


def check_names(server, report):
    with Client(server.port) as client:
        client.auth(TOKEN)
        wrong = {}
        for name in HARMFUL:
            made = {"states": [name], "initial": name,
                    "transitions": [{"from": name, "event": name, "to": name}]}
            answers = [client.ask("PUT_MACHINE", {"machine": name, "version": 1,
                                                  "definition": made}),
                       client.ask("CREATE_INSTANCE", {"machine": name, "version": 1,
                                                      "instance_id": name,
                                                      "idempotency_key": name}),
                       client.ask("APPLY_EVENT", {"instance_id": name, "event": name}),
                       client.ask("SNAPSHOT_INSTANCE", {"instance_id": name})]
            shown = client.ask("GET_INSTANCE", {"instance_id": name})
            if {code_of(answer) for answer in answers} != {"ok"} or \
                    shown["result"]["instance_id"] != name:
                wrong[name] = answers
        report.count(len(HARMFUL) - len(wrong), "sec.names harmless to us: kept as they are", wrong)
        wrong = {name: answer for name in BROKEN
                 if not code_of(answer := create(client, instance_id=name)).startswith(
                     "BAD_REQUEST")}
        report.count(len(BROKEN) - len(wrong), "sec.names that are none: refused", wrong)
        client.must("COMPACT", {"force_snapshot": True})


def check_folder(server, report):
    """Names and rights of all that the server has made."""
    data = pathlib.Path(server.settings["storage"]["data_dir"])
    paths = {str(path.relative_to(data)): path for path in data.rglob("*")}
    strange = [name for name in paths if not EXPECTED.fullmatch(name)]
    report.check(f"sec.names {len(paths)} entries of the data folder, none named by a client",
                 not strange and len(paths) > 4, strange)
    open_ones = {name: oct(path.lstat().st_mode) for name, path in {**paths, ".": data}.items()
                 if stat.S_IMODE(path.lstat().st_mode) != (0o700 if path.is_dir() else 0o600)}
    report.check("sec.files 0600 in folders of 0700, whatever the umask", not open_ones, open_ones)


def check_links(program, folder, report):
    """Nothing in the data folder is reached through a symbolic link."""
    with Server(program, folder / "first", {}) as server:
        with Client(server.port) as client:
            client.must("PUT_MACHINE", MACHINE)
    data = folder / "first" / "data"
    for name in ("wal/LOCK", "wal/00000000000000000001.seg", "wal", "snapshots"):
        aside = folder / "aside"
        place = data / name
        place.rename(aside)
        place.symlink_to(aside)
        said = Server(program, folder / "first", {}).refuses_to_start()
        report.check(f"sec.files {name} as a symbolic link: no start, and it is named",
                     name.rpartition("/")[2] in said, said[-400:])
        place.unlink()
        aside.rename(place)
    with Server(program, folder / "first", {}) as server:
        report.check("sec.files without links it starts again", server.port > 0)
        second = Server(program, folder / "second",
                        {"storage": {"data_dir": str(data)}}).refuses_to_start()
        report.check("sec.files a second server on the folder is refused", str(data) in second)


# ---- sec.timing

def welch(one, other):
    """Student's t of two samples with their own variances."""
    return (statistics.fmean(one) - statistics.fmean(other)) / (
        statistics.variance(one) / len(one) + statistics.variance(other) / len(other)) ** 0.5


def middle(values):
    """Without the tenth that took longest: other work of the machine."""
    return sorted(values)[:len(values) * 9 // 10]


def check_timing(server, sources, report, rounds):
    """How long a wrong token takes says nothing of how much of it is right."""
    kinds = {"the first byte wrong": "X" + TOKEN[1:], "the last byte wrong": TOKEN[:-1] + "X",
             "all wrong": "Z" * len(TOKEN), "one byte short": TOKEN[:-1]}
    took = {kind: [] for kind in kinds}
    order = list(kinds)
    for number in range(rounds):
        with Client(server.port, source=next(sources)) as client:
            client.ask("PING")
            for kind in order[number % 4:] + order[:number % 4]:
                began = time.perf_counter_ns()
                answer = client.auth(kinds[kind])
                took[kind].append(time.perf_counter_ns() - began)
                if code_of(answer) != "AUTH_FAILED":
                    raise Failed(f"a wrong token got {answer}")
    samples = {kind: middle(times) for kind, times in took.items()}
    values = {f"{a} / {b}": welch(samples[a], samples[b])
              for a in kinds for b in kinds if a < b}
    report.check(f"sec.timing {4 * rounds} wrong tokens of four kinds: |t| below {T_MAX:.0f}",
                 all(abs(t) < T_MAX for t in values.values()), values)


def addresses():
    for number in range(1, 1 << 20):
        yield f"127.{100 + number // 62500}.{number // 250 % 250}.{1 + number % 250}"


# ---- sec.config

def check_config(program, folder, report):
    """Texts that the tests of src/config know as bad, given to the program."""
    source = pathlib.Path(__file__).resolve().parents[2] / "src/config/bad_config_test.cc"
    rows = re.findall(r'^    \{"((?:[^"\\]|\\.)*)", "((?:[^"\\]|\\.)*)", \d+', source.read_text(),
                      re.MULTILINE)
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / "config.yaml"
    wrong, refused = {}, 0
    for text, key in rows:
        path.write_text(ast.literal_eval(f'"{text}"'))
        done = subprocess.run([program, "--config", path, "--print-config"], capture_output=True,
                              text=True, check=False, timeout=10, cwd=folder, env={})
        said = done.stdout + done.stderr
        refused += done.returncode == 1 and ast.literal_eval(f'"{key}"') in said
        if done.returncode != 1:
            wrong[text] = said[-300:]
    report.check(f"sec.config {refused} of {len(rows)} bad configurations refused by name",
                 not wrong and refused >= 100, wrong)


def run(program, folder, report, full):
    check_config(program, folder / "config", report)
    settings = {"auth": {"required": True, "token_hashes": [token_line(TOKEN, "name=edges")]}}
    with Server(program, folder / "edges", settings) as server:
        check_limits(server, report)
        check_frames(server, report)
        check_compression(server, report)
        check_names(server, report)
        check_folder(server, report)
        check_timing(server, addresses(), report, 20_000 if full else 1_500)
    check_connections(program, folder / "connections", report)
    check_depth(program, folder / "depth", report)
    check_links(program, folder / "links", report)
