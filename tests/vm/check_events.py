#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""What a monitor told of short connections, against the list of those who made them

usage: check_events.py [--brief] EVENTS.json TRUTH...

Each socket of the lists was opened once, closed once, in this order, by the process that the list names;
with --brief (no module) nothing need be known of the process. Nothing was lost, and all of a list are told
in one namespace, another for each list.
"""

import collections
import json
import sys


def read_truth(path):
    rows = {}
    with open(path, encoding="utf-8") as f:
        for line in f:
            cookie, pid, comm, role = line.split()
            rows[int(cookie)] = (int(pid), comm, role)
    return rows


def read_events(path):
    with open(path, encoding="utf-8") as f:
        return [json.loads(line) for line in f]


def owners(socket):
    return [(o.get("pid"), o.get("comm")) for o in socket.get("owners", [])]


def cookie_of(socket):
    return int(socket.get("cookie", "0"), 16)


def main():
    args = sys.argv[1:]
    brief = args[:1] == ["--brief"]
    if brief:
        args = args[1:]
    events = read_events(args[0])
    problems = collections.Counter()
    examples = {}
    told = collections.defaultdict(list)
    lost = sum(e.get("lost", 0) for e in events if e["event"] == "overflow")
    for e in events:
        if e.get("socket"):
            told[cookie_of(e["socket"])].append(e)

    def problem(what, cookie=None, detail=""):
        problems[what] += 1
        examples.setdefault(what, f"{cookie} {detail}")

    if lost:
        problem("events were lost", detail=lost)
    n = 0
    namespaces = []
    for path in args[1:]:
        truth = read_truth(path)
        seen = collections.Counter()
        if len(truth) < 3:
            problem("an empty list", detail=path)
        for cookie, (pid, comm, role) in truth.items():
            n += 1
            kinds = [e["event"] for e in told.get(cookie, [])]
            if kinds.count("opened") != 1 or kinds.count("closed") != 1:
                problem(f"{role}: not opened once and closed once", cookie, (pid, comm, kinds))
                continue
            if kinds[0] != "opened" or kinds[-1] != "closed":
                problem(f"{role}: out of order", cookie, kinds)
            for e in told[cookie]:
                seen[e["socket"].get("netns")] += 1
                if not brief and e["event"] != "changed" and owners(e["socket"]) != [(pid, comm)]:
                    problem(f"{role}: {e['event']} by another", cookie, (pid, comm, e["socket"]))
            if not brief and role == "client" and "changed" not in kinds:
                problem(f"{role}: no change of state", cookie, kinds)
            if not brief and not told[cookie][0]["socket"].get("local_port"):
                problem(f"{role}: no port", cookie, told[cookie][0])
        namespaces.append(seen.most_common(1)[0][0] if seen else None)
        if len(seen) != 1:
            problem("in several namespaces", detail=dict(seen))
    if len(set(namespaces)) != len(namespaces):
        problem("lists in the same namespace", detail=namespaces)
    for what, count in problems.items():
        print(f"{count} x {what}, as {examples[what]}")
    print(f"{n} sockets of {len(args) - 1} namespaces, {len(events)} events, {sum(problems.values())} problems")
    return 1 if problems or n == 0 else 0


sys.exit(main())
