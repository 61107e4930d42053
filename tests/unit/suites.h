/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The suites of the unit tests: one a file, test_X.c registers suite_X */

#ifndef SOCKETD_TESTS_SUITES_H
#define SOCKETD_TESTS_SUITES_H

#define SUITES(SUITE) \
	SUITE(address) \
	SUITE(arena) \
	SUITE(cli_flow) \
	SUITE(cli_flow_draw) \
	SUITE(config) \
	SUITE(context) \
	SUITE(context_netns) \
	SUITE(decode_inet) \
	SUITE(decode_module) \
	SUITE(decode_mptcp) \
	SUITE(decode_netlink) \
	SUITE(decode_owner) \
	SUITE(decode_packet) \
	SUITE(decode_proc_inet) \
	SUITE(decode_record) \
	SUITE(decode_sctp) \
	SUITE(decode_skmeminfo) \
	SUITE(decode_smc) \
	SUITE(decode_tcp_info) \
	SUITE(decode_tipc) \
	SUITE(decode_track) \
	SUITE(decode_ulp) \
	SUITE(decode_unit) \
	SUITE(decode_unix) \
	SUITE(decode_vsock) \
	SUITE(decode_xdp) \
	SUITE(field) \
	SUITE(messages) \
	SUITE(module_rows) \
	SUITE(owners_cgroup) \
	SUITE(netns_door) \
	SUITE(query_bytecode) \
	SUITE(query_dedupe) \
	SUITE(query_errors) \
	SUITE(query_json) \
	SUITE(query_keys) \
	SUITE(query_match) \
	SUITE(query_netns) \
	SUITE(query_pairs) \
	SUITE(query_parse) \
	SUITE(query_plan) \
	SUITE(query_sort) \
	SUITE(reader) \
	SUITE(refresh) \
	SUITE(source_acquire) \
	SUITE(source_acquire_netns) \
	SUITE(source_destroy) \
	SUITE(source_diag) \
	SUITE(source_dump) \
	SUITE(source_events) \
	SUITE(source_gets) \
	SUITE(source_kill) \
	SUITE(source_links) \
	SUITE(source_module) \
	SUITE(source_netlink) \
	SUITE(source_netns) \
	SUITE(source_owner_child) \
	SUITE(source_owners) \
	SUITE(source_procfs) \
	SUITE(track_annotate) \
	SUITE(track_dropped) \
	SUITE(track_events) \
	SUITE(track_heard) \
	SUITE(track_holders) \
	SUITE(track_namespaces) \
	SUITE(track_narrow) \
	SUITE(track_sight) \
	SUITE(track_table) \
	SUITE(track_tracker) \
	SUITE(unit_path) \
	SUITE(unit_systemd) \
	SUITE(value) \
	SUITE(words)

#define DECLARE_SUITE(name) void suite_##name(void);
SUITES(DECLARE_SUITE)
#undef DECLARE_SUITE

#endif
