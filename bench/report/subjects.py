"""The databases under test, each started on a fresh folder and ended with it.

A subject sleeps (SIGSTOP) while another one is measured: what PostgreSQL tidies up in the
background is paid for in its own time. Peers run as their own user where this is root, which
PostgreSQL refuses to be.
"""

import contextlib
import json
import os
import pathlib
import pwd
import shutil
import signal
import socket
import subprocess
import tempfile
import time

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent
PROGRAMS = ROOT / "build/release/bin"
START_SECONDS_MAX = 900


class Failed(Exception):
    """The harness cannot go on; the text is for the user."""


def run(program, *options):
    done = subprocess.run([PROGRAMS / program, *map(str, options)], stdout=subprocess.PIPE,
                          stderr=subprocess.PIPE, text=True, check=False)
    if done.returncode != 0:
        raise Failed(f"{program} {' '.join(map(str, options))} ended with {done.returncode}: "
                     f"{done.stderr.strip()}")
    return json.loads(done.stdout)


def wait_until(ready, process, what):
    deadline = time.monotonic() + START_SECONDS_MAX
    while not ready():
        if process.poll() is not None or time.monotonic() > deadline:
            raise Failed(f"{what} did not start")
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(timeout=0.005)


def free_port():
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return listener.getsockname()[1]


def listens(port):
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


def resident_bytes(pid):
    for line in pathlib.Path(f"/proc/{pid}/status").read_text().splitlines():
        if line.startswith("VmRSS:"):
            return int(line.split()[1]) * 1024
    raise Failed(f"process {pid} has no memory")


class Subject:
    """A running database: its process, port and folder."""

    name = ""
    end_signal = signal.SIGTERM

    def __init__(self, folder):
        self.folder = pathlib.Path(tempfile.mkdtemp(prefix=f"bench-{self.name}-", dir=folder))
        self.process = None
        self.port = 0

    def __enter__(self):
        try:
            self.start()
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *_):
        if self.process is not None and self.process.poll() is None:
            self.send(signal.SIGCONT)
            self.stop()
        shutil.rmtree(self.folder, ignore_errors=True)

    def stop(self):
        self.process.send_signal(self.end_signal)
        try:
            self.process.wait(timeout=120)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()

    def send(self, number):
        """Signals the process and its children."""
        pid = self.process.pid
        children = pathlib.Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
        for process in [pid, *map(int, children)]:
            with contextlib.suppress(ProcessLookupError):
                os.kill(process, number)

    def fill(self, instances, context_bytes):
        return self.load("--create", "--instances", instances, "--context-bytes", context_bytes)

    @contextlib.contextmanager
    def awake(self):
        self.send(signal.SIGCONT)
        try:
            yield
        finally:
            self.send(signal.SIGSTOP)

    def spawn(self, *command, environment=None, **options):
        with open(self.folder / "log", "ab") as log:
            self.process = subprocess.Popen(list(map(str, command)), env=environment, stderr=log,
                                            stdout=log, **options)

    def log(self):
        return (self.folder / "log").read_text(errors="replace")


class Rstmdb(Subject):
    name = "rstmdb"

    def __init__(self, folder, **settings):
        super().__init__(folder)
        self.settings = settings

    def start(self):
        """Seconds until it listens."""
        port_file = self.folder / "port"
        port_file.unlink(missing_ok=True)
        (self.folder / "log").unlink(missing_ok=True)
        environment = {name: value for name, value in os.environ.items()
                       if not name.startswith("RSTMDB_")}
        environment.update({"RSTMDB_DATA": str(self.folder / "data"),
                            "RSTMDB_BIND": "127.0.0.1:0", "RSTMDB_FSYNC_POLICY": "every_write",
                            "RSTMDB_MAX_CONNECTIONS": "1100",
                            "RSTMDB_HTTP_ENABLED": "false", **self.settings})
        began = time.monotonic()
        self.spawn(PROGRAMS / "rstmdb", "--port-file", port_file, environment=environment)
        wait_until(lambda: port_file.exists() and port_file.read_text().strip(), self.process,
                   "rstmdb")
        took = time.monotonic() - began
        self.port = int(port_file.read_text())
        return took

    def load(self, *options):
        return run("rstmdb_load", "--port", self.port, "--pid", self.process.pid, *options)

    def ask(self, op, **params):
        with socket.create_connection(("127.0.0.1", self.port), timeout=900) as connection:
            request = {"type": "request", "id": "1", "op": op, "params": params}
            connection.sendall(json.dumps(request).encode() + b"\n")
            answer = json.loads(connection.makefile().readline())
        if answer["status"] != "ok":
            raise Failed(f"{op}: {answer}")
        return answer["result"]

    def resident_bytes(self):
        return resident_bytes(self.process.pid)


class Bare(Subject):
    """The hot path alone (bench/bare): no database, but what one could be measured by."""

    name = "bare"

    def start(self):
        """Nothing: its instances are there from the start, so it starts when it is filled."""

    def fill(self, instances, context_bytes):
        port_file = self.folder / "port"
        self.spawn(PROGRAMS / "rstmdb_bare", "--folder", self.folder, "--port-file", port_file,
                   "--instances", instances, "--context-bytes", context_bytes)
        wait_until(lambda: port_file.exists() and port_file.read_text().strip(), self.process,
                   "rstmdb_bare")
        self.port = int(port_file.read_text())
        return {}

    def load(self, *options):
        return run("rstmdb_load", "--port", self.port, "--pid", self.process.pid, *options)


def user_of(name):
    """Options for Popen that make it run as a plain user, when this is root."""
    if os.geteuid() != 0:
        return {}
    for user in (name, "nobody"):
        with contextlib.suppress(KeyError):
            entry = pwd.getpwnam(user)
            return {"user": entry.pw_uid, "group": entry.pw_gid, "extra_groups": []}
    return {}


class Peer(Subject):
    def own_folder(self):
        """The folder for its data, which belongs to its user."""
        options = user_of(self.name)
        self.folder.chmod(0o711)
        data = self.folder / "data"
        data.mkdir(mode=0o700)
        if options:
            os.chown(data, options["user"], options["group"])
        return data, options

    def load(self, *options):
        return run("rstmdb_peers", self.name, "--port", self.port, "--pid", self.process.pid,
                   *options)


class Redis(Peer):
    name = "redis"
    about = ("appendonly yes, appendfsync always, save off, no rewrite of the log while measured; "
             "a transition is one Lua script by EVALSHA, a read HMGET of the six fields that an "
             "instance has")

    @staticmethod
    def program():
        return shutil.which("redis-server")

    @classmethod
    def version(cls):
        return "Redis " + subprocess.run([cls.program(), "--version"], capture_output=True,
                                         text=True, check=True).stdout.split("v=")[1].split()[0]

    def start(self):
        data, options = self.own_folder()
        self.port = free_port()
        self.spawn(self.program(), "--port", self.port, "--bind", "127.0.0.1", "--dir", data,
                   "--appendonly", "yes", "--appendfsync", "always", "--save", "",
                   "--auto-aof-rewrite-percentage", "0", "--daemonize", "no", cwd="/", **options)
        wait_until(lambda: listens(self.port), self.process, "redis-server")


class Postgres(Peer):
    name = "postgres"
    end_signal = signal.SIGINT  # ends its sessions, then itself
    about = ("synchronous_commit on, shared_buffers 1 GB, max_wal_size 8 GB, wal_level minimal, "
             "instances with fillfactor 50; a transition is one prepared statement and one "
             "transaction; in c also in transactions of 16, which is what c is compared with")

    @staticmethod
    def program():
        places = sorted(pathlib.Path("/usr/lib/postgresql").glob("*/bin/postgres"))
        found = [str(place) for place in places if (place.parent / "initdb").exists()]
        return found[-1] if found else shutil.which("postgres")

    @classmethod
    def version(cls):
        line = subprocess.run([cls.program(), "--version"], capture_output=True, text=True,
                              check=True).stdout
        return "PostgreSQL " + line.split(")")[1].split()[0]

    def start(self):
        data, options = self.own_folder()
        made = subprocess.run(
            [str(pathlib.Path(self.program()).parent / "initdb"), "-D", str(data), "-U", "postgres",
             "--auth", "trust", "--encoding", "UTF8", "--locale", "C", "--no-sync"],
            capture_output=True, text=True, check=False, cwd="/", **options)
        if made.returncode != 0:
            raise Failed(f"initdb: {made.stderr}")
        self.port = free_port()
        settings = {"listen_addresses": "127.0.0.1", "unix_socket_directories": "", "fsync": "on",
                    "synchronous_commit": "on", "shared_buffers": "1GB", "max_wal_size": "8GB",
                    "wal_level": "minimal", "max_wal_senders": "0", "max_connections": "200",
                    "checkpoint_timeout": "30min"}
        given = (part for name, value in settings.items() for part in ("-c", f"{name}={value}"))
        self.spawn(self.program(), "-D", data, "-p", self.port, *given, cwd="/", **options)
        wait_until(lambda: listens(self.port), self.process, "postgres")


PEERS = (Redis, Postgres)


def peers_here():
    """(peers whose programs are there, sentences about those that are missing)"""
    here = [peer for peer in PEERS if peer.program()]
    missing = [f"{peer.name} is not installed, its rows are left out (scripts/bootstrap --bench "
               "installs it)" for peer in PEERS if not peer.program()]
    return here, missing
