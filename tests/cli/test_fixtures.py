#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Recordings of three kernels against what their sockets were made of: offline, and without rights

Usage: test_fixtures.py SOCKCTL COMPARE FIXTURES

tests/fixtures/linux-X.skd was recorded while the zoo of tests/zoo ran on Linux X;
linux-X.zoo.json is what the zoo said of its sockets (tests/vm/test_vm.sh makes both).
"""

import json
import os
import pathlib
import shutil
import subprocess
import sys
import tempfile

SOCKCTL, COMPARE, FIXTURES = (os.path.abspath(p) for p in sys.argv[1:4])

# Each family that a kernel can have is in one of the recordings.
NETIDS = {"tcp", "udp", "udplite", "raw", "icmp", "mptcp", "sctp", "dccp", "u_str", "u_dgr", "u_seq", "nl",
          "p_raw", "p_dgr", "v_str", "xdp", "smc", "tipc"}

# Filters whose answers must agree with a count over the JSON of the same recording.
FILTERS = [
    ("state listening", lambda s: s.get("state") == "LISTEN"),
    ("state established and rtt > 20us", lambda s: s.get("state") == "ESTAB" and s.get("tcpi_rtt", 0) > 20),
    ("not tcp", lambda s: s["netid"] != "tcp"),
    ("src 127.0.0.0/8", lambda s: s.get("family") != "unix" and
     s.get("local", "").removeprefix("::ffff:").startswith("127.")),
    ("has sk_shutdown and sk_shutdown = RCV_SHUTDOWN", lambda s: "RCV_SHUTDOWN" in s.get("sk_shutdown", [])),
    ("sk_rcvbuf >= 208KiB", lambda s: s.get("sk_rcvbuf", 0) >= 208 * 1024),
    ("pid != 1", lambda s: any("pid" in o for o in s.get("owners", [])) and all(o["pid"] != 1 for o in s["owners"])),
    ("comm ~ 'zoo*'", lambda s: any(o["comm"].lower().startswith("zoo") for o in s.get("owners", []))),
    ("tcpi_options = sack", lambda s: "sack" in s.get("tcpi_options", [])),
]


def nobody():
    """The tests need no rights; root gives them up."""
    if os.geteuid() == 0:
        os.setgroups([])
        os.setresgid(65534, 65534, 65534)
        os.setresuid(65534, 65534, 65534)


def sockctl(program, recording, *arguments):
    with open(recording, "rb") as f:  # root's folders may be closed to nobody
        run = subprocess.run([program, "--file", "-", "show", *arguments], stdin=f, capture_output=True,
                             preexec_fn=nobody, check=False, timeout=60)
    if run.returncode != 0:
        raise SystemExit(f"{recording.name} {arguments}: exit {run.returncode}: {run.stderr.decode()}")
    return run.stdout


def main():
    with tempfile.TemporaryDirectory(prefix="socketd-fixtures-") as folder:
        # The checkout may be closed to nobody.
        os.chmod(folder, 0o755)
        return compare_all(shutil.copy(SOCKCTL, folder))


def compare_all(program):
    passed = failed = 0
    seen = set()
    recordings = sorted(pathlib.Path(FIXTURES).glob("*.skd"))
    for recording in recordings:
        raw = sockctl(program, recording, "-a", "--json")
        document = json.loads(raw)
        seen |= {s["netid"] for s in document["sockets"]}
        with tempfile.NamedTemporaryFile(suffix=".json") as show:
            show.write(raw)
            show.flush()
            run = subprocess.run([sys.executable, COMPARE, "--saved", recording.with_suffix("").as_posix() + ".zoo.json",
                                  show.name], capture_output=True, text=True, check=False)
        last = run.stdout.splitlines()[-1] if run.stdout else run.stderr
        print(f"{recording.name}: {last}")
        if run.returncode != 0:
            print(run.stdout)
            failed += 1
        else:
            passed += int(last.split()[0])
        for text, predicate in FILTERS:
            want = sum(1 for s in document["sockets"] if predicate(s))
            got = len(json.loads(sockctl(program, recording, text, "--json"))["sockets"])
            if got == want and want > 0:
                passed += 1
            else:
                failed += 1
                print(f"{recording.name}: {text}: {got} rows, counted {want}")
    if len(recordings) < 3 or seen != NETIDS:
        failed += 1
        print(f"{len(recordings)} recordings; families missing: {sorted(NETIDS - seen)}, unknown: {sorted(seen - NETIDS)}")
    print(f"{passed} passed, {failed} failed")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
