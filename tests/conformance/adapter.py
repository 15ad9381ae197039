"""A client behind its adapter: a program that takes lines of JSON and answers them in any order."""

import pathlib
import subprocess
import sys
import threading
import time

sys.dont_write_bytecode = True
sys.path.insert(1, str(pathlib.Path(__file__).resolve().parents[2] / "tools"))

import canonical  # noqa: E402

ANSWER_TIMEOUT_S = 60.0
END_TIMEOUT_S = 20.0
ABOUT = {"client", "wires", "numbers", "reconnects", "general"}


class AdapterError(Exception):
    """The adapter broke the contract: it ended, said nothing, or said something else."""


class Refused(Exception):
    """What was asked for is answered with an error; `error` is the object of the contract."""

    def __init__(self, error):
        super().__init__(canonical.write(error))
        self.error = error


class Adapter:
    """Numbers keep their text in both directions. Answers are kept until they are asked for."""

    def __init__(self, command):
        self.process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        self.changed = threading.Condition()
        self.answers = {}
        self.answered = 0
        self.ended = None
        self.last_id = 0
        self.reader = threading.Thread(target=self._read, daemon=True)
        self.reader.start()
        self.about = self.ask({"do": "about"})
        if missing := ABOUT - set(self.about):
            self.abandon()
            raise AdapterError(f"the adapter does not tell {sorted(missing)} about itself")

    def send(self, request):
        """The id of the request, which is on its way."""
        self.last_id += 1
        line = canonical.write({"id": self.last_id} | request).encode() + b"\n"
        try:
            self.process.stdin.write(line)
            self.process.stdin.flush()
        except OSError as problem:
            raise AdapterError(f"the adapter takes no more lines: {problem}") from None
        return self.last_id

    def wait(self, request_id, timeout_s=ANSWER_TIMEOUT_S):
        """What the request has given; Refused when that is an error."""
        with self.changed:
            self.changed.wait_for(lambda: request_id in self.answers or self.ended, timeout_s)
            if request_id not in self.answers:
                raise AdapterError(self.ended or f"no answer within {timeout_s:.0f} s")
            answer = self.answers.pop(request_id)
        if "error" in answer:
            raise Refused(answer["error"])
        return answer["ok"]

    def ask(self, request, timeout_s=ANSWER_TIMEOUT_S):
        return self.wait(self.send(request), timeout_s)

    def wait_for_answers(self, count, timeout_s=ANSWER_TIMEOUT_S):
        """Waits until so many requests of this adapter's life have been answered."""
        with self.changed:
            if not self.changed.wait_for(lambda: self.answered >= count or self.ended, timeout_s):
                raise AdapterError(f"{self.answered} of {count} answers within {timeout_s:.0f} s")
            if self.answered < count:
                raise AdapterError(self.ended)

    def end(self):
        """Ends its input; the program has to end by itself with exit code 0."""
        self.process.stdin.close()
        try:
            code = self.process.wait(END_TIMEOUT_S)
        except subprocess.TimeoutExpired:
            self.abandon()
            raise AdapterError("the adapter does not end when its input does") from None
        if code != 0:
            raise AdapterError(f"the adapter ended with {code}")

    def abandon(self):
        if self.process.poll() is None:
            self.process.kill()
            self.process.wait()
        self.reader.join()
        self.process.stdout.close()
        try:
            self.process.stdin.close()
        except BrokenPipeError:
            pass  # what it has not read is lost with it

    def _read(self):
        ended = "the adapter has ended"
        for line in self.process.stdout:
            try:
                answer = canonical.parse(line.decode())
                request_id = int(answer["id"].text)
                if ("ok" in answer) == ("error" in answer):
                    raise ValueError("neither ok nor error, or both")
            except (ValueError, KeyError, TypeError, AttributeError) as problem:
                ended = f"no answer of the contract ({problem}): {line[:300]!r}"
                break
            with self.changed:
                self.answers[request_id] = answer
                self.answered += 1
                self.changed.notify_all()
        with self.changed:
            self.ended = ended
            self.changed.notify_all()


def connect(adapter, address, **options):
    """Connects and says how long it may take to find a server that starts."""
    deadline = time.monotonic() + ANSWER_TIMEOUT_S
    adapter.ask({"do": "connect"} | address | options, deadline - time.monotonic())
