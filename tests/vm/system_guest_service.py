# SPDX-License-Identifier: LGPL-2.1-or-later
"""The packages and the service: installed, started, stopped, killed, watched, and purged"""

import os
import re
import signal
import subprocess
import time

from system_guest_run import BUS, active, answers, execute, journal, main_pid, need, prop, run, status, uid, wait, write

DROP_IN = "/etc/systemd/system/socketd.service.d/guest.conf"
CONFIG = "/etc/socketd/socketd.conf.d/guest.conf"
# CAP_DAC_READ_SEARCH 2, CAP_NET_ADMIN 12, CAP_SYS_PTRACE 19 (capabilities(7))
CAPABILITIES = 1 << 2 | 1 << 12 | 1 << 19


def is_systemd():
    """PID 1 is systemd, and nothing has failed"""
    need(os.readlink("/proc/1/exe").endswith("/systemd"), os.readlink("/proc/1/exe"))
    wait("systemctl is-system-running", lambda: execute("systemctl is-system-running")[1] == "running\n")
    return run("systemctl --version").splitlines()[0]


def install():
    """apt installs socketd and sockctl; the service is enabled and runs"""
    run("DEBIAN_FRONTEND=noninteractive apt-get install -y /guest/debs/socketd.deb /guest/debs/sockctl.deb", timeout=300)
    need(active(), prop("socketd", "ActiveState"))
    need(run("systemctl is-enabled socketd").strip() == "enabled", "not enabled")
    need(execute("dpkg --verify socketd sockctl")[1] == "", "dpkg --verify says that files differ")
    wait("on the bus", answers)
    refused = journal(["cannot take the name"])
    need(not refused, refused)
    return prop("socketd", "FragmentPath")


def start_and_stop():
    """systemctl stop, start, restart, is-active"""
    pid = main_pid()
    run("systemctl stop socketd")
    need(execute("systemctl is-active socketd")[1] == "inactive\n", "active after stop")
    need(not os.path.exists("/run/socketd"), "/run/socketd is still there")
    need(not answers(), "it answers after stop")
    run("systemctl start socketd")
    need(active() and main_pid() != pid, "not another process after start")
    pid = main_pid()
    run("systemctl restart socketd")
    need(active() and main_pid() != pid, "not another process after restart")
    wait("on the bus", answers)


def reload():
    """systemctl reload: the configuration is read again by the same process; a mistake leaves it as it was"""
    pid = main_pid()
    write(CONFIG, "[Socketd]\nIntervalMinSec=7s\nIntervalMaxSec=7s\n")
    run("systemctl reload socketd")
    wait("the interval", lambda: run(f"busctl get-property {BUS} PollIntervalUSec") == "t 7000000\n")
    write(CONFIG, "[Socketd]\nIntervalMinSec=sometimes\n")
    run("systemctl reload socketd")
    lines = wait("a line about the mistake", lambda: journal([CONFIG, "IntervalMinSec"]))
    need(run(f"busctl get-property {BUS} PollIntervalUSec") == "t 7000000\n", "the old values do not hold")
    os.unlink(CONFIG)
    os.rmdir(os.path.dirname(CONFIG))
    run("systemctl reload socketd")
    wait("the default", lambda: run(f"busctl get-property {BUS} PollIntervalUSec") != "t 7000000\n")
    need(active() and main_pid() == pid, "another process")
    return lines[-1]


def rights():
    """the process: user socketd, exactly three capabilities, no new privileges, a filter of system calls"""
    its = status(main_pid())
    need(its["Uid"].split() == [str(uid("socketd"))] * 4, its["Uid"])
    for name in ("CapEff", "CapPrm", "CapBnd", "CapAmb"):
        need(int(its[name], 16) == CAPABILITIES, f"{name} {its[name]}")
    need(its["NoNewPrivs"] == "1" and its["Seccomp"] == "2", f"{its['NoNewPrivs']} {its['Seccomp']}")
    return its["CapEff"]


def private_socket():
    """/run/socketd/private is the daemon's own: root reaches it, a user does not"""
    st = os.stat("/run/socketd/private")
    need(st.st_uid == uid("socketd") and st.st_mode & 0o777 == 0o600, f"{st.st_uid} {st.st_mode:o}")
    peer = "unix:path=/run/socketd/private"
    code, out, err = execute(f"sockctl --bus={peer} status")
    need(code == 0 and "running for" in out, out + err)
    code, out, err = execute(f"sockctl --bus={peer} status", user="alice")
    need(code != 0 and "running for" not in out, out + err)


def exposure():
    """systemd-analyze security: exposure of the loaded unit no more than 1.9"""
    line = run("systemd-analyze security socketd.service | tail -n 1")
    level = float(re.search(r"(\d+\.\d)", line).group(1))
    need(0 < level <= 1.9, line)
    return str(level)


def activation():
    """D-Bus starts it when it is called"""
    run("systemctl stop socketd")
    need(not active(), "it runs")
    out = run(f"busctl call {BUS} GetSummary 'a{{sv}}as' 0 0")
    need(out.startswith("aa{sv} "), out)
    need(active(), "an answer, and the unit is not active")
    run("systemctl stop socketd")
    need(run(f"busctl call {BUS} ListSockets 'a{{sv}}tu' 0 0 1", user="alice").startswith("a(ttyuyayqayquuuus)tt "), "alice")
    need(active(), "alice has an answer, and the unit is not active")


def watchdog():
    """a daemon that hangs is killed by systemd's watchdog and started again"""
    write(DROP_IN, "[Service]\nWatchdogSec=3s\n")
    run("systemctl daemon-reload && systemctl restart socketd")
    need(prop("socketd", "WatchdogUSec") == "3s", prop("socketd", "WatchdogUSec"))
    pid, restarts = main_pid(), int(prop("socketd", "NRestarts"))
    try:
        time.sleep(5)
        need(main_pid() == pid, "it did not live through its watchdog's interval")
        os.kill(pid, signal.SIGSTOP)
        wait("a new process", lambda: main_pid() not in (0, pid) and active())
        need(int(prop("socketd", "NRestarts")) == restarts + 1, prop("socketd", "NRestarts"))
        lines = wait("a line", lambda: journal(["Watchdog timeout"]))
    finally:
        os.unlink(DROP_IN)
        os.rmdir(os.path.dirname(DROP_IN))
        run("systemctl daemon-reload && systemctl restart socketd")
    wait("on the bus", answers)
    return lines[0]


def crash():
    """a daemon that crashes is started again"""
    pid = main_pid()
    os.kill(pid, signal.SIGSEGV)
    wait("a new process", lambda: main_pid() not in (0, pid) and active())
    wait("on the bus", answers)


def log():
    """journalctl -u socketd: the lines of starts and stops, with the program's name and level"""
    out = run("journalctl -b --no-pager -u socketd -o short")
    for words in (r"socketd\[\d+\]: listening at /run/socketd/private", r"socketd\[\d+\]: serving org\.socketd1 on the bus",
                  r"systemd\[1\]: Started socketd\.service", r"systemd\[1\]: Stopped socketd\.service"):
        need(re.search(words, out), f"no {words}\n{out[-1500:]}")
    level = run("journalctl -b --no-pager -u socketd -o export | grep -c '^PRIORITY=6'")
    return f"{len(out.splitlines())} lines, {level.strip()} of them of level info"


def log_level():
    """systemctl service-log-level reads and sets it"""
    need(run("systemctl service-log-level socketd").strip() == "info", "not info at first")
    run("systemctl service-log-level socketd debug")
    need(run("systemctl service-log-level socketd").strip() == "debug", "not set")
    run("systemctl service-log-level socketd info")
    need(execute("systemctl service-log-level socketd debug", user="alice")[0] != 0, "alice may set it")
    need(run("systemctl service-log-level socketd").strip() == "info", "alice has set it")


def introspect():
    """busctl introspect shows the manager's methods, and busctl monitor a call and its answer"""
    out = run("busctl introspect org.socketd1 /org/socketd1 org.socketd1.Manager")
    for name in (".ListSockets", ".OpenSockets", ".DestroySocket", ".NSockets", ".SocketsChanged"):
        need(re.search(rf"^\{name} ", out, re.M), f"no {name}\n{out}")
    with open("/run/monitor.log", "w+", encoding="utf-8") as f:
        p = subprocess.Popen(["busctl", "monitor", "org.socketd1"], stdout=f, stderr=f)
        try:
            wait("busctl monitor", lambda: "Monitoring bus" in open(f.name, encoding="utf-8").read())
            run(f"busctl call {BUS} LookupSocket 'a{{sv}}' 1 protocol s tcp", check=False)
            wait("the call", lambda: "Member=LookupSocket" in open(f.name, encoding="utf-8").read())
            wait("its answer", lambda: "ErrorName=" in open(f.name, encoding="utf-8").read())
        finally:
            p.terminate()
            p.wait()


def module_at_boot():
    """systemd-modules-load has loaded the module at the boot, and the daemon asks it"""
    line = run("journalctl -b -o short | grep 'Inserted module .socketd_diag'", check=False)
    need("systemd-modules-load" in line, f"no line of systemd-modules-load, but {line!r}")
    status_of_dkms = run("dkms status socketd")
    need("installed" in status_of_dkms, status_of_dkms)
    wait("the daemon", lambda: "tells all fields, and owners" in run("sockctl status"))
    need("sk_refcnt" in run("sockctl internals --json /run/udev/control"), "no sk_refcnt")
    out = run("cat /proc/net/socketd/sockets", user="alice")
    need("family=" in out, out[:300])


def module_comes_and_goes():
    """modprobe -r: all works without the module, and the daemon says so; it is told when the module is back"""
    run("modprobe -r socketd_diag")
    need("socketd_diag" not in run("lsmod"), "loaded after modprobe -r")
    wait("the daemon", lambda: "socketd_diag is not loaded" in run("sockctl status"))
    wait("a line", lambda: journal(["socketd_diag", "is gone"]))
    need("/run/dbus/system_bus_socket" in run("sockctl show -xl"), "no row of the bus")
    run("systemctl restart systemd-modules-load")
    need("socketd_diag" in run("lsmod"), "not loaded")
    wait("the daemon", lambda: "tells all fields, and owners" in run("sockctl status"))


def before():
    return [is_systemd, install, rights, exposure, private_socket, start_and_stop, reload, activation, watchdog, crash, log,
            log_level, introspect, module_at_boot]


def purge():
    """purge leaves no file, no unit, no module, and nothing that is the user's"""
    owner = uid("socketd")
    run("DEBIAN_FRONTEND=noninteractive apt-get purge -y socketd sockctl socketd-dkms", timeout=300)
    left = run(r"find / -xdev \( -iname '*socketd*' -o -iname '*sockctl*' \) ! -path '/guest/*'")
    left += run(f"find / /run /tmp /var/tmp -xdev -uid {owner} ! -path '/proc/*'")
    left += run(r"find /run /sys/fs/cgroup /sys/module -iname '*socketd*'")
    left += run("systemctl list-unit-files --no-legend | grep -i socketd", check=False)
    left += run("systemctl list-units --all --no-legend | grep -i socketd", check=False)
    left += run("ps -eo user:20,args | grep '^socketd '", check=False)
    left += run("grep socketd_diag /proc/modules", check=False)
    left += run("dkms status", check=False)
    need(left == "", left)
    need(not answers(), "something answers on the bus")
    need(execute("systemctl is-system-running")[1] == "running\n", run("systemctl --failed", check=False))


def after():
    return [module_comes_and_goes, purge]
