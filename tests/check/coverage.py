#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""The page that says of each field of struct socket and struct sock whether it is told, and how that is checked

usage: coverage.py [--captures DIR] [--write]

Without --captures: every row of the catalogue must stand in docs/fields-coverage.md, with its wire and unit.
With them (DIR/6.1 and DIR/6.12 of tests/vm/test_vm.sh, kept by VM_KEEP=DIR): the page must be what the guests
showed, line by line; --write writes it.
"""

import argparse
import json
import pathlib
import re
import sys

ROOT = pathlib.Path(__file__).resolve().parents[2]
PAGE = ROOT / "docs" / "fields-coverage.md"
KERNELS = ("6.1", "6.12")
GROUPS = (("socket", "struct socket"), ("sock", "struct sock"), ("flow", "The way through the kernel"))
ROW = re.compile(r'^FIELD\((\d+), (\w+), (\w+), (socket|sock|flow), (\w+), "([^"]*)", (\w+),\s*"([^"]*)"\)', re.M)

# Why a field is not exported, where its source does not say so.
ABSENT = {
    "sk_dontcopy_begin": "a marker without a size",
    "sk_dontcopy_end": "a marker without a size",
    "sk_callback_lock": "a lock",
    "sk_peer_lock": "a lock",
    "sk_rcu": "an RCU head",
    "sk_security": "no function is exported that reads it",
    "sk_route_nocaps": "removed in Linux 5.14",
    "__sk_flags_offset": "removed in Linux 5.10",
    "sk_padding": "removed",
    "sk_bind2_node": "not in this kernel",
    "sk_user_frags": "an array of device memory: not exported",
}
# Why a field that is exported is not compared, or what is left uncompared of it.
UNCHECKED = {
    "sk_validate_xmit_skb": "only a device that encrypts sets it, and the guests have none",
}
# What a comparison leaves open.
LIMITS = {
    "sk_hash": "of UDP the low half; others are made with a secret of the kernel",
    "sk_txhash": "a random number: only that there is one, and that the peer's sk_rxhash is the same",
    "sk_refcnt": "at least one: the kernel shows it nowhere else",
    "socket_file_count": "at least the descriptors that the zoo has",
    "sk_err_soft": "none: nothing here makes a transient error that stays",
    "sk_napi_id": "lo has no NAPI instance: no more than a CPU's number",
    "sk_tx_queue_mapping": "absence: lo and the test devices have one queue",
    "sk_frag": "absence: processes use their own page",
    "sk_frag_size": "absence: processes use their own page",
    "sk_rx_dst_cookie": "0 of IPv4; of IPv6 the kernel shows it nowhere",
    "sk_dst_pending_confirm": "false where nothing came",
    "sk_no_check_rx": "false: only the kernel's own tunnels set it",
    "sk_lock": "false: nobody can be caught in a call",
    "sk_net_refcnt": "true: those that hold no namespace are in no table",
    "sk_use_task_frag": "true: only kernel users clear it",
    "sk_gso_max_size": "a range: the headers' share is a constant of the kernel's build",
    "sk_route_caps": "one bit of the device's",
    "sk_filter": "of a BPF program exactly; a classic filter is rewritten and longer",
    "sk_policy": "which of the two, and the low bits",
    "sk_tsq_flags": "0 alone",
    "dev_qdisc_qlen": "0: lo does not queue",
    "dev_tx_queue": "0: there is one",
    "sk_timer": "TIPC's; TCP's keepalive timer is another one in these kernels",
}


def catalogue():
    rows = ROW.findall((ROOT / "include/socketd/fields.def").read_text(encoding="utf-8"))
    keys = ("id", "name", "wire", "group", "access", "source", "unit", "doc")
    rows = [dict(zip(keys, row)) for row in rows]
    if len(rows) < 140:
        raise SystemExit(f"coverage: {len(rows)} rows in the catalogue")
    return rows


def heads(row):
    """The columns that the catalogue alone decides."""
    return f"| {row['id']} | `{row['name']}` | {row['wire']}, {row['unit']} | {row['access']} |"


# What the guests showed


class Capture:
    def __init__(self, directory):
        lines = (directory / "fields.txt").read_text(encoding="utf-8").splitlines()
        words = [line.split() for line in lines if re.match(r"\d+ \w+ ", line)]
        self.present = {w[1]: w[5] == "present" for w in words}
        self.truths = json.loads((directory / "zoo.json").read_text(encoding="utf-8"))["truths"]
        self.checked = json.loads((directory / "checked.json").read_text(encoding="utf-8"))

    def told(self, name):
        if self.present.get(name):
            return "yes"
        return "no: " + ABSENT.get(name, "not in this kernel")


def origins(name, captures):
    """Where the expected values came from; the kernel's source is one origin, wherever in it."""
    texts = {}
    for kernel, capture in captures.items():
        if capture.checked.get(name) is None:
            continue
        for via in capture.truths.get(name, {}):
            text = "the kernel's source" if re.search(r"\w\.c\b", via) else "what the zoo set" if via == "set" else via
            texts.setdefault(text, set()).add(kernel)
    parts = []
    for text in sorted(texts):
        only = "" if len(texts[text]) == len(captures) else f" ({', '.join(sorted(texts[text]))})"
        parts.append(text.replace("|", "\\|") + only)
    return parts


def checked_cell(row, captures):
    name = row["name"]
    if not any(capture.present.get(name) for capture in captures.values()):
        return ""
    parts = origins(name, captures)
    if not parts:
        return "not compared: " + UNCHECKED.get(name, "no other way to know it")
    text = "; ".join(parts)
    if name in LIMITS:
        text += f". Limit: {LIMITS[name]}"
    elif not any(capture.checked.get(name) for capture in captures.values()):
        text += ". Limit: absence only"
    return text


def page(captures):
    rows = catalogue()
    out = ["# Fields of struct socket and struct sock: told, and checked", "",
           "Made by `tests/check/coverage.py` from the catalogue (`include/socketd/fields.def`), from `/proc/net/socketd/fields`",
           "in guests with Linux 6.1 and 6.12, and from what `tests/zoo` knew of its sockets there and found confirmed by",
           "`sockctl internals`. The origin says where the expected value came from; \"the kernel's source\" are names of functions",
           "and constants that the source sets for the family, type and protocol. \"Limit\" is what the comparison leaves open.", ""]
    told = {kernel: sum(capture.present.get(row["name"], False) for row in rows) for kernel, capture in captures.items()}
    compared = sum(bool(origins(row["name"], captures)) for row in rows)
    out += [f"{len(rows)} rows; told by " + ", ".join(f"{kernel}: {n}" for kernel, n in told.items()) + f"; compared: {compared}.", ""]
    for group, title in GROUPS:
        out += [f"## {title}", "", "| id | field | wire, unit | access | 6.1 | 6.12 | expected value from |", "|---|---|---|---|---|---|---|"]
        for row in rows:
            if row["group"] != group:
                continue
            cells = " | ".join(captures[kernel].told(row["name"]) for kernel in KERNELS)
            out.append(f"{heads(row)} {cells} | {checked_cell(row, captures)} |")
        out.append("")
    return "\n".join(out)


def check_offline():
    text = PAGE.read_text(encoding="utf-8") if PAGE.exists() else ""
    problems = [f"{PAGE.name} has no row \"{heads(row)}\"" for row in catalogue() if heads(row) not in text]
    have = set(re.findall(r"^\| \d+ \| `(\w+)` \|", text, re.M))
    problems += [f"{PAGE.name}: {name} is not in the catalogue" for name in sorted(have - {row["name"] for row in catalogue()})]
    return problems


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--captures", type=pathlib.Path)
    parser.add_argument("--write", action="store_true")
    args = parser.parse_args()
    problems = []
    if args.captures:
        made = page({kernel: Capture(args.captures / kernel) for kernel in KERNELS})
        if args.write:
            PAGE.write_text(made, encoding="utf-8")
        have = PAGE.read_text(encoding="utf-8").splitlines() if PAGE.exists() else []
        for old, new in zip(have + [""] * len(made.splitlines()), made.splitlines()):
            if old != new:
                problems.append(f"{PAGE.name} is stale: \"{new}\" is \"{old}\"")
    problems += check_offline()
    for problem in problems[:20]:
        print(problem)
    print(f"{len(catalogue())} rows, {len(problems)} problems")
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main())
