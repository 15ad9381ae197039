"""Every block of code of the README runs, from the first to the last, against real servers."""

from __future__ import annotations

import ast
import asyncio
import hashlib
import inspect
import pathlib
import re
import socket
from typing import Any

import certificates
import pytest
from server import PROGRAM, Server

import rstmdb

README = pathlib.Path(__file__).resolve().parent.parent / "README.md"
HEADINGS = [
    "Install",
    "Connect",
    "Machines",
    "Instances",
    "Events",
    "History",
    "Batch",
    "Watch",
    "Errors",
    "Retries and idempotency",
    "TLS",
    "Pooling",
    "Testing your code against rstmdb",
]


def blocks() -> list[tuple[int, str]]:
    text = README.read_text()
    found = re.finditer(r"^```python\n(.*?)^```$", text, re.MULTILINE | re.DOTALL)
    return [(text.count("\n", 0, match.start(1)), match.group(1)) for match in found]


def run(code: str, line: int, names: dict[str, Any], runner: asyncio.Runner) -> None:
    flags = ast.PyCF_ALLOW_TOP_LEVEL_AWAIT
    compiled = compile("\n" * line + code, str(README), "exec", flags=flags)
    if compiled.co_flags & inspect.CO_COROUTINE:
        runner.run(eval(compiled, names))
    else:
        exec(compiled, names)


@pytest.fixture
def places(tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    """Servers where the README says that they are: connections to its addresses lead to them."""
    certificates.make(tmp_path)
    for name in ("plain", "secure"):
        (tmp_path / name).mkdir()
    plain = Server(tmp_path / "plain").start()
    digest = hashlib.sha256(b"opensesame").hexdigest()
    secure = Server(
        tmp_path / "secure",
        auth={"required": True, "token_hashes": [digest]},
        tls={
            "enabled": True,
            "cert_path": str(tmp_path / "server.pem"),
            "key_path": str(tmp_path / "server.key"),
            "client_ca_path": str(tmp_path / "ca.pem"),
            "require_client_cert": True,
        },
    ).start()
    ports = {("127.0.0.1", 7401): plain.port, ("db.internal", 7401): secure.port}
    dial = socket.create_connection
    dial_async = asyncio.BaseEventLoop.create_connection

    def create_connection(address: tuple[str, int], **options: Any) -> socket.socket:
        return dial(("127.0.0.1", ports.get(address, address[1])), **options)

    async def create_connection_async(
        loop: Any, factory: Any, host: str, port: int, **options: Any
    ) -> Any:
        there = ports.get((host, port), port)
        return await dial_async(loop, factory, "127.0.0.1", there, **options)

    monkeypatch.setattr(socket, "create_connection", create_connection)
    monkeypatch.setattr(asyncio.BaseEventLoop, "create_connection", create_connection_async)
    monkeypatch.setenv("RSTMDB_SERVER", str(pathlib.Path(PROGRAM).resolve()))
    monkeypatch.chdir(tmp_path)
    yield
    plain.kill()
    secure.kill()


def test_blocks(places: Any, capsys: pytest.CaptureFixture[str]) -> None:
    found = blocks()
    assert len(found) >= 12
    with asyncio.Runner() as runner:
        client = rstmdb.Client()
        names: dict[str, Any] = {"client": client, "asyncio": asyncio, "rstmdb": rstmdb}
        (first_line, first), *rest = found
        run(first, first_line, {}, runner)
        assert "paid {'total': 25, 'method': 'card'}" in capsys.readouterr().out
        for line, code in rest:
            run(code, line, names, runner)
        runner.run(client.close())
    printed = capsys.readouterr().out
    for expected in (
        "door [1]",
        "shut green",
        "front",
        "1 1",
        "create_instance shut",
        "open",
        "INSTANCE_NOT_FOUND nobody",
    ):
        assert expected in printed


def test_headings() -> None:
    titles = re.findall(r"^## (.+)$", README.read_text(), re.MULTILINE)
    assert titles[: len(HEADINGS)] == HEADINGS


def test_options_are_all_told() -> None:
    text = README.read_text()
    table = text[text.index("| option |") : text.index("## Machines")]
    for name in list(inspect.signature(rstmdb.Client).parameters):
        assert f"`{name}`" in table, name


def test_errors_are_all_told() -> None:
    text = README.read_text()
    for name in rstmdb.__all__:
        if name.endswith("Error"):
            assert f"`{name}`" in text, name
