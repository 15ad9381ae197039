"""What a client can be told, checked once."""

from __future__ import annotations

import dataclasses
import logging
import math
import os
import ssl
import urllib.parse
from collections.abc import Callable
from typing import Any

from . import _json
from ._messages import WIRES, Wire
from ._version import __version__
from .errors import InvalidArgumentError

_log = logging.getLogger("rstmdb")
PathLike = str | os.PathLike[str]
POOL_MAX = 1024


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Options:
    """Every option with its default. `Client(...)` takes the same names."""

    host: str = "127.0.0.1"
    port: int = 7401
    token: str | None = dataclasses.field(default=None, repr=False)
    client_name: str = "rstmdb-python"
    tls: bool = False
    ca_cert: PathLike | None = None
    client_cert: PathLike | None = None
    client_key: PathLike | None = None
    insecure: bool = False
    server_name: str | None = None
    ssl_context: ssl.SSLContext | None = None
    connect_timeout: float = 10.0
    request_timeout: float = 30.0
    auto_reconnect: bool = True
    max_reconnect_attempts: int = 0
    reconnect_base_delay: float = 0.05
    reconnect_max_delay: float = 5.0
    on_reconnect: Callable[[], object] | None = None
    pool_size: int = 1
    offline_queue_max: int = 10_000
    auto_idempotency_keys: bool = True
    wire: str = "binary_json"
    decimals: bool = False
    loads: _json.Loads | None = None
    dumps: _json.Dumps | None = None

    def __post_init__(self) -> None:
        for name in ("connect_timeout", "request_timeout"):
            value = getattr(self, name)
            if not 0 < value < math.inf:
                raise InvalidArgumentError(f"{name} must be above 0 and finite, not {value!r}")
        for name in ("reconnect_base_delay", "reconnect_max_delay"):
            value = getattr(self, name)
            if not 0 <= value < math.inf:
                raise InvalidArgumentError(f"{name} must be 0 or above and finite, not {value!r}")
        if not 1 <= self.port <= 65535:
            raise InvalidArgumentError(f"port must be 1 to 65535, not {self.port!r}")
        if not 1 <= self.pool_size <= POOL_MAX:
            raise InvalidArgumentError(f"pool_size must be 1 to {POOL_MAX}, not {self.pool_size!r}")
        if self.wire not in WIRES:
            raise InvalidArgumentError(f"wire must be one of {WIRES}, not {self.wire!r}")
        if self.client_key and not self.client_cert:
            raise InvalidArgumentError("client_key needs client_cert")

    def messages(self) -> Wire:
        loads = self.loads or _json.loads(decimals=self.decimals)
        return Wire(self.wire, loads, self.dumps or _json.dumps)

    def opening(self) -> list[tuple[str, dict[str, Any]]]:
        """The requests that begin a session, to be sent without waiting between them."""
        hello = {
            "protocol_version": 1,
            "client_name": self.client_name,
            "client_version": __version__,
            "wire_modes": [self.wire],
        }
        requests: list[tuple[str, dict[str, Any]]] = [("HELLO", hello)]
        if self.token:
            requests.append(("AUTH", {"token": self.token}))
        return requests

    def tls_context(self) -> ssl.SSLContext | None:
        """None = plain TCP. Files are read each time, so that replaced ones are used."""
        if self.ssl_context is not None:
            return self.ssl_context
        if not self.tls:
            return None
        return create_ssl_context(self.ca_cert, self.client_cert, self.client_key, self.insecure)

    def tell_reconnected(self) -> None:
        """What the callback raises is logged; it must not become the outcome of some call."""
        if self.on_reconnect is not None:
            try:
                self.on_reconnect()
            except Exception:
                _log.exception("on_reconnect has failed")

    def backoff(self, failures: int, random: float) -> float:
        """Seconds to wait after so many failures in a row: doubled each time up to the maximum,
        less a random part of up to a half, so that many clients do not come back as one."""
        doublings = min(max(failures - 1, 0), 62)
        whole = min(self.reconnect_max_delay, self.reconnect_base_delay * 2**doublings)
        return float(whole * (1 - random / 2))


def create_ssl_context(
    ca_cert: PathLike | None = None,
    client_cert: PathLike | None = None,
    client_key: PathLike | None = None,
    insecure: bool = False,
) -> ssl.SSLContext:
    """TLS 1.2 or newer. Trusts `ca_cert`, or the system's certificates without it; `insecure`
    accepts any certificate and any name."""
    try:
        context = ssl.create_default_context(cafile=ca_cert)
        context.minimum_version = ssl.TLSVersion.TLSv1_2
        if client_cert is not None:
            context.load_cert_chain(client_cert, client_key)
    except (OSError, ssl.SSLError) as problem:
        raise InvalidArgumentError(f"the TLS files: {problem}") from problem
    if insecure:
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
    return context


def options_of_url(url: str) -> dict[str, Any]:
    """`rstmdb://[:token@]host[:port]`, or rstmdbs for TLS; no other part may be there."""
    try:
        parts = urllib.parse.urlsplit(url)
        port = parts.port
    except ValueError as problem:
        raise InvalidArgumentError(f"the address: {problem}") from problem
    if parts.scheme not in ("rstmdb", "rstmdbs") or not parts.hostname:
        raise InvalidArgumentError("an address is rstmdb://host:port, or rstmdbs:// for TLS")
    if parts.path not in ("", "/") or parts.query or parts.fragment or parts.username:
        raise InvalidArgumentError("an address has a token, a host and a port, and nothing else")
    found: dict[str, Any] = {"host": parts.hostname, "tls": parts.scheme == "rstmdbs"}
    if port is not None:
        found["port"] = port
    if parts.password is not None:
        found["token"] = urllib.parse.unquote(parts.password)
    return found
