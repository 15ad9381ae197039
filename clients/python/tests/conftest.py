from __future__ import annotations

import asyncio
import contextlib
import pathlib
from collections.abc import Callable, Iterator
from typing import Any

import hypothesis
import hypothesis.configuration
import pytest
from server import ROOT, TOGGLE, Server

import rstmdb
import rstmdb.sync

hypothesis.configuration.set_hypothesis_home_dir(ROOT / "build/python-client/hypothesis")
hypothesis.settings.register_profile("here", database=None, deadline=None)
hypothesis.settings.load_profile("here")


@pytest.fixture(scope="session")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A server for tests that make instances of their own names."""
    server = Server(tmp_path_factory.mktemp("shared")).start()
    with rstmdb.sync.Client(port=server.port) as client:
        client.put_machine("toggle", 1, TOGGLE)
    yield server
    server.stop()


@pytest.fixture
def own(tmp_path: pathlib.Path) -> Iterator[Server]:
    """A server that a test may kill."""
    server = Server(tmp_path).start()
    with rstmdb.sync.Client(port=server.port) as client:
        client.put_machine("toggle", 1, TOGGLE)
    yield server
    server.kill()


class Blocking:
    """An asyncio object with blocking methods: one test then says what both clients do."""

    def __init__(self, inner: Any, runner: asyncio.Runner) -> None:
        self._inner = inner
        self._runner = runner

    def __getattr__(self, name: str) -> Any:
        value = getattr(self._inner, name)
        if not callable(value):
            return value

        def call(*args: Any, **kwargs: Any) -> Any:
            result = value(*args, **kwargs)
            if hasattr(result, "__aiter__") and hasattr(result, "asend"):
                return self._iterate(result)
            if asyncio.iscoroutine(result):
                result = self._runner.run(result)
            if isinstance(result, rstmdb.Subscription):
                return Blocking(result, self._runner)
            return result

        return call

    def _iterate(self, stream: Any) -> Iterator[Any]:
        try:
            while True:
                try:
                    yield self._runner.run(anext(stream))
                except StopAsyncIteration:
                    return
        finally:
            self._runner.run(stream.aclose())

    def __iter__(self) -> Iterator[Any]:
        while True:
            try:
                yield self._runner.run(anext(self._inner))
            except StopAsyncIteration:
                return


Connect = Callable[..., Any]


@pytest.fixture(params=["async", "sync"])
def connect(request: pytest.FixtureRequest) -> Iterator[Connect]:
    """Makes connected clients of either kind, with blocking methods, and closes them."""
    with contextlib.ExitStack() as stack:
        runner = stack.enter_context(asyncio.Runner())

        def made(*args: Any, **options: Any) -> Any:
            client: Any
            if request.param == "sync":
                client = rstmdb.sync.Client(*args, **options)
            else:
                client = Blocking(rstmdb.Client(*args, **options), runner)
            stack.callback(client.close)
            client.connect()
            return client

        yield made
