# SPDX-License-Identifier: LGPL-2.1-or-later
"""What all measurements share: sockets that are held, timing beside a reference, the table"""

import ctypes
import os
import platform
import signal
import statistics
import subprocess
import sys

CLONE_NEWNET = 0x40000000
FULL_SIZE = 396000              # sockets that the absolute budgets are stated for
STATES = {b"ESTAB", b"LISTEN", b"CLOSE-WAIT", b"FIN-WAIT-1", b"FIN-WAIT-2", b"TIME-WAIT",
          b"SYN-SENT", b"SYN-RECV", b"LAST-ACK", b"CLOSING", b"UNCONN"}


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
        # Of our own namespace, as ss: root is shown those of all.
        return [self.sockctl, *before, "show", "-N", "/proc/self/ns/net", *words, "--no-pager"]

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
