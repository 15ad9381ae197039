"""The server under test, with or without the library that makes its file calls fail, and a client
that remembers what it was told.
"""

import json
import os
import pathlib
import signal
import socket
import subprocess
import sys
import time

HERE = pathlib.Path(__file__).resolve().parent
sys.path[:0] = [str(HERE.parents[1] / "tools"), str(HERE.parent / "crash")]

import clean_stop  # noqa: E402
import rcp  # noqa: E402

ANSWER_S = 5.0  # nobody may wait longer, unless the disk itself takes longer
START_S = 20.0
SEGMENT_BYTES = 1 << 20


class Fault:
    """One line for the shim; see shim.c."""

    last_id = 0

    def __init__(self, call, effect, argument=0, part="*", nth=1, count=1):
        self.call, self.effect, self.argument = call, effect, argument
        self.part, self.nth, self.count = part, nth, count

    def line(self):
        Fault.last_id += 1
        return (f"{Fault.last_id} {self.call} {self.part} {self.nth} {self.count} {self.effect} "
                f"{self.argument}\n")


class Subject(clean_stop.Server):
    """The program on a data folder, perhaps with a fault armed, perhaps as another user."""

    made = []  # to be ended when a scenario is over, however it ends

    def __init__(self, program, folder, *, shim=None, data=None, settings=None, **process):
        super().__init__(program, folder)
        self.made.append(self)
        self.shim = shim
        if data:
            self.data = pathlib.Path(data)
        self.settings = settings or {}
        self.process_options = process  # of subprocess.Popen
        self.spec = self.folder / "fault"
        self.strikes = self.folder / "strikes"

    @classmethod
    def abandon_all(cls):
        for server in cls.made:
            server.abandon()
        cls.made.clear()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.abandon()

    def spawn(self):
        self.starts += 1
        environment = {key: value for key, value in os.environ.items()
                       if not key.startswith("RSTMDB_")}
        environment.update(RSTMDB_DATA=str(self.data), RSTMDB_BIND="127.0.0.1:0",
                           RSTMDB_WAL_SEGMENT_SIZE_MB="1", RSTMDB_LOG_FORMAT="json",
                           RSTMDB_MIN_FREE_MB="0", RSTMDB_HTTP_ENABLED="false")
        environment.update(self.settings)
        if self.shim:
            environment.update(LD_PRELOAD=str(self.shim), FAULT_FOLDER=str(self.data),
                               FAULT_SPEC=str(self.spec), FAULT_STRIKES=str(self.strikes))
        with open(self.log_file(), "wb") as log:
            self.process = subprocess.Popen(
                [self.program, "--port-file", str(self.port_file())], env=environment,
                stdin=subprocess.DEVNULL, stdout=log, stderr=log, **self.process_options)

    def tries_to_start(self, time_s=START_S):
        """True when it serves, False when it has ended by itself; RuntimeError when it hangs."""
        self.spawn()
        deadline = time.monotonic() + time_s
        while not self.port_file().exists():
            if self.process.poll() is not None:
                return False
            if time.monotonic() > deadline:
                raise RuntimeError("the start hangs")
            time.sleep(0.002)  # polling, with the deadline above
        self.port = int(self.port_file().read_text())
        return True

    def arm(self, fault):
        beside = self.spec.with_suffix(".new")
        beside.write_text(fault.line())
        beside.rename(self.spec)

    def disarm(self):
        self.spec.unlink(missing_ok=True)

    def struck(self):
        """How often a fault has struck."""
        return len(self.strikes.read_text().splitlines()) if self.strikes.exists() else 0

    def freeze(self):
        """Stops every thread; a call of one that is under way comes to its end, unnoticed."""
        self.process.send_signal(signal.SIGSTOP)
        tasks = pathlib.Path(f"/proc/{self.process.pid}/task")
        deadline = time.monotonic() + START_S
        while any(" (" in line and line.rpartition(")")[2].split()[0] != "T"
                  for line in (task.joinpath("stat").read_text() for task in tasks.iterdir())):
            if time.monotonic() > deadline:
                raise RuntimeError("a thread does not stop")
            time.sleep(0.001)  # polling, with the deadline above

    def kill(self):
        self.process.send_signal(signal.SIGKILL)
        self.process.wait()

    def terminate(self, time_s=clean_stop.STOP_S):
        """The exit code of a SIGTERM; RuntimeError when it takes too long."""
        self.process.send_signal(signal.SIGTERM)
        return self.ends(time_s)

    def ends(self, time_s=ANSWER_S):
        """The exit code of a server that ends by itself."""
        try:
            return self.process.wait(time_s)
        except subprocess.TimeoutExpired:
            raise RuntimeError("the server does not end") from None

    def errors(self):
        """Lines that it has logged at level error, as one text."""
        return "\n".join(line for line in self.log_file().read_text(errors="replace").splitlines()
                         if '"error"' in line)

    def says(self, text, time_s=ANSWER_S):
        """Waits for `text` in what the server logs; whether it came."""
        deadline = time.monotonic() + time_s
        while text not in self.log_file().read_text(errors="replace"):
            if time.monotonic() > deadline:
                return False
            time.sleep(0.01)  # polling, with the deadline above
        return True


class History:
    """What became of each write, over all clients and restarts. A write creates the instance
    `w<n>` with n in its context."""

    def __init__(self):
        self.count = 0
        self.acknowledged = {}  # n: offset
        self.refused = {}  # n: error; a definite one: it has not happened
        self.unknown = set()

    def merge(self, number, answer):
        """Enters the answer to write `number`; None is none."""
        if answer is None:
            self.unknown.add(number)
        elif answer["status"] == "ok":
            self.acknowledged[number] = answer["result"]["wal_offset"]
        elif answer["error"]["code"] == "WAL_IO_ERROR":
            self.unknown.add(number)
        else:
            self.refused[number] = answer["error"]


class Client:
    """One connection in jsonl; one request at a time, or some in flight."""

    def __init__(self, port, history, time_s=ANSWER_S):
        self.connection = rcp.Connection(port, "jsonl", timeout_s=time_s)
        self.history = history
        self.last_id = 0

    def send(self, op, params=None):
        self.last_id += 1
        self.connection.send(clean_stop.request(str(self.last_id), op, params or {}))
        return str(self.last_id)

    def call(self, op, params=None):
        """The answer; EOFError when the server hangs up, TimeoutError when it says nothing."""
        wanted = self.send(op, params)
        while True:
            answer = json.loads(self.connection.receive())
            if answer["id"] == wanted:
                return answer

    def put_machine(self):
        return self.call("PUT_MACHINE", {"machine": "m", "version": 1,
                                         "definition": clean_stop.MACHINE})

    def write(self, fill=0):
        """Creates the next instance; "ok", the error's code, or "gone"."""
        self.history.count += 1
        number = self.history.count
        try:
            answer = self.call("CREATE_INSTANCE", creation(number, fill))
        except (EOFError, ConnectionError):
            answer = None
        self.history.merge(number, answer)
        if answer is None:
            return "gone"
        return "ok" if answer["status"] == "ok" else answer["error"]["code"]

    def write_until(self, stop, count, fill=0):
        """Writes up to `count` times, until the outcome is not "ok" (or `stop()` says so)."""
        outcome = "ok"
        for _ in range(count):
            outcome = self.write(fill)
            if outcome != "ok" or stop():
                break
        return outcome

    def change(self, number, fill):
        """An event of `fill` bytes for the instance of write `number`; "ok" or the error's code."""
        answer = self.call("APPLY_EVENT", {"instance_id": f"w{number}", "event": "go",
                                           "payload": {"fill": "y" * fill}})
        return "ok" if answer["status"] == "ok" else answer["error"]["code"]

    def reads(self, number):
        """Whether the instance of write `number` is shown as it was written."""
        answer = self.call("GET_INSTANCE", {"instance_id": f"w{number}"})
        return answer["status"] == "ok" and answer["result"]["ctx"]["n"] == number

    def pings(self):
        return self.call("PING")["status"] == "ok"

    def close(self):
        try:
            self.connection.close()
        except (OSError, socket.timeout):
            pass


def creation(number, fill):
    context = {"n": number}
    if fill:
        context["fill"] = "x" * fill
    return {"machine": "m", "version": 1, "instance_id": f"w{number}", "initial_ctx": context}


def read_log(port):
    """{offset: entry} of all that the log still has."""
    client = Client(port, History(), time_s=START_S)
    entries, following = {}, 0
    while following is not None:
        answer = client.call("WAL_READ", {"from_offset": following, "limit": 1000})
        if answer["status"] != "ok":
            raise RuntimeError(f"the log cannot be read: {answer['error']}")
        result = answer["result"]
        for record in result["records"]:
            if record["offset"] in entries:
                raise RuntimeError(f"offset {record['offset']} is read twice")
            entries[record["offset"]] = record["entry"]
        following = result["next_offset"]
    client.close()
    return entries
