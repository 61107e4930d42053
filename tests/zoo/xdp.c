/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* AF_XDP sockets: packet memory and rings, bound to queue 0 of lo in copy mode */

#include <errno.h>
#include <linux/if_xdp.h>
#include <net/if.h>
#include <stdio.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <unistd.h>

#include "zoo.h"

#ifndef AF_XDP
#define AF_XDP 44
#endif
#ifndef SOL_XDP
#define SOL_XDP 283
#endif

#define CHUNK 2048
#define CHUNKS 32
#define HEADROOM 64

void zoo_xdp(void)
{
	struct sockaddr_xdp sxdp = { .sxdp_family = AF_XDP, .sxdp_flags = XDP_COPY };
	struct xdp_umem_reg umem = { .len = CHUNK * CHUNKS, .chunk_size = CHUNK, .headroom = HEADROOM };
	struct rlimit unlimited = { RLIM_INFINITY, RLIM_INFINITY };
	struct entry *e;
	void *memory;
	int fd;

	fd = socket(AF_XDP, SOCK_RAW | SOCK_CLOEXEC, 0);
	if (fd < 0) {
		zoo_skip("xdp", errno, "AF_XDP is not in this kernel");
		return;
	}
	setrlimit(RLIMIT_MEMLOCK, &unlimited);
	/* Shared with the kernel until the process ends. */
	memory = mmap(NULL, umem.len, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	must(memory == MAP_FAILED ? -1 : 0);
	umem.addr = (uintptr_t)memory;
	must(setsockopt(fd, SOL_XDP, XDP_UMEM_REG, &umem, sizeof(umem)));
	set_int(fd, SOL_XDP, XDP_UMEM_FILL_RING, 16);
	set_int(fd, SOL_XDP, XDP_UMEM_COMPLETION_RING, 8);
	set_int(fd, SOL_XDP, XDP_RX_RING, 64);
	set_int(fd, SOL_XDP, XDP_TX_RING, 32);
	sxdp.sxdp_ifindex = if_nametoindex("lo");
	if (bind(fd, (void *)&sxdp, sizeof(sxdp)) < 0) {
		zoo_skip("xdp", errno, "bind to queue 0 of lo");
		close(fd);
		return;
	}
	e = zoo_add("xdp", fd, READ_MEMORY, "bound to queue 0 of lo, both rings", "xdp-lo");
	e->listed = kernel_dumps(AF_XDP, 0) ? LISTED_YES : LISTED_MAYBE;
	expect_u64(e, "xdiag_ifindex", sxdp.sxdp_ifindex);
	expect_u64(e, "xdiag_queue_id", 0);
	expect_u64(e, "xdiag_rx_entries", 64);
	expect_u64(e, "xdiag_tx_entries", 32);
	expect_u64(e, "xdiag_fr_entries", 16);
	expect_u64(e, "xdiag_cr_entries", 8);
	expect_u64(e, "xdu_size", CHUNK * CHUNKS);
	expect_u64(e, "xdu_num_pages", CHUNK * CHUNKS / getpagesize());
	expect_u64(e, "xdu_chunk_size", CHUNK);
	expect_u64(e, "xdu_headroom", HEADROOM);
	expect_u64(e, "xdu_refs", 1);
	expect_u64(e, "xds_rx_dropped", 0);
}
