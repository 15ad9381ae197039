"""A server that is killed before the nth of its calls, for every n until one lives to its end.

  shim    n counts all file calls below the data folder, over all threads (shim.c): between two of
          them the folder is the same, so these are all the folders that a kill can leave
  strace  n counts the calls of one kind of one thread, whichever gets there first, as the kernel
          sees them: with nothing in the process, and also the calls that the shim does not know

After each kill the server is started, compared with what is known (scripted.py), killed, started
and compared again, gets the request without an answer once more, and is asked to end.
"""

import pathlib
import re
import shutil
import subprocess
import tempfile
import threading
import time

import scripted
from matrix import Broken, demand
from subject import Fault, Subject, clean_stop

KINDS = ("pwrite64", "fdatasync", "fsync", "ftruncate", "rename", "unlink", "mkdir", "openat",
         "close", "pread64", "getdents64", "flock", "newfstatat", "statx", "fcntl", "statfs",
         "fadvise64")
TRACE_S = 20.0
SHIM_EVERY = 5  # in a short run
STRACE_SAMPLE = (("pwrite64", 4), ("pwrite64", 15), ("fdatasync", 6), ("fsync", 4), ("rename", 2),
                 ("unlink", 1), ("ftruncate", 1), ("openat", 40))


class StracedSubject(Subject):
    """Runs under strace, whose options are `inject`; the program stays our child."""

    inject = ()

    def command(self):
        # Not with --seccomp-bpf: 6.1 then counts no further than to the first call.
        prefix = ["strace", "-D", "-f", "-qq", "-o", "/dev/null"]
        return [*(prefix + list(self.inject) if self.inject else ()), *super().command()]


def ptrace_works():
    """None, or why strace is of no use here."""
    if not shutil.which("strace"):
        return "strace is not installed"
    done = subprocess.run(["strace", "-qq", "-o", "/dev/null", "-e", "inject=close:signal=KILL",
                           "-e", "trace=close", "cat", "/dev/null"], stdout=subprocess.DEVNULL,
                          stderr=subprocess.PIPE, check=False)
    # strace ends by the signal that it has ended the program with.
    return None if done.returncode == -9 else f"strace does not work: {done.stderr[-200:]!r}"


def calls_on_the_folder(program, life, folder):
    """Names of the system calls that a life makes on its data folder, as strace sees them."""
    server = StracedSubject(program, folder)
    trace = pathlib.Path(folder) / "trace"
    server.inject = ("--decode-fds=path", "-o", trace)
    try:
        life.prepare(server)
        server.start()
        demand(life.play(server) == len(life.steps), "the connection broke")
        demand(server.terminate() == 0, "the end was not clean")
        deadline = time.monotonic() + TRACE_S
        while "exit_group(" not in trace.read_text(errors="replace"):
            demand(time.monotonic() < deadline, "the trace has no end")
            time.sleep(0.01)  # polling, with the deadline above
    finally:
        server.abandon()
    named = re.compile(rf"^\d+ +(\w+)\(.*{re.escape(str(server.data))}[/\">]")
    found = {match[1] for match in map(named.match, trace.read_text(errors="replace").splitlines())
             if match}
    return found - {"execve"}


def every_kind_has_its_loop(program, lives):
    """None, or which calls of a life no kill comes before."""
    found = set()
    for life in lives:
        with tempfile.TemporaryDirectory(prefix="rstmdb-trace-") as folder:
            try:
                found |= calls_on_the_folder(program, life, folder)
            except Broken as broken:
                return f"{life.name} life: {broken}"
    if len(found) < len(KINDS) // 2:
        return f"strace has seen only {sorted(found)}"
    missing = sorted(found - set(KINDS))
    return f"no kill comes before {', '.join(missing)}" if missing else None


def name_of(life, kind):
    return f"{life.name} life killed before {kind or 'file call'}"


class Kill:
    """One kill in one life: before the nth call of `kind`, or of any when there is none."""

    def __init__(self, life, nth, kind=None):
        self.life, self.nth, self.kind = life, nth, kind
        self.name = f"{name_of(life, kind)} {nth}"

    def subject(self, program, folder, shim):
        if self.kind is None:
            server = Subject(program, folder, shim=shim)
            server.arm(Fault("any", "kill", nth=self.nth))
            return server
        server = StracedSubject(program, folder)
        server.inject = ("-e", f"trace={self.kind}",
                         "-e", f"inject={self.kind}:signal=KILL:when={self.nth}")
        return server

    def run(self, program, shim):
        """Whether the process was killed; raises Broken."""
        with tempfile.TemporaryDirectory(prefix="rstmdb-kill-") as folder:
            server = self.subject(program, folder, shim)
            try:
                return self.play(server)
            except (OSError, RuntimeError, EOFError, KeyError) as problem:
                raise Broken(f"{problem!r} {server.errors()[-500:]}") from None
            finally:
                server.abandon()

    def play(self, server):
        life = self.life
        life.prepare(server)
        acknowledged = life.play(server) if server.tries_to_start() else 0
        code = server.terminate()
        demand(code in (0, -9), f"ended with {code}")
        demand(code == -9 or acknowledged == len(life.steps), "the connection broke")
        server.disarm()
        server.inject = ()
        head = 0
        for start in ("first", "second"):
            demand(server.tries_to_start(), f"no {start} start: {server.errors()[-500:]}")
            found = life.check(server, acknowledged)
            demand(start == "first" or found == head, f"the second start ends at {found}")
            head = found
            if start == "first":
                server.kill()
        life.repeat(server, acknowledged)
        demand(server.terminate() == 0, "the end was not clean")
        return code == -9


def learn(program, folder):
    server = Subject(program, folder)
    try:
        return scripted.lives(server, pathlib.Path(folder), clean_stop.MACHINE)
    finally:
        server.abandon()


class Loop:
    """Kills of one kind in one life with n = first, first + step, … as far as there are such calls;
    without a step only the first. What is handed out while the end is not known yet may lie behind
    it."""

    def __init__(self, life, kind=None, first=1, step=1):
        self.life, self.kind, self.step = life, kind, step
        self.name = name_of(life, kind)
        self.following = first
        self.struck, self.ended = 0, False

    def take(self):
        if self.ended:
            return None
        kill = Kill(self.life, self.following, self.kind)
        self.following += self.step
        self.ended = self.step == 0
        return kill

    def judge(self, killed):
        self.struck += killed
        self.ended |= not killed

    def __str__(self):
        return f"{self.life.name} life, {self.kind or 'any file call'}: {self.struck}"


def loops(lives, shim, straced):
    """The complete ones."""
    for life in lives:
        if shim:
            yield Loop(life)
        for kind in KINDS if straced else ():
            yield Loop(life, kind)


def sample(lives, shim, straced):
    """What is run when time is short."""
    if shim:
        for number, life in enumerate(lives):
            yield Loop(life, first=3 + 5 * number, step=SHIM_EVERY)
    for kind, nth in STRACE_SAMPLE if straced else ():
        yield Loop(lives[0], kind, first=nth, step=0)


class Runner:
    """Takes the kills of `loops` one by one, from several threads and none after `ends`, and tells
    `count(name, outcome, problem, seconds)` of each."""

    def __init__(self, loops_, program, shim, count, ends):
        self.loops, self.program, self.shim, self.count = loops_, program, shim, count
        self.ends = ends
        self.lock = threading.Lock()

    def take(self):
        with self.lock:
            for loop in self.loops if time.monotonic() <= self.ends else ():
                kill = loop.take()
                if kill:
                    return loop, kill
        return None, None

    def run(self):
        while True:
            loop, kill = self.take()
            if not kill:
                return
            began, problem, killed = time.monotonic(), "", True
            try:
                killed = kill.run(self.program, self.shim)
            except Broken as broken:
                problem = str(broken)
            with self.lock:
                loop.judge(killed)
                # A loop that fails in each life would never end.
                loop.ended |= bool(problem)
                # Behind the last call nothing has been tested.
                if killed:
                    self.count(kill.name, "killed", problem, time.monotonic() - began)
