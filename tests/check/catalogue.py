#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""The catalogue's promises: ids never change, every field of the kernel's structs has a row"""

import pathlib
import re
import sys

ROOT = pathlib.Path(__file__).resolve().parents[2]
HERE = pathlib.Path(__file__).resolve().parent
ROW = re.compile(r"^FIELD\((\d+), (\w+), (\w+), (\w+), (\w+), \"", re.M)

# include/net/sock.h and include/linux/net.h of Linux 4.13, the list that the
# catalogue covers whole; members of unions by the names that code uses.
SOCKET = "state type flags wq file sk ops"
SOCK = """
sk_node sk_nulls_node sk_refcnt sk_tx_queue_mapping sk_dontcopy_begin sk_dontcopy_end sk_hash sk_portpair sk_num
sk_dport sk_addrpair sk_daddr sk_rcv_saddr sk_family sk_state sk_reuse sk_reuseport sk_ipv6only sk_net_refcnt
sk_bound_dev_if sk_bind_node sk_prot sk_net sk_v6_daddr sk_v6_rcv_saddr sk_cookie sk_incoming_cpu sk_flags sk_rxhash
sk_lock sk_drops sk_rcvlowat sk_error_queue sk_receive_queue sk_backlog sk_rmem_alloc sk_forward_alloc sk_ll_usec
sk_napi_id sk_rcvbuf sk_filter sk_wq sk_wq_raw sk_policy sk_rx_dst sk_dst_cache sk_omem_alloc sk_sndbuf
sk_wmem_queued sk_wmem_alloc sk_tsq_flags sk_send_head sk_write_queue sk_peek_off sk_write_pending
sk_dst_pending_confirm sk_pacing_status sk_sndtimeo sk_timer sk_priority sk_mark sk_pacing_rate sk_max_pacing_rate
sk_frag sk_route_caps sk_route_nocaps sk_gso_type sk_gso_max_size sk_allocation sk_txhash __sk_flags_offset
sk_padding sk_kern_sock sk_no_check_tx sk_no_check_rx sk_userlocks sk_protocol sk_type sk_gso_max_segs sk_lingertime
sk_prot_creator sk_callback_lock sk_err sk_err_soft sk_ack_backlog sk_max_ack_backlog sk_uid sk_peer_pid sk_peer_cred
sk_rcvtimeo sk_stamp sk_tsflags sk_shutdown sk_tskey sk_socket sk_user_data sk_security sk_cgrp_data sk_memcg
sk_state_change sk_data_ready sk_write_space sk_error_report sk_backlog_rcv sk_destruct sk_reuseport_cb sk_rcu
""".split()


def main():
    problems = []
    rows = ROW.findall((ROOT / "include/socketd/fields.def").read_text(encoding="utf-8"))
    have = [(int(i), name, wire) for i, name, wire, _, _ in rows]
    frozen = [tuple(line.split()) for line in (HERE / "field-ids.txt").read_text().splitlines()]
    frozen = [(int(i), name, wire) for i, name, wire in frozen]

    for row in frozen:
        if row not in have:
            problems.append(f"id {row[0]} was {row[1]} ({row[2]}) and is so no more: ids are for ever")
    for row in have:
        if row not in frozen:
            problems.append(f"id {row[0]}, {row[1]}: new; append \"{row[0]} {row[1]} {row[2]}\" to tests/check/field-ids.txt")
    for what, values in (("id", [r[0] for r in have]), ("name", [r[1] for r in have])):
        for v in sorted({v for v in values if values.count(v) > 1}):
            problems.append(f"{what} {v} stands twice")
    names = {r[1] for r in have}
    for member in SOCK:
        if member not in names:
            problems.append(f"struct sock: {member} has no row")
    for member in SOCKET.split():
        if not any(n == f"socket_{member}" or n.startswith(f"socket_{member}_") for n in names):
            problems.append(f"struct socket: {member} has no row")
    if len(have) < 400:
        problems.append(f"only {len(have)} rows were found")
    for p in problems:
        print(p)
    print(f"{len(have)} rows, {len(problems)} problems")
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main())
