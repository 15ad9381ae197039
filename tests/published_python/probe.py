"""Every method of the published package rstmdb 0.2.1, unchanged, against a server of ours. Run by
run.py with the Python that has the package; the environment says where the servers are."""

import asyncio
import os
import unittest
import uuid

import rstmdb
from rstmdb import Client, ErrorCode, ServerError

PLAIN = int(os.environ["PROBE_PLAIN"])
TOKEN = int(os.environ["PROBE_TOKEN"])
TLS = int(os.environ["PROBE_TLS"])
FULL = int(os.environ["PROBE_FULL"])  # one connection at a time
FLUSH = int(os.environ["PROBE_FLUSH"])  # allows flush_all
FOLDER = os.environ["PROBE_FOLDER"]
DEFINITION = {
    "states": ["created", "paid", "shipped"],
    "initial": "created",
    "transitions": [
        {"from": "created", "event": "PAY", "to": "paid", "guard": "ctx.total > 0"},
        {"from": ["paid"], "event": "SHIP", "to": "shipped"},
        {"from": "shipped", "event": "BACK", "to": "created"},
    ],
}


def fresh(what):
    return f"{what}-{uuid.uuid4().hex}"


class Methods:
    """For each kind of server; see the classes below."""

    def client(self, **options):
        raise NotImplementedError

    async def asyncSetUp(self):
        self.db = self.client()
        await self.db.connect()
        self.machine = fresh("machine")
        await self.db.put_machine(self.machine, 1, DEFINITION)

    async def asyncTearDown(self):
        await self.db.close()
        self.assertFalse(self.db.is_connected)

    async def refused(self, code, call):
        with self.assertRaises(ServerError) as caught:
            await call
        self.assertEqual(caught.exception.code, code)
        self.assertTrue(str(caught.exception))

    async def order(self, total=25):
        name = fresh("order")
        await self.db.create_instance(self.machine, 1, name, {"total": total})
        return name

    async def test_session(self):
        self.assertTrue(self.db.is_connected)
        self.assertTrue(await self.db.ping())
        info = await self.db.info()
        self.assertEqual(info["server_name"], "rstmdb")
        self.assertEqual(info["protocol_version"], 1)
        self.assertIn("watch", info["features"])
        async with self.client() as other:
            self.assertTrue(await other.ping())
        await self.db.reconnect()
        self.assertTrue(await self.db.ping())

    async def test_machines(self):
        again = await self.db.put_machine(self.machine, 1, DEFINITION)
        self.assertIsInstance(again, rstmdb.PutMachineResult)
        self.assertEqual((again.machine, again.version, again.created), (self.machine, 1, False))
        found = await self.db.get_machine(self.machine, 1)
        self.assertEqual(found.checksum, again.stored_checksum)
        self.assertEqual(found.definition["initial"], "created")
        self.assertIn({"machine": self.machine, "versions": [1]},
                      [dict(item) for item in await self.db.list_machines()])
        other = {**DEFINITION, "initial": "paid"}
        await self.refused(ErrorCode.MACHINE_VERSION_EXISTS,
                           self.db.put_machine(self.machine, 1, other))
        await self.refused(ErrorCode.MACHINE_NOT_FOUND, self.db.get_machine(fresh("none"), 1))
        await self.refused(ErrorCode.BAD_REQUEST,
                           self.db.put_machine(fresh("bad"), 1, {"states": []}))

    async def test_machine_version_limit(self):
        for version in range(2, 6):
            await self.db.put_machine(self.machine, version, DEFINITION)
        await self.refused(ErrorCode.MACHINE_VERSION_LIMIT_EXCEEDED,
                           self.db.put_machine(self.machine, 6, DEFINITION))

    async def test_instances(self):
        name = fresh("order")
        made = await self.db.create_instance(self.machine, 1, name, {"total": 25}, fresh("key"))
        self.assertEqual((made.instance_id, made.state), (name, "created"))
        read = await self.db.get_instance(name)
        self.assertIsInstance(read, rstmdb.GetInstanceResult)
        self.assertEqual((read.machine, read.version, read.state), (self.machine, 1, "created"))
        self.assertEqual(read.ctx, {"total": 25})
        self.assertEqual(read.last_wal_offset, made.wal_offset)
        self.assertIsNone(read.last_event_id)
        unnamed = await self.db.create_instance(self.machine, 1)
        self.assertTrue(unnamed.instance_id)
        await self.refused(ErrorCode.INSTANCE_EXISTS,
                           self.db.create_instance(self.machine, 1, name))
        await self.refused(ErrorCode.MACHINE_NOT_FOUND,
                           self.db.create_instance(self.machine, 9))
        gone = await self.db.delete_instance(name, idempotency_key=fresh("key"))
        self.assertTrue(gone["deleted"])
        await self.refused(ErrorCode.INSTANCE_NOT_FOUND, self.db.get_instance(name))
        await self.refused(ErrorCode.INSTANCE_NOT_FOUND, self.db.delete_instance(fresh("none")))

    async def test_listing(self):
        names = {await self.order() for _ in range(3)}
        every = await self.db.list_instances(self.machine)
        self.assertIsInstance(every, rstmdb.ListInstancesResult)
        self.assertEqual({item.id for item in every.instances}, names)
        self.assertEqual((every.total, every.has_more), (3, False))
        self.assertIsInstance(every.instances[0], rstmdb.InstanceSummary)
        page = await self.db.list_instances(machine=self.machine, state="created", limit=2,
                                            offset=0)
        self.assertEqual((len(page.instances), page.total, page.has_more), (2, 3, True))
        rest = await self.db.list_instances(machine=self.machine, limit=2, offset=2)
        self.assertEqual({item.id for item in (*page.instances, *rest.instances)}, names)
        none = await self.db.list_instances(machine=self.machine, state="shipped")
        self.assertEqual(none.instances, [])
        self.assertGreaterEqual((await self.db.list_instances()).total, 3)

    async def test_events(self):
        name = await self.order()
        key = fresh("key")
        done = await self.db.apply_event(name, "PAY", {"amount": 99.99}, "created", key)
        self.assertIsInstance(done, rstmdb.ApplyEventResult)
        self.assertEqual((done.from_state, done.to_state, done.applied), ("created", "paid", True))
        self.assertEqual(done.ctx, {"total": 25, "amount": 99.99})
        again = await self.db.apply_event(name, "PAY", {"amount": 99.99}, "created", key)
        self.assertEqual((again.applied, again.wal_offset), (False, done.wal_offset))
        await self.refused(ErrorCode.CONFLICT,
                           self.db.apply_event(name, "SHIP", expected_state="created"))
        await self.refused(ErrorCode.INVALID_TRANSITION, self.db.apply_event(name, "PAY"))
        self.assertEqual((await self.db.apply_event(name, "SHIP")).to_state, "shipped")
        poor = await self.order(total=0)
        await self.refused(ErrorCode.GUARD_FAILED, self.db.apply_event(poor, "PAY"))
        await self.refused(ErrorCode.INSTANCE_NOT_FOUND,
                           self.db.apply_event(fresh("none"), "PAY"))

    async def test_many_at_once(self):
        name = await self.order()
        events = ["PAY", "SHIP", "BACK"] * 50
        done = await asyncio.gather(*(self.db.apply_event(name, event) for event in events))
        self.assertEqual([result.to_state for result in done],
                         ["paid", "shipped", "created"] * 50)
        offsets = [result.wal_offset for result in done]
        self.assertEqual(offsets, sorted(offsets))

    async def test_large_and_strange_contexts(self):
        name = await self.order()
        payload = {"text": "é€𝄞\u2028" * 50_000, "deep": [{"a": [1, 2.5, None, True]}],
                   "big": 2**60}
        await self.db.apply_event(name, "PAY", payload)
        self.assertEqual((await self.db.get_instance(name)).ctx, {"total": 25, **payload})

    async def test_watching_one(self):
        name = await self.order()
        watch = await self.db.watch_instance(name)
        self.assertIsInstance(watch, rstmdb.WatchInstanceResult)
        self.assertEqual((watch.instance_id, watch.current_state), (name, "created"))
        self.assertGreater(watch.current_wal_offset, 0)
        done = await self.db.apply_event(name, "PAY", {"by": "card"})
        event = await self.next_event()
        self.assertIsInstance(event, rstmdb.StreamEvent)
        self.assertEqual(event.subscription_id, watch.subscription_id)
        self.assertEqual((event.from_state, event.to_state, event.event),
                         ("created", "paid", "PAY"))
        self.assertEqual((event.machine, event.version, event.wal_offset),
                         (self.machine, 1, done.wal_offset))
        self.assertEqual((event.payload, event.ctx), ({"by": "card"}, {"total": 25, "by": "card"}))
        ended = await self.db.unwatch(watch.subscription_id)
        self.assertEqual((ended.subscription_id, ended.removed), (watch.subscription_id, True))
        await self.refused(ErrorCode.NOT_FOUND, self.db.unwatch(watch.subscription_id))
        await self.refused(ErrorCode.INSTANCE_NOT_FOUND, self.db.watch_instance(fresh("none")))

    async def test_watching_all(self):
        watch = await self.db.watch_all(machines=[self.machine], from_states=["paid"],
                                        to_states=["shipped"], events=["SHIP"], include_ctx=False)
        self.assertIsInstance(watch, rstmdb.WatchAllResult)
        self.assertGreater(watch.wal_offset, 0)
        names = [await self.order() for _ in range(3)]
        for name in names:
            await self.db.apply_event(name, "PAY")
            await self.db.apply_event(name, "SHIP")
        for name in names:
            event = await self.next_event()
            self.assertEqual((event.instance_id, event.to_state, event.ctx),
                             (name, "shipped", None))

    async def next_event(self):
        async with asyncio.timeout(10):
            async for event in self.db.events():
                return event

    async def test_log(self):
        made = await self.db.create_instance(self.machine, 1)
        page = await self.db.wal_read(from_offset=made.wal_offset, limit=1)
        self.assertEqual(page["records"][0]["offset"], made.wal_offset)
        self.assertEqual(page["records"][0]["entry"]["type"], "create_instance")
        self.assertIn("next_offset", page)
        self.assertTrue((await self.db.wal_read())["records"])
        stats = await self.db.wal_stats()
        self.assertIsInstance(stats, rstmdb.WalStatsResult)
        self.assertGreaterEqual(stats.latest_offset, made.wal_offset)
        self.assertIsInstance(stats.io_stats, rstmdb.WalIoStats)
        self.assertGreater(stats.io_stats.bytes_written, 0)

    async def test_compaction(self):
        name = await self.order()
        done = await self.db.compact(force_snapshot=True)
        self.assertEqual(done["snapshots_created"], 1)
        self.assertIn("bytes_reclaimed", await self.db.compact())
        self.assertEqual((await self.db.get_instance(name)).state, "created")

    async def test_each_method_is_used_here(self):
        used = {"connect", "close", "reconnect", "ping", "info", "put_machine", "get_machine",
                "list_machines", "create_instance", "get_instance", "list_instances",
                "delete_instance", "apply_event", "watch_instance", "watch_all", "unwatch",
                "events", "wal_read", "wal_stats", "compact", "flush_all", "is_connected"}
        self.assertEqual({name for name in dir(Client) if not name.startswith("_")}, used)

    async def test_the_low_level(self):
        connection = rstmdb.Connection("127.0.0.1", PLAIN)
        await connection.connect("probe")
        answer = await connection.request(rstmdb.Operation.PING, {})
        self.assertEqual((answer.status, answer.result["pong"]), ("ok", True))
        bad = await connection.request(rstmdb.Operation.GET_INSTANCE, {})
        self.assertEqual((bad.status, bad.error.code, bad.error.retryable),
                         ("error", ErrorCode.BAD_REQUEST, False))
        await connection.close()


class Plain(Methods, unittest.IsolatedAsyncioTestCase):
    def client(self, **options):
        return Client("127.0.0.1", PLAIN, **options)

    async def test_reconnecting(self):
        db = self.client(auto_reconnect=True, reconnect_base_delay=0.01, max_reconnect_attempts=5)
        await db.connect()
        self.assertTrue(await db.ping())
        await db.reconnect()
        self.assertTrue(await db.ping())
        await db.close()

    async def test_a_full_server(self):
        first = Client("127.0.0.1", FULL)
        await first.connect()
        with self.assertRaises(rstmdb.RstmdbError):
            await Client("127.0.0.1", FULL, connect_timeout=5, request_timeout=5).connect()
        self.assertTrue(await first.ping())
        await first.close()


class Token(Methods, unittest.IsolatedAsyncioTestCase):
    def client(self, **options):
        return Client("127.0.0.1", TOKEN, **{"token": "opensesame", **options})

    async def test_a_wrong_token(self):
        with self.assertRaises(rstmdb.RstmdbError):
            await self.client(token="guess").connect()
        without = self.client(token=None)
        await without.connect()
        self.assertTrue(await without.ping())
        await self.refused(ErrorCode.UNAUTHORIZED, without.info())
        await without.close()


class Tls(Methods, unittest.IsolatedAsyncioTestCase):
    """With a certificate of its own, and a token."""

    def client(self, **options):
        return Client("localhost", TLS, **{
            "token": "opensesame", "tls": True, "ca_cert": f"{FOLDER}/ca.pem",
            "client_cert": f"{FOLDER}/client.pem", "client_key": f"{FOLDER}/client.key",
            **options})

    async def test_insecure(self):
        async with self.client(ca_cert=None, insecure=True) as db:
            self.assertTrue(await db.ping())

    async def test_an_unknown_authority(self):
        with self.assertRaises(Exception):
            await self.client(ca_cert=None).connect()


class Flush(unittest.IsolatedAsyncioTestCase):
    async def test_flush_all(self):
        async with Client("127.0.0.1", FLUSH) as db:
            await db.put_machine("m", 1, DEFINITION)
            await db.create_instance("m", 1)
            done = await db.flush_all()
            self.assertIsInstance(done, rstmdb.FlushAllResult)
            self.assertEqual((done.flushed, done.instances_removed, done.machines_removed),
                             (True, 1, 1))
        async with Client("127.0.0.1", PLAIN) as db:
            with self.assertRaises(ServerError) as caught:
                await db.flush_all()
            self.assertEqual(caught.exception.code, ErrorCode.BAD_REQUEST)


if __name__ == "__main__":
    unittest.main()
