#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Which units leak connections: sockets that have been in CLOSE-WAIT for a while, by unit

close_wait.py [SECONDS]

A service that asks socketd over D-Bus (org.socketd1(5)). The answer is a descriptor, from which JSON
comes line by line: a list of any length costs neither side memory. Needs python3-dbus.
"""

import collections
import json
import os
import sys

import dbus


def sockets(expression, fields):
    """Yields a dictionary for each socket that matches a filter of sockctl(1)."""
    # SOCKETD_BUS is for buses other than the system's: unix:path=...
    address = os.environ.get("SOCKETD_BUS")
    bus = dbus.bus.BusConnection(address) if address else dbus.SystemBus()
    manager = dbus.Interface(bus.get_object("org.socketd1", "/org/socketd1"), "org.socketd1.Manager")
    options = {"format": "ndjson", "fields": dbus.Array(fields, signature="s")}
    stream = manager.OpenSockets({"expression": expression}, options)
    with os.fdopen(stream.take(), encoding="utf-8") as lines:
        reading = None
        for line in lines:
            row = json.loads(line)
            # One socket a line, and last one object about the reading itself.
            if "reading" in row:
                reading = row["reading"]
            else:
                yield row
    if reading is None:
        sys.exit("close_wait.py: the answer was cut short")
    if reading["partial"]:
        print("close_wait.py: not all could be read", file=sys.stderr)


def main():
    if len(sys.argv) > 2 or not all(a.isdecimal() for a in sys.argv[1:]):
        sys.exit("usage: close_wait.py [SECONDS]")
    seconds = int(sys.argv[1]) if len(sys.argv) > 1 else 60
    leaks = collections.Counter()
    try:
        for socket in sockets(f"tcp state close-wait and state_age > {seconds}s", ["unit", "comm", "state_age"]):
            # Absent is not empty: what this caller may not see, or what is not known, has no key.
            owners = {owner["comm"] for owner in socket.get("owners", [])}
            leaks[socket.get("unit") or "/".join(sorted(owners)) or "?"] += 1
    except dbus.DBusException as e:
        sys.exit(f"close_wait.py: {e.get_dbus_name()}: {e.get_dbus_message()}")
    for unit, n in leaks.most_common():
        print(f"{n:8} {unit}")


if __name__ == "__main__":
    main()
