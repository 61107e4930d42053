# SPDX-License-Identifier: LGPL-2.1-or-later
"""Who may do what: root, a user, polkit with and without a rule and absent; a Python client"""

import json
import re

from system_guest_run import BUS, active, execute, hold, journal, need, one, run, sockets, wait, write

RULE = "/etc/polkit-1/rules.d/50-guest.rules"
ALICE = """polkit.addRule(function(action, subject) {
    if (action.id.indexOf("org.socketd1.") == 0 && subject.user == "alice")
        return polkit.Result.YES;
});
"""
CLIENT = """
import dbus
manager = dbus.Interface(dbus.SystemBus().get_object("org.socketd1", "/org/socketd1"), "org.socketd1.Manager")
rows, following, generation = manager.ListSockets({"expression": "sport = :7001"}, 0, 0)
for row in rows:
    print(".".join(str(int(b)) for b in row[5]), int(row[6]), int(row[10]), int(row[12]), str(row[13]))
"""


def owners(user=None):
    return [o["comm"] for o in one("sport = :7001", user).get("owners", [])]


def as_root():
    """sockctl show: root sees who holds a socket"""
    hold("t-root", "HOLD listen 7001")
    hold("t-alice", "HOLD listen 7002", user="alice")
    need(owners() == ["python3"], owners())
    need("users:((\"python3\"" in run("sockctl show -tlnp :7001"), "no owner in the table")


def as_user():
    """sockctl show: a user sees the sockets of all and the owners of his own, and is told what root would see"""
    need(owners("alice") == [], owners("alice"))
    need([o["comm"] for o in one("sport = :7002", "alice")["owners"]] == ["python3"], "alice's own socket has no owner")
    # The word is for people: script(1) gives it a terminal.
    out = run("script -qec 'sockctl --no-pager show -tlnp' /dev/null", user="alice")
    need(":7001" in out and ":7002" in out, out)
    said = re.search(r"sockctl: root would also see .*", out)
    need(said, out)
    need("sk_mark" not in one("sport = :7001", "alice", "-C local_port,sk_mark"), "a mark is told to alice")
    return said.group(0).strip()


def python_client():
    """a client in Python, as root and as a user"""
    write("/run/client.py", CLIENT)
    row = run("python3 /run/client.py").split()
    need(row[:3] == ["127.0.0.1", "7001", "0"] and row[4:] == ["python3"] and int(row[3]) > 1, row)
    row = run("python3 /run/client.py", user="alice").split()
    need(row[:4] == ["127.0.0.1", "7001", "0", "0"] and len(row) == 4, row)


def example():
    """the example of the package finds the unit that leaks a connection, for a user, too"""
    hold("t-leak", "HOLD leak 7003")
    wait("the state is old enough", lambda: sockets("sport = :7003 and state close-wait and state_age > 0s"))
    out = run("python3 /usr/share/doc/socketd/examples/close_wait.py 0", user="alice")
    need(re.search(r"^ +1 t-leak\.service$", out, re.M), out)
    run("systemctl stop t-leak")
    return out.strip()


def destroy(port, user=None):
    row = one(f"sport = :{port} and state established")
    return execute(f"busctl call {BUS} DestroySocket tt {int(row['netns'])} {int(row['cookie'], 16)}", user)


def outcome(port):
    """What the holder of a pair says of its end"""
    return run(f"journalctl -b --no-pager -o cat -u t-pair-{port}").split("\n")


def kill_denied():
    """without a rule of polkit a user may not destroy a socket, nor have the configuration read"""
    hold("t-pair-7010", "HOLD pair 7010")
    code, out, err = destroy(7010, "alice")
    need(code != 0 and "org.socketd1.destroy" in err, out + err)
    one("sport = :7010 and state established")
    lines = wait("a line of the journal", lambda: journal(["destroy", "denied"]))
    code, out, err2 = execute(f"busctl call {BUS} Reload", user="alice")
    need(code != 0, out + err2)
    return lines[-1]


def kill_by_rule():
    """with a rule he may: the connection is aborted, and the journal says who it was"""
    write(RULE, ALICE)
    wait("polkit's yes", lambda: destroy(7010, "alice")[0] == 0)
    wait("the abort", lambda: "Software caused connection abort" in outcome(7010) or "Connection reset by peer" in outcome(7010))
    lines = wait("a line of the journal", lambda: journal(["destroy", "killed"]))
    fields = json.loads(run("journalctl -b -o json SOCKETD_RESULT=killed | tail -n 1"))
    need(fields["SOCKETD_CALLER_UID"] == run("id -u alice").strip(), fields)
    run(f"busctl call {BUS} Reload", user="alice")
    return lines[-1]


def inspect_by_rule():
    """with a rule he sees the owners of others"""
    wait("polkit's yes", lambda: owners("alice") == ["python3"])
    need(owners("bob") == [], "bob sees them, too")


def kill_by_root():
    """sockctl kill, as root: nothing without --yes, the one connection with it"""
    hold("t-pair-7011", "HOLD pair 7011")
    hold("t-pair-7012", "HOLD pair 7012")
    filter_ = "dport = :7011 and state established"
    execute(f"sockctl kill --dry-run '{filter_}'")
    execute(f"sockctl kill '{filter_}'")
    one(filter_)
    out = run(f"sockctl kill --yes '{filter_}'")
    need("killed" in out, out)
    wait("the abort", lambda: "Software caused connection abort" in outcome(7011))
    one("dport = :7012 and state established")
    return out.strip().splitlines()[-1]


def without_polkit():
    """polkit absent: no for a user, root as before"""
    run("systemctl mask --runtime --now polkit")
    wait("a no", lambda: destroy(7012, "alice")[0] != 0)
    wait("no owners", lambda: owners("alice") == [])
    need(owners() == ["python3"], "root sees no owner")
    code, out, err = destroy(7012)
    need(code == 0, out + err)
    run(f"rm {RULE} && systemctl unmask --runtime polkit")
    need(active(), "the service is not active")


def checks():
    return [as_root, as_user, python_client, example, kill_denied, kill_by_rule, inspect_by_rule, kill_by_root, without_polkit]
