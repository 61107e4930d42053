#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
# Compare what sockctl says of real sockets with what their maker, the kernel's other interfaces, and ss say
"""
zoo_compare.py [--netns] SOCKCTL [ZOO]       the zoo's expectations against sockctl, with and without a daemon
zoo_compare.py [--netns] --ss SOCKCTL [ZOO]  ss against sockctl: same sockets, states, queues, memory, tcp_info
zoo_compare.py [--netns] --zoo ZOO           the zoo's expectations against ss: whether the zoo itself is right
zoo_compare.py --saved ZOO.json SHOW.json    what zoo and sockctl said elsewhere, such as in a guest
zoo_compare.py --saved --module ...          the kernel module was loaded: no socket may be missing

--netns: in a new network namespace. Without it other programs' sockets are there, too.
One line for each mismatch; exit 1 when there is one.
"""

import json
import os
import re
import subprocess
import sys
import tempfile

SCHEMA = "socketd/1"
# What every source tells.
IDENTITY = ("netid", "family", "state", "inode", "cookie", "uid", "netns", "sk_rcvbuf", "sk_sndbuf")
TIMEOUT = 60


class Result:
    def __init__(self):
        self.passed = 0
        self.failed = 0

    def check(self, good, name, field, expected, got):
        if good:
            self.passed += 1
            return
        self.failed += 1
        print(f"{name}: {field}: expected {json.dumps(expected)}, got {json.dumps(got, default=str)}")


class Zoo:
    """The zoo as a child process; its document while it runs."""

    def __init__(self, path):
        self.path = path

    def __enter__(self):
        self.process = subprocess.Popen([self.path], stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        line = self.process.stdout.readline()
        if not line:
            self.process.stdin.close()
            raise SystemExit(f"zoo_compare: {self.path} ended with {self.process.wait()} and said nothing")
        return json.loads(line)

    def __exit__(self, *_):
        self.process.stdin.close()
        code = self.process.wait(TIMEOUT)
        if code != 0:
            raise SystemExit(f"zoo_compare: the zoo ended with {code}")


# Expectations


def matches(expected, got, present):
    """Whether a value is as expected; the operators are those of zoo.h."""
    if not isinstance(expected, dict):
        # True is 1 in Python, but not in JSON
        return present and type(expected) is type(got) and expected == got
    return all(holds(op, operand, got, present) for op, operand in expected.items())


def holds(op, operand, got, present):
    if op == "absent":
        return not present
    if op == "or-absent":
        return not present or got == operand
    if not present:
        return False
    if op == "any":
        return got in operand
    if op == "set":
        return isinstance(got, list) and sorted(got) == sorted(operand)
    if op == "contains":
        return isinstance(got, str) and all(word in got for word in operand)
    if op == "some-contain":
        return isinstance(got, list) and all(any(word in text.lower() for text in got) for word in operand)
    if op == "min":
        return isinstance(got, int) and got >= operand
    if op == "max":
        return isinstance(got, int) and got <= operand
    if op == "count":
        return isinstance(got, list) and len(got) == operand
    if op == "comm":
        return isinstance(got, list) and any(owner.get("comm") == operand for owner in got)
    if op == "has":
        return isinstance(got, list) and all(word in got for word in operand)
    if op == "lacks":
        return isinstance(got, list) and not any(word in got for word in operand)
    if op == "function":
        return isinstance(got, str) and re.sub(r" \[\w+\]$", "", got) in operand
    if op == "low16":
        return isinstance(got, int) and got & 0xffff == operand
    if op == "bits":
        return (int(got, 16) if isinstance(got, str) else got) & operand == operand
    if op == "each-mod8":
        return isinstance(got, list) and [number % 8 for number in got] == operand
    raise SystemExit(f"zoo_compare: unknown operator {op}")


def expectations(entry, index):
    """Field and expected value; {"as":...} is what another row says, and nothing to go by where that is missing."""
    for field, expected in entry["expect"].items():
        if isinstance(expected, dict) and "as" in expected:
            others = index.cookies.get(expected["as"]["cookie"], [])
            if not others or expected["as"]["field"] not in others[0]:
                continue
            expected = others[0][expected["as"]["field"]]
        yield field, expected


def mismatches(entry, row, index):
    return [(field, expected, row.get(field)) for field, expected in expectations(entry, index)
            if not matches(expected, row.get(field), field in row)]


class Index:
    def __init__(self, rows):
        self.cookies = {}
        self.inodes = {}
        self.tuples = {}
        for row in rows:
            self.cookies.setdefault(row.get("cookie"), []).append(row)
            self.inodes.setdefault(row.get("inode"), []).append(row)
            self.tuples.setdefault(self.tuple_of(row), []).append(row)

    @staticmethod
    def tuple_of(row):
        return tuple(row.get(key) for key in ("netid", "local", "local_port", "peer", "peer_port"))

    def find(self, entry):
        """Candidates for an entry, and how many of them are one row too many."""
        rows = []
        kind = entry["kind"]
        if entry["cookie"]:
            rows = [row for row in self.cookies.get(entry["cookie"], []) if kind in (None, row.get("netid"))]
        if not rows and entry["inode"]:
            rows = [row for row in self.inodes.get(entry["inode"], []) if kind in (None, row.get("netid"))]
        if not rows and not entry["cookie"] and not entry["inode"]:
            rows = self.tuples.get(self.tuple_of({**entry["expect"], "netid": entry["kind"]}), [])
        # Cookies are not unique in MPTCP (accepted sockets keep their listener's), nor in SCTP (associations).
        exact = [row for row in rows if row.get("inode") == entry["inode"]]
        duplicates = max(0, len(exact) - 1) if entry["kind"] not in ("sctp", "mptcp") else 0
        return exact or rows, duplicates


def compare_entry(result, prefix, entry, index, with_owners, with_module=False):
    name = f"{prefix}{entry['name']}"
    rows, duplicates = index.find(entry)
    if not rows:
        if with_module or entry["listed"] == "yes":
            result.check(False, name, "row", entry["why"], None)
        return
    if not with_module and entry["kind"] is None:
        result.check(False, name, "row", None, rows[0].get("netid"))
    result.check(duplicates == 0, name, "rows", 1, duplicates + 1)
    row = min(rows, key=lambda candidate: len(mismatches(entry, candidate, index)))
    if with_module and entry["listed"] != "yes":
        entry = module_row_of(entry, row)
    bad = mismatches(entry, row, index)
    result.passed += len(entry["expect"]) - len(bad)
    for field, expected, got in bad:
        result.check(False, name, field, expected, got)
    if not with_owners:
        return
    pids = sorted({owner.get("pid") for owner in row.get("owners", [])})
    result.check(pids == sorted(entry["pids"]), name, "owners", sorted(entry["pids"]), row.get("owners"))
    if entry["pids"]:
        result.check("no_owner" not in row, name, "no_owner", {"absent": True}, row.get("no_owner"))
    else:
        result.check(bool(row.get("no_owner")), name, "no_owner", "a reason", row.get("no_owner"))


# sockctl


def run(argv):
    # As without_leak_check() of sockctl_case.py: a child of sockctl, sanitized, does not always end.
    env = {**os.environ, "ASAN_OPTIONS": os.environ.get("ASAN_OPTIONS", "") + ":detect_leaks=0"}
    done = subprocess.run(argv, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                          timeout=TIMEOUT, check=False, env=env)
    return done.returncode, done.stdout, done.stderr


def strings_of(value):
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict):
        for key, inner in value.items():
            yield key
            yield from strings_of(inner)
    elif isinstance(value, list):
        for inner in value:
            yield from strings_of(inner)


def sockctl_document(result, prefix, argv):
    code, out, err = run(argv)
    text = err.decode("utf-8", "replace").strip()
    result.check(code == 0, prefix + "sockctl", "exit code", 0, f"{code}: {text[:200]}")
    return parse_document(result, prefix, out), out


def parse_document(result, prefix, out):
    """The document of `show -a --json`, after the checks that hold for every one."""
    try:
        document = json.loads(out.decode("utf-8"))
    except (UnicodeDecodeError, json.JSONDecodeError) as error:
        result.check(False, prefix + "sockctl", "JSON", "valid", str(error))
        return None
    result.check(document.get("schema") == SCHEMA, prefix + "sockctl", "schema", SCHEMA, document.get("schema"))
    result.check(document.get("partial") is False, prefix + "sockctl", "partial", False, document.get("partial"))
    hostile = [text for text in strings_of(document) if re.search(r"[\x00-\x1f\x7f-\x9f]", text)]
    result.check(not hostile, prefix + "sockctl", "control characters", [], hostile[:3])
    return document


def check_secrets(result, prefix, secrets, what, data):
    for secret in secrets:
        result.check(secret.encode() not in data, prefix + what, "secrets", "not there", secret)


def compare_with_zoo(result, sockctl, zoo_path):
    for prefix, argv in (("", [sockctl]), ("--direct ", [sockctl, "--direct"])):
        # A zoo for each: TIME-WAIT lasts one minute.
        with Zoo(zoo_path) as zoo, tempfile.TemporaryDirectory() as directory:
            document, out = sockctl_document(result, prefix, argv + ["show", "-a", "--json"])
            check_secrets(result, prefix, zoo["secrets"], "show", out)
            if document:
                index = Index(document["sockets"])
                for entry in zoo["entries"]:
                    compare_entry(result, prefix, entry, index, True)
            recording = os.path.join(directory, "recording")
            code, out, err = run(argv + ["record", recording])
            result.check(code == 0, prefix + "record", "exit code", 0, err.decode("utf-8", "replace")[:200])
            check_secrets(result, prefix, zoo["secrets"], "record", out + err)
            if os.path.exists(recording):
                with open(recording, "rb") as file:
                    data = file.read()
                result.check(len(data) > 1000, prefix + "record", "size", {"min": 1000}, len(data))
                check_secrets(result, prefix, zoo["secrets"], "recording", data)


def module_row_of(entry, row):
    """An entry that the kernel's own modules need not list: the kernel module tells less than those do."""
    shown = {field: value for field, value in entry["expect"].items() if field in row or field in IDENTITY}
    return {**entry, "expect": shown}


def compare_saved(result, zoo_file, show_file, with_module):
    with open(zoo_file, encoding="utf-8") as file:
        zoo = json.load(file)
    with open(show_file, "rb") as file:
        out = file.read()
    check_secrets(result, "", zoo["secrets"], "show", out)
    document = parse_document(result, "", out)
    if document:
        index = Index(document["sockets"])
        for entry in zoo["entries"]:
            compare_entry(result, "", entry, index, True, with_module)


# ss


# What ss calls it, ours, and the factor to our unit
SS_TCP_INFO = {
    "mss": ("tcpi_snd_mss", 1), "pmtu": ("tcpi_pmtu", 1), "rcvmss": ("tcpi_rcv_mss", 1),
    "advmss": ("tcpi_advmss", 1), "cwnd": ("tcpi_snd_cwnd", 1), "ssthresh": ("tcpi_snd_ssthresh", 1),
    "bytes_sent": ("tcpi_bytes_sent", 1), "bytes_retrans": ("tcpi_bytes_retrans", 1),
    "bytes_acked": ("tcpi_bytes_acked", 1), "bytes_received": ("tcpi_bytes_received", 1),
    "segs_out": ("tcpi_segs_out", 1), "segs_in": ("tcpi_segs_in", 1),
    "data_segs_out": ("tcpi_data_segs_out", 1), "data_segs_in": ("tcpi_data_segs_in", 1),
    "unacked": ("tcpi_unacked", 1), "lost": ("tcpi_lost", 1), "sacked": ("tcpi_sacked", 1),
    "rcv_space": ("tcpi_rcv_space", 1), "rcv_ssthresh": ("tcpi_rcv_ssthresh", 1),
    "snd_wnd": ("tcpi_snd_wnd", 1), "notsent": ("tcpi_notsent_bytes", 1), "reordering": ("tcpi_reordering", 1),
    "delivered": ("tcpi_delivered", 1), "dsack_dups": ("tcpi_dsack_dups", 1),
    "reord_seen": ("tcpi_reord_seen", 1), "rcv_ooopack": ("tcpi_rcv_ooopack", 1),
    "rto": ("tcpi_rto", 1000), "ato": ("tcpi_ato", 1000), "minrtt": ("tcpi_min_rtt", 1000),
    "rcv_rtt": ("tcpi_rcv_rtt", 1000), "backoff": ("tcpi_backoff", 1),
}
SS_SKMEM = {
    "r": "sk_rmem_alloc", "rb": "sk_rcvbuf", "t": "sk_wmem_alloc", "tb": "sk_sndbuf", "f": "sk_forward_alloc",
    "w": "sk_wmem_queued", "o": "sk_omem_alloc", "bl": "sk_backlog", "d": "sk_drops",
}
SS_SHUTDOWN = {"<->": 0, "<--": 2, "-->": 1, "---": 3}
SS_CONGESTION = ("cubic", "reno", "bbr", "dctcp", "vegas", "htcp", "westwood")
SS_TABLES = (("tcp", "-t"), ("udp", "-u"), ("mptcp", "-M"), ("sctp", "-S"), ("dccp", "-d"), ("raw", "-w"),
             ("unix", "-x"), ("packet", "-0"), ("vsock", "--vsock"), ("xdp", "--xdp"))


def split_port(text):
    address, _, port = text.rpartition(":")
    address, _, _ = address.partition("%")
    address = address.strip("[]")
    return ("::" if address == "*" else address), (int(port) if port.isdigit() else None)


def parse_skmem(text, row):
    found = re.search(r"skmem:\(([^)]*)\)", text)
    if found:
        for key, value in re.findall(r"([a-z]+)(-?\d+)", found.group(1)):
            row[SS_SKMEM[key]] = int(value)


def parse_inet(netid, line):
    words = line.split()
    if words[0] == "`-":  # an association of SCTP, under its endpoint
        words.pop(0)
    state, recv_q, send_q, local, peer = words[:5]
    row = {"netid": netid, "state": state, "recv_q": int(recv_q), "send_q": int(send_q)}
    row["local"], row["local_port"] = split_port(local)
    row["peer"], row["peer_port"] = split_port(peer)
    details = words[5:]
    for word in details:
        key, _, value = word.partition(":")
        if key == "ino" and value != "0":
            row["inode"] = int(value)
        elif key == "sk":
            row["cookie"] = value
        elif key == "uid":
            row["uid"] = int(value)
        elif key == "fwmark":
            row["sk_mark"] = int(value, 16)
        elif word in SS_CONGESTION:
            row["icsk_ca_ops"] = word
        elif word in SS_SHUTDOWN:
            row["sk_shutdown_raw"] = SS_SHUTDOWN[word]
        elif key == "wscale":
            row["tcpi_snd_wscale"], row["tcpi_rcv_wscale"] = (int(n) for n in value.split(","))
        elif key == "rtt":
            row["tcpi_rtt"], row["tcpi_rttvar"] = (round(float(n) * 1000) for n in value.split("/"))
        elif key in SS_TCP_INFO and re.fullmatch(r"[0-9.]+", value):
            field, factor = SS_TCP_INFO[key]
            row[field] = round(float(value) * factor)
    parse_skmem(line, row)
    return row


def parse_unix(line):
    found = re.match(r"(u_\w+) +(\S+) +(\d+) +(\d+) +(.*) (\d+) +(\S.*|\*) (\d+) +(skmem:.*)$", line, re.S)
    if not found:
        return None
    netid, state, recv_q, send_q, _, inode, _, _, details = found.groups()
    row = {"netid": netid, "state": state, "recv_q": int(recv_q), "send_q": int(send_q)}
    if inode != "0":
        row["inode"] = int(inode)
    peers = re.search(r"peers:([ 0-9]*)", details)
    if peers:
        row["udiag_icons"] = [int(n) for n in peers.group(1).split()]
    file = re.search(r"\bino:(\d+)", details)
    if file:
        row["udiag_vfs_ino"] = int(file.group(1))
    for arrow, how in SS_SHUTDOWN.items():
        if f" {arrow} " in details + " ":
            row["sk_shutdown_raw"] = how
    parse_skmem(details, row)
    return row


def parse_packet(line):
    words = line.split()
    row = {"netid": words[0], "state": words[1], "recv_q": int(words[2]), "send_q": int(words[3])}
    for word in words[5:]:
        key, _, value = word.partition(":")
        if key == "ino":
            row["inode"] = int(value)
        elif key == "sk":
            row["cookie"] = value
        elif key == "cpy_thresh":
            row["pdi_copy_thresh"] = int(value)
    parse_skmem(line, row)
    return row


def parse_other(line):
    words = line.split()
    row = {"netid": words[0], "state": words[1], "recv_q": int(words[2]), "send_q": int(words[3])}
    for word in words[4:]:
        key, _, value = word.partition(":")
        if key == "ino" and value != "0":
            row["inode"] = int(value)
        elif key == "sk":
            row["cookie"] = value
    return row


def ss_rows():
    rows = []
    for table, letter in SS_TABLES:
        code, out, _ = run(["ss", "-HOanieom", letter])
        if code != 0:
            continue
        text = out.decode("utf-8", "surrogateescape")
        # ss 6.1 prints MD5 keys as they are, without a line's end
        text = re.sub(r"^(SECRETKEY-MUST-NOT-LEAK)+", "", text, flags=re.M)
        if table == "unix":
            lines = re.split(r"\n(?=u_\w+ +\S+ +\d+ +\d+ )", text.rstrip("\n"))
            rows += [row for row in map(parse_unix, lines) if row]
            continue
        for line in text.splitlines():
            if not line.strip():
                continue
            if table == "packet":
                rows.append(parse_packet(line))
            elif table in ("vsock", "xdp"):
                rows.append(parse_other(line))
            else:
                rows.append(parse_inet(table, line))
    return rows


def key_of(row):
    """Identity in ss's own words: inodes for UNIX, which shows no cookie; the addresses where it shows neither."""
    if row["netid"].startswith("u_"):
        return (row["netid"], row["inode"]) if "inode" in row else None
    if "cookie" in row and row["cookie"] != "0":
        # Cookies are not unique in MPTCP and SCTP.
        return (row["netid"], row["cookie"], row.get("inode"))
    return tuple(str(row.get(key)) for key in ("netid", "local", "local_port", "peer", "state"))


def by_key(rows):
    keyed = {}
    for row in rows:
        keyed.setdefault(key_of(row), []).append(row)
    keyed.pop(None, None)
    return keyed


def compare_with_ss(result, sockctl, zoo_path):
    with Zoo(zoo_path):
        for argv in ([sockctl], [sockctl, "--direct"]):
            before = by_key(ss_rows())
            document, _ = sockctl_document(result, "--ss ", argv + ["show", "-a", "--json"])
            after = by_key(ss_rows())
            if not document:
                continue
            # ss sees this network namespace.
            ours = [row for row in document["sockets"] if row.get("netns") == os.stat("/proc/self/ns/net").st_ino]
            compare_tables(result, before, by_key(ours), after)


def is_of_reader(row):
    owners = row.get("owners", [])
    return bool(owners) and all(o["comm"] in ("sockctl", "socketd") for o in owners)


def is_hidden_from_ss(row, readers):
    """TCP sockets that are bound and no more, which ss does not ask for; and those of the very reading."""
    if row["netid"] == "tcp" and row.get("state") in ("UNCONN", "BOUND-INACTIVE", "NEW-SYN-RECV"):
        return True
    # The other end of a stream is nobody's while it is on its way to the client.
    return is_of_reader(row) or row.get("udiag_peer") in readers


def compare_tables(result, before, ours, after):
    netids = {key[0] for key in before} | {key[0] for key in after}
    readers = {row.get("inode") for rows in ours.values() for row in rows if is_of_reader(row)}
    for key in sorted(set(before) & set(after), key=str):
        name = f"--ss {' '.join(map(str, key))}"
        result.check(key in ours, name, "row", before[key][0], None)
        if key not in ours or len(before[key]) != 1 or len(after[key]) != 1 or len(ours[key]) != 1:
            continue
        first, mine, last = before[key][0], ours[key][0], after[key][0]
        for field, value in first.items():
            if field in ("peer", "peer_port", "local", "local_port") and value in ("*", None, "0.0.0.0", "::", 0):
                continue
            if last.get(field, None) != value:
                continue
            result.check(mine.get(field) == value, name, field, value, mine.get(field))
    for key in sorted(set(ours) - set(before) - set(after), key=str):
        # Of the tables that ss has at all.
        if key[0] in netids and not is_hidden_from_ss(ours[key][0], readers):
            result.check(False, f"--ss {' '.join(map(str, key))}", "row", None, ours[key][0].get("state"))


def compare_zoo_with_ss(result, zoo_path):
    """Only what ss shows can be compared; owners, flags and most attributes it does not."""
    with Zoo(zoo_path) as zoo:
        rows = ss_rows()
        index = Index(rows)
        found = 0
        for entry in zoo["entries"]:
            candidates, _ = index.find(entry)
            if not candidates:
                if entry["listed"] == "yes" and entry["kind"] not in ("udplite", "icmp", "raw", "nl"):
                    if entry["expect"].get("state") != {"any": ["BOUND-INACTIVE", "UNCONN"]}:
                        result.check(False, entry["name"], "row", entry["why"], None)
                continue
            found += 1
            best = min(candidates, key=lambda row: len(mismatches(entry, row, index)))
            shown = {field: value for field, value in entry["expect"].items() if field in best}
            compare_entry(result, "", {**entry, "expect": shown}, Index([best]), False)
        print(f"{found} of {len(zoo['entries'])} entries are in ss, {len(zoo['skipped'])} kinds are not in this kernel")


def enter_netns():
    argv = [sys.executable, os.path.abspath(__file__)] + [arg for arg in sys.argv[1:] if arg != "--netns"]
    os.execvp("unshare", ["unshare", "-n", "sh", "-c", 'ip link set lo up && exec "$@"', "sh"] + argv)


def main():
    if "--netns" in sys.argv[1:]:
        enter_netns()
    modes = [arg for arg in sys.argv[1:] if arg.startswith("-")]
    args = [arg for arg in sys.argv[1:] if not arg.startswith("-")]
    saved = [["--saved"], ["--saved", "--module"]]
    if not args or len(args) > 2 or modes not in [[], ["--ss"], ["--zoo"]] + saved:
        print(__doc__.strip(), file=sys.stderr)
        return 2
    result = Result()
    if modes == ["--zoo"]:
        compare_zoo_with_ss(result, args[0])
    elif modes in saved:
        if len(args) != 2:
            print(__doc__.strip(), file=sys.stderr)
            return 2
        compare_saved(result, *args, "--module" in modes)
    else:
        zoo = args[1] if len(args) > 1 else os.path.join(os.path.dirname(args[0]), "..", "tests", "zoo")
        if modes == ["--ss"]:
            compare_with_ss(result, args[0], zoo)
        else:
            compare_with_zoo(result, args[0], zoo)
    print(f"{result.passed} passed, {result.failed} failed")
    return 1 if result.failed else 0


if __name__ == "__main__":
    sys.exit(main())
