# SPDX-License-Identifier: LGPL-2.1-or-later
"""What the checks of the guest have in common: commands, waiting, and what systemd and socketd tell"""

import json
import os
import pwd
import subprocess
import time

# All that is waited for takes a moment on a machine, and much longer on an emulated one that compiles.
PATIENCE = 60
BUS = "org.socketd1 /org/socketd1 org.socketd1.Manager"


class Failed(Exception):
    """What a check saw instead"""


def execute(command, user=None, timeout=PATIENCE):
    """Exit code, stdout and stderr of a shell's command line, as another user when one is named"""
    argv = ["/bin/sh", "-c", command]
    if user:
        argv = ["runuser", "-u", user, "--"] + argv
    try:
        p = subprocess.run(argv, capture_output=True, text=True, timeout=timeout, stdin=subprocess.DEVNULL)
    except subprocess.TimeoutExpired as e:
        raise Failed(f"{command}: no end after {timeout} s") from e
    return p.returncode, p.stdout, p.stderr


def run(command, user=None, check=True, timeout=PATIENCE):
    """stdout; a failure when the command fails"""
    code, out, err = execute(command, user, timeout)
    if check and code:
        raise Failed(f"{command}: exit {code}\n{out[-1500:]}{err[-1500:]}")
    return out


def need(condition, saw):
    if not condition:
        raise Failed(str(saw))


def wait(what, condition, seconds=PATIENCE):
    """The first true value of condition()"""
    end = time.monotonic() + seconds
    while True:
        value = condition()
        if value:
            return value
        if time.monotonic() > end:
            raise Failed(f"{what}: not within {seconds} s; last: {value!r}")
        time.sleep(0.2)


def prop(unit, name):
    return run(f"systemctl show -P {name} {unit}").strip()


def main_pid():
    return int(prop("socketd", "MainPID"))


def active():
    return prop("socketd", "ActiveState") == "active"


def answers():
    """Whether the daemon is on the bus; asking itself would start it"""
    bus = "org.freedesktop.DBus /org/freedesktop/DBus org.freedesktop.DBus"
    return run(f"busctl call {bus} NameHasOwner s org.socketd1") == "b true\n"


def journal(words):
    """Lines of the service that have all the words"""
    lines = run("journalctl -b --no-pager -o cat _SYSTEMD_UNIT=socketd.service + UNIT=socketd.service").splitlines()
    return [line for line in lines if all(w in line for w in words)]


def sockets(filter_, user=None, options=""):
    """SOCKETs of docs/json.md"""
    return json.loads(run(f"sockctl show --json {options} '{filter_}'", user))["sockets"]


def one(filter_, user=None, options=""):
    rows = sockets(filter_, user, options)
    need(len(rows) == 1, f"{filter_}: {len(rows)} rows\n{json.dumps(rows)[:1500]}")
    return rows[0]


def hold(unit, words, user=None):
    """Starts system_guest_hold.py as a service of its own, which is ready when this returns"""
    as_user = f"-p User={user}" if user else ""
    run(f"systemd-run --quiet --service-type=notify -p NotifyAccess=all --unit={unit} {as_user} "
        f"{words.replace('HOLD', '/usr/bin/python3 /guest/system_guest_hold.py')}")


def write(path, text):
    os.makedirs(os.path.dirname(path), exist_ok=True)
    with open(path, "w", encoding="utf-8") as f:
        f.write(text)


def uid(name):
    return pwd.getpwnam(name).pw_uid


def status(pid):
    """/proc/PID/status"""
    with open(f"/proc/{pid}/status", encoding="utf-8") as f:
        return dict(line.rstrip("\n").split(":\t", 1) for line in f if ":\t" in line)
