"""What the operations take and give, as frozen dataclasses."""

from __future__ import annotations

import dataclasses
import enum
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, TypeVar

from .errors import ProtocolError, ServerError

Json = Any
_T = TypeVar("_T", bound="Record")


class Operation(str, enum.Enum):
    """The names of the operations, for `Client.call`."""

    HELLO = "HELLO"
    AUTH = "AUTH"
    PING = "PING"
    INFO = "INFO"
    BYE = "BYE"
    PUT_MACHINE = "PUT_MACHINE"
    GET_MACHINE = "GET_MACHINE"
    LIST_MACHINES = "LIST_MACHINES"
    CREATE_INSTANCE = "CREATE_INSTANCE"
    GET_INSTANCE = "GET_INSTANCE"
    LIST_INSTANCES = "LIST_INSTANCES"
    COUNT_INSTANCES = "COUNT_INSTANCES"
    GET_HISTORY = "GET_HISTORY"
    APPLY_EVENT = "APPLY_EVENT"
    DELETE_INSTANCE = "DELETE_INSTANCE"
    BATCH = "BATCH"
    FLUSH_ALL = "FLUSH_ALL"
    WATCH_INSTANCE = "WATCH_INSTANCE"
    WATCH_ALL = "WATCH_ALL"
    UNWATCH = "UNWATCH"
    WAL_READ = "WAL_READ"
    WAL_STATS = "WAL_STATS"
    SNAPSHOT_INSTANCE = "SNAPSHOT_INSTANCE"
    COMPACT = "COMPACT"

    def __str__(self) -> str:
        return str(self.value)


class Record:
    """A dataclass whose fields can also be read as `record["field"]`, as in release 0.2.1, where
    some results were dictionaries."""

    __slots__ = ()

    def __getitem__(self, name: str) -> Any:
        try:
            return getattr(self, name)
        except (AttributeError, TypeError):
            raise KeyError(name) from None

    def get(self, name: str, default: Any = None) -> Any:
        return getattr(self, name, default)

    def __contains__(self, name: object) -> bool:
        return name in self.keys()

    def keys(self) -> list[str]:
        return [field.name for field in dataclasses.fields(self)]  # type: ignore[arg-type]

    def to_dict(self) -> dict[str, Any]:
        """The record and all in it as dictionaries and lists."""
        return dataclasses.asdict(self)  # type: ignore[call-overload, no-any-return]

    @classmethod
    def of(cls: type[_T], answer: Mapping[str, Any]) -> _T:
        """From an answer of the server; members that this version does not know are left out."""
        required, optional = _shapes[cls]
        try:
            values = {name: answer[name] for name in required}
        except (KeyError, TypeError) as problem:
            raise ProtocolError(f"{cls.__name__} lacks {problem}: {str(answer)[:200]}") from problem
        for name in optional:
            if name in answer:
                values[name] = answer[name]
        return cls(**values)


_shapes: dict[type, tuple[tuple[str, ...], tuple[str, ...]]] = {}


def _shape(cls: type[_T]) -> type[_T]:
    fields = dataclasses.fields(cls)  # type: ignore[arg-type]
    required = tuple(
        field.name
        for field in fields
        if field.default is field.default_factory is dataclasses.MISSING
    )
    _shapes[cls] = required, tuple(f.name for f in fields if f.name not in required)
    return cls


# ---- session -------------------------------------------------------------------------------------


@_shape
@dataclasses.dataclass(frozen=True, slots=True)
class ServerInfo(Record):
    server_name: str
    server_version: str
    protocol_version: int
    features: list[str]
    max_frame_bytes: int
    max_batch_ops: int
    max_payload_bytes: int | None = None
    wal_segment_size: int | None = None
    auth_required: bool | None = None
    uptime_secs: int | None = None
    connections: int | None = None
    instances: int | None = None
    machines: int | None = None
    role: str | None = None


# ---- machines ------------------------------------------------------------------------------------


@_shape
@dataclasses.dataclass(frozen=True, slots=True)
class PutMachineResult(Record):
    """`created` is false when the same definition was there already."""

    machine: str
    version: int
    stored_checksum: str
    created: bool


@_shape
@dataclasses.dataclass(frozen=True, slots=True)
class GetMachineResult(Record):
    machine: str
    version: int
    definition: dict[str, Json]
    checksum: str


@_shape
@dataclasses.dataclass(frozen=True, slots=True)
class MachineVersions(Record):
    """`versions` ascend."""

    machine: str
    versions: list[int]


@dataclasses.dataclass(frozen=True, slots=True)
class ListMachinesResult(Sequence[MachineVersions]):
    """A page of machines; can be used as the list of its items."""

    items: tuple[MachineVersions, ...]
    total: int
    has_more: bool

    def __len__(self) -> int:
        return len(self.items)

    def __iter__(self) -> Iterator[MachineVersions]:
        return iter(self.items)

    def __getitem__(self, place: Any) -> Any:
        return self.items[place]

    @staticmethod
    def of(answer: Mapping[str, Any]) -> ListMachinesResult:
        items = tuple(MachineVersions.of(item) for item in _list(answer, "items"))
        total = answer.get("total", len(items))
        return ListMachinesResult(items, total, answer.get("has_more", False))


# ---- instances and events ------------------------------------------------------------------------


@_shape
@dataclasses.dataclass(frozen=True, slots=True)
class CreateInstanceResult(Record):
    instance_id: str
    state: str
    wal_offset: int


@_shape
@dataclasses.dataclass(frozen=True, slots=True)
class GetInstanceResult(Record):
    """`created_at` and `updated_at` are Unix time in milliseconds."""

    instance_id: str
    machine: str
    version: int
    state: str
    ctx: dict[str, Json]
    last_wal_offset: int
    created_at: int
    updated_at: int
    last_event_id: str | None = None


@_shape
@dataclasses.dataclass(frozen=True, slots=True)
class InstanceSummary(Record):
    id: str
    machine: str
    version: int
    state: str
    created_at: int
    updated_at: int
    last_wal_offset: int


@dataclasses.dataclass(frozen=True, slots=True)
class ListInstancesResult(Record):
    """`next_cursor` is where the next page starts, None at the end."""

    instances: list[InstanceSummary]
    total: int
    has_more: bool
    next_cursor: str | None = None

    @classmethod
    def of(cls, answer: Mapping[str, Any]) -> ListInstancesResult:
        return cls(
            [InstanceSummary.of(item) for item in _list(answer, "instances")],
            _member(answer, "total"),
            _member(answer, "has_more"),
            answer.get("next_cursor"),
        )


@_shape
@dataclasses.dataclass(frozen=True, slots=True)
class CountInstancesResult(Record):
    """`states` has every state of the definition, also those where nobody is. `wal_offset` is that
    of the last record that is counted; `version` is None when all are counted together."""

    machine: str
    states: dict[str, int]
    total: int
    wal_offset: int
    version: int | None = None


@_shape
@dataclasses.dataclass(frozen=True, slots=True)
class HistoryEvent(Record):
    """`type` is create_instance, apply_event or delete_instance; what such an event lacks is None.
    `ts` is Unix time in milliseconds, `ctx` the context after the event."""

    wal_offset: int
    ts: int
    type: str
    machine: str | None = None
    version: int | None = None
    event: str | None = None
    from_state: str | None = None
    to_state: str | None = None
    payload: dict[str, Json] | None = None
    ctx: dict[str, Json] | None = None
    event_id: str | None = None
    idempotency_key: str | None = None
    actor: str | None = None
    batch_index: int | None = None
    batch_size: int | None = None


@dataclasses.dataclass(frozen=True, slots=True)
class GetHistoryResult(Record):
    """`events` begins with the newest. `next_before_offset` is where the next page begins, None at
    the end; `horizon` the first offset that the log still has; `complete` whether the page reaches
    back to the instance's creation."""

    instance_id: str
    events: list[HistoryEvent]
    has_more: bool
    horizon: int
    complete: bool
    next_before_offset: int | None = None

    @classmethod
    def of(cls, answer: Mapping[str, Any]) -> GetHistoryResult:
        return cls(
            _member(answer, "instance_id"),
            [HistoryEvent.of(event) for event in _list(answer, "events")],
            _member(answer, "has_more"),
            _member(answer, "horizon"),
            _member(answer, "complete"),
            answer.get("next_before_offset"),
        )


@_shape
@dataclasses.dataclass(frozen=True, slots=True)
class ApplyEventResult(Record):
    """`ctx` is the context after the event. `applied` is false when the idempotency key had been
    used: then all else is the first answer."""

    from_state: str
    to_state: str
    ctx: dict[str, Json]
    wal_offset: int
    applied: bool
    event_id: str | None = None

    @classmethod
    def of(cls, answer: Mapping[str, Any]) -> ApplyEventResult:
        try:
            return cls(
                answer["from_state"],
                answer["to_state"],
                answer["ctx"],
                answer["wal_offset"],
                answer["applied"],
                answer.get("event_id"),
            )
        except (KeyError, TypeError) as problem:
            raise ProtocolError(f"an event's answer lacks {problem}") from problem


@_shape
@dataclasses.dataclass(frozen=True, slots=True)
class DeleteInstanceResult(Record):
    instance_id: str
    deleted: bool
    wal_offset: int


@_shape
@dataclasses.dataclass(frozen=True, slots=True)
class FlushAllResult(Record):
    flushed: bool
    instances_removed: int
    machines_removed: int


# ---- batch ---------------------------------------------------------------------------------------


@dataclasses.dataclass(frozen=True, slots=True)
class CreateInstance:
    machine: str
    version: int
    instance_id: str | None = None
    initial_ctx: Mapping[str, Json] | None = None
    idempotency_key: str | None = None


@dataclasses.dataclass(frozen=True, slots=True)
class ApplyEvent:
    instance_id: str
    event: str
    payload: Mapping[str, Json] | None = None
    expected_state: str | None = None
    expected_wal_offset: int | None = None
    event_id: str | None = None
    idempotency_key: str | None = None


@dataclasses.dataclass(frozen=True, slots=True)
class DeleteInstance:
    instance_id: str
    idempotency_key: str | None = None


BatchOperation = CreateInstance | ApplyEvent | DeleteInstance
BatchValue = CreateInstanceResult | ApplyEventResult | DeleteInstanceResult


@dataclasses.dataclass(frozen=True, slots=True)
class BatchItem:
    """What became of one operation: `result`, or `error`."""

    result: BatchValue | None
    error: ServerError | None

    @property
    def ok(self) -> bool:
        return self.error is None

    def value(self) -> BatchValue:
        """The result, or raises the error."""
        if self.error is not None:
            raise self.error
        assert self.result is not None
        return self.result


@dataclasses.dataclass(frozen=True, slots=True)
class BatchResult:
    """`results` has one for each operation. `wal_offset` is that of the last record written, None
    when none was."""

    results: list[BatchItem]
    wal_offset: int | None = None


# ---- watching ------------------------------------------------------------------------------------


@_shape
@dataclasses.dataclass(frozen=True, slots=True)
class StreamEvent(Record):
    """One transition; or, for those who ask for `kinds`, the creation or deletion of an instance.
    What such a change lacks is None."""

    subscription_id: str
    instance_id: str
    machine: str
    version: int
    wal_offset: int
    from_state: str | None = None
    to_state: str | None = None
    event: str | None = None
    payload: dict[str, Json] | None = None
    ctx: dict[str, Json] | None = None
    kind: str | None = None


@dataclasses.dataclass(frozen=True, slots=True)
class UnwatchResult(Record):
    subscription_id: str
    removed: bool


# ---- log and snapshots ---------------------------------------------------------------------------


@_shape
@dataclasses.dataclass(frozen=True, slots=True)
class WalRecord(Record):
    """`entry` is an object with `type`: put_machine, create_instance, apply_event, …"""

    sequence: int
    offset: int
    entry: dict[str, Json]


@dataclasses.dataclass(frozen=True, slots=True)
class WalReadResult(Record):
    """`next_offset` is where to read on, None at the end of the log."""

    records: list[WalRecord]
    next_offset: int | None

    @classmethod
    def of(cls, answer: Mapping[str, Any]) -> WalReadResult:
        records = [WalRecord.of(record) for record in _list(answer, "records")]
        return cls(records, answer.get("next_offset"))


@_shape
@dataclasses.dataclass(frozen=True, slots=True)
class WalIoStats(Record):
    bytes_written: int
    bytes_read: int
    writes: int
    reads: int
    fsyncs: int


@dataclasses.dataclass(frozen=True, slots=True)
class WalStatsResult(Record):
    entry_count: int
    segment_count: int
    total_size_bytes: int
    latest_offset: int | None
    io_stats: WalIoStats

    @classmethod
    def of(cls, answer: Mapping[str, Any]) -> WalStatsResult:
        return cls(
            _member(answer, "entry_count"),
            _member(answer, "segment_count"),
            _member(answer, "total_size_bytes"),
            answer.get("latest_offset"),
            WalIoStats.of(_member(answer, "io_stats")),
        )


@_shape
@dataclasses.dataclass(frozen=True, slots=True)
class SnapshotResult(Record):
    instance_id: str
    snapshot_id: str
    wal_offset: int
    size_bytes: int
    checksum: str


@_shape
@dataclasses.dataclass(frozen=True, slots=True)
class CompactResult(Record):
    snapshots_created: int
    segments_deleted: int
    bytes_reclaimed: int
    total_snapshots: int
    wal_segments: int


def _member(answer: Mapping[str, Any], name: str) -> Any:
    try:
        return answer[name]
    except (KeyError, TypeError) as problem:
        raise ProtocolError(f"an answer lacks {name}: {str(answer)[:200]}") from problem


def _list(answer: Mapping[str, Any], name: str) -> list[Any]:
    found = _member(answer, name)
    if not isinstance(found, list):
        raise ProtocolError(f"{name} is no array: {str(answer)[:200]}")
    return found
