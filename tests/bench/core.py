# SPDX-License-Identifier: LGPL-2.1-or-later
"""The budgets of the core: snapshot, list, owners"""

import statistics

from harness import FULL_SIZE, BenchError

SLOW_SS_SECONDS = 118           # ss -tanp at that size; it grows with the square
SLOW_LIMIT_SECONDS = 30         # a reference slower than this needs --with-slow
DETAILS = (b"skmem", b"cwnd")  # words of a listing with -m and -i, each once a connection


class Core:
    """A part of the bench (harness.Bench): one method a budget"""

    def bench_snapshot(self):
        ours, reference = self.tool("snapshot_bench"), [self.tool("dump_ref"), "--ext", "all"]
        n = self.args.sockets
        a, b = self.run([ours]), self.run(reference)
        for name, result in (("snapshot_bench", a), ("dump_ref", b)):
            if result.get("sockets") != n:
                raise BenchError(f"{name} saw {result.get('sockets', 0):.0f} sockets, {n} are held")
        if a.get("bytes", 0) < 0.98 * b["bytes"]:
            raise BenchError(f"snapshot has {a.get('bytes', 0):.0f} bytes, "
                             f"the dump {b['bytes']:.0f}: not the same attributes")
        pairs = self.compare(lambda: self.run([ours])["seconds"],
                             lambda: self.run(reference)["seconds"])
        self.ratio_row("snapshot, indexed / recv only", pairs, 1.25,
                       f"{b['bytes'] / n:.0f} bytes a socket")

    def bench_list(self):
        ours = self.show("-tanieom", "--no-owners", before=self.bus)
        reference = ["ss", "-tanieom"]
        n = self.args.sockets
        size = [self.listing(command, n, DETAILS) / n for command in (ours, reference)]
        pairs = self.compare(lambda: self.measure(ours)["seconds"],
                             lambda: self.measure(reference)["seconds"])
        self.ratio_row("list, all details / ss -tanieom", pairs, 0.4,
                       f"text {size[0]:.0f} and {size[1]:.0f} bytes a socket")

    def bench_list_memory(self):
        ours = self.show("-tanieom", "--no-owners", before=self.bus)

        def peak(command):
            result = self.measure(command, peak=True)
            return result.get("peak_kib", result["maxrss_kib"]) / 1024

        pairs = [(peak(ours), peak(["ss", "-tanieom"])) for _ in range(2)]
        ours, reference = (max(side) for side in zip(*pairs))
        self.row("memory of that client, ss", ours, reference, [], "<= 8 MiB", ours <= 8, "MiB")

    def bench_list_owners(self):
        ours = self.show("-tanp", before=["--direct"])
        n = self.args.sockets
        limit = 3.0 * n / FULL_SIZE
        self.listing(ours, n, owner=b"hold")
        times = []
        while len(times) < self.args.reps and sum(times) < SLOW_LIMIT_SECONDS:
            times.append(self.measure(ours)["seconds"])
        median = statistics.median(times)
        verdict, note = self.judge(median, limit, f"best {min(times):.2f} s; 3 s at {FULL_SIZE}")
        self.row("list with owners, direct", median, None, [], f"<= {limit:.2f} s", verdict, note=note)

        # The slow ones: once each, for the ratio, without a verdict.
        references = [(["ss", "-tanp"], SLOW_SS_SECONDS * (n / FULL_SIZE) ** 2),
                      (["lsof", "-nP", "-iTCP"], 14 * n / FULL_SIZE)]
        for command, expected in references:
            text = " ".join(command)
            if expected > SLOW_LIMIT_SECONDS and not self.args.with_slow:
                print(f"  ({text} left out: about {expected:.0f} s, --with-slow)")
                continue
            try:
                pair = (median, self.measure(command, timeout=600)["seconds"])
            except BenchError as e:
                print(f"  ({text} left out: {e})")
                continue
            self.ratio_row(f"  the same / {text}, once", [pair], None)

    def bench_owners(self):
        ours, reference = self.tool("owners_bench"), self.tool("proc_ref")
        a, b = self.run([ours]), self.run([reference])
        if a.get("holders", 0) < 0.99 * b["sockets"] or b["sockets"] < self.args.sockets:
            raise BenchError(f"owners_bench found {a.get('holders', 0):.0f} holders, "
                             f"proc_ref {b['sockets']:.0f} socket descriptors")
        pairs = self.compare(lambda: self.run([ours])["seconds"],
                             lambda: self.run([reference])["seconds"])
        self.ratio_row("owners / readlinkat of every fd", pairs, 1.1,
                       f"{b['sockets']:.0f} socket descriptors")

    def core_rows(self):
        return [(self.bench_snapshot, "snapshot, indexed / recv only"),
                (self.bench_list, "list, all details / ss -tanieom"),
                (self.bench_list_memory, "memory of that client, ss"),
                (self.bench_list_owners, "list with owners, direct"),
                (self.bench_owners, "owners / readlinkat of every fd")]
