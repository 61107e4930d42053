/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Devices of real namespaces: what the cache says against if_nameindex(3) after each change, and after events were lost */

#include "source/links.h"

#include <CUnit/CUnit.h>
#include <dirent.h>
#include <errno.h>
#include <libmnl/libmnl.h>
#include <poll.h>
#include <stdarg.h>
#include <sys/wait.h>

#include "snapshot/reader.h"
#include "unit/netns.h"
#include "unit/suites.h"

#define NETNS_INO 4026532999u

/* ip(8) in the namespace that we are in; its status. */
static int ip(const char *fmt, ...)
{
	char command[256];
	va_list ap;
	int n = snprintf(command, sizeof(command), "ip ");

	va_start(ap, fmt);
	vsnprintf(command + n, sizeof(command) - n, fmt, ap);
	va_end(ap);
	return system(command);
}

/* Many changes at once by one process, from standard input. */
static void ip_batch(const char *fmt, int n)
{
	FILE *f = popen("ip -batch -", "w");

	CU_ASSERT_PTR_NOT_NULL_FATAL(f);
	for (int i = 0; i < n; i++) {
		fprintf(f, fmt, i, i);
		fputc('\n', f);
	}
	CU_ASSERT_EQUAL(pclose(f), 0);
}

static int wait_for(const struct links *l)
{
	struct pollfd p = { .fd = links_fd(l), .events = POLLIN };

	return poll(&p, 1, 2000);
}

/* Takes in events until the cache and the kernel agree on the number of devices; at most a while. */
static void check_same(struct links *l)
{
	struct if_nameindex *real = if_nameindex();
	unsigned n = 0, wrong = 0;

	CU_ASSERT_PTR_NOT_NULL_FATAL(real);
	for (; real[n].if_index; n++) {
		const char *name = links_name(l, real[n].if_index);

		wrong += !name || strcmp(name, real[n].if_name) != 0 || links_ifindex(l, real[n].if_name) != real[n].if_index;
	}
	if_freenameindex(real);
	CU_ASSERT_EQUAL(wrong, 0);
	CU_ASSERT(n > 0);
}

struct told {
	unsigned n, n_bad;
	uint32_t ifindex[512];
	char name[512][IF_NAMESIZE];
};

static int take_attr(const struct nlattr *attr, void *ctx)
{
	struct told *t = ctx;

	switch (mnl_attr_get_type(attr)) {
	case SOCKETD_LINK_IFINDEX:
		t->ifindex[t->n] = mnl_attr_get_u32(attr);
		break;
	case SOCKETD_LINK_NAME:
		snprintf(t->name[t->n], IF_NAMESIZE, "%.*s", (int)mnl_attr_get_payload_len(attr),
			 (const char *)mnl_attr_get_payload(attr));
		break;
	case SOCKETD_LINK_NETNS:
		t->n_bad += mnl_attr_get_u64(attr) != NETNS_INO;
		break;
	}
	return MNL_CB_OK;
}

/* What the blocks say, against the kernel: each device once, and no other. */
static void check_blocks(struct arena *a)
{
	struct if_nameindex *real = if_nameindex();
	static struct told t;
	const uint8_t *data;
	unsigned n = 0;
	size_t len;

	t = (struct told){};
	CU_ASSERT_PTR_NOT_NULL_FATAL(real);
	while ((len = arena_peek(a, &data)) > 0) {
		struct socketd_block head;

		CU_ASSERT_FATAL(t.n < ARRAY_SIZE(t.ifindex));
		memcpy(&head, data, sizeof(head));
		CU_ASSERT_EQUAL(head.type, SOCKETD_BLOCK_LINK);
		(void)mnl_attr_parse_payload(data + sizeof(head), head.length, take_attr, &t);
		t.n++;
		arena_consume(a, sizeof(head) + ((head.length + 7) & ~7u));
	}
	for (; real[n].if_index; n++) {
		unsigned found = 0;

		for (unsigned i = 0; i < t.n; i++)
			found += t.ifindex[i] == real[n].if_index && !strcmp(t.name[i], real[n].if_name);
		CU_ASSERT_EQUAL(found, 1);
	}
	CU_ASSERT_EQUAL(n, t.n);
	CU_ASSERT_EQUAL(t.n_bad, 0);
	if_freenameindex(real);
}

static void test_events(void)
{
	CLEANUP(arena_deinit) struct arena a;
	struct links *l = NULL;
	int back = netns_enter();
	uint32_t index;

	if (back < 0) /* not allowed here */
		return;
	arena_init(&a);
	CU_ASSERT_EQUAL_FATAL(links_new(&l, NETNS_INO, -1, -1), 0);
	check_same(l);
	CU_ASSERT_EQUAL(links_receive(l), 0);
	CU_ASSERT_PTR_NULL(links_name(l, 4711));
	CU_ASSERT_PTR_NULL(links_name(l, UINT32_MAX));
	CU_ASSERT_EQUAL(links_ifindex(l, "none"), 0);
	CU_ASSERT_EQUAL(links_ifindex(l, "lo"), 1);

	CU_ASSERT_EQUAL(ip("link add l-a type veth peer name l-b"), 0);
	CU_ASSERT_EQUAL(wait_for(l), 1);
	CU_ASSERT_EQUAL(links_receive(l), 1);
	check_same(l);
	index = links_ifindex(l, "l-a");
	CU_ASSERT_NOT_EQUAL(index, 0);

	/* Something changed that is no name. */
	CU_ASSERT_EQUAL(ip("link set l-a up"), 0);
	CU_ASSERT_EQUAL(wait_for(l), 1);
	CU_ASSERT_EQUAL(links_receive(l), 0);

	CU_ASSERT_EQUAL(ip("link set l-b name l-renamed"), 0);
	CU_ASSERT_EQUAL(wait_for(l), 1);
	CU_ASSERT_EQUAL(links_receive(l), 1);
	check_same(l);
	CU_ASSERT_EQUAL(links_ifindex(l, "l-b"), 0);

	/* A bridge tells its ports' coming and going as RTM_NEWLINK and RTM_DELLINK: they are devices for all that. */
	CU_ASSERT_EQUAL(ip("link add l-br type bridge"), 0);
	CU_ASSERT_EQUAL(ip("link set l-a master l-br"), 0);
	CU_ASSERT_EQUAL(ip("link set l-a nomaster"), 0);
	CU_ASSERT_EQUAL(links_receive(l), 1);
	check_same(l);
	CU_ASSERT_EQUAL(links_ifindex(l, "l-a"), index);

	CU_ASSERT_EQUAL(ip("link del l-a"), 0);
	CU_ASSERT_EQUAL(wait_for(l), 1);
	CU_ASSERT_EQUAL(links_receive(l), 1);
	CU_ASSERT_PTR_NULL(links_name(l, index));
	CU_ASSERT_EQUAL(links_ifindex(l, "l-renamed"), 0);
	check_same(l);

	CU_ASSERT_EQUAL(links_write(l, &a), 0);
	check_blocks(&a);
	CU_ASSERT_EQUAL(links_write_once(&a, NETNS_INO, -1), 0);
	check_blocks(&a);
	CU_ASSERT_EQUAL(links_receive(l), 0);
	l = links_free(l);
	netns_leave(back);
}

/* 300 devices come, are renamed, and half of them go, while nobody reads, into the smallest buffer there is. */
static void test_overflow(void)
{
	int back = netns_enter(), small = 1;
	CLEANUP(arena_deinit) struct arena a;
	struct links *l = NULL;

	if (back < 0)
		return;
	arena_init(&a);
	CU_ASSERT_EQUAL_FATAL(links_new(&l, NETNS_INO, -1, -1), 0);
	CU_ASSERT_EQUAL(setsockopt(links_fd(l), SOL_SOCKET, SO_RCVBUF, &small, sizeof(small)), 0);
	ip_batch("link add o%d type bridge", 300);
	CU_ASSERT_EQUAL(links_receive(l), 1);
	check_same(l);
	ip_batch("link set o%d name p%d", 300);
	ip_batch("link del p%d", 150);
	CU_ASSERT_EQUAL(links_receive(l), 1);
	check_same(l);
	CU_ASSERT_EQUAL(links_ifindex(l, "p0"), 0);
	CU_ASSERT_EQUAL(links_ifindex(l, "o200"), 0);
	CU_ASSERT_NOT_EQUAL(links_ifindex(l, "p200"), 0);
	CU_ASSERT_EQUAL(links_write(l, &a), 0);
	check_blocks(&a);
	/* It goes on as before. */
	CU_ASSERT_EQUAL(links_receive(l), 0);
	CU_ASSERT_EQUAL(ip("link del p200"), 0);
	CU_ASSERT_EQUAL(links_receive(l), 1);
	CU_ASSERT_EQUAL(links_ifindex(l, "p200"), 0);
	l = links_free(l);
	netns_leave(back);
}

static unsigned n_descriptors(void)
{
	CLEANUP(close) int unused = -1;
	DIR *d = opendir("/proc/self/fd");
	unsigned n = 0;

	(void)unused;
	CU_ASSERT_PTR_NOT_NULL_FATAL(d);
	while (readdir(d))
		n++;
	closedir(d);
	return n;
}

static int route_socket(int type)
{
	return socket(AF_NETLINK, type | SOCK_NONBLOCK | SOCK_CLOEXEC, NETLINK_ROUTE);
}

/* Sockets that were opened inside go on telling of that namespace; what is no such socket is refused, and closed. */
static void test_descriptors(void)
{
	unsigned before = n_descriptors();
	CLEANUP(arena_deinit) struct arena a;
	struct links *l = NULL;
	int back, request, event, once, fd;

	back = netns_enter();
	if (back < 0)
		return;
	arena_init(&a);
	CU_ASSERT_EQUAL(ip("link add inside0 type bridge"), 0);
	request = route_socket(SOCK_RAW);
	event = route_socket(SOCK_RAW);
	once = route_socket(SOCK_RAW);
	fd = open("/proc/thread-self/ns/net", O_RDONLY | O_CLOEXEC);
	CU_ASSERT_EQUAL(setns(back, CLONE_NEWNET), 0);

	CU_ASSERT_EQUAL_FATAL(links_new(&l, NETNS_INO, request, event), 0);
	CU_ASSERT_NOT_EQUAL(links_ifindex(l, "inside0"), 0);
	CU_ASSERT_EQUAL(links_write_once(&a, NETNS_INO, once), 0);
	CU_ASSERT_EQUAL(setns(fd, CLONE_NEWNET), 0);
	check_blocks(&a);
	CU_ASSERT_EQUAL(ip("link del inside0"), 0);
	CU_ASSERT_EQUAL(setns(back, CLONE_NEWNET), 0);
	CU_ASSERT_EQUAL(links_receive(l), 1);
	CU_ASSERT_EQUAL(links_ifindex(l, "inside0"), 0);
	l = links_free(l);
	close(fd);

	CU_ASSERT(links_new(&l, 0, open("/dev/null", O_RDONLY), -1) < 0);
	CU_ASSERT(links_new(&l, 0, -1, open("/dev/null", O_RDONLY)) < 0);
	CU_ASSERT(links_new(&l, 0, socket(AF_NETLINK, SOCK_RAW, NETLINK_GENERIC), -1) < 0);
	CU_ASSERT(links_write_once(&a, 0, open("/dev/null", O_RDONLY)) < 0);
	CU_ASSERT_PTR_NULL(l);
	netns_leave(back);
	CU_ASSERT_EQUAL(n_descriptors(), before);
}

void suite_source_links(void)
{
	CU_pSuite s = CU_add_suite("source_links", NULL, NULL);

	CU_add_test(s, "devices come, go and are renamed", test_events);
	CU_add_test(s, "lost events", test_overflow);
	CU_add_test(s, "sockets of another namespace", test_descriptors);
}
