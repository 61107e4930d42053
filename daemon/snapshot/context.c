/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What a stream tells beside the messages */

#include <errno.h>
#include <libmnl/libmnl.h>
#include <string.h>

#include "snapshot/context.h"
#include "snapshot/name_table.h"

struct context {
	struct host_info host;
	struct source_state sources[SOURCE_COUNT];
	struct name_table links, cgroups;
	struct process *processes;
	size_t n_processes, n_processes_allocated;
	struct socketd_owner *owners;
	size_t n_owners, n_owners_allocated;
	bool indexed; /* processes by pid, owners by inode, pid, fd */
	bool has_owners, owners_known;
	int owners_error;
	uint32_t hidden_pids;
	struct event_info event;
	bool has_event;
	struct socketd_track *tracks; /* of the last TRACKS block */
	size_t n_tracks, n_tracks_allocated;
	struct module_rows module;
	uint8_t *marks;
};

/* Attributes of one block, by number. */
#define ATTRS_MAX 16

struct attrs {
	const struct nlattr *row[ATTRS_MAX];
};

int context_new(struct context **ret)
{
	struct context *c = calloc(1, sizeof(*c));

	if (!c)
		return -ENOMEM;
	arena_init(&c->module.arena);
	*ret = c;
	return 0;
}

static void forget_owners(struct context *c)
{
	for (size_t i = 0; i < c->n_processes; i++) {
		free((char *)c->processes[i].comm);
		free((char *)c->processes[i].user);
	}
	c->n_processes = c->n_owners = 0;
	c->has_owners = c->indexed = false;
}

struct context *context_free(struct context *c)
{
	if (!c)
		return NULL;
	name_table_deinit(&c->links);
	name_table_deinit(&c->cgroups);
	forget_owners(c);
	free(c->processes);
	free(c->owners);
	free(c->tracks);
	module_rows_deinit(&c->module);
	free(c->marks);
	free(c);
	return NULL;
}

static int attrs_parse(struct attrs *a, const struct block *b)
{
	size_t offset = 0;

	memset(a, 0, sizeof(*a));
	while (offset < b->length) {
		const struct nlattr *nla = (const struct nlattr *)(b->payload + offset);

		if (b->length - offset < sizeof(*nla) || nla->nla_len < sizeof(*nla) || nla->nla_len > b->length - offset)
			return -EBADMSG;
		if (nla->nla_type < ATTRS_MAX)
			a->row[nla->nla_type] = nla;
		offset += MNL_ALIGN(nla->nla_len);
	}
	return 0;
}

/* An integer attribute; false when it is absent or of another size. */
static bool attr_u32(const struct attrs *a, unsigned type, uint32_t *ret)
{
	if (!a->row[type] || mnl_attr_get_payload_len(a->row[type]) != sizeof(*ret))
		return false;
	*ret = mnl_attr_get_u32(a->row[type]);
	return true;
}

static bool attr_u64(const struct attrs *a, unsigned type, uint64_t *ret)
{
	if (!a->row[type] || mnl_attr_get_payload_len(a->row[type]) != sizeof(*ret))
		return false;
	memcpy(ret, mnl_attr_get_payload(a->row[type]), sizeof(*ret));
	return true;
}

static void attr_text(const struct attrs *a, unsigned type, char *buf, size_t size)
{
	size_t len;

	if (!a->row[type])
		return;
	len = mnl_attr_get_payload_len(a->row[type]);
	if (len >= size)
		len = size - 1;
	memcpy(buf, mnl_attr_get_payload(a->row[type]), len);
	buf[len] = '\0';
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
	attr_u64(a, SOCKETD_HOST_REALTIME, &c->host.realtime_usec);
	attr_u64(a, SOCKETD_HOST_BOOTTIME, &c->host.boottime_usec);
	attr_u64(a, SOCKETD_HOST_TABLE_AGE, &c->host.table_age_usec);
	attr_u32(a, SOCKETD_HOST_UID, &c->host.uid);
	attr_text(a, SOCKETD_HOST_NAME, c->host.name, sizeof(c->host.name));
	attr_text(a, SOCKETD_HOST_RELEASE, c->host.release, sizeof(c->host.release));
	attr_text(a, SOCKETD_HOST_VERSION, c->host.version, sizeof(c->host.version));
	attr_text(a, SOCKETD_HOST_BOOT_ID, c->host.boot_id, sizeof(c->host.boot_id));
}

static int apply_source(struct context *c, const struct attrs *a)
{
	struct source_state *s;
	uint32_t id;

	if (!attr_u32(a, SOCKETD_SOURCE_ID, &id))
		return -EBADMSG;
	if (!source_def_get(id))
		return 0; /* of a newer version */
	s = &c->sources[id];
	s->seen = true;
	attr_u64(a, SOCKETD_SOURCE_NETNS, &s->netns);
	return 0;
}

static int apply_source_end(struct context *c, const struct attrs *a)
{
	struct source_state *s;
	uint32_t id, error = 0;

	if (!attr_u32(a, SOCKETD_SOURCE_END_ID, &id))
		return -EBADMSG;
	if (!source_def_get(id))
		return 0;
	s = &c->sources[id];
	if (!s->seen)
		return -EBADMSG;
	attr_u32(a, SOCKETD_SOURCE_END_ERROR, &error);
	attr_u32(a, SOCKETD_SOURCE_END_INTERRUPTED, &s->interrupted);
	attr_u64(a, SOCKETD_SOURCE_END_MESSAGES, &s->n_messages);
	s->ended = true;
	s->error = error > 4095 ? EIO : (int)error; /* MAX_ERRNO */
	return 0;
}

static int apply_process(struct context *c, const struct attrs *a)
{
	const struct nlattr *comm = a->row[SOCKETD_PROCESS_COMM], *user = a->row[SOCKETD_PROCESS_USER];
	CLEANUP(free) char *comm_copy = NULL, *user_copy = NULL;
	size_t comm_len = comm ? mnl_attr_get_payload_len(comm) : 0;
	struct process p = { 0 };
	int r;

	if (!attr_u32(a, SOCKETD_PROCESS_PID, &p.pid))
		return -EBADMSG;
	/* A note between a scan and its memory: whoever gets here would take it for a process without sockets. */
	if (a->row[SOCKETD_PROCESS_SAME])
		return -EBADMSG;
	attr_u32(a, SOCKETD_PROCESS_UID, &p.uid);
	r = grow(&c->processes, c->n_processes, &c->n_processes_allocated, sizeof(p), CONTEXT_PROCESSES_MAX);
	if (r < 0)
		return r;
	comm_copy = malloc(comm_len + 1);
	if (!comm_copy)
		return -ENOMEM;
	if (comm_len)
		memcpy(comm_copy, mnl_attr_get_payload(comm), comm_len);
	if (user) {
		user_copy = strndup(mnl_attr_get_payload(user), mnl_attr_get_payload_len(user));
		if (!user_copy)
			return -ENOMEM;
	}
	p.comm = STEAL_PTR(comm_copy);
	p.comm_len = comm_len;
	p.user = STEAL_PTR(user_copy);
	c->processes[c->n_processes++] = p;
	c->has_owners = true;
	c->indexed = false;
	return 0;
}

static int apply_owners(struct context *c, const struct block *b)
{
	size_t n = b->length / sizeof(struct socketd_owner);
	size_t want = c->n_owners_allocated ? c->n_owners_allocated : 1024;

	if (b->length % sizeof(struct socketd_owner))
		return -EBADMSG;
	if (c->n_owners + n > CONTEXT_OWNERS_MAX)
		return -E2BIG;
	while (want < c->n_owners + n)
		want *= 2;
	if (want > c->n_owners_allocated) {
		void *more = reallocarray(c->owners, want, sizeof(*c->owners));

		if (!more)
			return -ENOMEM;
		c->owners = more;
		c->n_owners_allocated = want;
	}
	if (n)
		memcpy(c->owners + c->n_owners, b->payload, b->length);
	c->n_owners += n;
	c->has_owners = true;
	c->indexed = false;
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

	if (!attr_u32(a, SOCKETD_EVENT_KIND, &e.kind))
		return -EBADMSG;
	attr_u64(a, SOCKETD_EVENT_TIME, &e.realtime_usec);
	attr_u64(a, SOCKETD_EVENT_GENERATION, &e.generation);
	attr_u64(a, SOCKETD_EVENT_LOST, &e.n_lost);
	attr_u32(a, SOCKETD_EVENT_OLD_STATE, &e.old_state);
	forget_owners(c);
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

static void apply_end(struct context *c, const struct attrs *a)
{
	uint32_t error;

	if (attr_u32(a, SOCKETD_END_OWNERS_ERROR, &error)) {
		c->owners_known = true;
		c->owners_error = error > 4095 ? EIO : (int)error;
	}
	attr_u32(a, SOCKETD_END_HIDDEN_PIDS, &c->hidden_pids);
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
	uint32_t ifindex;
	uint64_t id;
	int r;

	if (b->type == SOCKETD_BLOCK_OWNERS)
		return apply_owners(c, b);
	if (b->type == SOCKETD_BLOCK_TRACKS)
		return apply_tracks(c, b);
	if (b->type == SOCKETD_BLOCK_MESSAGES || b->type == SOCKETD_BLOCK_LINES)
		return apply_messages(c, b);
	if (b->type > SOCKETD_BLOCK_EVENT)
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
	case SOCKETD_BLOCK_LINK:
		if (!attr_u32(&a, SOCKETD_LINK_IFINDEX, &ifindex) || !a.row[SOCKETD_LINK_NAME])
			return -EBADMSG;
		return apply_name(c, &c->links, ifindex, a.row[SOCKETD_LINK_NAME]);
	case SOCKETD_BLOCK_CGROUP:
		if (!attr_u64(&a, SOCKETD_CGROUP_ID, &id) || !a.row[SOCKETD_CGROUP_PATH])
			return -EBADMSG;
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

const char *context_link_name(const struct context *c, uint32_t ifindex)
{
	return name_table_find(&c->links, ifindex);
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
	return c->has_owners;
}

static int compare_owners(const void *a, const void *b)
{
	const struct socketd_owner *x = a, *y = b;

	if (x->inode != y->inode)
		return x->inode < y->inode ? -1 : 1;
	if (x->pid != y->pid)
		return x->pid < y->pid ? -1 : 1;
	return x->fd < y->fd ? -1 : x->fd > y->fd;
}

static int compare_processes(const void *a, const void *b)
{
	const struct process *x = a, *y = b;

	return x->pid < y->pid ? -1 : x->pid > y->pid;
}

/* Sorted arrays rather than a hash: 16 bytes an owner, built once, and hostile inodes cost no more than others. */
static void build_index(struct context *c)
{
	if (c->n_owners)
		qsort(c->owners, c->n_owners, sizeof(*c->owners), compare_owners);
	if (c->n_processes)
		qsort(c->processes, c->n_processes, sizeof(*c->processes), compare_processes);
	c->indexed = true;
}

bool context_owner(const struct context *context, uint64_t inode, unsigned n, const struct process **ret_process,
		   uint32_t *ret_pid, uint32_t *ret_fd)
{
	struct context *c = (struct context *)context; /* the index is made when it is first used */
	struct process want;
	size_t low = 0, high = c->n_owners;

	if (!c->indexed)
		build_index(c);
	while (low < high) {
		size_t middle = low + (high - low) / 2;

		if (c->owners[middle].inode < inode)
			low = middle + 1;
		else
			high = middle;
	}
	if (n >= c->n_owners - low || c->owners[low + n].inode != inode)
		return false;
	want.pid = c->owners[low + n].pid;
	*ret_pid = want.pid;
	*ret_fd = c->owners[low + n].fd;
	*ret_process = c->n_processes ? bsearch(&want, c->processes, c->n_processes, sizeof(want), compare_processes) : NULL;
	return true;
}
