"""What can go wrong: one family, RstmdbError, with a class for each code of the server.

Decide by class, `code` and `details`; messages are for people and may change.
"""

from __future__ import annotations

import builtins
import enum
from collections.abc import Mapping
from typing import Any


class ErrorCode(str, enum.Enum):
    """The protocol's closed list of codes."""

    UNSUPPORTED_PROTOCOL = "UNSUPPORTED_PROTOCOL"
    BAD_REQUEST = "BAD_REQUEST"
    UNAUTHORIZED = "UNAUTHORIZED"
    AUTH_FAILED = "AUTH_FAILED"
    NOT_FOUND = "NOT_FOUND"
    MACHINE_NOT_FOUND = "MACHINE_NOT_FOUND"
    MACHINE_VERSION_EXISTS = "MACHINE_VERSION_EXISTS"
    MACHINE_VERSION_LIMIT_EXCEEDED = "MACHINE_VERSION_LIMIT_EXCEEDED"
    INSTANCE_NOT_FOUND = "INSTANCE_NOT_FOUND"
    INSTANCE_EXISTS = "INSTANCE_EXISTS"
    INVALID_TRANSITION = "INVALID_TRANSITION"
    GUARD_FAILED = "GUARD_FAILED"
    CONFLICT = "CONFLICT"
    WAL_IO_ERROR = "WAL_IO_ERROR"
    INTERNAL_ERROR = "INTERNAL_ERROR"
    RATE_LIMITED = "RATE_LIMITED"

    def __str__(self) -> str:
        return str(self.value)


class RstmdbError(Exception):
    """Everything that this library raises by itself."""


class InvalidArgumentError(RstmdbError, ValueError):
    """Refused before anything was sent: an option, or a parameter that is no JSON."""


class ConnectionError(RstmdbError, builtins.ConnectionError):
    """There is no connection, or it was lost.

    `reason` is one of `resolve`, `refused`, `unreachable`, `timeout`, `closed`, `tls`,
    `certificate` and `queue`. `maybe_applied` says that the call had been sent, so that whether it
    took effect is not known.
    """

    reason: str
    maybe_applied: bool

    def __init__(
        self, message: str, *, reason: str = "closed", maybe_applied: bool = False
    ) -> None:
        super().__init__(message)
        self.reason = reason
        self.maybe_applied = maybe_applied


class RequestTimeoutError(RstmdbError, builtins.TimeoutError):
    """No answer in time. `maybe_applied` as in ConnectionError. The connection lives on."""

    maybe_applied: bool

    def __init__(self, message: str, *, maybe_applied: bool = False) -> None:
        super().__init__(message)
        self.maybe_applied = maybe_applied


class ProtocolError(RstmdbError):
    """The other side does not speak the protocol. The connection is given up."""


class ServerError(RstmdbError):
    """The server's answer to a request. Each code has a class of its own below this one.

    `maybe_applied` says that the request may have taken effect all the same: the server does not
    know (WalIoError, InternalError), or it had been sent before on a connection that was lost.
    """

    code: ErrorCode | str
    message: str
    retryable: bool
    details: Mapping[str, Any]
    maybe_applied: bool

    def __init__(
        self,
        code: ErrorCode | str,
        message: str,
        *,
        retryable: bool = False,
        details: Mapping[str, Any] | None = None,
        maybe_applied: bool = False,
    ) -> None:
        super().__init__(f"{code}: {message}")
        self.code = code
        self.message = message
        self.retryable = retryable
        self.details = details or {}
        self.maybe_applied = maybe_applied

    def __reduce__(self) -> tuple[Any, ...]:
        more = {
            "retryable": self.retryable,
            "details": dict(self.details),
            "maybe_applied": self.maybe_applied,
        }
        return _revive, (type(self), self.code, self.message, more)


def _revive(kind: type[ServerError], code: str, message: str, more: dict[str, Any]) -> ServerError:
    return kind(code, message, **more)


class UnsupportedProtocolError(ServerError):
    """The server does not speak this version of the protocol."""


class BadRequestError(ServerError):
    """Can never succeed as it is; `details["path"]` names the place."""


class UnauthorizedError(ServerError):
    """AUTH is needed first, or the caller has no right to this operation."""


class AuthFailedError(ServerError):
    """The token is not one that the server knows."""


class NotFoundError(ServerError):
    """A subscription, or a place in the log that has been compacted away, is not there."""


class MachineNotFoundError(ServerError):
    """No machine of that name and version."""


class MachineVersionExistsError(ServerError):
    """That version is there already with another definition."""


class MachineVersionLimitExceededError(ServerError):
    """The machine has as many versions as the server allows."""


class InstanceNotFoundError(ServerError):
    """No instance has that id, or it is deleted."""


class InstanceExistsError(ServerError):
    """The id is taken, if only by an instance that has been deleted since."""


class InvalidTransitionError(ServerError):
    """No transition for that event in the instance's state."""


class GuardFailedError(ServerError):
    """There are transitions for that event, but no guard of theirs holds."""


class ConflictError(ServerError):
    """Not the state, offset, checksum or parameters that the caller expected."""


class WalIoError(ServerError):
    """The log could not be written; whether the request took effect shows after a restart."""


class InternalError(ServerError):
    """The server is at fault."""


class RateLimitedError(ServerError):
    """A bound of the server is reached; wait, then send the same request again."""


_CLASSES: dict[str, type[ServerError]] = {
    "UNSUPPORTED_PROTOCOL": UnsupportedProtocolError,
    "BAD_REQUEST": BadRequestError,
    "UNAUTHORIZED": UnauthorizedError,
    "AUTH_FAILED": AuthFailedError,
    "NOT_FOUND": NotFoundError,
    "MACHINE_NOT_FOUND": MachineNotFoundError,
    "MACHINE_VERSION_EXISTS": MachineVersionExistsError,
    "MACHINE_VERSION_LIMIT_EXCEEDED": MachineVersionLimitExceededError,
    "INSTANCE_NOT_FOUND": InstanceNotFoundError,
    "INSTANCE_EXISTS": InstanceExistsError,
    "INVALID_TRANSITION": InvalidTransitionError,
    "GUARD_FAILED": GuardFailedError,
    "CONFLICT": ConflictError,
    "WAL_IO_ERROR": WalIoError,
    "INTERNAL_ERROR": InternalError,
    "RATE_LIMITED": RateLimitedError,
}


def server_error(error: Mapping[str, Any]) -> ServerError:
    """The exception for the `error` member of an answer. A code that this version does not know
    becomes a plain ServerError with the code as text."""
    try:
        text = error["code"]
        kind = _CLASSES.get(text, ServerError)
        code = ErrorCode(text) if text in _CLASSES else str(text)
        return kind(
            code,
            str(error.get("message", "")),
            retryable=bool(error.get("retryable", False)),
            details=error.get("details"),
            maybe_applied=text in ("WAL_IO_ERROR", "INTERNAL_ERROR"),
        )
    except (KeyError, TypeError, AttributeError) as problem:
        raise ProtocolError(f"an error without a code: {error!r}") from problem
