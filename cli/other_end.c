/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Whether a socket can have its other end on this host */

#include <ifaddrs.h>
#include <netinet/in.h>
#include <string.h>

#include "cli/other_end.h"
#include "cli/rows.h"

static bool is_address_of(const struct address *a, const struct sockaddr *s)
{
	if (a->kind == ADDRESS_INET && s->sa_family == AF_INET)
		return !memcmp(a->ip, &((const struct sockaddr_in *)s)->sin_addr, 4);
	if (a->kind == ADDRESS_INET6 && s->sa_family == AF_INET6)
		return !memcmp(a->ip, &((const struct sockaddr_in6 *)s)->sin6_addr, 16);
	return false;
}

/* A device's, or of the loopback network as a whole. What cannot be told may be. */
static bool is_own_address(const struct address *a)
{
	struct ifaddrs *all;
	bool found = a->kind == ADDRESS_INET && a->ip[0] == 127;

	if (found || (a->kind == ADDRESS_INET6 && IN6_IS_ADDR_V4MAPPED((const struct in6_addr *)a->ip)) || getifaddrs(&all) < 0)
		return true;
	for (const struct ifaddrs *i = all; i && !found; i = i->ifa_next)
		found = i->ifa_addr && is_address_of(a, i->ifa_addr);
	freeifaddrs(all);
	return found;
}

/* In other namespaces it may have any address. */
static bool can_have_end(struct record *r)
{
	struct value peer, port;

	if (r->def->kind == KIND_UNIX)
		return true;
	if (!source_has_tuple(r->def) || record_get(r, F_peer_port, 0, &port) < 0 || !port.u || record_get(r, F_peer, 0, &peer) < 0)
		return false;
	return context_n_netns(r->context) > 1 || is_own_address(&peer.addr);
}

int other_end_ask(const struct arguments *arg, bool *ret_possible)
{
	static const enum field_id fields[] = { F_state, F_peer, F_peer_port };
	CLEANUP(rows_deinit) struct rows rows = { 0 };
	struct arguments own = *arg;
	bool possible = false;
	int r;

	own.quiet = true;
	r = rows_init(&rows, &own, 0, true);
	if (r >= 0)
		return r;
	r = rows_open(&rows, fields, ARRAY_SIZE(fields));
	if (r >= 0)
		return r;
	while (!possible && rows_next(&rows))
		possible = can_have_end(&rows.record);
	/* An answer that broke off says nothing. */
	*ret_possible = possible || rows.error < 0;
	return -1;
}
