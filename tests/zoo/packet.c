/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Packet sockets: raw and datagram, rings, fanout, memberships, filters */

#include <arpa/inet.h>
#include <errno.h>
#include <linux/filter.h>
#include <linux/if_ether.h>
#include <linux/if_packet.h>
#include <linux/sock_diag.h>
#include <net/if.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "reading.h"
#include "zoo.h"

/* For experiments on local networks (IEEE Std 802): nothing else on the host sends it. */
#define ETHERTYPE 0x88b5

#define READS (READ_MEMORY | READ_QUIET)

static int make_bound(int type, unsigned ifindex)
{
	struct sockaddr_ll ll = {
		.sll_family = AF_PACKET,
		.sll_protocol = htons(ETHERTYPE),
		.sll_ifindex = ifindex,
	};
	int fd;

	fd = must(socket(AF_PACKET, type | SOCK_CLOEXEC, htons(ETHERTYPE)));
	if (ifindex)
		must(bind(fd, (void *)&ll, sizeof(ll)));
	return fd;
}

static void add_plain(unsigned lo)
{
	struct sockaddr_ll to = {
		.sll_family = AF_PACKET,
		.sll_protocol = htons(ETHERTYPE),
		.sll_ifindex = lo,
		.sll_halen = 6,
	};
	struct entry *e;
	int fd, sender;

	fd = make_bound(SOCK_RAW, 0);
	drop_all_input(fd);
	e = zoo_add("p_raw", fd, READS, "every device, a filter of one instruction", "packet-raw-any");
	expect_u64(e, "pdi_index", 0);
	expect_str(e, "type", "raw");
	if (getuid() == 0)
		expect_u64(e, "pdiag_filter_len", 1);

	fd = make_bound(SOCK_DGRAM, lo);
	e = zoo_add("p_dgr", fd, READS, "bound to lo, one frame unread", "packet-dgram-unread");
	sender = make_bound(SOCK_DGRAM, 0);
	must(sendto(sender, "a frame", 7, 0, (void *)&to, sizeof(to)));
	usleep(50000);
	expect_u64(e, "pdi_index", lo);
	expect_str(e, "dev", "lo");
	expect_str(e, "type", "dgram");
	expect_min(e, "sk_rmem_alloc", 7);
	expect_u64(e, "sk_rmem_alloc", read_meminfo(fd, SK_MEMINFO_RMEM_ALLOC));
	expect_u64(e, "recv_q", read_meminfo(fd, SK_MEMINFO_RMEM_ALLOC));
	drop_all_input(sender);
	zoo_add("p_dgr", sender, READ_MEMORY, "sends", "packet-dgram-sender");

	fd = must(socket(AF_PACKET, SOCK_RAW | SOCK_CLOEXEC, 0));
	e = zoo_add("p_raw", fd, READS, "no protocol: receives nothing", "packet-raw-idle");
	expect_absent(e, "pdiag_fanout");
}

static void add_options(unsigned lo)
{
	struct sock_filter code[5] = {
		{ .code = BPF_LD | BPF_W | BPF_ABS, .k = 0 },
		{ .code = BPF_JMP | BPF_JEQ | BPF_K, .jt = 0, .jf = 1, .k = 0x12345678 },
		{ .code = BPF_RET | BPF_K, .k = 0 },
		{ .code = BPF_RET | BPF_K, .k = 64 },
		{ .code = BPF_RET | BPF_K, .k = 0 },
	};
	struct sock_fprog prog = { .len = 5, .filter = code };
	struct packet_mreq mreq = { .mr_ifindex = lo,
				    .mr_type = PACKET_MR_MULTICAST,
				    .mr_alen = 6,
				    .mr_address = { 0x01, 0x00, 0x5e, 0x01, 0x02, 0x03 } };
	unsigned fanout;
	struct entry *e;
	int fd;

	fd = make_bound(SOCK_RAW, lo);
	set_int(fd, SOL_PACKET, PACKET_AUXDATA, 1);
	set_int(fd, SOL_PACKET, PACKET_ORIGDEV, 1);
	set_int(fd, SOL_PACKET, PACKET_COPY_THRESH, 333);
	set_int(fd, SOL_PACKET, PACKET_TIMESTAMP, 64);
	must(setsockopt(fd, SOL_SOCKET, SO_ATTACH_FILTER, &prog, sizeof(prog)));
	e = zoo_add("p_raw", fd, READS, "auxdata, origdev, copy threshold, timestamps, a filter of 5 instructions",
		    "packet-raw-options");
	expect_u64(e, "pdi_index", lo);
	/* PDI_RUNNING 1, PDI_AUXDATA 2, PDI_ORIGDEV 4 (linux/packet_diag.h) */
	expect_u64(e, "pdi_flags_raw", 7);
	expect_words(e, "pdi_flags", NULL, "running", "auxdata", "origdev", NULL);
	expect_u64(e, "pdi_copy_thresh", 333);
	expect_u64(e, "pdi_tstamp", 64);
	if (getuid() == 0)
		expect_u64(e, "pdiag_filter_len", 5);

	fd = make_bound(SOCK_RAW, lo);
	must(setsockopt(fd, SOL_PACKET, PACKET_ADD_MEMBERSHIP, &mreq, sizeof(mreq)));
	mreq.mr_type = PACKET_MR_ALLMULTI;
	must(setsockopt(fd, SOL_PACKET, PACKET_ADD_MEMBERSHIP, &mreq, sizeof(mreq)));
	e = zoo_add("p_raw", fd, READS, "member of a multicast address and of all multicast", "packet-raw-member");
	expect_words(e, "pdm_entries", "some-contain", "01:00:5e:01:02:03", "allmulti", NULL);

	for (int i = 0; i < 2; i++) {
		fd = make_bound(SOCK_RAW, lo);
		drop_all_input(fd);
		set_int(fd, SOL_PACKET, PACKET_FANOUT, (getpid() & 0xffff) | PACKET_FANOUT_CPU << 16);
		fanout = get_int(fd, SOL_PACKET, PACKET_FANOUT);
		e = zoo_add("p_raw", fd, READS, "two in a fanout group, by CPU", "packet-fanout-%d", i);
		expect_u64(e, "pdiag_fanout", fanout & 0xffffff);
	}
}

static void add_ring(unsigned lo)
{
	struct tpacket_req3 req = {
		.tp_block_size = 1 << 14,
		.tp_block_nr = 3,
		.tp_frame_size = 2048,
		.tp_frame_nr = 24,
		.tp_retire_blk_tov = 60,
	};
	struct tpacket_req tx = {
		.tp_block_size = 1 << 13,
		.tp_block_nr = 2,
		.tp_frame_size = 1024,
		.tp_frame_nr = 16,
	};
	struct entry *e;
	int fd;

	fd = make_bound(SOCK_RAW, lo);
	drop_all_input(fd);
	set_int(fd, SOL_PACKET, PACKET_VERSION, TPACKET_V3);
	set_int(fd, SOL_PACKET, PACKET_RESERVE, 32);
	must(setsockopt(fd, SOL_PACKET, PACKET_RX_RING, &req, sizeof(req)));
	e = zoo_add("p_raw", fd, READ_MEMORY, "a receive ring of TPACKET_V3", "packet-rx-ring");
	/* PACKET_DIAG_INFO counts versions from 0, the catalogue from 1. */
	expect_u64(e, "pdi_version", 3);
	expect_u64(e, "pdi_reserve", 32);
	expect_words(e, "pdr_rx_ring", "contains", "16384", "3", "2048", "24", "60", NULL);
	expect_absent(e, "pdr_tx_ring");

	fd = make_bound(SOCK_DGRAM, lo);
	drop_all_input(fd);
	set_int(fd, SOL_PACKET, PACKET_VERSION, TPACKET_V2);
	set_int(fd, SOL_PACKET, PACKET_LOSS, 1);
	must(setsockopt(fd, SOL_PACKET, PACKET_TX_RING, &tx, sizeof(tx)));
	e = zoo_add("p_dgr", fd, READ_MEMORY, "a send ring of TPACKET_V2, PACKET_LOSS", "packet-tx-ring");
	expect_u64(e, "pdi_version", 2);
	expect_u64(e, "pdi_flags_raw", 0x11);
	expect_words(e, "pdi_flags", NULL, "running", "loss", NULL);
	expect_words(e, "pdr_tx_ring", "contains", "8192", "2", "1024", "16", NULL);
	expect_absent(e, "pdr_rx_ring");
}

void zoo_packet(void)
{
	unsigned lo = if_nametoindex("lo");
	int fd;

	fd = socket(AF_PACKET, SOCK_RAW | SOCK_CLOEXEC, 0);
	if (fd < 0 || !kernel_dumps(AF_PACKET, 0)) {
		zoo_skip("packet", fd < 0 ? errno : ENOENT, "no packet sockets, or no packet_diag");
		if (fd >= 0)
			close(fd);
		return;
	}
	close(fd);
	add_plain(lo);
	add_options(lo);
	add_ring(lo);
}
