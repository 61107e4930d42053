/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Whose a socket is: by its own cgroup, by its holders', and by what PID 1 listens for */

#include <linux/unix_diag.h>
#include <netinet/in.h>
#include <sys/socket.h>

#include "snapshot/writer.h"
#include "unit/build_message.h"
#include "unit/suites.h"

#define ID "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"
#define INODE_INET 77u /* of built_full() */
#define INODE_UNIX 88u
#define CGROUP_ID 4242u

static struct context *c;

static void apply(const struct attr_block *b)
{
	struct block block = { .type = b->type, .length = (uint32_t)b->length, .payload = b->data };

	CU_ASSERT_EQUAL_FATAL(context_apply(c, &block), 0);
}

/* What the group of the kernel's id is named; NULL: it is not told. */
static void begin(const char *own)
{
	struct attr_block b;

	CU_ASSERT_EQUAL_FATAL(context_new(&c), 0);
	attr_block_begin(&b, SOCKETD_BLOCK_SOURCE);
	attr_block_u32(&b, SOCKETD_SOURCE_ID, SOURCE_tcp4);
	apply(&b);
	if (!own)
		return;
	attr_block_begin(&b, SOCKETD_BLOCK_CGROUP);
	attr_block_u64(&b, SOCKETD_CGROUP_ID, CGROUP_ID);
	attr_block_string(&b, SOCKETD_CGROUP_PATH, own);
	apply(&b);
}

static void finish(void)
{
	c = context_free(c);
}

/* A process that holds both sockets; cgroup NULL: not told. */
static void add_holder(uint32_t pid, const char *cgroup)
{
	_Alignas(8) struct socketd_owner rows[] = { { INODE_INET, pid, 6 }, { INODE_UNIX, pid, 7 } };
	struct block block = { SOCKETD_BLOCK_OWNERS, sizeof(rows), (const uint8_t *)rows };
	struct attr_block b;

	attr_block_begin(&b, SOCKETD_BLOCK_PROCESS);
	attr_block_u32(&b, SOCKETD_PROCESS_PID, pid);
	attr_block_string(&b, SOCKETD_PROCESS_COMM, "holder");
	if (cgroup)
		attr_block_string(&b, SOCKETD_PROCESS_CGROUP, cgroup);
	apply(&b);
	CU_ASSERT_EQUAL_FATAL(context_apply(c, &block), 0);
}

static void add_socket_unit(const char *unit, const char *service, const void *listen, size_t len)
{
	struct attr_block b;

	attr_block_begin(&b, SOCKETD_BLOCK_UNIT);
	attr_block_string(&b, SOCKETD_UNIT_SOCKET, unit);
	if (service)
		attr_block_string(&b, SOCKETD_UNIT_SERVICE, service);
	if (len)
		attr_block_bytes(&b, SOCKETD_UNIT_LISTEN, listen, len);
	apply(&b);
}

/* "" is absent. */
static void expect_of(const struct built *b, const char *unit, const char *slice, const char *container, const char *activates)
{
	const struct {
		enum field_id id;
		const char *want;
	} rows[] = { { F_unit, unit }, { F_slice, slice }, { F_container, container }, { F_activates, activates } };
	struct opened o;

	opened_init(&o, b, c);
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		CU_ASSERT_EQUAL(built_get(&o.r, rows[i].id, 0).kind, rows[i].want[0] ? VALUE_STR : VALUE_NONE);
		EXPECT_TEXT(&o.r, rows[i].id, rows[i].want);
	}
	opened_deinit(&o);
}

static void expect_inet(const char *unit, const char *slice, const char *container, const char *activates)
{
	struct built b;

	built_full(&b, SOURCE_tcp4);
	expect_of(&b, unit, slice, container, activates);
}

static void expect_unix(unsigned state, const char *name, size_t len, const char *unit, const char *activates)
{
	struct unix_diag_msg m = { AF_UNIX, SOCK_STREAM, (uint8_t)state, 0, INODE_UNIX, { 5, 0 } };
	struct opened o;
	struct built b;

	built_begin(&b, SOURCE_unix, &m, sizeof(m));
	built_attr(&b, UNIX_DIAG_NAME, name, len);
	opened_init(&o, &b, c);
	EXPECT_TEXT(&o.r, F_unit, unit);
	CU_ASSERT_EQUAL(built_get(&o.r, F_activates, 0).kind, activates[0] ? VALUE_STR : VALUE_NONE);
	EXPECT_TEXT(&o.r, F_activates, activates);
	opened_deinit(&o);
}

static void test_own_cgroup(void)
{
	begin("/system.slice/nginx.service");
	expect_inet("nginx.service", "system.slice", "", "");
	/* Who has it now does not matter. */
	add_holder(100, "/system.slice/other.service");
	expect_inet("nginx.service", "system.slice", "", "");
	finish();

	begin("/system.slice/docker-" ID ".scope");
	expect_inet("docker-" ID ".scope", "system.slice", "docker:0123456789ab", "");
	finish();

	begin("/docker/" ID);
	expect_inet("", "", "docker:0123456789ab", "");
	finish();

	begin(NULL);
	expect_inet("", "", "", "");
	finish();
}

static void test_session(void)
{
	struct opened o;
	struct built b;

	begin("/user.slice/user-1000.slice/session-7.scope");
	built_full(&b, SOURCE_tcp4);
	opened_init(&o, &b, c);
	EXPECT_TEXT(&o.r, F_unit, "session-7.scope");
	EXPECT_TEXT(&o.r, F_session, "7");
	EXPECT_ABSENT(&o.r, F_user_unit);
	EXPECT_ABSENT_N(&o.r, F_unit, 1);
	opened_deinit(&o);
	finish();

	begin("/user.slice/user-1000.slice/user@1000.service/app.slice/foo.socket");
	built_full(&b, SOURCE_tcp4);
	opened_init(&o, &b, c);
	EXPECT_TEXT(&o.r, F_unit, "user@1000.service");
	EXPECT_TEXT(&o.r, F_user_unit, "foo.socket");
	EXPECT_ABSENT(&o.r, F_session);
	/* PID 1's unit of the same name is another. */
	add_socket_unit("foo.socket", "bar.service", NULL, 0);
	EXPECT_TEXT(&o.r, F_activates, "foo.service");
	opened_deinit(&o);
	finish();
}

static void test_holders(void)
{
	/* The kernel does not tell. */
	begin(NULL);
	add_holder(1, "/init.scope");
	expect_inet("init.scope", "", "", "");
	add_holder(90, NULL);
	expect_inet("init.scope", "", "", "");
	add_holder(100, "/system.slice/a.service");
	add_holder(200, "/system.slice/b.service");
	expect_inet("a.service", "system.slice", "", "");
	finish();

	/* PID 1 made it for a service, which has it. */
	begin("/init.scope");
	expect_inet("init.scope", "", "", "");
	add_holder(100, "/system.slice/a.service");
	expect_inet("a.service", "system.slice", "", "");
	finish();
	begin("/");
	expect_inet("", "", "", "");
	add_holder(100, "/docker/" ID);
	expect_inet("", "", "docker:0123456789ab", "");
	finish();
}

static void test_socket_units(void)
{
	begin("/system.slice/ssh.socket");
	add_holder(1, "/init.scope");
	/* By name, while nothing else is told. */
	expect_inet("ssh.socket", "system.slice", "", "ssh.service");
	add_socket_unit("ssh.socket", "openssh.service", NULL, 0);
	expect_inet("ssh.socket", "system.slice", "", "openssh.service");
	/* The service has it too, while it runs. */
	add_holder(100, "/system.slice/openssh.service");
	expect_inet("ssh.socket", "system.slice", "", "openssh.service");
	finish();

	/* A connection that was accepted on it: PID 1 has it no more. */
	begin("/system.slice/ssh.socket");
	add_holder(100, "/user.slice/user-0.slice/session-3.scope");
	expect_inet("session-3.scope", "user-0.slice", "", "");
	finish();

	/* systemd said that it starts nothing. */
	begin("/system.slice/odd.socket");
	add_socket_unit("odd.socket", NULL, NULL, 0);
	expect_inet("odd.socket", "system.slice", "", "");
	finish();
}

static void test_unix_names(void)
{
	static const char path[] = "/run/x.sock", abstract[] = "\0x\0y";

	begin(NULL);
	add_socket_unit("x.socket", "x.service", path, strlen(path));
	add_socket_unit("y.socket", "z.service", abstract, sizeof(abstract) - 1);
	/* Another process can have the same name, in a container. */
	add_holder(100, "/system.slice/a.service");
	expect_unix(STATE_LISTEN, path, sizeof(path), "a.service", "");
	finish();

	begin(NULL);
	add_socket_unit("x.socket", "x.service", path, strlen(path));
	add_socket_unit("y.socket", "z.service", abstract, sizeof(abstract) - 1);
	add_holder(1, "/init.scope");
	expect_unix(STATE_LISTEN, path, sizeof(path), "x.socket", "x.service");
	expect_unix(STATE_CLOSE, path, sizeof(path), "x.socket", "x.service");
	expect_unix(STATE_LISTEN, abstract, sizeof(abstract) - 1, "y.socket", "z.service");
	expect_unix(STATE_LISTEN, abstract, sizeof(abstract) - 2, "init.scope", "");
	expect_unix(STATE_LISTEN, path, sizeof(path) - 2, "init.scope", "");
	/* Of an accepted one the name is the listener's: kept by PID 1 for its service. */
	add_holder(100, "/system.slice/x.service");
	expect_unix(STATE_LISTEN, path, sizeof(path), "x.socket", "x.service");
	expect_unix(STATE_ESTABLISHED, path, sizeof(path), "x.service", "");
	finish();
}

/* Paths are a stranger's in a recording. */
static void test_hostile(void)
{
	char path[3000];

	memset(path, 'x', sizeof(path));
	memcpy(path, "/lxc.payload.", 13);
	path[sizeof(path) - 1] = '\0';
	begin(path);
	for (unsigned i = 0; i < 200; i++)
		add_holder(1, NULL);
	{
		struct opened o;
		struct built b;

		built_full(&b, SOURCE_tcp4);
		opened_init(&o, &b, c);
		EXPECT_ABSENT(&o.r, F_unit);
		CU_ASSERT(built_get(&o.r, F_container, 0).str.len < RECORD_SCRATCH);
		opened_deinit(&o);
	}
	finish();
	memset(path, 'a', sizeof(path));
	memcpy(path, "/../..", 6);
	path[sizeof(path) - 1] = '\0';
	begin(path);
	expect_inet("", "", "", "");
	finish();
}

void suite_decode_unit(void)
{
	CU_pSuite s = CU_add_suite("decode_unit", NULL, NULL);

	CU_add_test(s, "by its own cgroup", test_own_cgroup);
	CU_add_test(s, "sessions and users' units", test_session);
	CU_add_test(s, "by its holders'", test_holders);
	CU_add_test(s, ".socket units", test_socket_units);
	CU_add_test(s, "names that .socket units listen on", test_unix_names);
	CU_add_test(s, "hostile paths", test_hostile);
}
