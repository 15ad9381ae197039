"""Why there is no connection, in words and in one of a few reasons."""

from __future__ import annotations

import builtins
import socket
import ssl

from ._options import Options
from .errors import ConnectionError, RstmdbError, ServerError


def lost(message: str, *, reason: str = "closed") -> ConnectionError:
    return ConnectionError(message, reason=reason)


_SILENCE = {
    "TCP_KEEPIDLE": 60,
    "TCP_KEEPINTVL": 15,
    "TCP_KEEPCNT": 4,
    "TCP_USER_TIMEOUT": 120_000,  # ms
}


def prepare(raw: socket.socket) -> None:
    """No waiting for more to send, and a peer that is gone without a word is found out in two
    minutes, whether it is silent or something is on its way to it."""
    raw.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    raw.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
    for name, value in _SILENCE.items():
        if hasattr(socket, name):
            raw.setsockopt(socket.IPPROTO_TCP, getattr(socket, name), value)


def connection_failure(options: Options, problem: Exception) -> ConnectionError:
    place = f"{options.host}:{options.port}"
    if isinstance(problem, ssl.SSLCertVerificationError):
        text = problem.verify_message
        return ConnectionError(f"the certificate of {place}: {text}", reason="certificate")
    if isinstance(problem, ssl.SSLError):
        return ConnectionError(f"TLS with {place}: {problem}", reason="tls")
    if isinstance(problem, (socket.gaierror, UnicodeError)):  # the latter of names too long
        return ConnectionError(f"{options.host}: {problem}", reason="resolve")
    if isinstance(problem, builtins.ConnectionRefusedError):
        return ConnectionError(f"{place} refuses connections", reason="refused")
    if isinstance(problem, builtins.ConnectionError):
        return ConnectionError(f"{place}: {problem}", reason="closed")
    if isinstance(problem, builtins.TimeoutError):
        return ConnectionError(f"no connection with {place} in time", reason="timeout")
    return ConnectionError(f"{place}: {problem}", reason="unreachable")


def is_final(error: RstmdbError) -> bool:
    """Whether another attempt would only meet the same: what the server refuses for good, files
    that cannot be read, and an impostor's certificate."""
    if isinstance(error, ServerError):
        return not error.retryable
    if isinstance(error, ConnectionError):
        return error.reason == "certificate"
    return True


def after_loss(error: RstmdbError, *, sent: bool) -> RstmdbError:
    """The error for one call that the loss leaves without an answer. Each call needs one of its
    own, because an exception grows a traceback where it is raised."""
    copy: RstmdbError
    if isinstance(error, ConnectionError):
        copy = ConnectionError(str(error), reason=error.reason, maybe_applied=sent)
    elif sent or not isinstance(error, ServerError):
        copy = ConnectionError(str(error), maybe_applied=sent)
    else:
        copy = type(error)(
            error.code, error.message, retryable=error.retryable, details=error.details
        )
    copy.__cause__ = error
    return copy
