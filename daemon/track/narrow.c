/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* A point query: the table says which TCP sockets to ask the kernel for */

#include "track/narrow.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>

#include "source/process.h"
#include "track/holders.h"

/* The keys, as an entry is compared with them. */
struct wanted {
	const struct query_key *keys;
	size_t n_keys;
	uint16_t ports[QUERY_KEYS_MAX];
	size_t n_ports;
	uint32_t ip4[QUERY_KEYS_MAX]; /* network order */
	size_t n_ip4;
	const uint8_t *ip6[QUERY_KEYS_MAX];
	size_t n_ip6;
};

/* What was found so far. */
struct found {
	const struct track_table *table;
	const struct request *req;
	uint64_t own_netns;
	bool any_state; /* also sockets that were in no wanted state when the table saw them */
	const struct track_entry *entries[REQUEST_GETS_MAX];
	unsigned int n;
};

static const uint8_t mapped_prefix[12] = { [10] = 0xff, [11] = 0xff };

static void sort_keys(struct wanted *w, const struct query_key *keys, size_t n_keys)
{
	*w = (struct wanted){ .keys = keys, .n_keys = n_keys };
	for (size_t i = 0; i < n_keys; i++) {
		const struct address *a = &keys[i].address;

		if (keys[i].kind == QUERY_KEY_PORT && keys[i].number <= UINT16_MAX)
			w->ports[w->n_ports++] = (uint16_t)keys[i].number;
		else if (keys[i].kind == QUERY_KEY_ADDRESS && a->kind == ADDRESS_INET)
			memcpy(&w->ip4[w->n_ip4++], a->ip, 4);
		else if (keys[i].kind == QUERY_KEY_ADDRESS && a->kind == ADDRESS_INET6)
			w->ip6[w->n_ip6++] = a->ip;
	}
}

/* Whether the request is of the namespace that the socket is in. */
static bool is_asked(const struct found *f, const struct track_entry *e)
{
	if (f->req->netns.n == 0)
		return e->netns == 0;
	return netns_list_find(&f->req->netns, e->netns == 0 ? f->own_netns : track_table_netns(f->table, e)) != NULL;
}

/*
 * Takes an entry in. 0; 1 when it is not to be asked for; -E2BIG when they are
 * too many. Listeners come with their own dump.
 */
static int add(struct found *f, const struct track_entry *e)
{
	const struct source_request *s = &f->req->sources[e->source];

	if (!is_asked(f, e))
		return 1;
	if ((e->source != SOURCE_tcp4 && e->source != SOURCE_tcp6) || !s->wanted || e->state == STATE_LISTEN)
		return 1;
	if (!f->any_state && !(s->states & STATE_BIT(e->state)))
		return 1;
	if (f->n == REQUEST_GETS_MAX)
		return -E2BIG;
	f->entries[f->n++] = e;
	return 0;
}

/* As add, for what can be found by more than one key. */
static int add_once(struct found *f, const struct track_entry *e)
{
	for (unsigned int i = 0; i < f->n; i++)
		if (f->entries[i] == e)
			return 1;
	return add(f, e);
}

/* Of IPv6, a mapped address is one of IPv4, too, as in the kernel's bytecode. */
static bool ip6_is_wanted(const struct wanted *w, const uint8_t *ip)
{
	for (size_t i = 0; i < w->n_ip6; i++)
		if (memcmp(w->ip6[i], ip, 16) == 0)
			return true;
	if (w->n_ip4 == 0 || memcmp(ip, mapped_prefix, sizeof(mapped_prefix)) != 0)
		return false;
	for (size_t i = 0; i < w->n_ip4; i++)
		if (memcmp(&w->ip4[i], ip + 12, 4) == 0)
			return true;
	return false;
}

static bool address_is_wanted(const struct track_table *t, const struct wanted *w, const struct track_entry *e)
{
	if (e->source == SOURCE_tcp6) {
		const struct track_pair6 *pair = track_table_pair6(t, e);

		return pair && (ip6_is_wanted(w, pair->local) || ip6_is_wanted(w, pair->peer));
	}
	for (size_t i = 0; i < w->n_ip4; i++)
		if (e->addr.local4 == w->ip4[i] || e->addr.peer4 == w->ip4[i])
			return true;
	return false;
}

static bool entry_is_wanted(const struct track_table *t, const struct wanted *w, const struct track_entry *e)
{
	if (e->source != SOURCE_tcp4 && e->source != SOURCE_tcp6)
		return false;
	for (size_t i = 0; i < w->n_ports; i++)
		if (e->local_port == w->ports[i] || e->peer_port == w->ports[i])
			return true;
	return (w->n_ip4 + w->n_ip6 > 0) && address_is_wanted(t, w, e);
}

static int find_by_walk(struct found *f, const struct wanted *w)
{
	struct track_entry *e;
	size_t cursor = 0;

	if (w->n_ports + w->n_ip4 + w->n_ip6 == 0)
		return 0;
	while ((e = track_table_next(f->table, &cursor)))
		if (entry_is_wanted(f->table, w, e) && add(f, e) < 0)
			return -E2BIG;
	return 0;
}

/* -ENOENT when the table does not know it: it may be new. */
static int find_cookie(struct found *f, uint64_t cookie)
{
	int r = -ENOENT;

	for (unsigned int source = 1; source < SOURCE_COUNT; source++) {
		const struct track_entry *e = track_table_find(f->table, (uint8_t)source, cookie, 0);

		if (!e)
			continue;
		r = add_once(f, e);
		if (r < 0)
			return r;
	}
	return r < 0 ? r : 0;
}

/* All of an inode: the subflows of an MPTCP connection have one. */
static int add_inode(struct found *f, uint32_t inode)
{
	const struct track_entry *e = track_table_find_inode(f->table, inode);

	if (!e)
		return -ENOENT;
	for (; e; e = track_table_next_of_inode(f->table, e))
		if (add_once(f, e) < 0)
			return -E2BIG;
	return 0;
}

static int find_inode(struct found *f, uint64_t inode)
{
	return inode <= UINT32_MAX ? add_inode(f, (uint32_t)inode) : -ENOENT;
}

/* Of what a process holds only the sockets of the table matter. */
static int find_held(void *ctx, uint32_t pid, uint32_t inode, uint32_t fd)
{
	(void)pid;
	(void)fd;
	return add_inode(ctx, inode) == -E2BIG ? -E2BIG : 0;
}

/* Those whose owner nobody has looked for yet may be this process's. */
static int find_unsought(struct found *f)
{
	struct track_entry *e;
	size_t cursor = 0;

	while ((e = track_table_next(f->table, &cursor)))
		if (e->inode != 0 && e->owner_pid == 0 && !(e->flags & TRACK_OWNER_SOUGHT) && add_once(f, e) < 0)
			return -E2BIG;
	return 0;
}

/* Whether the process is the one that was scanned: a younger one can have inherited any sockets. */
static bool was_scanned(const struct holders *h, uint32_t pid)
{
	CLEANUP(close) int proc_fd = open("/proc", O_PATH | O_DIRECTORY | O_CLOEXEC);
	struct holder holder;
	char name[12];

	snprintf(name, sizeof(name), "%u", pid);
	return proc_fd >= 0 && holders_process(h, pid, &holder) && holder.start == process_start(proc_fd, name);
}

static int find_pid(struct found *f, const struct holders *h, uint64_t pid)
{
	int r;

	/* Who holds what is root's to know: which rows a stream has because of it would tell. */
	if (f->req->uid != 0)
		return -ENOENT;
	if (!h || pid == 0 || pid > UINT32_MAX || !was_scanned(h, (uint32_t)pid))
		return -ENOENT;
	r = holders_walk(h, (uint32_t)pid, find_held, f);
	return r < 0 ? r : find_unsought(f);
}

/* 0; -E2BIG too many; -ENOENT the table does not know enough. */
static int find_all(struct found *f, const struct wanted *w, const struct holders *h)
{
	int r;

	f->n = 0;
	r = find_by_walk(f, w);
	for (size_t i = 0; r >= 0 && i < w->n_keys; i++) {
		const struct query_key *k = &w->keys[i];

		switch (k->kind) {
		case QUERY_KEY_COOKIE:
			r = find_cookie(f, k->number);
			break;
		case QUERY_KEY_INODE:
			r = find_inode(f, k->number);
			break;
		case QUERY_KEY_PID:
			r = find_pid(f, h, k->number);
			break;
		case QUERY_KEY_PORT:
		case QUERY_KEY_ADDRESS:
			break;
		}
	}
	return r;
}

static void set_key(const struct track_table *t, const struct track_entry *e, struct exact_key *ret)
{
	const struct track_pair6 *pair = track_table_pair6(t, e);

	*ret = (struct exact_key){
		.cookie = e->cookie,
		.local_port = e->local_port,
		.peer_port = e->peer_port,
		.ifindex = e->ifindex,
		.may_end = e->state == STATE_TIME_WAIT,
		.netns = e->netns == 0 ? 0 : (uint32_t)track_table_netns(t, e),
	};
	if (pair) {
		memcpy(ret->local, pair->local, 16);
		memcpy(ret->peer, pair->peer, 16);
	} else {
		memcpy(ret->local, &e->addr.local4, 4);
		memcpy(ret->peer, &e->addr.peer4, 4);
	}
}

static bool can_narrow(const struct source_request *s)
{
	/* With a port the kernel finds the one socket by itself. */
	return s->wanted && !s->by_gets && !(s->exact && (s->local_port != 0 || s->peer_port != 0));
}

/* Nothing changes when memory is short. */
static int set_gets(const struct found *f, struct request *req)
{
	static const uint8_t sources[] = { SOURCE_tcp4, SOURCE_tcp6 };
	struct exact_key *keys[ARRAY_SIZE(sources)] = {};
	unsigned int n[ARRAY_SIZE(sources)] = {};

	for (unsigned int k = 0; k < ARRAY_SIZE(sources); k++) {
		keys[k] = malloc((f->n > 0 ? f->n : 1) * sizeof(*keys[k]));
		if (!keys[k]) {
			free(keys[0]);
			return -ENOMEM;
		}
		for (unsigned int i = 0; i < f->n; i++)
			if (f->entries[i]->source == sources[k])
				set_key(f->table, f->entries[i], &keys[k][n[k]++]);
	}
	for (unsigned int k = 0; k < ARRAY_SIZE(sources); k++) {
		struct source_request *s = &req->sources[sources[k]];

		if (!can_narrow(s)) {
			free(keys[k]);
			continue;
		}
		s->exact = false;
		s->by_gets = true;
		s->gets = keys[k];
		s->n_gets = n[k];
	}
	return 0;
}

/* As the list of the request has it; 0 when it is not among them. */
static uint64_t own_netns(const struct request *req)
{
	for (size_t i = 0; i < req->netns.n; i++)
		if (req->netns.rows[i].own)
			return req->netns.rows[i].ino;
	return 0;
}

int narrow_by_keys(const struct track_table *t, const struct holders *h, const struct query_key *keys, size_t n_keys,
		   struct request *req)
{
	struct found f = { .table = t, .req = req, .any_state = true, .own_netns = own_netns(req) };
	struct wanted w;
	int r;

	if (n_keys == 0 || (!can_narrow(&req->sources[SOURCE_tcp4]) && !can_narrow(&req->sources[SOURCE_tcp6])))
		return 0;
	sort_keys(&w, keys, n_keys);
	/* All that match are asked for, as their states may be others by now; of too many those that had a wanted one. */
	r = find_all(&f, &w, h);
	if (r == -E2BIG) {
		f.any_state = false;
		r = find_all(&f, &w, h);
	}
	if (r < 0)
		return 0;
	r = set_gets(&f, req);
	return r < 0 ? r : 1;
}

static bool asks_pid(const struct query_key *keys, size_t n_keys)
{
	for (size_t i = 0; i < n_keys; i++)
		if (keys[i].kind == QUERY_KEY_PID)
			return true;
	return false;
}

/* Whether the last pass saw all TCP sockets of a namespace (0: ours), and keeps them. */
static bool netns_is_whole(const struct tracker *t, uint64_t netns)
{
	return tracker_saw_all(t, SOURCE_tcp4, netns) && tracker_saw_all(t, SOURCE_tcp6, netns);
}

/* The same of all that are asked for: one that came since was in no pass. */
static bool table_is_whole(const struct tracker *t, const struct request *req)
{
	for (size_t i = 0; i < req->netns.n; i++)
		if (!netns_is_whole(t, req->netns.rows[i].own ? 0 : req->netns.rows[i].ino))
			return false;
	return req->netns.n > 0 || netns_is_whole(t, 0);
}

int narrow_request(struct tracker *t, const struct query *q, uint64_t max_age_usec, struct request *req)
{
	const struct tracker_status *status = tracker_status(t);
	struct query_key keys[QUERY_KEYS_MAX];
	uint64_t seen_usec, age_usec;
	struct holders *h = NULL;
	size_t n_keys;
	int r;

	/* Other ends are looked for among all. */
	if (req->groups & GROUP_BIT(GROUP_peer))
		return 0;
	if (status->tcp_cpu_usec < NARROW_WALK_MIN_USEC || track_table_count(tracker_table(t)) < NARROW_SOCKETS_MIN ||
	    status->destroy_error != 0 || !table_is_whole(t, req))
		return 0;
	n_keys = query_keys(q, keys);
	seen_usec = status->begin_boottime_usec;
	if (asks_pid(keys, n_keys)) {
		/* Who holds what was seen by the scan. */
		if (status->n_scans == 0 || status->scan_error != 0)
			return 0;
		h = tracker_holders(t);
		if (status->scan_boottime_usec < seen_usec)
			seen_usec = status->scan_boottime_usec;
	}
	age_usec = tracker_boottime_usec() - seen_usec;
	if (age_usec > max_age_usec)
		return 0;
	r = narrow_by_keys(tracker_table(t), h, keys, n_keys, req);
	if (r == 1)
		req->table_age_usec = age_usec;
	return r;
}
