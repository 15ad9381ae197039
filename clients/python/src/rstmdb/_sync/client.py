# Made by tools/generate_sync.py from _async/client.py; change that file.
"""The client: every operation of the protocol as a method."""

from __future__ import annotations

import ssl
from collections.abc import Iterator, Callable, Iterable, Mapping, Sequence
from types import TracebackType
from typing import Any

from .. import _batch, _json, models
from .._messages import make_idempotency_key, repeatable
from .._options import Options, PathLike, options_of_url
from .events import Subscriptions
from .link import Link, link_for
from .subscription import Subscription
from .waiting import Answer


class Client:
    """One server, by one connection or a few, for any number of calls at the same time.

    `with Client(...)` connects and closes; a call on a client that is not connected connects
    it. Calls made one after the other on the same instance take effect in that order.

    A call whose connection is lost is repeated if it is a read or carries an idempotency key (the
    client gives every write one, unless told not to). Any other raises ConnectionError, and its
    `maybe_applied` says whether the call had been sent.

    Every method takes a `timeout` of its own in seconds; without one, `request_timeout` counts.
    """

    def __init__(
        self,
        host: str = "127.0.0.1",
        port: int = 7401,
        *,
        token: str | None = None,
        client_name: str = "rstmdb-python",
        tls: bool = False,
        ca_cert: PathLike | None = None,
        client_cert: PathLike | None = None,
        client_key: PathLike | None = None,
        insecure: bool = False,
        server_name: str | None = None,
        ssl_context: ssl.SSLContext | None = None,
        connect_timeout: float = 10.0,
        request_timeout: float = 30.0,
        auto_reconnect: bool = True,
        max_reconnect_attempts: int = 0,
        reconnect_base_delay: float = 0.05,
        reconnect_max_delay: float = 5.0,
        on_reconnect: Callable[[], object] | None = None,
        pool_size: int = 1,
        offline_queue_max: int = 10_000,
        auto_idempotency_keys: bool = True,
        wire: str = "binary_json",
        decimals: bool = False,
        loads: _json.Loads | None = None,
        dumps: _json.Dumps | None = None,
    ) -> None:
        """Checks the options; connects nowhere yet."""
        options = dict(locals())
        del options["self"]
        self._options = Options(**options)
        self._wire = self._options.messages()
        self._links = [Link(self._options, self._wire) for _ in range(pool_size)]
        self._turn = 0
        self._subscriptions = Subscriptions()
        self._auto_keys = auto_idempotency_keys
        self._timeout = float(request_timeout)

    # ---- session ----

    @property
    def is_connected(self) -> bool:
        return any(link.is_connected for link in self._links)

    def connect(self) -> None:
        """One attempt; raises why it failed. The other connections of a pool follow when they are
        needed."""
        self._links[0].connect()

    def reconnect(self) -> None:
        """Replaces the connections. Subscriptions are not touched."""
        for link in self._links:
            link.close()
        self.connect()

    def close(self) -> None:
        """Ends subscriptions and connections. Calls under way raise ConnectionError."""
        self._subscriptions.close()
        for link in self._links:
            link.close()

    def __enter__(self) -> Client:
        self.connect()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def call(
        self, op: str, params: Mapping[str, Any] | None = None, *, timeout: float | None = None
    ) -> dict[str, Any]:
        """Sends an operation as it stands and returns its result as it came. Adds no key: it is
        repeated after a lost connection only if it is a read or has one."""
        sent = dict(params or {})
        instance_id = sent.get("instance_id")
        return self._call(
            str(op), sent, instance_id if isinstance(instance_id, str) else None, timeout
        )

    def _call(
        self, op: str, params: dict[str, Any], instance_id: str | None, timeout: float | None
    ) -> Answer:
        self._turn += 1
        link = link_for(self._links, instance_id, self._turn)
        return link.call(
            op,
            params,
            repeatable=repeatable(op, params),
            timeout=self._timeout if timeout is None else timeout,
        )

    def _add_key(self, params: dict[str, Any], key: str | None) -> None:
        if key is not None:
            params["idempotency_key"] = key
        elif self._auto_keys:
            params["idempotency_key"] = make_idempotency_key()

    def ping(self, *, timeout: float | None = None) -> bool:
        return bool((self._call("PING", {}, None, timeout)).get("pong"))

    def info(self, *, timeout: float | None = None) -> models.ServerInfo:
        """What the server is, what it holds and where its bounds are."""
        return models.ServerInfo.of(self._call("INFO", {}, None, timeout))

    # ---- machines ----

    def put_machine(
        self,
        machine: str,
        version: int,
        definition: Mapping[str, Any],
        *,
        checksum: str | None = None,
        timeout: float | None = None,
    ) -> models.PutMachineResult:
        """Registers one version of a machine. The same definition again is no error."""
        params: dict[str, Any] = {"machine": machine, "version": version, "definition": definition}
        if checksum is not None:
            params["checksum"] = checksum
        return models.PutMachineResult.of(self._call("PUT_MACHINE", params, None, timeout))

    def get_machine(
        self, machine: str, version: int | None = None, *, timeout: float | None = None
    ) -> models.GetMachineResult:
        """A machine's definition; the highest version without `version`."""
        params: dict[str, Any] = {"machine": machine}
        if version is not None:
            params["version"] = version
        return models.GetMachineResult.of(self._call("GET_MACHINE", params, None, timeout))

    def list_machines(
        self,
        *,
        limit: int | None = None,
        offset: int | None = None,
        machine: str | None = None,
        timeout: float | None = None,
    ) -> models.ListMachinesResult:
        """Machines by name, each with its versions; or the one that is named."""
        params = _given(limit=limit, offset=offset, machine=machine)
        answer = self._call("LIST_MACHINES", params, None, timeout)
        return models.ListMachinesResult.of(answer)

    # ---- instances ----

    def create_instance(
        self,
        machine: str,
        version: int,
        instance_id: str | None = None,
        initial_ctx: Mapping[str, Any] | None = None,
        idempotency_key: str | None = None,
        *,
        timeout: float | None = None,
    ) -> models.CreateInstanceResult:
        """Creates an instance in the machine's initial state; the server makes an id (a UUID)
        where none is given."""
        params: dict[str, Any] = {"machine": machine, "version": version}
        if instance_id is not None:
            params["instance_id"] = instance_id
        if initial_ctx is not None:
            params["initial_ctx"] = initial_ctx
        self._add_key(params, idempotency_key)
        answer = self._call("CREATE_INSTANCE", params, instance_id, timeout)
        return models.CreateInstanceResult.of(answer)

    def get_instance(
        self, instance_id: str, *, timeout: float | None = None
    ) -> models.GetInstanceResult:
        params = {"instance_id": instance_id}
        answer = self._call("GET_INSTANCE", params, instance_id, timeout)
        return models.GetInstanceResult.of(answer)

    def list_instances(
        self,
        machine: str | None = None,
        state: str | None = None,
        limit: int | None = None,
        offset: int | None = None,
        *,
        cursor: str | None = None,
        timeout: float | None = None,
    ) -> models.ListInstancesResult:
        """One page, in a stable order. `cursor` is `next_cursor` of the page before, and costs the
        same on every page; iter_instances() walks all of them."""
        params = _given(machine=machine, state=state, limit=limit, offset=offset, cursor=cursor)
        answer = self._call("LIST_INSTANCES", params, None, timeout)
        return models.ListInstancesResult.of(answer)

    def iter_instances(
        self,
        machine: str | None = None,
        state: str | None = None,
        *,
        page_size: int = 100,
        timeout: float | None = None,
    ) -> Iterator[models.InstanceSummary]:
        """All instances that match, page by page."""
        cursor: str | None = None
        while True:
            page = self.list_instances(
                machine, state, page_size, cursor=cursor, timeout=timeout
            )
            for instance in page.instances:
                yield instance
            cursor = page.next_cursor
            if cursor is None:
                return

    def count_instances(
        self, machine: str, version: int | None = None, *, timeout: float | None = None
    ) -> models.CountInstancesResult:
        """How many instances are in each state, of all versions or of one. Costs the same however
        many there are."""
        params = _given(machine=machine, version=version)
        answer = self._call("COUNT_INSTANCES", params, None, timeout)
        return models.CountInstancesResult.of(answer)

    def get_history(
        self,
        instance_id: str,
        limit: int | None = None,
        before_offset: int | None = None,
        include_ctx: bool = True,
        *,
        timeout: float | None = None,
    ) -> models.GetHistoryResult:
        """One page of what has happened to an instance, newest first, as far back as the log
        reaches; also of one that is deleted. `before_offset` is `next_before_offset` of the page
        before; iter_history() walks all of them."""
        params = _given(instance_id=instance_id, limit=limit, before_offset=before_offset)
        if not include_ctx:
            params["include_ctx"] = False
        answer = self._call("GET_HISTORY", params, instance_id, timeout)
        return models.GetHistoryResult.of(answer)

    def iter_history(
        self,
        instance_id: str,
        *,
        page_size: int = 100,
        include_ctx: bool = True,
        timeout: float | None = None,
    ) -> Iterator[models.HistoryEvent]:
        """All events of an instance that the log still has, newest first, page by page."""
        before: int | None = None
        while True:
            page = self.get_history(
                instance_id, page_size, before, include_ctx, timeout=timeout
            )
            for event in page.events:
                yield event
            before = page.next_before_offset
            if before is None:
                return

    def delete_instance(
        self,
        instance_id: str,
        idempotency_key: str | None = None,
        *,
        timeout: float | None = None,
    ) -> models.DeleteInstanceResult:
        """Deletes an instance for good; its id is never used again."""
        params: dict[str, Any] = {"instance_id": instance_id}
        self._add_key(params, idempotency_key)
        answer = self._call("DELETE_INSTANCE", params, instance_id, timeout)
        return models.DeleteInstanceResult.of(answer)

    # ---- events ----

    def apply_event(
        self,
        instance_id: str,
        event: str,
        payload: Mapping[str, Any] | None = None,
        expected_state: str | None = None,
        idempotency_key: str | None = None,
        *,
        expected_wal_offset: int | None = None,
        event_id: str | None = None,
        timeout: float | None = None,
    ) -> models.ApplyEventResult:
        """Takes the first transition for the event whose guard holds, and merges the payload into
        the context."""
        params: dict[str, Any] = {"instance_id": instance_id, "event": event}
        if payload is not None:
            params["payload"] = payload
        if expected_state is not None:
            params["expected_state"] = expected_state
        if expected_wal_offset is not None:
            params["expected_wal_offset"] = expected_wal_offset
        if event_id is not None:
            params["event_id"] = event_id
        self._add_key(params, idempotency_key)
        answer = self._call("APPLY_EVENT", params, instance_id, timeout)
        return models.ApplyEventResult.of(answer)

    def batch(
        self,
        ops: Iterable[_batch.Operation],
        mode: str = "best_effort",
        *,
        timeout: float | None = None,
    ) -> models.BatchResult:
        """Several writes with one request. `atomic`: all or none, and the first failure is raised,
        with `details["index"]`. `best_effort`: each for itself."""
        encoded = _batch.encode(ops, keys=self._auto_keys)
        params = {"mode": mode, "ops": encoded}
        answer = self._call("BATCH", params, _batch.first_instance(encoded), timeout)
        return _batch.decode(encoded, answer)

    def flush_all(self, *, timeout: float | None = None) -> models.FlushAllResult:
        """Removes everything; only where the server's configuration allows it."""
        return models.FlushAllResult.of(self._call("FLUSH_ALL", {}, None, timeout))

    # ---- watching ----

    def watch_instance(
        self,
        instance_id: str,
        include_ctx: bool = True,
        *,
        from_offset: int | None = None,
        after_offset: int | None = None,
        kinds: Sequence[str] | None = None,
        timeout: float | None = None,
    ) -> Subscription:
        """The changes of one instance from now on, or from an offset on, or behind one."""
        params = _given(
            instance_id=instance_id,
            from_offset=from_offset,
            after_offset=after_offset,
            kinds=kinds,
        )
        params["include_ctx"] = include_ctx
        return self._watch("WATCH_INSTANCE", params, timeout)

    def watch_all(
        self,
        machines: Sequence[str] | None = None,
        from_states: Sequence[str] | None = None,
        to_states: Sequence[str] | None = None,
        events: Sequence[str] | None = None,
        include_ctx: bool = True,
        *,
        from_offset: int | None = None,
        after_offset: int | None = None,
        kinds: Sequence[str] | None = None,
        timeout: float | None = None,
    ) -> Subscription:
        """The changes of all instances that pass every filter given."""
        params = _given(
            machines=machines,
            from_states=from_states,
            to_states=to_states,
            events=events,
            from_offset=from_offset,
            after_offset=after_offset,
            kinds=kinds,
        )
        params["include_ctx"] = include_ctx
        return self._watch("WATCH_ALL", params, timeout)

    def _watch(self, op: str, params: dict[str, Any], timeout: float | None) -> Subscription:
        subscription = Subscription(self._options, self._wire, op, params)
        subscription.open(self._timeout if timeout is None else timeout)
        self._subscriptions.add(subscription)
        return subscription

    def unwatch(self, subscription_id: Subscription | str) -> models.UnwatchResult:
        """Ends a subscription of this client, given itself or by its id."""
        given = subscription_id
        name = given if isinstance(given, str) else given.subscription_id
        found = self._subscriptions.remove(name)
        if found is None:
            # Not one of ours: the server says what it is.
            answer = self._call("UNWATCH", {"subscription_id": name}, None, None)
            return models.UnwatchResult(answer["subscription_id"], answer["removed"])
        found.close()
        return models.UnwatchResult(name, True)

    def events(self) -> Iterator[models.StreamEvent]:
        """The changes of all subscriptions of this client as they come, also of those that are
        opened meanwhile. Ends when the client is closed. Not to be mixed with reading one of them
        by itself."""
        return self._subscriptions.merged()

    # ---- log and snapshots ----

    def wal_read(
        self, from_offset: int = 0, limit: int | None = None, *, timeout: float | None = None
    ) -> models.WalReadResult:
        """Records of the log from an offset on; 0 is the oldest that the log has."""
        params = _given(from_offset=from_offset, limit=limit)
        return models.WalReadResult.of(self._call("WAL_READ", params, None, timeout))

    def wal_stats(self, *, timeout: float | None = None) -> models.WalStatsResult:
        return models.WalStatsResult.of(self._call("WAL_STATS", {}, None, timeout))

    def snapshot_instance(
        self, instance_id: str, *, timeout: float | None = None
    ) -> models.SnapshotResult:
        """Keeps what one instance is now, as a document in the log."""
        params = {"instance_id": instance_id}
        answer = self._call("SNAPSHOT_INSTANCE", params, instance_id, timeout)
        return models.SnapshotResult.of(answer)

    def compact(
        self, force_snapshot: bool = False, *, timeout: float | None = None
    ) -> models.CompactResult:
        """Takes a snapshot of everything and deletes the log that it makes superfluous."""
        params = {"force_snapshot": force_snapshot}
        return models.CompactResult.of(self._call("COMPACT", params, None, timeout))


def connect(url: str, **options: Any) -> Client:
    """A client for `rstmdb://[:token@]host[:port]`, or rstmdbs for TLS; `options` are those of
    Client. Use it with `with`, or call its connect()."""
    return Client(**{**options_of_url(url), **options})


def _given(**params: Any) -> dict[str, Any]:
    """Without what is None. Tuples and sets of names become lists."""
    return {
        name: list(value) if isinstance(value, (set, frozenset)) else value
        for name, value in params.items()
        if value is not None
    }
