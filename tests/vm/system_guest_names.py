# SPDX-License-Identifier: LGPL-2.1-or-later
"""Units, sockets of PID 1, and network namespaces that come and go"""

import os

from system_guest_run import execute, hold, journal, main_pid, need, one, prop, run, sockets, status, wait, write

SYSTEM = "/etc/systemd/system"


def units():
    """a socket has the unit and the slice of its process, and the unit is a target"""
    hold("t-web", "HOLD listen 7020")
    row = one("sport = :7020")
    need((row.get("unit"), row.get("slice")) == ("t-web.service", "system.slice"), row)
    out = run("sockctl show t-web.service")
    need(":7020" in out and ":7001" not in out, out)
    # Its output is a socket, too: a stream to the journal.
    rows = {(r["netid"], r.get("local_port")) for r in sockets("unit = t-web.service")}
    need(rows <= {("tcp", 7020), ("u_str", None)} and ("tcp", 7020) in rows, rows)
    run("systemctl stop t-web")


def activated():
    """a socket that PID 1 holds says which service is behind it"""
    write(f"{SYSTEM}/t-act.socket", "[Socket]\nListenStream=127.0.0.1:7021\n")
    write(f"{SYSTEM}/t-act.service", "[Service]\nExecStart=/bin/cat\nStandardInput=socket\n")
    run("systemctl daemon-reload && systemctl start t-act.socket")
    row = one("sport = :7021")
    need((row.get("unit"), row.get("activates")) == ("t-act.socket", "t-act.service"), row)
    run("systemctl stop t-act.socket")


def namespace():
    """a listener in a namespace of "ip netns" is seen, by its name, through the helper"""
    run("ip netns add blue && ip link add t-host type veth peer name t-blue netns blue && ip -n blue link set lo up")
    hold("t-blue", "/sbin/ip netns exec blue HOLD listen 7030")
    inode = os.stat("/run/netns/blue").st_ino
    row = wait("the listener", lambda: (sockets("sport = :7030") or [None])[0])
    need((row.get("netns"), row.get("netns_name")) == (inode, "blue"), row)
    need([o["comm"] for o in row.get("owners", [])] == ["python3"], row)
    need(":7030" in run("sockctl show netns:blue"), "netns:blue does not select it")
    need(prop("socketd-netns", "ActiveState") == "active", "no helper was asked")
    helper = status(int(prop("socketd-netns", "MainPID")))
    need(int(helper["CapEff"], 16) == int(helper["CapBnd"], 16) == 1 << 12 | 1 << 21 and helper["NoNewPrivs"] == "1", helper)
    need(helper["Uid"] == status(main_pid())["Uid"], helper["Uid"])
    need(sockets("sport = :7030", "alice") == [], "alice sees another namespace")
    return f"netns {inode}"


def namespace_gone():
    """ip netns del: the namespace dies, for nothing of the daemon holds it"""
    run("systemctl stop t-blue && ip netns del blue")
    # A pair of devices ends with the namespace of either.
    wait("the end of the namespace", lambda: execute("ip link show t-host")[0] != 0)
    need(sockets("sport = :7030") == [], "its socket is still told")
    need(journal(["t-blue"]) == [], journal(["t-blue"]))


def namespace_in_use():
    """a namespace that dies while the daemon reads dies all the same, twenty times"""
    for n in range(20):
        run(f"ip netns add t-{n} && ip link add t-host{n} type veth peer name t-in netns t-{n}")
        if n % 4 == 0:
            run("sockctl show -a --json >/dev/null")
        run(f"ip netns del t-{n}")
    wait("the end of all", lambda: "t-host" not in run("ip -o link"))


def checks():
    return [units, activated, namespace, namespace_gone, namespace_in_use]
