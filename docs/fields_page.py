#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Writes socketd-fields(7) in scdoc's language, of what `sockctl describe --json` says.

fields_page.py SOCKCTL HEAD > PAGE; HEAD is the page's beginning, which people write.
"""

import json
import subprocess
import sys

# The catalogue's groups in the order that people look for them, with their headings.
TITLES = {
    "base": "IDENTITY AND QUEUES", "owner": "OWNERS", "unit": "UNITS AND CONTAINERS", "peer": "THE OTHER END",
    "track": "WHAT SOCKETD REMEMBERS", "skmem": "MEMORY", "meminfo": "MEMORY, OLDER ATTRIBUTE", "inet": "IP OPTIONS",
    "tos": "TRAFFIC CLASS", "tcp_info": "TCP", "cong": "CONGESTION CONTROL", "ulp": "UPPER LAYER PROTOCOLS AND KEYS",
    "mptcp_info": "MPTCP", "sctp_info": "SCTP", "af_unix": "UNIX", "af_netlink": "NETLINK", "af_packet": "PACKET",
    "af_vsock": "VSOCK", "af_xdp": "XDP", "af_smc": "SMC", "af_tipc": "TIPC", "bpf": "BPF STORAGE",
    "socket": "STRUCT SOCKET", "sock": "STRUCT SOCK", "flow": "THE WAY THROUGH THE KERNEL",
}


def escape(text):
    """What scdoc would take for markup."""
    out = ""
    for c in text:
        out += "\\" + c if c in "\\*_[]#~`<>|" else c
    return out


def paragraph(field):
    facts = [field["type"]]
    if field["unit"] != "none" and not field["unit"].startswith(("enum_", "flags_")):
        facts.append(field["unit"])
    if field["access"] != "public":
        facts.append(field["access"])
    alias = f", *{escape(field['alias'])}*" if field.get("alias") else ""
    print(f"*{escape(field['name'])}*{alias} ({', '.join(facts)})")
    print(f"\t{escape(field['doc'])}.")
    print(f"\tSource: {escape(field['source'])}.")
    if field.get("words"):
        kind = "Flags" if field["unit"].startswith("flags_") else "Words"
        words = ", ".join(f"{escape(word)} ({number})" for word, number in field["words"].items())
        print(f"\t{kind}: {words}.")
    print()


def main():
    sockctl, head = sys.argv[1:]
    fields = json.loads(subprocess.run([sockctl, "describe", "--json"], check=True, capture_output=True).stdout)["fields"]
    groups = {}
    for field in fields:
        groups.setdefault(field["group"], []).append(field)
    unknown = sorted(set(groups) - set(TITLES))
    if unknown:
        sys.exit(f"fields_page.py: no heading for the groups {' '.join(unknown)}: add them to TITLES")
    with open(head, encoding="utf-8") as f:
        print(f.read())
    for group, title in TITLES.items():
        if group not in groups:
            continue
        print(f"# {title}\n\nGroup _{escape(group)}_.\n")
        for field in groups[group]:
            paragraph(field)
    print("# SEE ALSO\n\n*sockctl*(1), *socketd*(8), *org.socketd1*(5), *sock_diag*(7)")


if __name__ == "__main__":
    main()
