from __future__ import annotations

import pathlib
import sys
from collections.abc import Iterator

import pytest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent))

from server import TOGGLE, Server

import rstmdb.sync


@pytest.fixture(scope="session")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A server for tests that make machines and instances of their own names."""
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
