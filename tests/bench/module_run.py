#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""What the kernel module costs beside tcp_diag and /proc, in guests (software emulation: only the ratios mean something)

usage: module_run.py [--build DIR] [--sockets N] [--reps N] [--slack FACTOR] [KERNEL...]

Exit: 0; 1 a budget is passed; 77 no guest or no module can be had.
"""

import argparse
import collections
import pathlib
import statistics
import subprocess
import sys
import tempfile

TOP = pathlib.Path(__file__).resolve().parents[2]
VM = TOP / "tests" / "vm"
# what, reference, budget (None: shown only), what it is
RATIOS = (
    ("default", "tcp_diag", 1.5, "module, default set / tcp_diag"),
    ("sock", "tcp_diag", None, "  with struct sock and socket"),
    ("numbers", "tcp_diag", None, "  with all numbers"),
    ("all", "tcp_diag", None, "  with all fields and names"),
    ("owners", "proc_ref", 0.3, "owners by module / readlinkat"),
    ("owners", "proc_scan", 0.3, "  / socketd's scan of /proc"),
)


def parse(text):
    """{name: [(seconds, sockets)]}"""
    runs = collections.defaultdict(list)
    for line in text.splitlines():
        words = line.split()
        values = dict(zip(words[1::2], words[2::2]))
        runs[words[0]].append((float(values["seconds"]), int(values.get("sockets", values.get("holders", 0)))))
    return runs


def guest(kernel, args, directory):
    module = subprocess.run([VM / "module.sh", kernel, directory / "module"], stdout=subprocess.PIPE, text=True, check=False)
    if module.returncode != 0:
        return module.returncode, ""
    (directory / "sockets").write_text(str(args.sockets))
    (directory / "reps").write_text(str(args.reps))
    bench = args.build / "tests" / "bench"
    files = [module.stdout.split()[-1], directory / "sockets", directory / "reps"]
    files += [bench / name for name in ("hold", "module_bench", "proc_ref", "owners_bench")]
    argv = [VM / "guest.sh", "--kernel", kernel, "--payload", TOP / "tests/bench/module_payload.sh", "--out", directory / "out",
            "--modules", "inet_diag tcp_diag", "--timeout", "240", "--memory", "2048"]
    for file in files:
        argv += ["--file", str(file)]
    done = subprocess.run([str(arg) for arg in argv], stdout=subprocess.DEVNULL, check=False)
    if done.returncode not in (0, 77):
        sys.stdout.write((directory / "out" / "payload.log").read_text(errors="replace")
                         if (directory / "out" / "payload.log").exists() else "")
    result = directory / "out" / "bench.txt"
    return done.returncode, result.read_text() if done.returncode == 0 else ""


def report(kernel, runs, slack):
    bad = 0
    for name in ("tcp_diag", "default", "all", "owners", "proc_ref"):
        times = [seconds for seconds, _ in runs[name]]
        sockets = runs[name][0][1]
        print(f"{kernel:5} {name:9} {min(times):8.3f} s  {min(times) / max(1, sockets) * 1e6:7.2f} us each  {sockets} sockets")
    if runs["default"][0][1] < runs["tcp_diag"][0][1]:
        print(f"{kernel}: the module told {runs['default'][0][1]} TCP sockets, tcp_diag {runs['tcp_diag'][0][1]}")
        bad = 1
    for what, reference, budget, title in RATIOS:
        # Each beside its reference of the same round.
        ratios = [mine[0] / other[0] for mine, other in zip(runs[what], runs[reference])]
        middle = statistics.median(ratios)
        verdict = "" if budget is None else f"<= {budget} x " + ("OK" if middle <= budget * slack else "PASSED OVER")
        bad |= budget is not None and middle > budget * slack
        print(f"{kernel:5} {title:34} median {middle:6.2f}  min {min(ratios):6.2f}  {verdict}")
    return bad


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--build", type=pathlib.Path, default=TOP / "build")
    parser.add_argument("--sockets", type=int, default=20000)
    parser.add_argument("--reps", type=int, default=5)
    parser.add_argument("--slack", type=float, default=1)
    parser.add_argument("kernels", nargs="*")
    args = parser.parse_args()
    bad = 0
    for kernel in args.kernels or ["6.1", "6.12"]:
        with tempfile.TemporaryDirectory(prefix="socketd-bench.") as name:
            code, text = guest(kernel, args, pathlib.Path(name))
        if code == 77:
            return 77
        if code != 0:
            print(f"{kernel}: the guest ended with {code}")
            bad = 1
            continue
        bad |= report(kernel, parse(text), args.slack)
    return int(bad)


if __name__ == "__main__":
    sys.exit(main())
