/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* DestroySocket */

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "bus/call.h"
#include "bus/destroy_call.h"
#include "bus/error.h"
#include "bus/feed.h"
#include "bus/survey.h"
#include "model/unit.h"
#include "source/kill.h"
#include "source/process.h"

/* What the journal is told of an attempt, one field a row. */
#define AUDIT_FIELDS_MAX 16u
#define AUDIT_FIELD_MAX (VALUE_TEXT_MAX + 32)
struct audit {
	char rows[AUDIT_FIELDS_MAX][AUDIT_FIELD_MAX];
	size_t n;
};

/* The attempt: the socket that is looked for, and what became of it. */
struct destroy {
	struct caller caller;
	uint64_t netns, cookie;
	int result; /* 1: not found so far */
	char what[3 * VALUE_TEXT_MAX]; /* netid, ends, owner */
	struct audit audit;
};

__attribute__((format(printf, 2, 3))) static void audit_add(struct audit *a, const char *format, ...)
{
	va_list ap;

	if (a->n >= AUDIT_FIELDS_MAX)
		return;
	va_start(ap, format);
	vsnprintf(a->rows[a->n++], AUDIT_FIELD_MAX, format, ap);
	va_end(ap);
}

/* Who it was. The process may be gone by now; its uid is what counted. */

static void caller_comm(const struct caller *caller, int proc_fd, const char *pid, char *buf, size_t size)
{
	char comm[64];
	ssize_t n = caller->pid ? process_read(proc_fd, pid, "comm", comm, sizeof(comm)) : -ENOENT;

	if (n > 0 && comm[n - 1] == '\n')
		n--;
	text_escape(buf, size, comm, n > 0 ? (size_t)n : 0);
}

static void caller_unit(const struct caller *caller, int proc_fd, const char *pid, char *buf, size_t size)
{
	char text[PROCESS_CGROUP_SIZE];
	struct unit_path path;
	const char *cgroup;
	size_t len;

	buf[0] = '\0';
	cgroup = caller->pid ? process_cgroup(proc_fd, pid, text, sizeof(text), &len) : NULL;
	if (cgroup && unit_path_parse(cgroup, len, &path))
		text_escape(buf, size, path.unit.text, path.unit.len);
}

/* "uid 1000 (sockctl[123])"; and fields of the journal. */
static void describe_caller(const struct caller *caller, struct audit *a, char *buf, size_t size)
{
	CLEANUP(close) int proc_fd = open("/proc", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	char pid[16], comm[128], unit[2 * UNIT_NAME_MAX];

	snprintf(pid, sizeof(pid), "%" PRIu32, caller->pid);
	caller_comm(caller, proc_fd, pid, comm, sizeof(comm));
	caller_unit(caller, proc_fd, pid, unit, sizeof(unit));
	snprintf(buf, size, "uid %" PRIu32 " (%s[%s]%s%s)", caller->real_uid, *comm ? comm : "?", pid, *unit ? ", " : "", unit);
	audit_add(a, "SOCKETD_CALLER_UID=%" PRIu32, caller->real_uid);
	audit_add(a, "SOCKETD_CALLER_PID=%s", pid);
	audit_add(a, "SOCKETD_CALLER_COMM=%s", comm);
	audit_add(a, "SOCKETD_CALLER_UNIT=%s", unit);
}

/* What it was. */

static bool field_text(struct record *r, enum field_id id, char *buf, size_t size)
{
	struct value v;

	buf[0] = '\0';
	return record_get(r, id, 0, &v) >= 0 && value_format(field_get(id), &v, VALUE_PLAIN, buf, size) > 0;
}

/* An endpoint as address and, where it has one, port. */
static void end_text(struct record *r, enum field_id address, enum field_id port, char *buf, size_t size)
{
	char digits[32];
	size_t n;

	field_text(r, address, buf, size);
	n = strlen(buf);
	if (field_text(r, port, digits, sizeof(digits)))
		snprintf(buf + n, size - n, " port %s", digits);
}

static void describe_socket(struct destroy *d, struct record *r)
{
	char netid[32], local[VALUE_TEXT_MAX], peer[VALUE_TEXT_MAX], pid[32], comm[128];
	size_t n;

	field_text(r, F_netid, netid, sizeof(netid));
	end_text(r, F_local, F_local_port, local, sizeof(local));
	end_text(r, F_peer, F_peer_port, peer, sizeof(peer));
	field_text(r, F_pid, pid, sizeof(pid));
	field_text(r, F_comm, comm, sizeof(comm));
	n = (size_t)snprintf(d->what, sizeof(d->what), "%s socket, local %s, peer %s, cookie %" PRIx64, netid, local, peer, d->cookie);
	if (*pid && n < sizeof(d->what))
		snprintf(d->what + n, sizeof(d->what) - n, ", of %s[%s]", comm, pid);
	audit_add(&d->audit, "SOCKETD_NETID=%s", netid);
	audit_add(&d->audit, "SOCKETD_LOCAL=%s", local);
	audit_add(&d->audit, "SOCKETD_PEER=%s", peer);
	audit_add(&d->audit, "SOCKETD_OWNER_PID=%s", pid);
	audit_add(&d->audit, "SOCKETD_OWNER_COMM=%s", comm);
}

/* One word for the journal; the sentence goes to the caller. */
static const char *result_word(int result)
{
	switch (result) {
	case 0:
		return "killed";
	case -EOPNOTSUPP:
		return "not-supported";
	case -ENOENT:
	case 1:
		return "gone";
	case -EPERM:
	case -EACCES:
		return "denied";
	}
	return "failed";
}

static void audit_write(struct destroy *d)
{
	const char *rows[AUDIT_FIELDS_MAX];
	char who[3 * UNIT_NAME_MAX];

	describe_caller(&d->caller, &d->audit, who, sizeof(who));
	audit_add(&d->audit, "SOCKETD_COOKIE=%" PRIu64, d->cookie);
	audit_add(&d->audit, "SOCKETD_NETNS=%" PRIu64, d->netns);
	audit_add(&d->audit, "SOCKETD_RESULT=%s", result_word(d->result));
	for (size_t i = 0; i < d->audit.n; i++)
		rows[i] = d->audit.rows[i];
	log_fields(LOG_ID_DESTROY, LOG_NOTICE, rows, d->audit.n, "%s wants a socket destroyed: %s: %s", who, d->what,
		   result_word(d->result));
}

/* Looking for it, and the deed. */

static int destroy_row(void *state, struct record *r)
{
	struct destroy *d = state;
	struct value v;
	uint64_t cookie;
	int fd;

	if (record_cookie(r, &cookie) < 0 || cookie != d->cookie)
		return 0;
	if (d->netns && (record_get(r, F_netns, 0, &v) < 0 || v.u != d->netns))
		return 0;
	describe_socket(d, r);
	d->result = -EOPNOTSUPP;
	if (r->def->kind != KIND_INET)
		return 1;
	fd = kill_open(d->netns);
	if (fd < 0) {
		d->result = fd;
		return 1;
	}
	d->result = kill_socket(fd, r->def->protocol, r->data, r->len);
	close(fd);
	return 1;
}

static int refuse(const struct destroy *d, sd_bus_error *error)
{
	char what[80];

	switch (d->result) {
	case 1:
	case -ENOENT:
		snprintf(what, sizeof(what), "with the cookie %" PRIu64 " (sk:%" PRIx64 ")%s", d->cookie, d->cookie,
			 d->result == 1 ? "" : ": it closed meanwhile");
		return bus_error_no_such_socket(error, what);
	case -EOPNOTSUPP:
		return bus_error_set(error, SD_BUS_ERROR_NOT_SUPPORTED,
				     "the kernel destroys TCP, UDP and raw IP sockets alone, when it is built with CONFIG_INET_DIAG_DESTROY");
	case -EADDRINUSE:
		return bus_error_set(error, SD_BUS_ERROR_NOT_SUPPORTED,
				     "the kernel does not find it by its ends: it is closed but for its descriptor, or others stand before it");
	case -EPERM:
	case -EACCES:
		return bus_error_set(error, SD_BUS_ERROR_ACCESS_DENIED, "it takes CAP_NET_ADMIN, which this socketd does not have: run it as root, or sockctl kill where sockctl starts its own");
	case -EHOSTDOWN:
		return bus_error_set(error, SD_BUS_ERROR_NOT_SUPPORTED,
				     "socketd may not enter other network namespaces, and socketd-netns is not there");
	}
	return bus_error_from_errno(error, d->result, "destroying the socket");
}

static int destroy_end(void *state, struct survey *s, bool more, sd_bus_error *error)
{
	struct destroy *d = state;
	int r;

	(void)more;
	if (d->result == 1 && survey_is_narrowed(s))
		return SURVEY_AGAIN;
	audit_write(d);
	if (d->result != 0)
		return refuse(d, error);
	r = sd_bus_reply_method_return(survey_message(s), NULL);
	return r < 0 ? r : SURVEY_OVER;
}

static const struct survey_ops destroy_ops = {
	.row = destroy_row,
	.end = destroy_end,
	.free = free,
};

static int destroy_socket(sd_bus_message *m, struct manager *manager, const struct caller *caller, sd_bus_error *error)
{
	static const enum field_id fields[] = { F_cookie, F_pid, F_comm };
	CLEANUP(filter_deinit) struct filter filter = { 0 };
	struct survey_ask ask = { .filter = &filter, .caller = *caller, .table_age_usec = UINT64_MAX };
	struct destroy *d;
	uint64_t netns, cookie;
	char text[80];
	int r, n;

	r = sd_bus_message_read(m, "tt", &netns, &cookie);
	if (r < 0)
		return r;
	if (cookie == 0 || cookie == UINT64_MAX)
		return bus_error_invalid_args(error, "that is no socket's cookie: it must be the very one");
	if (netns == 0)
		netns = filter_own_netns();
	n = snprintf(text, sizeof(text), "sk:%" PRIx64, cookie);
	if (netns)
		snprintf(text + n, sizeof(text) - (size_t)n, " and netns:%" PRIu64, netns);
	r = filter_of_text(&filter, text, error);
	if (r >= 0)
		r = feed_groups(filter.query, fields, ARRAY_SIZE(fields), &ask.groups);
	if (r < 0)
		return r;
	d = calloc(1, sizeof(*d));
	if (!d)
		return -ENOMEM;
	*d = (struct destroy){ .caller = *caller, .netns = netns, .cookie = cookie, .result = 1 };
	snprintf(d->what, sizeof(d->what), "cookie %" PRIx64, cookie);
	return survey_start(manager, m, &ask, &destroy_ops, d, error);
}

/* Whoever has not the right could fill the journal. */
static void refused(sd_bus_message *m, struct manager *manager, const struct caller *caller)
{
	struct audit a = { 0 };
	char who[3 * UNIT_NAME_MAX];
	uint64_t netns, cookie;

	if (sd_bus_message_read(m, "tt", &netns, &cookie) < 0)
		return;
	describe_caller(caller, &a, who, sizeof(who));
	log_limited(&manager->destroy_log, LOG_NOTICE, "%s wants a socket destroyed: cookie %" PRIx64 ": denied", who, cookie);
}

static int destroy_never(sd_bus_message *m, struct manager *manager, const struct caller *caller, sd_bus_error *error)
{
	refused(m, manager, caller);
	return bus_error_set(error, SD_BUS_ERROR_ACCESS_DENIED, "AllowDestroy=no in socketd.conf: nobody may destroy sockets");
}

int method_destroy_socket(sd_bus_message *m, void *userdata, sd_bus_error *error)
{
	static const struct call_right destroy = {
		.action = AUTHORITY_DESTROY, .fresh = true, .what = "destroy sockets", .refused = refused,
	};
	static const struct call_right everybody = { .nothing = true };
	struct manager *manager = userdata;

	if (!manager->config.allow_destroy)
		return call_run_right(m, manager, &everybody, destroy_never, error);
	return call_run_right(m, manager, &destroy, destroy_socket, error);
}
