"""A real server on a folder of its own, for the tests."""

from __future__ import annotations

import json
import os
import pathlib
import signal
import subprocess
import time

ROOT = pathlib.Path(__file__).resolve().parents[3]
PROGRAM = os.environ.get("RSTMDB_SERVER", str(ROOT / "build/release/bin/rstmdb"))
START_TIMEOUT_S = 30.0

TOGGLE = {
    "states": ["off", "on"],
    "initial": "off",
    "transitions": [
        {"from": "off", "event": "PUSH", "to": "on"},
        {"from": "on", "event": "PUSH", "to": "off"},
        {"from": "on", "event": "LOCK", "to": "off", "guard": "ctx.key == true"},
    ],
}


class Server:
    """Keeps its port over restarts."""

    def __init__(self, folder: pathlib.Path, **sections: dict[str, object]) -> None:
        self.folder = folder
        self.port = 0
        self._sections = sections
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> Server:
        port_file = self.folder / "port"
        port_file.unlink(missing_ok=True)
        config = self.folder / "config.yaml"  # every JSON text is YAML as well
        settings: dict[str, dict[str, object]] = {
            "network": {"bind_addr": f"127.0.0.1:{self.port}"},
            "storage": {"data_dir": str(self.folder / "data"), "allow_flush_all": True},
            "http": {"enabled": False},
            "logging": {"level": "warn"},
        }
        for name, keys in self._sections.items():
            settings.setdefault(name, {}).update(keys)
        config.write_text(json.dumps(settings))
        kept = {key: value for key, value in os.environ.items() if not key.startswith("RSTMDB_")}
        with open(self.folder / "log", "ab") as log:
            self._process = subprocess.Popen(
                [PROGRAM, "--port-file", str(port_file)],
                env={**kept, "RSTMDB_CONFIG": str(config)},
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
            )
        deadline = time.monotonic() + START_TIMEOUT_S
        while time.monotonic() < deadline and self._process.poll() is None:
            text = port_file.read_text().strip() if port_file.exists() else ""
            if text:
                self.port = int(text)
                return self
            time.sleep(0.005)  # polling, with the deadline above
        raise AssertionError(f"no server: {(self.folder / 'log').read_text()[-2000:]}")

    def kill(self) -> None:
        """SIGKILL, as a crash would have it."""
        self._end(signal.SIGKILL)

    def stop(self) -> None:
        self._end(signal.SIGTERM)

    def _end(self, how: signal.Signals) -> None:
        if self._process is not None:
            self._process.send_signal(how)
            self._process.wait(20)
            self._process = None
