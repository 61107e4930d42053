#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Measure the budgets of the design beside their references, in one run"""

import argparse
import ctypes
import os
import platform
import signal
import statistics
import subprocess
import sys
import time

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
CLONE_NEWNET = 0x40000000
FULL_SIZE = 396000              # sockets that the absolute budgets are stated for
SLOW_SS_SECONDS = 118           # ss -tanp at that size; it grows with the square
SLOW_LIMIT_SECONDS = 30         # a reference slower than this needs --with-slow
STATES = {b"ESTAB", b"LISTEN", b"CLOSE-WAIT", b"FIN-WAIT-1", b"FIN-WAIT-2", b"TIME-WAIT",
          b"SYN-SENT", b"SYN-RECV", b"LAST-ACK", b"CLOSING", b"UNCONN"}
DETAILS = (b"skmem", b"cwnd")  # words of a listing with -m and -i, each once a connection


class BenchError(Exception):
    """One row cannot be measured; the others go on."""


class Children:
    """Everything started, each in a session of its own so that its own children end with it."""

    def __init__(self):
        self.live = []

    def start(self, command, **options):
        try:
            child = subprocess.Popen(command, start_new_session=True, **options)
        except OSError as e:
            raise BenchError(f"cannot run {command[0]}: {e.strerror}") from e
        self.live.append(child)
        return child

    def finish(self, child):
        try:
            os.killpg(child.pid, signal.SIGKILL)
        except ProcessLookupError:
            pass
        child.wait()
        for stream in (child.stdin, child.stdout, child.stderr):
            if stream:
                stream.close()
        self.live.remove(child)

    def release(self, child):
        """For one that ends with its input: only it can reap its own children in time."""
        child.stdin.close()
        try:
            child.wait(timeout=60)
        except subprocess.TimeoutExpired:
            print(f"{child.args[0]} did not end by itself", file=sys.stderr)
        self.finish(child)

    def finish_all(self):
        for child in list(self.live):
            if child.stdin:
                self.release(child)
            else:
                self.finish(child)


class Bench:
    def __init__(self, args):
        self.args = args
        self.children = Children()
        self.rows = []
        self.tools = os.path.abspath(args.bench_dir or os.path.join(args.build, "tests/bench"))
        self.sockctl = os.path.abspath(os.path.join(args.build, "cli/sockctl"))
        self.bus = [f"--bus={args.bus}"] if args.bus else []

    def tool(self, name):
        path = os.path.join(self.tools, name)
        if not os.access(path, os.X_OK):
            raise BenchError(f"missing program {path}")
        return path

    def show(self, *words, before=()):
        if not os.access(self.sockctl, os.X_OK):
            raise BenchError(f"missing program {self.sockctl}")
        return [self.sockctl, *before, "show", *words, "--no-pager"]

    # The sockets

    def hold(self):
        """Start the holder and move this process, thereby all it starts, into its namespace."""
        n = self.args.sockets
        holder = self.children.start([self.tool("hold"), "--sockets", str(n),
                                      "--close-wait", str(n // 100)],
                                     stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        line = holder.stdout.readline().decode().split()
        if line[:2] != ["ready", str(n)]:
            raise BenchError("hold did not get ready")
        words = dict(zip(line[0::2], line[1::2]))
        libc = ctypes.CDLL(None, use_errno=True)
        fd = os.open(words["netns"], os.O_RDONLY)
        if libc.setns(fd, CLONE_NEWNET) < 0:
            raise BenchError(f"setns: {os.strerror(ctypes.get_errno())}")
        os.close(fd)
        return holder, words

    # One measurement

    def run(self, command, timeout=120):
        """Run a program that prints 'word number' pairs and return them."""
        child = self.children.start(command, stdout=subprocess.PIPE, stdin=subprocess.DEVNULL,
                                    stderr=subprocess.PIPE)
        try:
            out, err = child.communicate(timeout=timeout)
        except subprocess.TimeoutExpired as e:
            raise BenchError(f"{' '.join(command)}: over {timeout} s") from e
        finally:
            self.children.finish(child)
        if child.returncode != 0:
            reason = err.decode(errors="replace").strip().splitlines()
            raise BenchError(f"exit {child.returncode} of {os.path.basename(command[0])}: "
                             f"{reason[-1] if reason else ' '.join(command)}")
        words = out.decode().split()
        values = dict(zip(words[0::2], words[1::2]))
        if "seconds" not in values:
            raise BenchError(f"no 'seconds' from {command[0]}: {out[:80]!r}")
        return {key: float(value) for key, value in values.items()}

    def measure(self, command, timeout=120, peak=False):
        """Wall time and memory of a whole process with its output thrown away."""
        return self.run([self.tool("measure"), *(["--peak"] if peak else []), *command], timeout)

    def compare(self, ours, reference):
        """Interleaved, the order alternating. Returns all seconds of both, in pairs."""
        pairs = []
        for i in range(self.args.reps):
            first, second = (ours, reference) if i % 2 == 0 else (reference, ours)
            a, b = first(), second()
            pairs.append((a, b) if i % 2 == 0 else (b, a))
        return pairs

    def listing(self, command, expected, details=(), owner=None):
        """A benchmark of a wrong answer is worthless: what was timed must list the held sockets."""
        child = self.children.start(command, stdout=subprocess.PIPE, stdin=subprocess.DEVNULL)
        n_rows = n_owned = n_bytes = 0
        n_details = dict.fromkeys(details, 0)
        status = None
        try:
            for line in child.stdout:
                n_bytes += len(line)
                n_rows += not STATES.isdisjoint(line.split(None, 2)[:2])
                if owner:
                    n_owned += owner in line
                for word in details:
                    n_details[word] += word in line
            status = child.wait(timeout=60)
        except subprocess.TimeoutExpired:
            pass
        finally:
            self.children.finish(child)
        name = os.path.basename(command[0])
        if status != 0:
            raise BenchError(f"exit {status} of {' '.join(command)}")
        if n_rows != expected:
            raise BenchError(f"{name} lists {n_rows} sockets, {expected} are held")
        if owner and n_owned < expected:
            raise BenchError(f"{name} knows the owner of {n_owned} of {expected}")
        for word, n in n_details.items():
            if n < 0.9 * expected:
                raise BenchError(f"{name} shows {word.decode()} for {n} of {expected}")
        return n_bytes

    # The table

    def row(self, name, ours, reference, ratios, budget, verdict, unit="s", note=""):
        self.rows.append((name, ours, reference, ratios, budget, verdict, unit, note))
        print_row(*self.rows[-1])

    def judge(self, value, limit, note=""):
        """Whether a time is within its limit, and on a machine with other work within its slack."""
        if limit is None:
            return None, note
        if limit < value <= limit * self.args.slack:
            note = f"over the budget, within --slack; {note}".rstrip("; ")
        return value <= limit * self.args.slack, note

    def ratio_row(self, name, pairs, limit, note=""):
        ratios = [ours / reference for ours, reference in pairs]
        ours, reference = (statistics.median(side) for side in zip(*pairs))
        verdict, note = self.judge(statistics.median(ratios), limit, note)
        self.row(name, ours, reference, ratios,
                 "-" if limit is None else f"<= {limit} x", verdict, note=note)

    # The budgets

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

    def bench_one_row(self):
        """A budget of the warm daemon, here the daemon may be spawned for it: for information."""
        ours = self.show("-tan", "sport = :19123", "--no-owners", before=self.bus)
        reference = ["ss", "-tan", "sport = :19123"]
        for command in (ours, reference):
            self.listing(command, 1)
        pairs = self.compare(lambda: self.measure(ours)["seconds"],
                             lambda: self.measure(reference)["seconds"])
        self.ratio_row("one row by port / ss", pairs, None, "0.02 s with a warm daemon")

    def all(self):
        return [(self.bench_snapshot, "snapshot, indexed / recv only"),
                (self.bench_list, "list, all details / ss -tanieom"),
                (self.bench_list_memory, "memory of that client, ss"),
                (self.bench_list_owners, "list with owners, direct"),
                (self.bench_owners, "owners / readlinkat of every fd"),
                (self.bench_one_row, None)]


def print_row(name, ours, reference, ratios, budget, verdict, unit, note):
    def figure(value):
        return "-" if value is None else f"{value:.3f} {unit}" if unit == "s" \
            else f"{value:.1f} {unit}"

    median = f"{statistics.median(ratios):.2f}" if ratios else "-"
    least = f"{min(ratios):.2f}" if ratios else "-"
    word = {True: "OK", False: "OVER", None: "-"}[verdict]
    print(f"{name:<34} {figure(ours):>10} {figure(reference):>10} {median:>7} {least:>7} "
          f"{budget:>10} {word:<5} {note}".rstrip(), flush=True)


def print_head(bench, words):
    try:
        ss = subprocess.run(["ss", "-V"], capture_output=True, text=True, check=False).stdout
    except OSError:
        ss = "no ss"
    print(f"{bench.args.sockets} TCP sockets, held by {words['processes']} processes, made in "
          f"{words['seconds']} s; {bench.args.reps} repetitions, interleaved")
    print(f"Linux {platform.release()}, {os.cpu_count()} cores, load {os.getloadavg()[0]:.2f}; "
          f"{ss.strip()}\n")
    print(f"{'what':<34} {'ours':>10} {'reference':>10} {'median':>7} {'min':>7} {'budget':>10}")


def run_all(bench):
    """Returns passed and failed. A row that cannot be measured is a failed one."""
    n_passed = n_failed = 0
    start = time.perf_counter()
    try:
        holder, words = bench.hold()
    except BenchError as e:
        for _, name in bench.all():
            if name:
                print(f"{name:<34} FAILED: {e}")
                n_failed += 1
        return 0, n_failed

    print_head(bench, words)
    for measure, name in bench.all():
        n_rows = len(bench.rows)
        try:
            measure()
        except BenchError as e:
            print(f"{name or 'one row by port / ss':<34} {'FAILED' if name else 'left out'}: {e}",
                  flush=True)
            n_failed += name is not None
        n_passed += sum(row[5] is True for row in bench.rows[n_rows:])
        n_failed += sum(row[5] is False for row in bench.rows[n_rows:])
    bench.children.release(holder)
    print(f"\n{time.perf_counter() - start:.0f} s in all")
    return n_passed, n_failed


def interrupt(signum, frame):
    raise KeyboardInterrupt


def parse_arguments():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--sockets", type=int, help="how many to hold (100000)")
    parser.add_argument("--reps", type=int, help="repetitions of each pair (7)")
    parser.add_argument("--quick", action="store_true", help="20000 sockets, 3 repetitions")
    parser.add_argument("--with-slow", action="store_true",
                        help=f"references over {SLOW_LIMIT_SECONDS} s too (ss -tanp: minutes)")
    parser.add_argument("--no-fail", action="store_true", help="only report: always exit 0")
    parser.add_argument("--slack", type=float, default=1.0,
                        help="times may be over their budgets by this factor: for a machine with other work (1)")
    parser.add_argument("--bus", help="passed to sockctl (default: as it finds its daemon)")
    parser.add_argument("--build", default=os.path.join(ROOT, "build"), help="build directory")
    parser.add_argument("--bench-dir", help="programs of the bench (BUILD/tests/bench)")
    args = parser.parse_args()
    args.sockets = args.sockets or (20000 if args.quick else 100000)
    args.reps = args.reps or (3 if args.quick else 7)
    return args


def main():
    args = parse_arguments()
    bench = Bench(args)
    for signum in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(signum, interrupt)
    try:
        n_passed, n_failed = run_all(bench)
    except KeyboardInterrupt:
        print("interrupted", file=sys.stderr)
        return 130
    finally:
        bench.children.finish_all()
    print(f"{n_passed} passed, {n_failed} failed")
    return 1 if n_failed and not args.no_fail else 0


if __name__ == "__main__":
    sys.exit(main())
