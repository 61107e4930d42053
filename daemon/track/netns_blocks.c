/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What listeners are told of namespaces */

#include "track/netns_blocks.h"

#include <sys/socket.h>

#include "source/host.h"
#include "track/state.h"

int netns_blocks_write(const struct track_netns *ns, struct arena *a)
{
	CLEANUP(close) int fd = -1;

	/* Before the first pass: any socket tells the cookie. */
	if (ns->id.own && ns->nl.fd < 0)
		fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	return host_write_netns_of(a, &ns->id, fd >= 0 ? fd : ns->nl.fd);
}

int tracker_write_namespaces(struct tracker *t, bool all, struct arena *a)
{
	struct track_netns *ns;
	unsigned int slot = 0;
	int r = 0;

	namespaces_want_links(t, true);
	namespaces_receive_links(t);
	while (r >= 0 && (ns = namespaces_next(&t->namespaces, &slot))) {
		if (!all && !ns->id.own)
			continue;
		r = netns_blocks_write(ns, a);
		/* Without, events show numbers. */
		if (r >= 0 && ns->links)
			r = links_write(ns->links, a);
	}
	return r;
}

struct arena *tracker_news(struct tracker *t)
{
	return &t->namespaces.news;
}

bool tracker_netns_next(const struct tracker *t, unsigned int *cursor, struct tracker_netns *ret)
{
	const struct track_netns *ns;

	/* Those that are not told of yet are about to be. */
	do {
		ns = namespaces_next(&t->namespaces, cursor);
		if (!ns)
			return false;
	} while (!ns->told && !ns->id.own);
	*ret = (struct tracker_netns){ .id = &ns->id, .n_sockets = ns->n_sockets, .error = ns->error };
	return true;
}

uint64_t tracker_own_netns(const struct tracker *t)
{
	return namespaces_at(&t->namespaces, 0)->id.ino;
}

void tracker_on_netns(struct tracker *t, void (*tell)(void *ctx, const struct netns *ns, bool added), void *ctx)
{
	t->namespaces.tell = tell;
	t->namespaces.tell_ctx = ctx;
}

bool tracker_saw_all(const struct tracker *t, uint8_t source, uint64_t netns)
{
	const struct track_netns *ns = netns ? namespaces_find(&t->namespaces, netns) : namespaces_at(&t->namespaces, 0);

	return ns && ns->n_passes > 0 && t->status.n_unremembered == 0 && (ns->whole & SOURCE_BIT(source)) &&
	       t->status.sources[source].tried && t->status.sources[source].error == 0;
}
