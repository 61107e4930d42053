#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Compares a capture's ss-all.txt with a sockctl JSON document of the same sockets, taken just before.

usage: compare_ss.py --ss FILE --json FILE

Every row of ss must be in the document by cookie (or inode), with the same netid, state and
queues; every socket of the document, of the kinds that ss was asked for, must be a row of ss.
"""

import argparse
import json
import re
import sys

# States that end by themselves between the two readings.
PASSING = {"SYN-SENT", "SYN-RECV", "FIN-WAIT-1", "FIN-WAIT-2", "TIME-WAIT", "LAST-ACK", "CLOSING"}
KINDS = {"tcp", "udp", "raw", "p_raw", "p_dgr", "u_str", "u_dgr", "u_seq", "sctp", "dccp", "tipc", "xdp"}
ROW = re.compile(r"^(`-|tcp|udp|raw|\?\?\?|[puv]_\w+|sctp|dccp|ti_\w+|xdp)\s+"
                 r"(UNCONN|LISTEN|ESTAB|[A-Z0-9]+-[A-Z0-9-]+|CLOSING)\s+(\d+)\s+(\d+)\s")
# What ss cannot name (raw sockets for ICMP), or names by type.
NETIDS = {"???": "raw", "ti_st": "tipc", "ti_sq": "tipc", "ti_dg": "tipc", "ti_rd": "tipc"}


def ss_lines(path):
    """Whole rows: ss prints names and keys as they are, line feeds in them included."""
    with open(path, encoding="utf-8", errors="replace", newline="\n") as f:
        next(f)
        row = None
        for line in f:
            if ROW.match(line):
                if row:
                    yield row
                row = line
            elif row:
                row += line
        if row:
            yield row


def ss_rows(path):
    """(netid, state, recv_q, send_q, cookie, inode) of each row."""
    for line in ss_lines(path):
        netid, state, recv_q, send_q = ROW.match(line).groups()
        cookie = re.search(r"\bsk:([0-9a-f]+)\b", line)
        inode = re.search(r"\bino:([0-9]+)\b", line)
        if netid == "`-":  # an association, below its endpoint
            netid = "sctp"
        if netid.startswith("u_"):
            # A UNIX socket's inode stands where others have a port, before the peer's.
            inode = re.match(r".*\s(\d+)\s+\S+ \d+\s+skmem:", line, re.DOTALL)
        yield (NETIDS.get(netid, netid), state, int(recv_q), int(send_q),
               int(cookie.group(1), 16) if cookie else None,
               int(inode.group(1)) if inode and int(inode.group(1)) else None)


def number(value, base=10):
    if value is None:
        return None
    return value if isinstance(value, int) else int(str(value).removeprefix("0x"), base)


def document_rows(path):
    with open(path, encoding="utf-8") as f:
        doc = json.load(f)
    return doc["sockets"]


def identities(cookie, inode):
    """By what a socket is known, best first. ss has no cookie of UNIX sockets, and TIME-WAIT has no inode."""
    return [("cookie", cookie)] * bool(cookie) + [("inode", inode)] * bool(inode)


def same(row, state, recv_q, send_q):
    if row["state"] in PASSING and row["state"] != state:
        return True
    return (row["state"], row.get("recv_q"), row.get("send_q")) == (state, recv_q, send_q)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--ss", required=True)
    parser.add_argument("--json", required=True)
    arg = parser.parse_args()

    rows = document_rows(arg.json)
    index = {}
    for row in rows:
        for key in identities(number(row.get("cookie"), 16), number(row.get("inode"))):
            index.setdefault(key, []).append(row)
    seen = set()
    failures = []
    compared = 0
    kinds = {}

    for netid, state, recv_q, send_q, cookie, inode in ss_rows(arg.ss):
        keys = identities(cookie, inode)
        if not keys:
            continue
        seen.update(keys)
        compared += 1
        kinds[netid] = kinds.get(netid, 0) + 1
        name = f"{netid} {state} ino:{inode} sk:{cookie and format(cookie, 'x')}"
        # An association of SCTP has the cookie of its endpoint.
        found = [row for row in index.get(keys[0], []) if row["netid"] == netid]
        if not found:
            failures.append(f"{name}: ss has it, the document does not")
        elif not any(same(row, state, recv_q, send_q) for row in found):
            failures.append(f"{name}: queues {recv_q} {send_q}, the document has "
                            + ", ".join(f"{row['state']} {row.get('recv_q')} {row.get('send_q')}" for row in found))

    for row in rows:
        keys = identities(number(row.get("cookie"), 16), number(row.get("inode")))
        # ss does not ask for TCP sockets that are bound and neither listen nor connect.
        if not keys or seen.intersection(keys) or row["netid"] not in KINDS or row["state"] in PASSING or \
           (row["netid"], row["state"]) == ("tcp", "UNCONN"):
            continue
        failures.append(f"{row['netid']} {row['state']} ino:{row.get('inode')} sk:{row.get('cookie')}: "
                        "the document has it, ss does not")

    for line in failures:
        print(f"FAIL {line}")
    print(f"ss: {compared} sockets compared ({', '.join(f'{k} {n}' for k, n in sorted(kinds.items()))}), "
          f"{len(failures)} differences")
    return 1 if failures or not compared else 0


if __name__ == "__main__":
    sys.exit(main())
