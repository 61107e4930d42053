#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Who may include whom: the arrows between the rooms (docs/architecture.md)"""

import pathlib
import re
import sys

ROOT = pathlib.Path(__file__).resolve().parents[2]

# A room may include itself and what stands here. Contracts (include/socketd)
# are open to all.
ALLOWED = {
    "daemon/model": set(),
    "daemon/snapshot": {"daemon/model"},
    "daemon/source": {"daemon/model", "daemon/snapshot"},
    "daemon/decode": {"daemon/model", "daemon/snapshot"},
    "daemon/query": {"daemon/model", "daemon/snapshot", "daemon/decode"},
    "daemon/track": {"daemon/model", "daemon/snapshot", "daemon/source", "daemon/decode", "daemon/query"},
    "daemon/bus": {"daemon/model", "daemon/snapshot", "daemon/source", "daemon/decode", "daemon/query", "daemon/track", "daemon"},
    "daemon": {"daemon/model", "daemon/source", "daemon/bus", "daemon/query", "daemon/track"},
    "cli": {"daemon/model", "daemon/snapshot", "daemon/source", "daemon/decode", "daemon/query"},
    "include/socketd": set(),
}

# Libraries that belong to one room only.
LIBRARY_ROOMS = {
    "json-c": {"daemon/query", "daemon/bus", "cli"},
    "systemd": {"daemon", "daemon/bus", "cli"},
}

# Single files that are narrower than their room.
ONLY_FILES = {
    ("cli", "systemd"): {"client.c"},
    ("cli", "daemon/source"): {"direct.c", "verb_kill.c"},
    ("daemon", "daemon/source"): {"netns_main.c"},
    ("daemon/bus", "daemon/source"): {"destroy_call.c", "feed.c", "hub.c", "kernel_module.c", "owner_memory.h"},
}


def room_of_header(name, including):
    """The room that a quoted include names."""
    if name.startswith("socketd/"):
        return "include/socketd"
    if name.startswith("cli/"):
        return "cli"
    head = name.split("/")[0]
    if "/" in name and f"daemon/{head}" in ALLOWED:
        return f"daemon/{head}"
    if "/" not in name:
        return including if including == "cli" else "daemon"
    return None


def check(path):
    room = str(path.parent.relative_to(ROOT))
    problems = []
    for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1):
        where = f"{path.relative_to(ROOT)}:{number}"
        library = re.match(r"\s*#\s*include <(json-c|systemd)/", line)
        if library:
            name = library.group(1)
            if room not in LIBRARY_ROOMS[name]:
                problems.append(f"{where}: {name} is not used in {room}")
            only = ONLY_FILES.get((room, name))
            if only and path.name not in only:
                problems.append(f"{where}: in {room} only {', '.join(sorted(only))} uses {name}")
        quoted = re.match(r'\s*#\s*include "([^"]+)"', line)
        if not quoted:
            continue
        target = room_of_header(quoted.group(1), room)
        if target is None:
            problems.append(f"{where}: {quoted.group(1)} is in no room")
        elif target not in (room, "include/socketd") and target not in ALLOWED[room]:
            problems.append(f"{where}: {room} may not include {target}")
        elif (room, target) in ONLY_FILES and path.name not in ONLY_FILES[room, target]:
            problems.append(f"{where}: in {room} only {', '.join(sorted(ONLY_FILES[room, target]))} includes {target}")
    return problems


def main():
    files = [f for room in ALLOWED for f in sorted((ROOT / room).glob("*.[ch]"))]
    problems = [p for f in files for p in check(f)]
    for p in problems:
        print(p)
    # A check that reads nothing would pass for ever.
    if len(files) < 50:
        print(f"only {len(files)} files were found")
        problems.append("too few")
    print(f"{len(files)} files, {len(problems)} wrong arrows")
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main())
