# SPDX-License-Identifier: LGPL-2.1-or-later
"""The budgets of the daemon: passes, point queries, memory and CPU with nobody asking, latency"""

import os
import pathlib
import re
import shutil
import statistics
import tempfile
import time

from harness import FULL_SIZE, BenchError

MIB = 1024 * 1024
QUOTA = 0.02                    # of one core, the default of CPUQuota=


class Daemon:
    """A part of the bench (harness.Bench): one method a budget"""

    daemon = None

    # A daemon of its own, in the namespace of the held sockets

    def start_daemon(self):
        if self.daemon:
            return
        self.folder = tempfile.mkdtemp(prefix="socketd-bench-")
        self.private = os.path.join(self.folder, "private")
        program = os.path.abspath(os.path.join(self.args.build, "daemon/socketd"))
        if not os.access(program, os.X_OK):
            raise BenchError(f"missing program {program}")
        config = pathlib.Path(self.folder, "socketd.conf")
        config.write_text("[Socketd]\n", encoding="ascii")
        self.daemon = self.children.start([program, "--bus=none", f"--private={self.private}", f"--config={config}"])
        self.wait_until(lambda: self.status("sockets") >= self.args.sockets and self.status("owners_memory") >= 8 * self.args.sockets,
                        60, "a pass of the daemon and its owner scan")

    def stop_daemon(self):
        if self.daemon:
            self.daemon.terminate()
            self.children.finish(self.daemon)
            self.daemon = None
            shutil.rmtree(self.folder, ignore_errors=True)

    def ask(self, *words):
        return self.show(*words, before=[f"--bus=unix:path={self.private}"])

    def status(self, word):
        """What the daemon says of itself, 0 while it does not."""
        command = [self.sockctl, f"--bus=unix:path={self.private}", "status", "--json"]
        child = self.children.start(command, stdout=-1, stderr=-1)
        out, _ = child.communicate(timeout=60)
        self.children.finish(child)
        found = re.search(rf'"{word}" *: *(\d+)', out.decode())
        return int(found.group(1)) if found else 0

    def wait_until(self, condition, seconds, what):
        end = time.monotonic() + seconds
        while not condition():
            if self.daemon.poll() is not None:
                raise BenchError(f"the daemon ended with {self.daemon.returncode}")
            if time.monotonic() > end:
                raise BenchError(f"in {seconds} s there is not: {what}")
            time.sleep(0.2)

    def memory(self):
        text = pathlib.Path(f"/proc/{self.daemon.pid}/smaps_rollup").read_text(encoding="ascii")
        # With the pages of libraries that it shares with others: what is measured is never less than it costs.
        return int(re.search(r"^Rss: +(\d+)", text, re.MULTILINE).group(1)) * 1024

    def cpu_seconds(self):
        """Its own, and its children's that ended."""
        fields = pathlib.Path(f"/proc/{self.daemon.pid}/stat").read_text(encoding="ascii").rsplit(")", 1)[1].split()
        return sum(int(fields[i]) for i in range(11, 15)) / os.sysconf("SC_CLK_TCK")

    # The budgets

    def bench_pass(self):
        n = self.args.sockets
        for name, ours, reference in (
                ("tracking pass / recv only", [self.tool("track_bench"), "--passes", "2"], [self.tool("dump_ref"), "--ext", "none"]),
                ("  the same with counters", [self.tool("track_bench"), "--passes", "3", "--counters"], [self.tool("dump_ref"), "--ext", "info"])):
            a, b = self.run(ours), self.run(reference)
            if a.get("tcp_sockets", 0) != n or b.get("sockets", 0) != n:
                raise BenchError(f"track_bench saw {a.get('tcp_sockets', 0):.0f} sockets, dump_ref {b.get('sockets', 0):.0f}, {n} are held")
            pairs = self.compare(lambda c=ours: self.run(c)["seconds"], lambda c=reference: self.run(c)["seconds"])
            self.ratio_row(name, pairs, 1.3)

    def bench_growth(self):
        """The tracker alone, over a table that changes between its passes."""
        n = self.args.passes
        result = self.run([self.tool("track_bench"), "--passes", str(n), "--churn", "5000", "--owners"], timeout=600)
        early, late = result["rss_50_kib"] / 1024, result["rss_last_kib"] / 1024
        self.row(f"memory after {n} passes / 50", late, early, [late / early], "<= 1.02 x", late <= 1.02 * early, "MiB",
                 "of a table that changes")

    def bench_point(self):
        self.start_daemon()
        for name, port, rows in (("one row by port, a listener", 19123, 1), ("  a connection", 19124, 1)):
            ours = self.ask("-tan", f"sport = :{port}")
            reference = ["ss", "-tan", f"sport = :{port}"]
            for command in (ours, reference):
                self.listing(command, rows)
            pairs = self.compare(lambda c=ours: self.measure(c)["seconds"], lambda c=reference: self.measure(c)["seconds"])
            median = statistics.median(pair[0] for pair in pairs)
            verdict, note = self.judge(median, 0.02, "whole process; beside ss")
            self.row(name, median, statistics.median(pair[1] for pair in pairs), [a / b for a, b in pairs], "<= 0.02 s", verdict,
                     note=note)

    def bench_owners_known(self):
        self.start_daemon()
        n = self.args.sockets
        limit = 1.5 * n / FULL_SIZE
        ours = self.ask("-tanp")
        self.listing(ours, n, owner=b"hold")
        times = [self.measure(ours)["seconds"] for _ in range(self.args.reps)]
        verdict, note = self.judge(statistics.median(times), limit, f"1.5 s at {FULL_SIZE}")
        self.row("list with owners, by the daemon", statistics.median(times), None, [], f"<= {limit:.2f} s", verdict, note=note)

    def bench_latency(self):
        self.start_daemon()
        load = self.ask("-tanieom", "--no-owners")
        command = [self.tool("latency"), self.private, "--seconds", "5", "--", *load]
        result = self.run(command, timeout=120)
        if result["listings"] < 1:
            raise BenchError("no full list was taken meanwhile")
        verdict, note = self.judge(result["p99"], 0.05, f"p50 {result['p50'] * 1e3:.2f} ms, most {result['max'] * 1e3:.1f} ms, "
                                                       f"{result['calls']:.0f} calls, {result['listings']:.0f} lists")
        self.row("small call during a full list, p99", result["p99"], None, [], "<= 0.05 s", verdict, note=note)

    def bench_idle(self):
        """Last: nobody asks meanwhile."""
        self.start_daemon()
        n, seconds = self.args.sockets, self.args.cpu_seconds
        time.sleep(5)
        begin, cpu = time.monotonic(), self.cpu_seconds()
        time.sleep(seconds)
        share = (self.cpu_seconds() - cpu) / (time.monotonic() - begin)
        memory, limit = self.memory() / MIB, (128 * n + 16 * MIB) / MIB
        self.row("daemon's memory, nobody asking", memory, None, [], f"<= {limit:.0f} MiB", memory <= limit, "MiB",
                 f"{memory * MIB / n:.0f} bytes a socket")
        self.row(f"daemon's CPU over {seconds} s", share * 100, None, [], f"<= {QUOTA * 120:.1f} %", share <= QUOTA * 1.2, "%",
                 "children included")

    def daemon_rows(self):
        return [(self.bench_pass, "tracking pass / recv only"),
                (self.bench_growth, "memory after many passes / 50"),
                (self.bench_point, "one row by port"),
                (self.bench_owners_known, "list with owners, by the daemon"),
                (self.bench_latency, "small call during a full list, p99"),
                (self.bench_idle, "daemon with nobody asking")]
