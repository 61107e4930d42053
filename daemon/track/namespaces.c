/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The network namespaces that are tracked */

#include "track/namespaces.h"

#include <errno.h>
#include <linux/netlink.h>
#include <linux/sockios.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "source/host.h"
#include "source/netns.h"
#include "track/census.h"
#include "track/netns_blocks.h"
#include "track/state.h"

struct track_netns *namespaces_next(const struct namespaces *n, unsigned int *slot)
{
	while (*slot < n->n_rows) {
		struct track_netns *ns = n->rows[(*slot)++];

		if (ns)
			return ns;
	}
	return NULL;
}

struct track_netns *namespaces_find(const struct namespaces *n, uint64_t ino)
{
	struct track_netns *ns;
	unsigned int slot = 0;

	while ((ns = namespaces_next(n, &slot)))
		if (ns->id.ino == ino)
			return ns;
	return NULL;
}

/* A row in the lowest free slot. -ENOMEM. */
static int row_add(struct tracker *t, const struct netns *id, struct track_netns **ret)
{
	CLEANUP(netns_list_deinit) struct netns_list copy = {};
	struct namespaces *n = &t->namespaces;
	struct track_netns *ns, **rows;
	unsigned int slot = 0;
	int r;

	while (slot < n->n_rows && n->rows[slot])
		slot++;
	if (slot == n->n_rows) {
		rows = reallocarray(n->rows, slot + 1, sizeof(*rows));
		if (!rows)
			return -ENOMEM;
		n->rows = rows;
		n->rows[n->n_rows++] = NULL;
	}
	r = track_table_set_netns(t->table, (uint16_t)slot, id->ino);
	if (r < 0)
		return r;
	r = netns_list_add(&copy, id);
	if (r < 0)
		return r;
	ns = calloc(1, sizeof(*ns));
	if (!ns)
		return -ENOMEM;
	ns->id = copy.rows[0];
	copy.n = 0;
	ns->slot = (uint16_t)slot;
	ns->found = true;
	ns->nl.fd = ns->destroy.fd = ns->census_fds[0] = ns->census_fds[1] = -1;
	n->rows[slot] = ns;
	n->n++;
	*ret = ns;
	return 0;
}

static void close_links(struct tracker *t, struct track_netns *ns)
{
	if (ns->links)
		namespaces_unwatch(t, EAR_LINKS, links_fd(ns->links));
	ns->links = links_free(ns->links);
}

static void row_free(struct tracker *t, struct track_netns *ns)
{
	struct namespaces *n = &t->namespaces;

	netlink_close(&ns->nl);
	gone_close(t, ns);
	heard_close(t, ns);
	close_links(t, ns);
	census_close(ns);
	free(ns->id.name);
	free(ns->id.path);
	(void)track_table_set_netns(t->table, ns->slot, 0);
	n->rows[ns->slot] = NULL;
	n->n--;
	free(ns);
}

static int make_ears(struct tracker *t)
{
	for (unsigned int ear = 0; ear < EAR_COUNT; ear++) {
		int r;

		t->namespaces.ears[ear] = epoll_create1(EPOLL_CLOEXEC);
		if (t->namespaces.ears[ear] < 0)
			return -errno;
		r = tracker_watch(t, t->namespaces.ears[ear]);
		if (r < 0)
			return r;
	}
	return 0;
}

int namespaces_init(struct tracker *t)
{
	struct netns own = { .ino = netns_own_ino(), .own = true };
	struct namespaces *n = &t->namespaces;
	struct track_netns *ns;
	int r;

	for (unsigned int ear = 0; ear < EAR_COUNT; ear++)
		n->ears[ear] = -1;
	arena_init(&n->news);
	r = make_ears(t);
	if (r >= 0)
		r = netns_door_new(&n->door);
	return r < 0 ? r : row_add(t, &own, &ns);
}

void namespaces_deinit(struct tracker *t)
{
	struct namespaces *n = &t->namespaces;

	for (unsigned int slot = 0; slot < n->n_rows; slot++)
		if (n->rows[slot])
			row_free(t, n->rows[slot]);
	free(n->rows);
	netns_list_deinit(&n->found);
	netns_door_free(n->door);
	arena_deinit(&n->news);
	for (unsigned int ear = 0; ear < EAR_COUNT; ear++)
		if (n->ears[ear] >= 0)
			close(n->ears[ear]);
}

/* What discovery says of one that is there already. A name that cannot be kept for want of memory stays as it was. */
static void row_update(struct tracker *t, struct track_netns *ns, struct netns *found)
{
	bool same_name = found->name && ns->id.name ? strcmp(found->name, ns->id.name) == 0 : found->name == ns->id.name;
	struct netns old = ns->id;

	ns->found = true;
	ns->id.pid = found->pid;
	ns->id.name = STEAL_PTR(found->name);
	ns->id.path = STEAL_PTR(found->path);
	free(old.name);
	free(old.path);
	if (!same_name && ns->told && t->events.wanted)
		(void)netns_blocks_write(ns, &t->namespaces.news);
}

int namespaces_discover(struct tracker *t, uint64_t now)
{
	struct namespaces *n = &t->namespaces;
	CLEANUP(netns_list_deinit) struct netns_list found = {};
	struct track_netns *ns;
	unsigned int slot = 0;
	uint64_t cost;
	int r;

	if (t->limits.namespaces_max == 0) {
		for (slot = 1; (ns = namespaces_next(n, &slot));)
			ns->found = false;
		n->n_hidden = 0;
		n->error = 0;
		/* Whatever is found when there may be some again was there before. */
		n->next_discovery_usec = n->last_discovery_usec = 0;
		return 0;
	}
	if (now < n->next_discovery_usec)
		return 0;
	r = netns_discover(&found, t->limits.namespaces_max);
	cost = host_now_usec() - now;
	n->next_discovery_usec = now + cost * NETNS_DISCOVER_SHARE;
	if (r == -ENOMEM)
		return r;
	/* Without /proc nothing is known of any; those there are stay. */
	n->discovered = n->last_discovery_usec != 0 && n->error == 0 && n->n_hidden <= found.n_hidden;
	n->error = r < 0 ? r : 0;
	if (r < 0)
		return 0;
	n->last_discovery_usec = now;
	n->n_hidden = found.n_hidden;
	while ((ns = namespaces_next(n, &slot))) {
		ns->found = ns->id.own;
		ns->n_held = 0;
		for (size_t i = 0; i < found.n; i++) {
			if (found.rows[i].ino != ns->id.ino)
				continue;
			row_update(t, ns, &found.rows[i]);
			found.rows[i].ino = 0;
			break;
		}
	}
	netns_list_deinit(&n->found);
	n->found = found;
	n->next_found = 0;
	found = (struct netns_list){};
	return 0;
}

int namespaces_open_thing(struct tracker *t, const struct track_netns *ns, enum netns_thing thing, const char *name)
{
	CLEANUP(close) int fd = -1;

	if (ns->id.own)
		return -1;
	/* A socket that we have leads there whatever became of the path. */
	if (ns->nl.fd >= 0)
		fd = ioctl(ns->nl.fd, SIOCGSKNS);
	if (fd < 0)
		fd = netns_enter_fd(&ns->id);
	return fd < 0 ? fd : netns_door_open(t->namespaces.door, fd, thing, name);
}

void namespaces_note_socket(struct track_netns *ns, enum track_socket which, int fd)
{
	struct stat st;

	if (fd < 0 || fstat(fd, &st) < 0)
		return;
	ns->sockets[which] = st.st_ino;
}

bool namespaces_is_ours(const struct track_netns *ns, uint64_t inode)
{
	for (unsigned int i = 0; i < SOCKET_COUNT; i++)
		if (ns->sockets[i] == inode)
			return true;
	return false;
}

int namespaces_watch(struct tracker *t, const struct track_netns *ns, enum track_ear ear, int fd)
{
	struct epoll_event event = { .events = EPOLLIN, .data.u32 = ns->slot };

	return epoll_ctl(t->namespaces.ears[ear], EPOLL_CTL_ADD, fd, &event) < 0 ? -errno : 0;
}

void namespaces_unwatch(struct tracker *t, enum track_ear ear, int fd)
{
	if (fd >= 0)
		(void)epoll_ctl(t->namespaces.ears[ear], EPOLL_CTL_DEL, fd, NULL);
}

unsigned int namespaces_ready(struct tracker *t, enum track_ear ear, struct track_netns *ret[static NETNS_READY_MAX])
{
	const struct namespaces *n = &t->namespaces;
	struct epoll_event events[NETNS_READY_MAX];
	int n_events = epoll_wait(n->ears[ear], events, NETNS_READY_MAX, 0);
	unsigned int n_ready = 0;

	for (int i = 0; i < n_events; i++)
		if (events[i].data.u32 < n->n_rows && n->rows[events[i].data.u32])
			ret[n_ready++] = n->rows[events[i].data.u32];
	return n_ready;
}

static int open_route(struct tracker *t, const struct track_netns *ns)
{
	int fd;

	if (!ns->id.own)
		return namespaces_open_thing(t, ns, NETNS_ROUTE, NULL);
	fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC | SOCK_NONBLOCK, NETLINK_ROUTE);
	return fd < 0 ? -errno : fd;
}

static int open_links(struct tracker *t, struct track_netns *ns)
{
	CLEANUP(close) int request_fd = -1, event_fd = -1;
	int r;

	request_fd = open_route(t, ns);
	if (request_fd < 0)
		return request_fd;
	event_fd = open_route(t, ns);
	if (event_fd < 0)
		return event_fd;
	namespaces_note_socket(ns, SOCKET_LINKS, request_fd);
	namespaces_note_socket(ns, SOCKET_LINK_EVENTS, event_fd);
	r = links_new(&ns->links, ns->id.ino, steal_fd(&request_fd), steal_fd(&event_fd));
	return r < 0 ? r : namespaces_watch(t, ns, EAR_LINKS, links_fd(ns->links));
}

/* Listeners are told of it, and of its devices. Without memory they see numbers. */
static void introduce(struct tracker *t, struct track_netns *ns)
{
	struct namespaces *n = &t->namespaces;

	if (t->events.wanted) {
		if (!ns->links)
			(void)open_links(t, ns);
		(void)netns_blocks_write(ns, &n->news);
		if (ns->links)
			(void)links_write(ns->links, &n->news);
	}
	if (ns->told)
		return;
	ns->told = true;
	if (n->tell && !ns->id.own)
		n->tell(n->tell_ctx, &ns->id, true);
}

/* What is not open yet. Another namespace cannot be read: its error; ours is opened by the pass. */
static int open_row(struct tracker *t, struct track_netns *ns)
{
	int r = 0;

	if (ns->nl.fd < 0) {
		r = netlink_open_in(&ns->nl, t->namespaces.door, &ns->id);
		if (r < 0) {
			ns->nl.fd = -1;
			return r;
		}
		namespaces_note_socket(ns, SOCKET_DUMPS, ns->nl.fd);
	}
	census_open(t, ns);
	return gone_open(t, ns);
}

/* One that discovery found and we have not. -ENOMEM; why it cannot be had is kept. */
static int adopt_found(struct tracker *t, const struct netns *id)
{
	struct namespaces *n = &t->namespaces;
	struct track_netns *ns;
	int r;

	if (n->n > t->limits.namespaces_max) {
		n->n_hidden++;
		return 0;
	}
	r = row_add(t, id, &ns);
	if (r < 0)
		return r;
	r = open_row(t, ns);
	if (r >= 0) {
		/* It came since the last pass: so did all that is in it. */
		if (n->discovered)
			ns->known = namespaces_at(n, 0)->known;
		introduce(t, ns);
		return 0;
	}
	row_free(t, ns);
	if (r == -ENOENT || r == -ESTALE) /* gone meanwhile */
		return 0;
	n->n_hidden++;
	n->error = r;
	return r == -ENOMEM ? r : 0;
}

/* Those that are there and of which something is not open any more. */
static int open_again(struct tracker *t)
{
	struct track_netns *ns;
	unsigned int slot = 1;

	while ((ns = namespaces_next(&t->namespaces, &slot))) {
		ns->error = ns->nl.fd < 0 || ns->destroy.fd < 0 ? open_row(t, ns) : 0;
		if (ns->error == -ENOMEM)
			return -ENOMEM;
	}
	return 0;
}

int namespaces_adopt(struct tracker *t)
{
	struct namespaces *n = &t->namespaces;

	if (n->next_found == 0) {
		int r = open_again(t);

		if (r < 0)
			return r;
	}
	for (unsigned int i = 0; i < NETNS_ADOPT_STEP && n->next_found < n->found.n;) {
		struct netns *id = &n->found.rows[n->next_found++];
		int r;

		/* Ours, or one that is there already. */
		if (id->ino == 0 || id->own)
			continue;
		i++;
		r = adopt_found(t, id);
		if (r < 0)
			return r;
		/* Who may not look into one may look into none: asked again with the next pass. */
		if (n->error == -EHOSTDOWN || n->error == -ETIMEDOUT) {
			while (n->next_found < n->found.n)
				n->n_hidden += n->found.rows[n->next_found++].ino != 0;
			break;
		}
	}
	if (n->next_found < n->found.n)
		return 1;
	netns_list_deinit(&n->found);
	return 0;
}

/* Sources of sock_diag: what files of /proc/net tell beside them keeps no namespace. */
#define DUMPED (SOURCE_BIT(SOURCE_proc_tcp) - 1)

/*
 * Discovery looks at processes, mounts and descriptors of namespaces. Sockets that
 * a process of another namespace holds are seen here; those of nobody (the kernel's, or on
 * their way to their end) keep nothing in view. Where there are more than may be, those
 * that discovery did not choose make room for those that it did.
 */
void namespaces_decide(struct tracker *t)
{
	const struct namespaces *n = &t->namespaces;
	bool is_full = t->limits.namespaces_max == 0 || (n->n_hidden > 0 && n->n > t->limits.namespaces_max);
	struct track_netns *ns;
	unsigned int slot = 1;

	while ((ns = namespaces_next(n, &slot)))
		ns->leaving = !ns->found &&
			      (is_full || (ns->n_held == 0 && (ns->nl.fd < 0 || !(DUMPED & ns->known & ~ns->read_whole))));
}

static void let_go(struct tracker *t, struct track_netns *ns)
{
	struct namespaces *n = &t->namespaces;
	uint64_t n_heard, n_lost = dropped_finish(&ns->dropped, &n_heard);

	t->status.n_lost += 2 * n_lost;
	if (n_heard > 0)
		events_put_lost(&t->events, 2 * n_heard);
	if (ns->told && n->tell)
		n->tell(n->tell_ctx, &ns->id, false);
	row_free(t, ns);
}

void namespaces_let_go(struct tracker *t)
{
	struct track_netns *ns;
	unsigned int slot = 1;

	while ((ns = namespaces_next(&t->namespaces, &slot)))
		if (ns->leaving && ns->n_sockets == 0)
			let_go(t, ns);
}

void namespaces_want_links(struct tracker *t, bool want)
{
	struct track_netns *ns;
	unsigned int slot = 0;

	while ((ns = namespaces_next(&t->namespaces, &slot))) {
		if (!want)
			close_links(t, ns);
		else if (!ns->links)
			(void)open_links(t, ns);
	}
}

void namespaces_receive_links(struct tracker *t)
{
	struct track_netns *ready[NETNS_READY_MAX];
	unsigned int n = namespaces_ready(t, EAR_LINKS, ready);

	for (unsigned int i = 0; i < n; i++) {
		int r = ready[i]->links ? links_receive(ready[i]->links) : 0;

		if (r > 0 && t->events.wanted)
			(void)links_write(ready[i]->links, &t->namespaces.news);
		/* It can say nothing more: events show numbers. */
		if (r < 0 && r != -EAGAIN)
			close_links(t, ready[i]);
	}
}
