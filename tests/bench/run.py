#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Measure the budgets of the design beside their references, in one run"""

import argparse
import os
import signal
import sys
import time

from core import SLOW_LIMIT_SECONDS, Core
from daemon import Daemon
from harness import Bench, BenchError, print_head

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))


class All(Bench, Core, Daemon):
    def all(self):
        return self.core_rows() * (self.args.part != "daemon") + self.daemon_rows() * (self.args.part != "core")


def run_all(bench):
    """Returns passed and failed. A row that cannot be measured is a failed one."""
    n_passed = n_failed = 0
    start = time.perf_counter()
    try:
        holder, words = bench.hold()
    except BenchError as e:
        for _, name in bench.all():
            print(f"{name:<34} FAILED: {e}")
            n_failed += 1
        return 0, n_failed

    print_head(bench, words)
    for measure, name in bench.all():
        n_rows = len(bench.rows)
        try:
            measure()
        except BenchError as e:
            print(f"{name:<34} FAILED: {e}", flush=True)
            n_failed += 1
        n_passed += sum(row[5] is True for row in bench.rows[n_rows:])
        n_failed += sum(row[5] is False for row in bench.rows[n_rows:])
    bench.stop_daemon()
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
    parser.add_argument("--part", choices=("core", "daemon"), help="only these rows (both)")
    parser.add_argument("--passes", type=int, default=1000, help="of the tracker, for its growth (1000)")
    parser.add_argument("--cpu-seconds", type=int, default=60,
                        help="how long the idle daemon's CPU is watched (60; the budget speaks of 300)")
    parser.add_argument("--bus", help="passed to sockctl (default: as it finds its daemon)")
    parser.add_argument("--build", default=os.path.join(ROOT, "build"), help="build directory")
    parser.add_argument("--bench-dir", help="programs of the bench (BUILD/tests/bench)")
    args = parser.parse_args()
    args.sockets = args.sockets or (20000 if args.quick else 100000)
    args.reps = args.reps or (3 if args.quick else 7)
    return args


def main():
    args = parse_arguments()
    bench = All(args)
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
