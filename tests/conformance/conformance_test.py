#!/usr/bin/env python3
"""The judgement of tests/conformance on made-up answers: it can fail in each way that it should."""

import importlib.util
import pathlib
import sys
import tempfile
import unittest
import unittest.mock

sys.dont_write_bytecode = True
sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent))

import dialogs  # noqa: E402
import forms  # noqa: E402
import restarts  # noqa: E402
from adapter import Adapter, AdapterError, Refused  # noqa: E402
from canonical import Number, parse  # noqa: E402
from server import Failed  # noqa: E402

# By its path: the folders of other suites, which are searched first, have a run.py of their own.
SPEC = importlib.util.spec_from_file_location(
    "conformance_run", pathlib.Path(__file__).resolve().parent / "run.py")
conformance_run = importlib.util.module_from_spec(SPEC)
SPEC.loader.exec_module(conformance_run)

ABOUT = ('about = {"client": "x", "wires": ["binary"], "numbers": "text", "reconnects": False, '
         '"general": True}')
PROGRAM = f"""
import json, sys
{ABOUT}
for line in sys.stdin:
    request = json.loads(line)
    answer = {{"ok": about if request["do"] == "about" else {{}}}}
    BODY
    print(json.dumps({{"id": request["id"]}} | answer), flush=True)
"""


class Programs(unittest.TestCase):
    """Adapters that break the contract."""

    def adapter(self, body="pass"):
        with tempfile.NamedTemporaryFile("w", suffix=".py", delete=False) as file:
            file.write(PROGRAM.replace("BODY", body))
        self.addCleanup(pathlib.Path(file.name).unlink)
        adapter = Adapter([sys.executable, file.name])
        self.addCleanup(adapter.abandon)
        return adapter

    def test_good(self):
        adapter = self.adapter()
        self.assertEqual(adapter.ask({"do": "close"}), {})
        adapter.end()

    def test_something_missing_about_it(self):
        with self.assertRaisesRegex(AdapterError, "general"):
            self.adapter('about.pop("general", None)')

    def test_error_is_raised(self):
        adapter = self.adapter('if request["do"] == "x": answer = {"error": {"kind": "timeout"}}')
        with self.assertRaises(Refused) as refused:
            adapter.ask({"do": "x"})
        self.assertEqual(refused.exception.error["kind"], "timeout")

    def test_silence(self):
        adapter = self.adapter('if request["do"] == "x": continue')
        with self.assertRaises(AdapterError):
            adapter.ask({"do": "x"}, timeout_s=0.05)

    def test_end(self):
        adapter = self.adapter('if request["do"] == "x": sys.exit(0)')
        with self.assertRaisesRegex(AdapterError, "has ended"):
            adapter.ask({"do": "x"})

    def test_both_and_neither(self):
        for wrong in ('{"ok": {}, "error": {}}', "{}"):
            adapter = self.adapter(f'if request["do"] == "x": answer = {wrong}')
            with self.assertRaisesRegex(AdapterError, "no answer of the contract"):
                adapter.ask({"do": "x"})

    def test_exit_code(self):
        adapter = self.adapter('if request["do"] == "x": import atexit, os; '
                               'atexit.register(os._exit, 3)')
        adapter.ask({"do": "x"})
        with self.assertRaisesRegex(AdapterError, "ended with 3"):
            adapter.end()


class Script:
    """In the place of an adapter: what each request is answered with, by what it does."""

    def __init__(self, numbers="text", **answers):
        self.about = {"numbers": numbers, "reconnects": True, "general": True}
        self.answers, self.sent = answers, []

    def send(self, request):
        self.sent.append(request)
        return len(self.sent) - 1

    def wait(self, request_id, _timeout_s=None):
        request = self.sent[request_id]
        answer = self.answers.get(request["do"], {})
        answer = answer.pop(0) if isinstance(answer, list) else answer
        if "error" in answer:
            raise Refused(answer["error"])
        return dict(answer)

    def ask(self, request, timeout_s=None):
        return self.wait(self.send(request), timeout_s)


class Address:
    @staticmethod
    def address():
        return {"host": "127.0.0.1", "port": 1}


def hold(steps, script):
    conversation = dialogs.Conversation(script, Address())
    conversation.hold(parse(steps))
    return conversation


PING = '[{"send":{"op":"PING"},"expect":{"status":"ok","result":{"pong":true}}}]'
WATCH = ('{"send":{"op":"WATCH_ALL","params":{"machines":"m"}},'
         '"expect":{"status":"ok","result":{"subscription_id":{"$save":"s"}}}}')
OPENED = {"watch": Number("1"), "subscription_id": "sub-1"}


class Steps(unittest.TestCase):
    def test_right_answer(self):
        hold(PING, Script(call={"pong": True}))

    def test_wrong_answers(self):
        for wrong in ({"pong": False}, {}, {"error": {"kind": "server", "code": "CONFLICT"}},
                      {"error": {"kind": "timeout"}}, {"error": {"kind": "argument"}}):
            with self.assertRaises(Failed, msg=wrong):
                hold(PING, Script(call=wrong))

    def test_method_or_general_call(self):
        script = Script(call={"pong": True}, raw={"pong": True})
        hold(PING, script)
        hold(PING.replace('"PING"', '"PING","params":{"unknown":1}'), script)
        self.assertEqual([request["do"] for request in script.sent],
                         ["connect", "call", "close", "connect", "raw", "close"])

    def test_refused_before_sending_only_where_bad_request_is_due(self):
        bad = ('[{"send":{"op":"NOTHING"},"expect":{"status":"error","error":'
               '{"code":"BAD_REQUEST"}}}]')
        refused = {"error": {"kind": "argument"}}
        self.assertEqual(hold(bad, Script(raw=refused)).counts.refused_before_sending, 1)
        with self.assertRaises(Failed):
            hold(bad.replace("BAD_REQUEST", "NOT_FOUND"), Script(raw=refused))
        with self.assertRaises(Failed):
            hold(bad, Script(raw={}))

    def test_events(self):
        steps = f'[{WATCH},{{"event":{{"subscription_id":{{"$ref":"s"}},"wal_offset":3}}}}]'
        told = {"events": [{"subscription_id": "sub-1", "wal_offset": Number("3")}]}
        script = Script(watch=OPENED, next=told)
        hold(steps, script)
        self.assertEqual(script.sent[1]["params"], {"machines": ["m"]})
        told["events"][0]["wal_offset"] = Number("4")
        with self.assertRaisesRegex(Failed, "wal_offset"):
            hold(steps, Script(watch=OPENED, next=told))

    def test_no_event(self):
        steps = f'[{WATCH},{{"no_event":true}}]'
        hold(steps, Script(watch=OPENED, next={"events": []}))
        with self.assertRaisesRegex(Failed, "an event"):
            hold(steps, Script(watch=OPENED, next={"events": [{"wal_offset": Number("3")}]}))

    def test_unwatch_ends_the_stream(self):
        steps = (f'[{WATCH},{{"send":{{"op":"UNWATCH","params":{{"subscription_id":'
                 '{"$ref":"s"}}},"expect":{"status":"ok","result":{"removed":true}}}]')
        script = Script(watch=OPENED)
        hold(steps, script)
        self.assertEqual(script.sent[2], {"do": "unwatch", "watch": Number("1")})


class OwnConnection:
    """In the place of the runner's own connection."""

    def __init__(self, lost=None):
        self.lost, self.asked = lost, []

    def must(self, op, _params):
        self.asked.append(op)

    def ask(self, op, params):
        self.asked.append(op)
        if self.lost:
            raise self.lost
        return {"status": "ok", "result": {"pong": params == {}}}


class WhatNoMethodSays(unittest.TestCase):
    """The runner says it on a connection of its own."""

    LONG = PING.replace('"PING"', '"PING","params":{"unknown":1}').replace("true", "false")

    def hold(self, own):
        script = Script()
        script.about["general"] = False
        with unittest.mock.patch.object(dialogs, "Connection", lambda _address: own):
            return hold(self.LONG, script)

    def test_is_asked_on_a_connection_past_its_handshake(self):
        own = OwnConnection()
        self.assertEqual(self.hold(own).counts.said_for_it, 1)
        self.assertEqual(own.asked, ["PING", "PING"])

    def test_a_connection_that_breaks_is_a_failure_of_its_step(self):
        for lost in (BrokenPipeError("gone"), EOFError("closed"), TimeoutError("late")):
            with self.assertRaisesRegex(Failed, f"step 1, on the runner's connection: {lost}"):
                self.hold(OwnConnection(lost))

    def test_rows_behind_one_whose_connection_broke_are_held(self):
        client = conformance_run.Client("x", [], None, None, conformance_run.Results())
        with unittest.mock.patch.object(client, "_fresh"):
            for lost in (BrokenPipeError("gone"), EOFError("closed")):
                attempt = unittest.mock.Mock(side_effect=lost)
                self.assertEqual(client._try(attempt), (str(lost), []))


class Sayable(unittest.TestCase):
    def check(self, op, given, wanted):
        self.assertEqual(forms.typed(op, parse(given)), wanted and parse(wanted))

    def test_what_the_contract_allows(self):
        self.check("APPLY_EVENT", '{"instance_id":"a","event":"E","payload":null}',
                   '{"instance_id":"a","event":"E"}')
        self.check("GET_MACHINE", '{"machine":"m","version":2}', '{"machine":"m","version":2}')
        self.check("BATCH", '{"ops":[{"op":"DELETE_INSTANCE","params":{"instance_id":"a"}}]}',
                   '{"ops":[{"op":"DELETE_INSTANCE","params":{"instance_id":"a"}}]}')

    def test_what_it_does_not(self):
        for op, given in (("APPLY_EVENT", '{"id":"a","event":"E"}'),
                          ("APPLY_EVENT", '{"instance_id":"a"}'),
                          ("APPLY_EVENT", '{"instance_id":"","event":"E"}'),
                          ("APPLY_EVENT", '{"instance_id":"a","event":"E","payload":[]}'),
                          ("APPLY_EVENT", '{"instance_id":"a","event":"E\\u0001"}'),
                          ("GET_MACHINE", '{"machine":"m","version":0}'),
                          ("GET_MACHINE", '{"machine":"m","version":1.0}'),
                          ("WAL_READ", '{"from_offset":"1"}'),
                          ("BATCH", '{"ops":[]}'), ("BATCH", '{"ops":[{"op":"PING"}]}'),
                          ("BATCH", '{"ops":[{"op":"DELETE_INSTANCE","params":{}}]}'),
                          ("NOTHING", "{}"), ("HELLO", "{}"), ("PING", '{"x":1}')):
            self.check(op, given, None)


class Comparing(unittest.TestCase):
    def differ(self, one, other, numbers="text", op="GET_INSTANCE"):
        return dialogs.difference(numbers, [(op, parse(one))], [(op, parse(other))])

    def test_same(self):
        self.assertIsNone(self.differ('{"a":1,"created_at":5}', '{"created_at":6,"a":1}'))
        self.assertIsNone(self.differ('{"a":1}', '{"a":1.0}', "double"))
        self.assertIsNone(self.differ('{"a":1.50}', '{"a":1.5}', "exact"))

    def test_different(self):
        self.assertIsNotNone(self.differ('{"a":1}', '{"a":1.0}'))
        self.assertIsNotNone(self.differ('{"a":1}', '{"a":1,"b":null}'))
        self.assertIsNotNone(self.differ('{"created_at":"5"}', '{"created_at":5}'))
        self.assertIsNotNone(self.differ('{"a":9007199254740993}', '{"a":9007199254740992}',
                                         "exact"))


def record(offset, kind, instance, **entry):
    return {"offset": Number(str(offset)),
            "entry": {"type": kind, "instance_id": instance} | entry}


class Log(unittest.TestCase):
    """Histories that are wrong in one way each."""

    class Storm:
        results = [("APPLY_EVENT", {"payload": {"n": n}},
                    {"wal_offset": Number(str(10 + n)), "ctx": {"n": Number(str(n))}})
                   for n in range(8)]

    def setUp(self):
        self.names = [f"t-{index}" for index in range(restarts.INSTANCES)]
        self.log = [record(10 + n, "apply_event", self.names[n % 4], idempotency_key=f"k{n}",
                           payload={"n": Number(str(n))}) for n in range(8)]

    def check(self):
        restarts._check_calls(self.Storm, self.log, self.names)

    def test_right(self):
        self.check()

    def test_lost(self):
        del self.log[5]
        self.assertRaises(Failed, self.check)

    def test_doubled(self):
        self.log.append(record(18, "apply_event", "t-3", idempotency_key="k7",
                               payload={"n": Number("7")}))
        self.assertRaises(Failed, self.check)

    def test_order(self):
        self.log[0], self.log[4] = self.log[4], self.log[0]
        self.assertRaises(Failed, self.check)

    def test_key(self):
        self.log[3]["entry"]["idempotency_key"] = "k2"
        self.assertRaises(Failed, self.check)

    def test_answer_of_another_record(self):
        self.log[3]["offset"] = Number("99")
        self.assertRaises(Failed, self.check)

    def stream(self, change):
        told = [{"wal_offset": one["offset"], "kind": "transition",
                 "instance_id": one["entry"]["instance_id"],
                 "payload": one["entry"]["payload"]} for one in self.log]
        change(told)
        restarts._check_stream("x", told, self.log, None)

    def test_streams(self):
        self.stream(lambda told: None)
        for change in (lambda told: told.pop(), lambda told: told.pop(3),
                       lambda told: told.append(told[-1]),
                       lambda told: told.insert(3, told[2]), lambda told: told.reverse(),
                       lambda told: told[2].update(payload=None)):
            self.assertRaises(Failed, self.stream, change)


class Writes(unittest.TestCase):
    """The same for creations, deletions and batches: two rounds of them."""

    class Storm:
        results = [
            answer for number in range(2) for answer in (
                ("CREATE_INSTANCE", {"instance_id": f"named-{number}"}, {}),
                ("CREATE_INSTANCE", {}, {"instance_id": f"uuid-{number}"}),
                ("BATCH", {}, {"results": [{"status": "ok"}, {"status": "ok"}]}))]

    def setUp(self):
        self.log = []
        for number in range(2):
            for kind, name in (("create_instance", "named"), ("create_instance", "uuid"),
                               ("delete_instance", "gone"), ("create_instance", "pair"),
                               ("apply_event", "pair")):
                self.log.append(record(len(self.log), kind, f"{name}-{number}"))

    def check(self):
        restarts._check_writes(self.Storm, self.log, 2)

    def test_right(self):
        self.check()

    def test_lost(self):
        for place in (0, 1, 2, 3, 4):
            self.setUp()
            del self.log[place]
            self.assertRaises(Failed, self.check)

    def test_doubled(self):
        for place in (0, 2, 4):
            self.setUp()
            self.log.append(self.log[place])
            self.assertRaises(Failed, self.check)

    def test_without_an_answer(self):
        self.log.append(record(99, "create_instance", "uuid-2"))
        self.assertRaisesRegex(Failed, "nobody's: \\['uuid-2'\\]", self.check)

    def test_batch_is_split(self):
        self.log[3], self.log[2] = self.log[2], self.log[3]
        self.assertRaisesRegex(Failed, "inside the batch", self.check)


if __name__ == "__main__":
    unittest.main()
