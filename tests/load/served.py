"""A server with all its doors open, and what can be seen of it from outside."""

import http.client
import json
import pathlib

import gateway


class Served(gateway.Gateway):
    """`with` it, RCP is at `port`, HTTP at `http` and what is measured at `metrics`."""

    def __init__(self, program, folder, settings=None, process=None):
        super().__init__(program, folder,
                         {"metrics": {"enabled": True, "bind_addr": "127.0.0.1:0"},
                          **(settings or {})})
        self.process_options = process or {}  # of subprocess.Popen
        self.metrics = 0

    def __enter__(self):
        super().__enter__()
        lines = map(json.loads, self.output()[self.said_before:].splitlines())
        self.metrics = next(int(line["address"].rpartition(":")[2]) for line in lines
                            if line["msg"] == "metrics and health are served")
        return self

    def scrape(self):
        connection = http.client.HTTPConnection("127.0.0.1", self.metrics, timeout=30)
        connection.request("GET", "/metrics")
        page = connection.getresponse().read().decode()
        connection.close()
        return page

    def descriptors(self):
        return len(list(pathlib.Path(f"/proc/{self.process.pid}/fd").iterdir()))
