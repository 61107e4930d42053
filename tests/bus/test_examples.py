#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""The examples of docs/examples do what they say, against sockets that this test holds

Usage: test_examples.py SOCKETD SOCKCTL CALL WATCH_PORT
"""

import os
import pathlib
import socket
import subprocess
import sys
import time

WATCH_PORT = os.path.abspath(sys.argv.pop(4))

from test_bus import Case, own_network, run_tests, until

EXAMPLES = pathlib.Path(__file__).resolve().parents[2] / "docs/examples"


class Examples(Case):
    def begin(self):
        self.write("IntervalMinSec=100ms", "CPUQuota=100%")
        self.start_bus()
        self.start_daemon()
        self.environment = {**os.environ, "SOCKETD_BUS": self.address}

    def test_close_wait(self):
        self.begin()
        with socket.create_server(("127.0.0.1", 0)) as server:
            leaks = []
            for _ in range(3):
                client = socket.create_connection(server.getsockname())
                leaks.append(client)
                server.accept()[0].close()
            self.addCleanup(lambda: [s.close() for s in leaks])

            def run(seconds):
                r = subprocess.run(["/usr/bin/python3", EXAMPLES / "close_wait.py", str(seconds)], env=self.environment,
                                   capture_output=True, text=True, timeout=30)
                self.assertEqual((r.returncode, r.stderr), (0, ""))
                return [int(line.split()[0]) for line in r.stdout.splitlines()]

            until(lambda: run(0) == [3], "three of one owner")
            self.assertEqual(run(3600), [])

    def test_close_wait_without_a_daemon(self):
        self.start_bus()
        r = subprocess.run(["/usr/bin/python3", EXAMPLES / "close_wait.py"], env={**os.environ, "SOCKETD_BUS": self.address},
                           capture_output=True, text=True, timeout=30)
        self.assertEqual(r.returncode, 1)
        self.assertIn("ServiceUnknown", r.stderr)

    def test_watch_port(self):
        self.begin()
        with socket.create_server(("127.0.0.1", 0)) as server:
            port = str(server.getsockname()[1])
            watch = self.start(WATCH_PORT, port, env=self.environment, stdout=subprocess.PIPE, text=True)
            self.line_with(watch, "LISTEN")
            client = socket.create_connection(server.getsockname())
            accepted = server.accept()[0]
            port = client.getsockname()[1]
            line = self.line_with(watch, "opened", f"127.0.0.1 port {port}, ESTAB, ")
            self.assertIn("python", line)
            client.close()
            accepted.close()
            self.line_with(watch, "closed", f"127.0.0.1 port {port}, ")

    def line_with(self, watch, *words):
        """The first line that has all of them; the listener's own, and others before, are passed over."""
        seen = []
        for _ in range(20):
            seen.append(watch.stdout.readline())
            if all(w in seen[-1] for w in words):
                return seen[-1]
        self.fail(f"{words} not in {seen}")

    def test_watch_port_usage(self):
        r = subprocess.run([WATCH_PORT, "x"], capture_output=True, text=True)
        self.assertEqual((r.returncode, r.stderr), (2, "usage: watch_port PORT\n"))


if __name__ == "__main__":
    own_network()
    run_tests()
