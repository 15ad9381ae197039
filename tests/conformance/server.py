"""A server with its data in a folder of its own, over plain TCP, TLS or mTLS; it keeps its port
when it is killed and started again, so that clients find it there."""

import json
import os
import pathlib
import signal
import socket
import ssl
import subprocess
import sys
import threading
import time

sys.dont_write_bytecode = True
ROOT = pathlib.Path(__file__).resolve().parents[2]
sys.path[1:1] = [str(ROOT / "tools"), str(ROOT / "tests/security")]

import canonical  # noqa: E402
import rcp  # noqa: E402
from certificates import Authority  # noqa: E402

TRANSPORTS = ("plain", "tls", "mtls")
START_TIMEOUT_S = 30.0
STOP_TIMEOUT_S = 20.0
# Below the range of ports that systems give to outgoing connections: none of those can take the
# port of a server that is down, and no client that tries it can be connected with itself.
PORTS = range(15_000, 30_000)


class Failed(Exception):
    """Something is not as it has to be; the text says what."""


def certificates(folder):
    """Certificates for servers and clients; {what: path of the file}."""
    own = Authority(folder)
    own.root("root")
    own.root("other-root")
    own.make("server", "root", "server", subject="/O=Acme/CN=localhost")
    own.make("client", "root")
    return {name: own.path(name) for name in ("root.pem", "other-root.pem", "server.pem",
                                              "server.key", "client.pem", "client.key")}


class Ports:
    """Free ports, each given once in the life of this process."""

    def __init__(self):
        self.lock = threading.Lock()
        self.rest = iter(range(PORTS.start + os.getpid() * 61 % (len(PORTS) - 2_000), PORTS.stop))

    def take(self):
        with self.lock:
            for port in self.rest:
                with socket.socket() as probe:
                    try:
                        probe.bind(("127.0.0.1", port))
                        return port
                    except OSError:
                        continue
        raise Failed("no free port is left")


PORTS_LEFT = Ports()


class Server:
    """`transport` is one of TRANSPORTS, `certs` what certificates() gave; `settings` is laid over
    the configuration."""

    def __init__(self, program, folder, transport="plain", certs=None, settings=None):
        self.program, self.folder = str(program), pathlib.Path(folder)
        self.transport, self.certs = transport, certs
        self.port = PORTS_LEFT.take()
        self.process = None
        self.config = self.folder / "config.yaml"
        whole = {"network": {"bind_addr": f"127.0.0.1:{self.port}"},
                 "storage": {"data_dir": str(self.folder / "data")},
                 "http": {"enabled": False},
                 "logging": {"level": "warn", "format": "json"}}
        if transport != "plain":
            whole["tls"] = {"enabled": True, "cert_path": certs["server.pem"],
                            "key_path": certs["server.key"]}
        if transport == "mtls":
            whole["tls"] |= {"require_client_cert": True, "client_ca_path": certs["root.pem"]}
        for section, keys in (settings or {}).items():
            whole.setdefault(section, {}).update(keys)
        self.config.write_text(json.dumps(whole))  # every JSON text is YAML as well

    def __enter__(self):
        self.start()
        return self

    def __exit__(self, *_):
        if self.process and self.process.poll() is None:
            self.process.kill()
            self.process.wait()

    def start(self):
        port_file = self.folder / "port"
        port_file.unlink(missing_ok=True)
        environment = {key: value for key, value in os.environ.items()
                       if not key.startswith("RSTMDB_")}
        with open(self.folder / "stderr", "ab") as stderr:
            self.process = subprocess.Popen(
                [self.program, "--config", str(self.config), "--port-file", str(port_file)],
                env=environment, stdin=subprocess.DEVNULL, stdout=stderr, stderr=stderr)
        deadline = time.monotonic() + START_TIMEOUT_S
        while not (port_file.exists() and port_file.read_text().strip()):
            if self.process.poll() is not None:
                raise Failed(f"the server ended with {self.process.returncode}: {self.output()}")
            if time.monotonic() > deadline:
                raise Failed(f"no port after {START_TIMEOUT_S:.0f} s: {self.output()}")
            time.sleep(0.002)  # polling, with the deadline above

    def end(self, how):
        """`kill` is SIGKILL; `stop` is SIGTERM and has to end with exit code 0."""
        self.process.send_signal(signal.SIGKILL if how == "kill" else signal.SIGTERM)
        try:
            code = self.process.wait(STOP_TIMEOUT_S)
        except subprocess.TimeoutExpired:
            raise Failed(f"the server did not end within {STOP_TIMEOUT_S:.0f} s") from None
        if how == "stop" and code != 0:
            raise Failed(f"the server ended with {code}: {self.output()}")

    def output(self):
        return (self.folder / "stderr").read_text(errors="replace")[-2000:]

    def address(self, token=None):
        """The members of a connect of the adapters' contract that lead to this server."""
        given = {"host": "127.0.0.1", "port": self.port}
        if token:
            given["token"] = token
        if self.transport != "plain":
            given["tls"] = {"ca_cert": self.certs["root.pem"]}
        if self.transport == "mtls":
            given["tls"] |= {"client_cert": self.certs["client.pem"],
                             "client_key": self.certs["client.key"]}
        return given


class Connection(rcp.Connection):
    """Requests one after the other, to an address() of a server."""

    def __init__(self, address, dialect="rcpx", timeout_s=15.0):
        super().__init__(address["port"], dialect, timeout_s)
        tls = address.get("tls")
        if tls:
            context = ssl.create_default_context(cafile=tls["ca_cert"])
            if "client_cert" in tls:
                context.load_cert_chain(tls["client_cert"], tls["client_key"])
            self.socket = context.wrap_socket(self.socket, server_hostname=address["host"])
        self.last_id = 0
        if "token" in address:
            self.must("AUTH", {"token": address["token"]})

    def ask(self, op, params):
        """The answer; numbers keep their text."""
        self.last_id += 1
        message = {"type": "request", "id": str(self.last_id), "op": op, "params": params}
        self.send(canonical.write(message).encode())
        return canonical.parse(self.receive().decode())

    def must(self, op, params):
        answer = self.ask(op, params)
        if answer["status"] != "ok":
            raise Failed(f"{op}: {canonical.write(answer)}")
        return answer["result"]


def read_log(address):
    """Every record of the log, by WAL_READ over a connection of its own."""
    connection = Connection(address, "jsonl")  # the quickest to read here
    records, offset = [], 0
    while offset is not None:
        page = connection.must("WAL_READ", {"from_offset": offset, "limit": 1000})
        records += page["records"]
        offset = page["next_offset"]
    connection.close()
    return records
