/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What the kernel module is asked, whether it is there, and owners from it */

#include "socketd/uapi.h"
#include "snapshot/context.h"
#include "source/diag.h"
#include "source/dump.h"
#include "source/module.h"
#include "source/module_owners.h"
#include "unit/fake_kernel.h"
#include "unit/suites.h"

static const void *find_attr(const struct nlmsghdr *h, unsigned type, size_t *ret_len)
{
	const uint8_t *at = (const uint8_t *)NLMSG_DATA(h) + sizeof(struct socketd_request);
	const uint8_t *end = (const uint8_t *)h + h->nlmsg_len;

	while (at + NLA_HDRLEN <= end) {
		const struct nlattr *a = (const void *)at;

		if (a->nla_type == type) {
			*ret_len = a->nla_len - NLA_HDRLEN;
			return at + NLA_HDRLEN;
		}
		at += NLA_ALIGN(a->nla_len);
	}
	return NULL;
}

static void test_request(void)
{
	_Alignas(8) uint8_t buf[DIAG_REQUEST_MAX];
	const struct socketd_request *r;
	struct nlmsghdr *h;
	struct request req;
	const void *p;
	uint64_t v64;
	uint32_t v32;
	size_t len = 0;

	request_init(&req, 0);
	req.module = (struct module_request){ .walks = 3, .groups = 5, .states = 0x80, .flags = 2, .families = UINT64_MAX };
	h = diag_request(buf, SOURCE_module, &req, diag_first_form(SOURCE_module, &req));
	CU_ASSERT_PTR_NOT_NULL_FATAL(h);
	CU_ASSERT_EQUAL(h->nlmsg_type, SOCK_DIAG_BY_FAMILY);
	CU_ASSERT_EQUAL(h->nlmsg_flags, NLM_F_REQUEST | NLM_F_DUMP);
	CU_ASSERT_EQUAL(h->nlmsg_len, NLMSG_LENGTH(sizeof(*r)));
	r = NLMSG_DATA(h);
	CU_ASSERT_EQUAL(r->sdiag_family, AF_UNSPEC);
	CU_ASSERT_EQUAL(r->sdiag_protocol, 0);
	CU_ASSERT_EQUAL(r->version, SOCKETD_UAPI_VERSION);
	CU_ASSERT_EQUAL(r->what, SOCKETD_WHAT_SOCKETS);
	CU_ASSERT_EQUAL(r->magic, SOCKETD_UAPI_MAGIC);
	CU_ASSERT_EQUAL(r->walks, 3);
	CU_ASSERT_EQUAL(r->groups, 5);
	CU_ASSERT_EQUAL(r->states, 0x80);
	CU_ASSERT_EQUAL(r->flags, 2);

	req.module.families = 6;
	req.module.cookie = 0x123456789a;
	req.module.inode = 77;
	req.module.pid = 42;
	h = diag_request(buf, SOURCE_module, &req, DIAG_DUMP);
	p = find_attr(h, SOCKETD_REQ_FAMILIES, &len);
	CU_ASSERT_TRUE_FATAL(p && len == sizeof(v64));
	memcpy(&v64, p, len);
	CU_ASSERT_EQUAL(v64, 6);
	p = find_attr(h, SOCKETD_REQ_COOKIES, &len);
	CU_ASSERT_TRUE_FATAL(p && len == sizeof(v64));
	memcpy(&v64, p, len);
	CU_ASSERT_EQUAL(v64, 0x123456789a);
	p = find_attr(h, SOCKETD_REQ_INODES, &len);
	CU_ASSERT_TRUE_FATAL(p && len == sizeof(v64));
	memcpy(&v64, p, len);
	CU_ASSERT_EQUAL(v64, 77);
	p = find_attr(h, SOCKETD_REQ_PID, &len);
	CU_ASSERT_TRUE_FATAL(p && len == sizeof(v32));
	memcpy(&v32, p, len);
	CU_ASSERT_EQUAL(v32, 42);
	CU_ASSERT_TRUE(h->nlmsg_len <= MODULE_REQUEST_MAX);
	h = diag_request(buf, SOURCE_module, &req, DIAG_DUMP_WIDE);
	CU_ASSERT_PTR_NULL(find_attr(h, SOCKETD_REQ_PID, &len));
	CU_ASSERT_PTR_NOT_NULL(find_attr(h, SOCKETD_REQ_COOKIES, &len));
	request_deinit(&req);

	h = module_tasks_request(buf);
	r = NLMSG_DATA(h);
	CU_ASSERT_EQUAL(r->what, SOCKETD_WHAT_TASKS);
	CU_ASSERT_EQUAL(r->magic, SOCKETD_UAPI_MAGIC);
}

/* Meta and totals are no rows; a pid that may not be asked for is left out. */
static void test_dump(void)
{
	const struct socketd_message meta = { .kind = SOCKETD_KIND_META }, totals = { .kind = SOCKETD_KIND_TOTALS };
	struct socketd_message socket = { .kind = SOCKETD_KIND_SOCKET, .family = AF_ALG, .cookie = 1 };
	CLEANUP(arena_deinit) struct arena arena;
	static struct kernel k;
	struct request req;
	struct dump d;
	uint8_t buf[512];

	arena_init(&arena);
	kernel_start(&k);
	request_init(&req, 0);
	req.module = (struct module_request){ .walks = 2, .families = UINT64_MAX, .pid = 42 };
	dump_begin(&d, SOURCE_module, &req, &k.nl, &arena, 0);
	CU_ASSERT_TRUE(kernel_request(&k, buf, sizeof(buf)) > NLMSG_LENGTH(sizeof(struct socketd_request)));
	kernel_put_error(&k, -EPERM);
	kernel_send(&k);
	CU_ASSERT_EQUAL(dump_step(&d, &arena, 0), 1);
	CU_ASSERT_EQUAL(kernel_request(&k, buf, sizeof(buf)), NLMSG_LENGTH(sizeof(struct socketd_request)));
	kernel_put(&k, SOCK_DIAG_BY_FAMILY, NLM_F_MULTI, &meta, sizeof(meta));
	kernel_send(&k);
	CU_ASSERT_EQUAL(dump_step(&d, &arena, 0), 1);
	CU_ASSERT_EQUAL(arena_pending(&arena), 0);
	kernel_put(&k, SOCK_DIAG_BY_FAMILY, NLM_F_MULTI, &socket, sizeof(socket));
	socket.cookie = 2;
	kernel_put(&k, SOCK_DIAG_BY_FAMILY, NLM_F_MULTI, &socket, sizeof(socket));
	kernel_put(&k, SOCK_DIAG_BY_FAMILY, NLM_F_MULTI, &totals, sizeof(totals));
	kernel_put(&k, SOCK_DIAG_BY_FAMILY, NLM_F_MULTI, &totals, sizeof(totals) - 1);
	/* A table that changed is not read again: some socket always does. */
	kernel_put_done(&k, NLM_F_DUMP_INTR, 0);
	kernel_send(&k);
	CU_ASSERT_EQUAL(dump_step(&d, &arena, 0), 0);
	CU_ASSERT_EQUAL(d.error, 0);
	CU_ASSERT_EQUAL(d.n_messages, 2);
	CU_ASSERT_EQUAL(d.n_interrupted, 1);
	request_deinit(&req);
	kernel_stop(&k);
}

/* The real kernel: whatever it has, the probe answers, and twice the same. */
static void test_probe(void)
{
	struct module_info a, b;

	memset(&a, 0xa5, sizeof(a));
	CU_ASSERT_EQUAL_FATAL(module_probe(&a), 0);
	CU_ASSERT_EQUAL_FATAL(module_probe(&b), 0);
	CU_ASSERT_STRING_EQUAL(a.version, b.version);
	CU_ASSERT_EQUAL(a.error, b.error);
	CU_ASSERT_EQUAL(a.version[0] != '\0', access("/sys/module/socketd_diag", F_OK) == 0);
	if (!a.version[0])
		CU_ASSERT_EQUAL(a.error, 0);
}

static size_t put_attr(uint8_t *at, uint16_t type, const void *data, size_t len)
{
	const struct nlattr a = { .nla_len = (uint16_t)(NLA_HDRLEN + len), .nla_type = type };

	memcpy(at, &a, sizeof(a));
	memcpy(at + NLA_HDRLEN, data, len);
	return NLA_ALIGN(NLA_HDRLEN + len);
}

static void put_task(struct kernel *k, const struct socketd_task *t, const struct socketd_fd *fds, size_t n)
{
	const struct socketd_message head = { .kind = SOCKETD_KIND_TASK };
	_Alignas(8) uint8_t buf[4096] = { 0 };
	size_t len = sizeof(head);

	memcpy(buf, &head, sizeof(head));
	len += put_attr(buf + len, SOCKETD_A_TASK, t, sizeof(*t));
	if (n > 0)
		len += put_attr(buf + len, SOCKETD_A_FDS, fds, n * sizeof(*fds));
	kernel_put(k, SOCK_DIAG_BY_FAMILY, NLM_F_MULTI, buf, len);
}

static void take_in(struct arena *a, struct context *c)
{
	struct reader reader;
	struct block b;

	reader_init(&reader, arena_input(a));
	reader.header_seen = true;
	while (reader_next(&reader, &b) > 0)
		CU_ASSERT_EQUAL(context_apply(c, &b), 0);
}

/* Pids and descriptors of an inode, in order: "5:3 7:4". */
static void expect_owners(const struct context *c, uint64_t inode, const char *want, const char *comm)
{
	const struct process *p = NULL;
	char is[256] = "";
	uint32_t pid, fd;
	size_t n = 0;

	for (unsigned i = 0; context_owner(c, inode, i, &p, &pid, &fd); i++) {
		n += (size_t)snprintf(is + n, sizeof(is) - n, "%s%u:%u", i ? " " : "", pid, fd);
		CU_ASSERT_PTR_NOT_NULL_FATAL(p);
		if (i == 0)
			CU_ASSERT_TRUE(p->comm_len == strlen(comm) && !memcmp(p->comm, comm, p->comm_len));
	}
	CU_ASSERT_STRING_EQUAL(is, want);
}

static void test_owners(void)
{
	const struct socketd_fd first[] = { { 100, 1, 3, 0 }, { 200, 2, 4, 0 } }, more[] = { { 300, 3, 9, 0 } };
	const struct socketd_fd thread[] = { { 200, 2, 4, 0 }, { 400, 4, 5, 0 } }, other[] = { { 100, 1, 8, 0 } };
	struct socketd_task leader = { .pid = 5, .uid = 0, .start = 1234, .comm = "leader" };
	struct socketd_task own = { .pid = 5, .start = 1300, .n_fds = 2, .flags = SOCKETD_TASK_THREAD | SOCKETD_TASK_LAST, .comm = "thread" };
	struct socketd_task last = { .pid = 7, .n_fds = 1, .flags = SOCKETD_TASK_LAST, .comm = "last" };
	struct socketd_task bare = { .pid = 8, .n_fds = 3, .flags = SOCKETD_TASK_LAST, .comm = "bare" };
	CLEANUP(arena_deinit) struct arena arena;
	CLEANUP(context_free) struct context *c = NULL;
	struct owners_result result = {};
	static struct kernel k;

	arena_init(&arena);
	CU_ASSERT_EQUAL_FATAL(context_new(&c), 0);
	kernel_start(&k);
	k.nl.seq = 2; /* of the request that is about to be sent */
	put_task(&k, &leader, first, 2);
	leader.n_fds = 12;
	leader.flags = SOCKETD_TASK_LAST;
	put_task(&k, &leader, more, 1);
	put_task(&k, &last, other, 1);
	put_task(&k, &bare, NULL, 0);
	put_task(&k, &own, thread, 2); /* a thread's number is far above its process's */
	kernel_put_done(&k, 0, 0);
	k.nl.seq = 1;
	kernel_send(&k);
	CU_ASSERT_EQUAL_FATAL(module_owners_read(&k.nl, &arena, NULL, &result), 0);
	CU_ASSERT_TRUE(result.by_module);
	CU_ASSERT_EQUAL(result.n_processes, 2);
	CU_ASSERT_EQUAL(result.n_owners, 5);
	CU_ASSERT_EQUAL(result.n_hidden, 0);
	take_in(&arena, c);
	expect_owners(c, 100, "5:3 7:8", "leader");
	expect_owners(c, 200, "5:4", "leader");
	expect_owners(c, 300, "5:9", "leader");
	expect_owners(c, 400, "5:5", "leader");
	kernel_stop(&k);
}

/* The module does not tell the cgroup: it is read of /proc, where there is such a process. */
static void test_owners_cgroup(void)
{
	const struct socketd_fd mine[] = { { 100, 1, 3, 0 } }, nobodys[] = { { 200, 2, 4, 0 } };
	struct socketd_task own = { .pid = (uint32_t)getpid(), .flags = SOCKETD_TASK_LAST, .comm = "own" };
	struct socketd_task gone = { .pid = 4u * 1024 * 1024 + 1, .flags = SOCKETD_TASK_LAST, .comm = "gone" };
	CLEANUP(fclose) FILE *f = fopen("/proc/self/cgroup", "re");
	CLEANUP(arena_deinit) struct arena arena;
	CLEANUP(context_free) struct context *c = NULL;
	char line[4200], want[4200] = "";
	struct owners_result result = {};
	const struct process *p = NULL;
	static struct kernel k;
	uint32_t pid, fd;

	while (f && fgets(line, sizeof(line), f))
		if (sscanf(line, "0::%4199[^\n]", want) == 1)
			break;
	arena_init(&arena);
	CU_ASSERT_EQUAL_FATAL(context_new(&c), 0);
	kernel_start(&k);
	k.nl.seq = 2;
	put_task(&k, &own, mine, 1);
	put_task(&k, &gone, nobodys, 1);
	kernel_put_done(&k, 0, 0);
	k.nl.seq = 1;
	kernel_send(&k);
	CU_ASSERT_EQUAL_FATAL(module_owners_read(&k.nl, &arena, NULL, &result), 0);
	take_in(&arena, c);
	CU_ASSERT_FATAL(context_owner(c, 100, 0, &p, &pid, &fd) && p != NULL);
	CU_ASSERT_STRING_EQUAL(p->cgroup ? p->cgroup : "", want);
	CU_ASSERT_FATAL(context_owner(c, 200, 0, &p, &pid, &fd) && p != NULL);
	CU_ASSERT_PTR_NULL(p->cgroup);
	kernel_stop(&k);
}

/* What keeps the module from telling leaves the arena as it was: /proc is next. */
static void test_owners_refused(void)
{
	static const int errors[] = { -ENOENT, -EPERM, -EPROTONOSUPPORT, -EINVAL };

	for (size_t i = 0; i < ARRAY_SIZE(errors); i++) {
		CLEANUP(arena_deinit) struct arena arena;
		struct owners_result result = {};
		static struct kernel k;

		arena_init(&arena);
		kernel_start(&k);
		k.nl.seq = 2;
		kernel_put_error(&k, errors[i]);
		k.nl.seq = 1;
		kernel_send(&k);
		CU_ASSERT_EQUAL(module_owners_read(&k.nl, &arena, NULL, &result), errors[i]);
		CU_ASSERT_FALSE(result.by_module);
		CU_ASSERT_EQUAL(arena_pending(&arena), 0);
		kernel_stop(&k);
	}
}

void suite_source_module(void)
{
	CU_pSuite s = CU_add_suite("source/module", NULL, NULL);

	CU_add_test(s, "requests", test_request);
	CU_add_test(s, "a dump has sockets only", test_dump);
	CU_add_test(s, "probe of this kernel", test_probe);
	CU_add_test(s, "owners", test_owners);
	CU_add_test(s, "and the cgroups of the owners", test_owners_cgroup);
	CU_add_test(s, "owners that are not told", test_owners_refused);
}
