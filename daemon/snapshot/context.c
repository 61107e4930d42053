/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What a stream tells beside the messages. Over 500 lines: a function for each kind of block, and one for each question. */

#include <errno.h>
#include <libmnl/libmnl.h>
#include <string.h>

#include "snapshot/attrs.h"
#include "snapshot/context.h"
#include "model/unit.h"
#include "snapshot/name_table.h"

struct context {
	struct host_info host;
	struct source_state sources[SOURCE_COUNT];
	struct name_table links; /* by link_key() */
	struct name_table cgroups;
	struct netns_table netns;
	struct unit_table units;
	bool has_units; /* of processes and sockets, beside the table */
	struct source_failure *failures;
	size_t n_failures, n_failures_allocated;
	struct process_table holders;
	bool owners_known;
	int owners_error;
	uint32_t hidden_pids, hidden_netns;
	bool has_hidden_netns;
	struct event_info event;
	bool has_event;
	struct socketd_track *tracks; /* of the last TRACKS block */
	size_t n_tracks, n_tracks_allocated;
	struct module_rows module;
	uint8_t *marks;
};

#define MAX_ERRNO 4095 /* include/linux/err.h */

int context_new(struct context **ret)
{
	struct context *c = calloc(1, sizeof(*c));

	if (!c)
		return -ENOMEM;
	arena_init(&c->module.arena);
	*ret = c;
	return 0;
}

struct context *context_free(struct context *c)
{
	if (!c)
		return NULL;
	name_table_deinit(&c->links);
	name_table_deinit(&c->cgroups);
	netns_table_deinit(&c->netns);
	unit_table_deinit(&c->units);
	free(c->failures);
	process_table_deinit(&c->holders);
	free(c->tracks);
	module_rows_deinit(&c->module);
	free(c->marks);
	free(c);
	return NULL;
}

static uint64_t link_key(uint64_t netns, uint32_t ifindex)
{
	return netns << 32 | ifindex;
}

/* Doubles an array when it is full. */
static int grow(void *rows, size_t n, size_t *n_allocated, size_t row_size, size_t limit)
{
	void **p = rows, *more;
	size_t want;

	if (n < *n_allocated)
		return 0;
	if (n >= limit)
		return -E2BIG;
	want = *n_allocated ? *n_allocated * 2 : 64;
	more = reallocarray(*p, want, row_size);
	if (!more)
		return -ENOMEM;
	*p = more;
	*n_allocated = want;
	return 0;
}

static void apply_host(struct context *c, const struct attrs *a)
{
	attrs_u64(a, SOCKETD_HOST_REALTIME, &c->host.realtime_usec);
	attrs_u64(a, SOCKETD_HOST_BOOTTIME, &c->host.boottime_usec);
	attrs_u64(a, SOCKETD_HOST_TABLE_AGE, &c->host.table_age_usec);
	attrs_u32(a, SOCKETD_HOST_UID, &c->host.uid);
	attrs_text(a, SOCKETD_HOST_NAME, c->host.name, sizeof(c->host.name));
	attrs_text(a, SOCKETD_HOST_RELEASE, c->host.release, sizeof(c->host.release));
	attrs_text(a, SOCKETD_HOST_VERSION, c->host.version, sizeof(c->host.version));
	attrs_text(a, SOCKETD_HOST_BOOT_ID, c->host.boot_id, sizeof(c->host.boot_id));
}

static int apply_source(struct context *c, const struct attrs *a)
{
	struct source_state *s;
	uint32_t id;

	if (!attrs_u32(a, SOCKETD_SOURCE_ID, &id))
		return -EBADMSG;
	if (!source_def_get(id))
		return 0; /* of a newer version */
	s = &c->sources[id];
	s->seen = true;
	s->ended = false;
	if (s->n_open < UINT32_MAX)
		s->n_open++;
	attrs_u64(a, SOCKETD_SOURCE_NETNS, &s->netns);
	return 0;
}

bool source_is_absent(int error)
{
	return error == ENOENT || error == EOPNOTSUPP || error == EPROTONOSUPPORT || error == EAFNOSUPPORT;
}

/* Of a source in one namespace. The state's own error is the worst: what the kernel lacks is none where another was. */
static int note_end(struct context *c, uint32_t id, uint64_t netns, int error)
{
	struct source_state *s = &c->sources[id];
	struct netns_info *ns = netns_table_find(&c->netns, netns);
	int r;

	if (ns && error == 0)
		ns->whole |= SOURCE_BIT(id);
	if (error == 0)
		return 0;
	if (!s->error || (source_is_absent(s->error) && !source_is_absent(error)))
		s->error = error;
	if (source_is_absent(error))
		return 0;
	r = grow(&c->failures, c->n_failures, &c->n_failures_allocated, sizeof(*c->failures), CONTEXT_FAILURES_MAX);
	if (r == -E2BIG)
		return 0;
	if (r < 0)
		return r;
	c->failures[c->n_failures++] = (struct source_failure){ .netns = netns, .source = id, .error = error };
	return 0;
}

static int apply_source_end(struct context *c, const struct attrs *a)
{
	struct source_state *s;
	uint32_t id, error = 0, interrupted = 0;
	uint64_t n_messages = 0, netns;

	if (!attrs_u32(a, SOCKETD_SOURCE_END_ID, &id))
		return -EBADMSG;
	if (!source_def_get(id))
		return 0;
	s = &c->sources[id];
	if (!s->seen)
		return -EBADMSG;
	netns = s->netns;
	attrs_u32(a, SOCKETD_SOURCE_END_ERROR, &error);
	attrs_u32(a, SOCKETD_SOURCE_END_INTERRUPTED, &interrupted);
	attrs_u64(a, SOCKETD_SOURCE_END_MESSAGES, &n_messages);
	attrs_u64(a, SOCKETD_SOURCE_END_NETNS, &netns);
	s->interrupted += interrupted;
	s->n_messages += n_messages;
	if (s->n_open > 0)
		s->n_open--;
	s->ended = s->n_open == 0;
	return note_end(c, id, netns, error > MAX_ERRNO ? EIO : (int)error);
}

static int apply_netns(struct context *c, const struct attrs *a)
{
	const struct nlattr *name = a->row[SOCKETD_NETNS_NAME];
	struct netns_info ns = {};
	uint32_t own = 0;
	int r;

	if (!attrs_u64(a, SOCKETD_NETNS_INO, &ns.ino))
		return -EBADMSG;
	attrs_u64(a, SOCKETD_NETNS_COOKIE, &ns.cookie);
	attrs_u32(a, SOCKETD_NETNS_PID, &ns.pid);
	attrs_u32(a, SOCKETD_NETNS_OWN, &own);
	/* The only one that there was before minor version 3. */
	ns.own = own || c->netns.n == 0;
	r = netns_table_put(&c->netns, &ns, name ? mnl_attr_get_payload(name) : NULL, name ? mnl_attr_get_payload_len(name) : 0);
	if (r == -E2BIG && c->has_event) {
		/* A stream of events goes on for months: what is gone is not told. */
		uint64_t gone = netns_table_drop_one(&c->netns);

		name_table_drop(&c->links, link_key(gone, 0), link_key(gone, UINT32_MAX));
		r = netns_table_put(&c->netns, &ns, name ? mnl_attr_get_payload(name) : NULL,
				    name ? mnl_attr_get_payload_len(name) : 0);
	}
	return r;
}

static int apply_unit(struct context *c, const struct attrs *a)
{
	CLEANUP(free) char *unit = NULL, *service = NULL;
	const struct nlattr *listen = a->row[SOCKETD_UNIT_LISTEN];
	struct socket_unit u = {};
	int r;

	r = attrs_string(a, SOCKETD_UNIT_SOCKET, &unit);
	if (r >= 0)
		r = attrs_string(a, SOCKETD_UNIT_SERVICE, &service);
	if (r < 0)
		return r;
	if (!unit)
		return -EBADMSG;
	u.unit = unit;
	u.service = service;
	if (listen) {
		u.listen = mnl_attr_get_payload(listen);
		u.listen_len = mnl_attr_get_payload_len(listen);
	}
	return unit_table_put(&c->units, &u);
}

static void note_units(struct context *c, const struct nlattr *cgroup)
{
	char container[UNIT_CONTAINER_MAX];
	const char *path = cgroup ? mnl_attr_get_payload(cgroup) : NULL;
	size_t len = cgroup ? strnlen(path, mnl_attr_get_payload_len(cgroup)) : 0;
	struct unit_path u;

	if (c->has_units || len <= 1)
		return;
	c->has_units = (unit_path_parse(path, len, &u) && u.unit.len) || unit_container(path, len, container);
}

static int apply_process(struct context *c, const struct attrs *a)
{
	const struct nlattr *comm = a->row[SOCKETD_PROCESS_COMM];
	CLEANUP(free) char *comm_copy = NULL, *user = NULL, *cgroup = NULL;
	size_t comm_len = comm ? mnl_attr_get_payload_len(comm) : 0;
	struct process p = { 0 };
	int r;

	if (!attrs_u32(a, SOCKETD_PROCESS_PID, &p.pid))
		return -EBADMSG;
	/* A note between a scan and its memory: whoever gets here would take it for a process without sockets. */
	if (a->row[SOCKETD_PROCESS_SAME])
		return -EBADMSG;
	attrs_u32(a, SOCKETD_PROCESS_UID, &p.uid);
	comm_copy = malloc(comm_len + 1);
	if (!comm_copy)
		return -ENOMEM;
	if (comm_len)
		memcpy(comm_copy, mnl_attr_get_payload(comm), comm_len);
	r = attrs_string(a, SOCKETD_PROCESS_USER, &user);
	if (r >= 0)
		r = attrs_string(a, SOCKETD_PROCESS_CGROUP, &cgroup);
	if (r < 0)
		return r;
	p.comm = comm_copy;
	p.comm_len = comm_len;
	p.user = user;
	p.cgroup = cgroup;
	r = process_table_add(&c->holders, &p);
	if (r < 0)
		return r;
	note_units(c, a->row[SOCKETD_PROCESS_CGROUP]);
	comm_copy = user = cgroup = NULL;
	return 0;
}

static int apply_tracks(struct context *c, const struct block *b)
{
	size_t n = b->length / sizeof(*c->tracks);

	if (b->length % sizeof(*c->tracks))
		return -EBADMSG;
	if (n > c->n_tracks_allocated) {
		struct socketd_track *more = reallocarray(c->tracks, n, sizeof(*more));

		if (!more)
			return -ENOMEM;
		c->tracks = more;
		c->n_tracks_allocated = n;
	}
	if (n)
		memcpy(c->tracks, b->payload, b->length);
	c->n_tracks = n;
	return 0;
}

static int apply_event(struct context *c, const struct attrs *a)
{
	struct event_info e = { 0 };

	if (!attrs_u32(a, SOCKETD_EVENT_KIND, &e.kind))
		return -EBADMSG;
	attrs_u64(a, SOCKETD_EVENT_TIME, &e.realtime_usec);
	attrs_u64(a, SOCKETD_EVENT_GENERATION, &e.generation);
	attrs_u64(a, SOCKETD_EVENT_LOST, &e.n_lost);
	attrs_u32(a, SOCKETD_EVENT_OLD_STATE, &e.old_state);
	process_table_clear(&c->holders);
	c->n_tracks = 0;
	c->event = e;
	c->has_event = true;
	return 0;
}

static int apply_name(const struct context *c, struct name_table *t, uint64_t key, const struct nlattr *name)
{
	const char *text = mnl_attr_get_payload(name);
	size_t len = mnl_attr_get_payload_len(name);

	/* A stream of events goes on for months: what was said before is forgotten. */
	return c->has_event ? name_table_replace(t, key, text, len) : name_table_add(t, key, text, len);
}

static int apply_link(struct context *c, const struct attrs *a)
{
	const struct nlattr *name = a->row[SOCKETD_LINK_NAME];
	uint64_t netns = 0;
	uint32_t ifindex;

	if (!attrs_u32(a, SOCKETD_LINK_IFINDEX, &ifindex) || !name)
		return -EBADMSG;
	attrs_u64(a, SOCKETD_LINK_NETNS, &netns);
	/* No number that the kernel gives (struct ns_common). */
	if (netns > UINT32_MAX)
		return 0;
	return apply_name(c, &c->links, link_key(netns, ifindex), name);
}

static void apply_end(struct context *c, const struct attrs *a)
{
	uint32_t error;

	if (attrs_u32(a, SOCKETD_END_OWNERS_ERROR, &error)) {
		c->owners_known = true;
		c->owners_error = error > MAX_ERRNO ? EIO : (int)error;
	}
	attrs_u32(a, SOCKETD_END_HIDDEN_PIDS, &c->hidden_pids);
	c->has_hidden_netns = attrs_u32(a, SOCKETD_END_NETNS_HIDDEN, &c->hidden_netns);
}

struct module_rows *context_module(struct context *c)
{
	return &c->module;
}

uint8_t *context_marks(struct context *c, size_t n)
{
	uint8_t *marks = calloc(n ? n : 1, 1);

	if (!marks)
		return NULL;
	free(c->marks);
	c->marks = marks;
	return marks;
}

/* Tracks before them are theirs, whatever they are. */
static int apply_messages(struct context *c, const struct block *b)
{
	const struct socketd_track *tracks;
	struct block_rows rows;
	struct message m;
	size_t n_tracks;
	int r;

	tracks = context_take_tracks(c, &n_tracks);
	r = block_rows_init(&rows, b);
	if (r <= 0 || rows.source != SOURCE_module)
		return r < 0 ? r : 0;
	if (rows.lines || !c->sources[SOURCE_module].seen)
		return -EBADMSG;
	while ((r = block_rows_next(&rows, &m)) > 0) {
		if (n_tracks > 0) {
			m.track = tracks++;
			n_tracks--;
		}
		r = module_rows_add(&c->module, &m);
		if (r < 0)
			return r;
	}
	return r;
}

int context_apply(struct context *c, const struct block *b)
{
	struct attrs a;
	uint64_t id;
	int r;

	if (b->type == SOCKETD_BLOCK_OWNERS)
		return b->length % sizeof(struct socketd_owner) ? -EBADMSG :
			process_table_add_owners(&c->holders, b->payload, b->length / sizeof(struct socketd_owner));
	if (b->type == SOCKETD_BLOCK_TRACKS)
		return apply_tracks(c, b);
	if (b->type == SOCKETD_BLOCK_MESSAGES || b->type == SOCKETD_BLOCK_LINES)
		return apply_messages(c, b);
	if (b->type > SOCKETD_BLOCK_UNIT)
		return 0;
	r = attrs_parse(&a, b);
	if (r < 0)
		return r;
	switch (b->type) {
	case SOCKETD_BLOCK_HOST:
		apply_host(c, &a);
		return 0;
	case SOCKETD_BLOCK_SOURCE:
		return apply_source(c, &a);
	case SOCKETD_BLOCK_SOURCE_END:
		return apply_source_end(c, &a);
	case SOCKETD_BLOCK_NETNS:
		return apply_netns(c, &a);
	case SOCKETD_BLOCK_LINK:
		return apply_link(c, &a);
	case SOCKETD_BLOCK_UNIT:
		return apply_unit(c, &a);
	case SOCKETD_BLOCK_CGROUP:
		if (!attrs_u64(&a, SOCKETD_CGROUP_ID, &id) || !a.row[SOCKETD_CGROUP_PATH])
			return -EBADMSG;
		note_units(c, a.row[SOCKETD_CGROUP_PATH]);
		return apply_name(c, &c->cgroups, id, a.row[SOCKETD_CGROUP_PATH]);
	case SOCKETD_BLOCK_PROCESS:
		return apply_process(c, &a);
	case SOCKETD_BLOCK_END:
		apply_end(c, &a);
		return 0;
	case SOCKETD_BLOCK_EVENT:
		return apply_event(c, &a);
	default:
		return 0;
	}
}

const struct event_info *context_event(const struct context *c)
{
	return c->has_event ? &c->event : NULL;
}

const struct socketd_track *context_take_tracks(struct context *c, size_t *ret_n)
{
	*ret_n = c->n_tracks;
	c->n_tracks = 0;
	return c->tracks;
}

const struct host_info *context_host(const struct context *c)
{
	return &c->host;
}

const struct source_state *context_source(const struct context *c, enum source_id id)
{
	return &c->sources[id < SOURCE_COUNT ? id : SOURCE_none];
}

bool context_source_is_whole(const struct context *c, enum source_id id, uint64_t netns)
{
	const struct source_state *s = context_source(c, id);
	const struct netns_info *ns = netns_table_find(&c->netns, netns ? netns : c->netns.own);

	if (s->ended && s->error == 0 && c->netns.n <= 1)
		return true;
	return ns && (ns->whole & SOURCE_BIT(id));
}

const struct source_failure *context_failures(const struct context *c, size_t *ret_n)
{
	*ret_n = c->n_failures;
	return c->failures;
}

const struct netns_info *context_netns(const struct context *c, uint64_t ino)
{
	return netns_table_find(&c->netns, ino);
}

const struct netns_info *context_netns_at(const struct context *c, size_t i)
{
	return i < c->netns.n ? &c->netns.rows[i] : NULL;
}

size_t context_n_netns(const struct context *c)
{
	return c->netns.n;
}

uint64_t context_netns_own(const struct context *c)
{
	return c->netns.own;
}

bool context_hidden_netns(const struct context *c, uint32_t *ret_hidden)
{
	*ret_hidden = c->hidden_netns;
	return c->has_hidden_netns;
}

const char *context_link_name(const struct context *c, uint64_t netns, uint32_t ifindex)
{
	const char *name = NULL;

	if (netns == 0)
		netns = c->netns.own;
	if (netns <= UINT32_MAX)
		name = name_table_find(&c->links, link_key(netns, ifindex));
	/* Where its namespace had no number for its reader. */
	if (!name && netns == c->netns.own)
		name = name_table_find(&c->links, link_key(0, ifindex));
	return name;
}

const struct socket_unit *context_socket_unit(const struct context *c, const char *name, size_t len)
{
	return unit_table_find_listen(&c->units, name, len);
}

const struct socket_unit *context_unit(const struct context *c, const char *unit, size_t len)
{
	return unit_table_find(&c->units, unit, len);
}

bool context_has_units(const struct context *c)
{
	return c->has_units;
}

const char *context_cgroup_path(const struct context *c, uint64_t id)
{
	return name_table_find(&c->cgroups, id);
}

bool context_owners_known(const struct context *c, int *ret_error, uint32_t *ret_hidden)
{
	*ret_error = c->owners_error;
	*ret_hidden = c->hidden_pids;
	return c->owners_known;
}

bool context_has_owners(const struct context *c)
{
	return c->holders.told;
}

bool context_owner(const struct context *c, uint64_t inode, unsigned n, const struct process **ret_process,
		   uint32_t *ret_pid, uint32_t *ret_fd)
{
	return process_table_owner(&c->holders, inode, n, ret_process, ret_pid, ret_fd);
}
