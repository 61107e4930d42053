# SPDX-License-Identifier: LGPL-2.1-or-later
"""A real polkitd on a test's bus, with actions and rules that nobody but this process sees"""

import ctypes
import os
import pathlib
import subprocess
import time

from wire import Wire

ROOT = pathlib.Path(__file__).resolve().parents[2]
POLKITD = pathlib.Path("/usr/lib/polkit-1/polkitd")
ACTIONS = pathlib.Path("/usr/share/polkit-1/actions")
RULES = pathlib.Path("/etc/polkit-1/rules.d")
NAME, PATH, INTERFACE = "org.freedesktop.PolicyKit1", "/org/freedesktop/PolicyKit1/Authority", "org.freedesktop.PolicyKit1.Authority"
BUS = {"interface": "org.freedesktop.DBus", "path": "/org/freedesktop/DBus", "destination": "org.freedesktop.DBus"}

YES, NO, PASSWORD = "YES", "NO", "AUTH_ADMIN"


def own_folders():
    """polkitd reads fixed places: in a mount namespace of our own they hold what a test puts there."""
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.unshare(0x00020000) < 0:  # CLONE_NEWNS
        raise OSError(ctypes.get_errno(), "unshare")
    subprocess.run(["mount", "--make-rprivate", "/"], check=True)
    for folder in (ACTIONS, RULES, pathlib.Path("/usr/share/polkit-1/rules.d")):
        subprocess.run(["mount", "-t", "tmpfs", "-o", "mode=755", "tmpfs", str(folder)], check=True)


def put_actions(owner=None):
    """Ours; owner: a user that is there, in place of the service's."""
    text = (ROOT / "systemd/org.socketd1.policy").read_text(encoding="utf-8")
    (ACTIONS / "org.socketd1.policy").write_text(text.replace("unix-user:socketd", f"unix-user:{owner}") if owner else text,
                                                 encoding="utf-8")


def rule_text(user, verdicts):
    lines = [f"if (action.id == 'org.socketd1.{action}' && subject.user == '{user}') return polkit.Result.{verdict};"
             for action, verdict in verdicts.items()]
    return "polkit.addRule(function(action, subject) {\n" + "\n".join(lines) + "\n});\n"


def check(wire, about, action):
    """What polkitd answers to root about another connection: (yes, challenge), or None when it does not answer."""
    reply = wire.ask("CheckAuthorization", "(sa{sv})sa{ss}us",
                     [("system-bus-name", [("name", ("s", about))]), f"org.socketd1.{action}", [], 0, ""],
                     interface=INTERFACE, path=PATH, destination=NAME)
    return None if reply.error else reply.body[0][:2]


def has_polkit(bus_path):
    with Wire(bus_path, bus=True) as wire:
        return wire.ask("NameHasOwner", "s", [NAME], **BUS).body[0]


def start(case, user="nobody", verdicts=None, owner=None):
    """polkitd on the bus of a test case, which ends it."""
    put_actions(owner)
    put_rule(user, verdicts or {})
    daemon = case.start(POLKITD, "--no-debug", env=dict(os.environ, DBUS_SYSTEM_BUS_ADDRESS=case.address),
                        stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    end = time.monotonic() + 10
    while not has_polkit(case.bus_path):
        if time.monotonic() > end or daemon.poll() is not None:
            raise AssertionError("polkitd does not take its name")
        time.sleep(0.02)
    return daemon


def put_rule(user, verdicts):
    """Replaced in one step: polkitd looks at the folder, and reads it as a whole."""
    new = RULES / "new"
    new.write_text(rule_text(user, verdicts), encoding="utf-8")
    new.chmod(0o644)
    new.rename(RULES / "50-test.rules")
