"""TLS and mTLS with a real server, through both clients."""

from __future__ import annotations

import pathlib
import ssl
from collections.abc import Iterator
from typing import Any

import certificates
import pytest
from server import TOGGLE, Server

import rstmdb

HOST = "localhost"


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> pathlib.Path:
    made = tmp_path_factory.mktemp("certificates")
    certificates.make(made)
    return made


def tls(folder: pathlib.Path, **more: object) -> dict[str, object]:
    pair = {"cert_path": str(folder / "server.pem"), "key_path": str(folder / "server.key")}
    return {"enabled": True, **pair, **more}


@pytest.fixture(scope="module")
def server(folder: pathlib.Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    server = Server(tmp_path_factory.mktemp("tls"), tls=tls(folder)).start()
    yield server
    server.stop()


@pytest.fixture(scope="module")
def strict(folder: pathlib.Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    wants = {"client_ca_path": str(folder / "ca.pem"), "require_client_cert": True}
    server = Server(tmp_path_factory.mktemp("mtls"), tls=tls(folder, **wants)).start()
    yield server
    server.stop()


def test_a_server_that_is_trusted(connect: Any, folder: pathlib.Path, server: Server) -> None:
    client = connect(HOST, server.port, tls=True, ca_cert=folder / "ca.pem")
    client.put_machine("toggle", 1, TOGGLE)
    name = client.create_instance("toggle", 1, initial_ctx={"text": "x" * 200_000}).instance_id
    watch = client.watch_instance(name)
    client.apply_event(name, "PUSH")
    event = watch.next(10)
    assert event.to_state == "on"
    assert len(event.ctx["text"]) == 200_000
    assert watch.next(0) is None
    watch.close()


def test_a_server_that_is_not(connect: Any, folder: pathlib.Path, server: Server) -> None:
    for ca in (folder / "stranger.pem", None):
        with pytest.raises(rstmdb.ConnectionError) as refused:
            connect(HOST, server.port, tls=True, ca_cert=ca)
        assert refused.value.reason == "certificate"
    assert connect(HOST, server.port, tls=True, insecure=True).ping()


def test_the_name_has_to_be_right(connect: Any, folder: pathlib.Path, server: Server) -> None:
    options = {"tls": True, "ca_cert": str(folder / "ca.pem")}
    with pytest.raises(rstmdb.ConnectionError) as refused:
        connect("127.0.0.1", server.port, **options)
    assert refused.value.reason == "certificate"
    assert connect("127.0.0.1", server.port, server_name="db.internal", **options).ping()


def test_a_context_of_ones_own(connect: Any, folder: pathlib.Path, server: Server) -> None:
    context = ssl.create_default_context(cafile=str(folder / "ca.pem"))
    context.minimum_version = ssl.TLSVersion.TLSv1_3
    assert connect(HOST, server.port, ssl_context=context).ping()


def test_client_certificates(connect: Any, folder: pathlib.Path, strict: Server) -> None:
    pair = {"client_cert": folder / "client.pem", "client_key": folder / "client.key"}
    options = {"tls": True, "ca_cert": folder / "ca.pem"}
    assert connect(HOST, strict.port, **options, **pair).ping()
    with pytest.raises(rstmdb.ConnectionError):
        connect(HOST, strict.port, **options)


def test_plain_and_tls_do_not_mix(connect: Any, shared: Server, server: Server) -> None:
    with pytest.raises(rstmdb.ConnectionError):
        connect(HOST, server.port, connect_timeout=5)
    with pytest.raises(rstmdb.ConnectionError) as refused:
        connect(HOST, shared.port, tls=True, insecure=True, connect_timeout=5)
    assert refused.value.reason in ("tls", "closed", "timeout")


def test_files_that_cannot_be_read(connect: Any, folder: pathlib.Path, server: Server) -> None:
    for options in (
        {"ca_cert": folder / "nowhere.pem"},
        {"ca_cert": folder / "ca.pem", "client_cert": folder / "client.pem"},  # without its key
        {"client_cert": folder / "client.pem", "client_key": folder / "server.key"},
    ):
        with pytest.raises(rstmdb.InvalidArgumentError, match="TLS files"):
            connect(HOST, server.port, tls=True, **options)
    with pytest.raises(rstmdb.InvalidArgumentError):
        rstmdb.Client(client_key=folder / "client.key")


def test_replaced_files_are_used(connect: Any, folder: pathlib.Path, server: Server) -> None:
    ca = folder / "changing.pem"
    ca.write_bytes((folder / "ca.pem").read_bytes())
    client = connect(HOST, server.port, tls=True, ca_cert=ca)
    ca.write_bytes((folder / "stranger.pem").read_bytes())
    with pytest.raises(rstmdb.ConnectionError):
        client.reconnect()
    ca.write_bytes((folder / "ca.pem").read_bytes())
    client.reconnect()
    assert client.ping()
