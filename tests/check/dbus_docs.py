#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""The manual page of the bus against what a running daemon says of itself: every member, its arguments, its signature

Usage: dbus_docs.py SOCKETD

The daemon serves a bus of its own; busctl asks it for its XML. The blocks of
docs/org.socketd1.5.scd must name the same, no more and no less.
"""

import pathlib
import re
import subprocess
import sys
import tempfile
import time
import xml.etree.ElementTree as ElementTree

ROOT = pathlib.Path(__file__).resolve().parents[2]
PAGE = ROOT / "docs/org.socketd1.5.scd"
EMITS = "org.freedesktop.DBus.Property.EmitsChangedSignal"
OBJECTS = {
    "org.socketd1.Manager": "/org/socketd1",
    "org.socketd1.Socket": "/org/socketd1/socket/_1",
    "org.freedesktop.LogControl1": "/org/freedesktop/LogControl1",
}
BUS_CONFIG = """<busconfig><type>system</type><listen>unix:path={path}</listen><auth>EXTERNAL</auth>
<policy context="default"><allow user="*"/><allow own="*"/><allow send_destination="*"/><allow receive_sender="*"/></policy>
</busconfig>
"""


def arguments(text):
    """"in t cookie, out a{sv} values" as a list."""
    return [" ".join(a.split()) for a in text.split(",")] if text.strip() else []


def documented():
    """{interface: {member: what it is}} of the page."""
    found = {}
    for block in re.findall(r"```\n(node .*?)```", PAGE.read_text(encoding="utf-8"), re.S):
        interface = re.search(r"interface (\S+) \{", block).group(1)
        members = {}
        for name, inside in re.findall(r"^      (\w+)\(([^;]*)\);$", block, re.M):
            kind = "signal" if block.find("signals:") >= 0 and block.index(f" {name}(") > block.index("signals:") else "method"
            members[name] = (kind, arguments(inside))
        for emits, access, signature, name in re.findall(
                rf'(?:^      @{re.escape(EMITS)}\("(\w+)"\)\n)?^      (readonly|readwrite) (\S+) (\w+) = .*;$', block, re.M):
            members[name] = ("property", access, signature, emits or "true")
        found[interface] = members
    return found


def introspected(xml, interface):
    members = {}
    for node in ElementTree.fromstring(xml).findall("interface"):
        if node.get("name") != interface:
            continue
        for m in node.findall("method"):
            members[m.get("name")] = ("method", [f"{a.get('direction')} {a.get('type')} {a.get('name')}" for a in m.findall("arg")])
        for s in node.findall("signal"):
            members[s.get("name")] = ("signal", [f"{a.get('type')} {a.get('name')}" for a in s.findall("arg")])
        for p in node.findall("property"):
            emits = next((a.get("value") for a in p.findall("annotation") if a.get("name") == EMITS), "true")
            members[p.get("name")] = ("property", p.get("access").replace("read", "readonly").replace("onlywrite", "write"),
                                      p.get("type"), emits)
    return members


def wait_for(condition, what):
    for _ in range(500):
        if condition():
            return
        time.sleep(0.02)
    raise SystemExit(f"in 10 s: {what}")


def ask(address, path):
    run = subprocess.run(["busctl", f"--address={address}", "introspect", "--xml-interface", "org.socketd1", path],
                         capture_output=True, text=True, check=False)
    return run.stdout if run.returncode == 0 else None


def running(socketd, folder):
    """{interface: {member: what it is}} of the daemon."""
    address = f"unix:path={folder}/bus"
    config = folder / "bus.conf"
    config.write_text(BUS_CONFIG.format(path=folder / "bus"))
    children = [subprocess.Popen(["dbus-daemon", f"--config-file={config}", "--nofork", "--nopidfile"], stderr=subprocess.DEVNULL)]
    try:
        wait_for((folder / "bus").exists, "the bus's socket")
        children.append(subprocess.Popen([socketd, f"--bus={address}", "--private=none"], stderr=subprocess.DEVNULL))
        wait_for(lambda: ask(address, "/org/socketd1"), "an answer of the daemon")
        return {interface: introspected(ask(address, path), interface) for interface, path in OBJECTS.items()}
    finally:
        for child in reversed(children):
            child.terminate()
            child.wait()


def main():
    with tempfile.TemporaryDirectory(prefix="socketd-docs-") as folder:
        true = running(sys.argv[1], pathlib.Path(folder))
    page = documented()
    problems = 0
    for interface in sorted(set(true) | set(page)):
        told, is_ = page.get(interface, {}), true.get(interface, {})
        for member in sorted(set(told) | set(is_)):
            if told.get(member) != is_.get(member):
                print(f"{interface}.{member}: the page has {told.get(member)}, the daemon {is_.get(member)}")
                problems += 1
    n = sum(len(m) for m in true.values())
    if n < 30:
        print("too few members")
        problems += 1
    # Each method is explained, not only listed.
    text = PAGE.read_text(encoding="utf-8")
    for member, what in true.get("org.socketd1.Manager", {}).items():
        if f"*{member}()*" not in text and f"*{member}*" not in text:
            print(f"{member} is listed and not explained")
            problems += 1
        del what
    print(f"{n} members, {problems} problems")
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main())
