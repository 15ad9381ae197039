"""A batch's operations as the protocol has them, and its answers as records."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from . import models
from ._messages import make_idempotency_key
from .errors import InvalidArgumentError, ProtocolError, server_error

_OPERATIONS: dict[type, str] = {
    models.CreateInstance: "CREATE_INSTANCE",
    models.ApplyEvent: "APPLY_EVENT",
    models.DeleteInstance: "DELETE_INSTANCE",
}
_RESULTS: dict[str, Any] = {
    "CREATE_INSTANCE": models.CreateInstanceResult,
    "APPLY_EVENT": models.ApplyEventResult,
    "DELETE_INSTANCE": models.DeleteInstanceResult,
}

Operation = models.BatchOperation | Mapping[str, Any]


def encode(operations: Iterable[Operation], *, keys: bool) -> list[dict[str, Any]]:
    """With `keys`, each operation that has no idempotency key is given one."""
    encoded = []
    for operation in operations:
        name = _OPERATIONS.get(type(operation))
        if name is not None:
            pairs = (
                (field.name, getattr(operation, field.name))
                for field in dataclasses.fields(operation)  # type: ignore[arg-type]
            )
            params = {field: value for field, value in pairs if value is not None}
        elif isinstance(operation, Mapping) and isinstance(operation.get("op"), str):
            name = str(operation["op"])
            params = dict(operation.get("params") or {})
        else:
            raise InvalidArgumentError(
                "an operation of a batch is a CreateInstance, ApplyEvent or DeleteInstance, "
                f"or a mapping with op and params, not {operation!r}"
            )
        if keys and name in _RESULTS and params.get("idempotency_key") is None:
            params["idempotency_key"] = make_idempotency_key()
        encoded.append({"op": name, "params": params})
    return encoded


def first_instance(operations: Sequence[Mapping[str, Any]]) -> str | None:
    """A batch travels with the instance of its first operation."""
    found = operations[0]["params"].get("instance_id") if operations else None
    return found if isinstance(found, str) else None


def decode(
    operations: Sequence[Mapping[str, Any]], answer: Mapping[str, Any]
) -> models.BatchResult:
    results = answer.get("results")
    if not isinstance(results, list) or len(results) != len(operations):
        raise ProtocolError(f"a batch of {len(operations)} was answered by {str(answer)[:200]}")
    items = []
    for operation, result in zip(operations, results, strict=True):
        if result.get("status") == "ok":
            value = _RESULTS[operation["op"]].of(result.get("result"))
            items.append(models.BatchItem(value, None))
        else:
            items.append(models.BatchItem(None, server_error(result.get("error") or {})))
    return models.BatchResult(items, answer.get("wal_offset"))
