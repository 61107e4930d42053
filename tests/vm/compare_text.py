#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Compares /proc/net/socketd/sockets of a capture with what sockctl internals said of the same sockets.

usage: compare_text.py DIR

The two ways share how a field is read, but not how it is written and read again. DIR has sockets.txt,
sockets-nobody.txt, fields.txt and module-internals.json (see capture.sh). What moves between the two
readings is left out. Nobody's text must have the public fields, and no other.
"""

import json
import pathlib
import re
import shlex
import sys

# Counts and times that the two readings need not share.
MOVING = {"sk_refcnt", "socket_file_count", "sk_timer", "recv_q", "send_q", "pid", "fd", "sk_wmem_queued", "sk_lock",
          "sk_pacing_rate", "sk_rxhash", "sk_txhash", "sk_write_queue", "sk_receive_queue", "sk_drops", "sk_napi_id",
          "sk_incoming_cpu", "sk_dst_cache", "dst_mtu", "dst_dev", "dst_output", "dst_input", "dev_xmit", "dev_qdisc",
          "dev_qdisc_qlen", "dev_tx_queue", "sk_tsq_flags", "rtx_queue", "sk_send_head", "sk_err_soft", "sk_disconnects"}
LEAST = 5000


def rows_of(path):
    """A dictionary a line; the head is a comment."""
    for line in path.read_text(encoding="utf-8", errors="surrogateescape").splitlines():
        if not line.startswith("#"):
            yield dict(word.partition("=")[::2] for word in shlex.split(line))


def catalogue(path):
    """{name: access} of the groups that the module tells, from its own list."""
    words = [line.split() for line in path.read_text(encoding="utf-8").splitlines() if re.match(r"\d+ \w+ ", line)]
    return {w[1]: w[4] for w in words if w[3] in ("socket", "sock", "flow")}


def number(text):
    return int(text, 16) if text.startswith("0x") else int(text)


def same(text, name, row):
    if text == row.get(name):
        return True
    value = row.get(name + "_raw", row.get(name))
    if isinstance(value, bool):
        return text == str(int(value))
    if isinstance(value, int):
        return re.fullmatch(r"-?\d+|0x[0-9a-f]+", text) is not None and number(text) == value
    if isinstance(value, list):
        return re.findall(r"\d+", text) == [str(n) for n in value]
    if isinstance(value, str) and text.startswith("0x"):
        return number(text) == int(value, 16)
    return text == value


def main():
    if len(sys.argv) != 2:
        print(__doc__.strip(), file=sys.stderr)
        return 2
    capture = pathlib.Path(sys.argv[1])
    fields = catalogue(capture / "fields.txt")
    document = json.loads((capture / "module-internals.json").read_text(encoding="utf-8"))
    by_key = {(row.get("cookie"), row.get("inode")): row for row in document["sockets"]}
    compared, problems = 0, []
    for words in rows_of(capture / "sockets.txt"):
        row = by_key.get((words["cookie"].removeprefix("0x"), number(words.get("inode", "0")) or None))
        # Of SMC, MPTCP and SCTP several sockets share an inode or a cookie; closing states have ended.
        if not row or row.get("netid") in ("smc", "mptcp", "sctp") or row.get("state") not in ("ESTAB", "LISTEN", "UNCONN"):
            continue
        for name, text in words.items():
            if name not in fields or name in MOVING:
                continue
            # unix_diag and dccp_diag count otherwise than struct sock, and sockctl takes theirs.
            if name in ("sk_ack_backlog", "sk_max_ack_backlog") and row.get("netid") != "tcp":
                continue
            compared += 1
            if not same(text, name, row):
                problems.append(f"{row.get('netid')} {words['cookie']}: {name}: text {text}, sockctl {row.get(name)}")
    if compared < LEAST:
        problems.append(f"only {compared} values could be compared")
    told = {name for words in rows_of(capture / "sockets-nobody.txt") for name in words}
    problems += [f"nobody is told {name}" for name in sorted(told) if fields.get(name) == "privileged"]
    problems += [f"nobody is not told {name}" for name in ("sk_state", "sk_cookie", "sk_uid", "sk_num") if name not in told]
    for problem in problems[:20]:
        print(problem)
    print(f"{compared} values, {len(problems)} problems")
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main())
