/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Names of hosts and services, remembered */

#include <netdb.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>

#include "cli/message.h"
#include "cli/names.h"
#include "model/value.h"

/* Each place holds the last of the keys that fall on it. */
#define PLACES 1024
#define NAME_SIZE 256

struct host {
	bool used;
	uint8_t kind, ip[16];
	char name[NAME_SIZE]; /* "" when there is none */
};

struct service {
	bool used;
	uint16_t port;
	char netid[8];
	char name[32];
};

struct names {
	struct host hosts[PLACES];
	struct service services[PLACES];
};

struct names *names_new(void)
{
	struct names *n = calloc(1, sizeof(*n));

	if (!n)
		message_no_memory();
	return n;
}

struct names *names_free(struct names *n)
{
	free(n);
	return NULL;
}

static void look_up_host(struct host *h)
{
	struct sockaddr_in in = { .sin_family = AF_INET };
	struct sockaddr_in6 in6 = { .sin6_family = AF_INET6 };
	bool v4 = h->kind == ADDRESS_INET;
	char name[NI_MAXHOST];

	memcpy(&in.sin_addr, h->ip, sizeof(in.sin_addr));
	memcpy(&in6.sin6_addr, h->ip, sizeof(in6.sin6_addr));
	h->name[0] = '\0';
	if (getnameinfo(v4 ? (void *)&in : (void *)&in6, v4 ? sizeof(in) : sizeof(in6), name, sizeof(name), NULL, 0,
			NI_NAMEREQD) == 0)
		text_escape(h->name, sizeof(h->name), name, strlen(name));
}

const char *names_host(struct names *n, const struct address *a)
{
	size_t len = a->kind == ADDRESS_INET ? 4 : 16;
	uint8_t ip[16] = { 0 };
	uint32_t hash = a->kind;
	struct host *h;

	if (a->kind != ADDRESS_INET && a->kind != ADDRESS_INET6)
		return NULL;
	memcpy(ip, a->ip, len);
	for (size_t i = 0; i < len; i++)
		hash = (hash ^ ip[i]) * 16777619u;
	h = &n->hosts[hash % PLACES];
	if (!h->used || h->kind != a->kind || memcmp(h->ip, ip, sizeof(ip)) != 0) {
		h->used = true;
		h->kind = (uint8_t)a->kind;
		memcpy(h->ip, ip, sizeof(ip));
		look_up_host(h);
	}
	return h->name[0] ? h->name : NULL;
}

const char *names_service(struct names *n, uint16_t port, const char *netid)
{
	struct service *s = &n->services[(port * 31u + (unsigned char)netid[0]) % PLACES];
	const struct servent *found;

	if (!s->used || s->port != port || strcmp(s->netid, netid) != 0) {
		*s = (struct service){ .used = true, .port = port };
		strncpy(s->netid, netid, sizeof(s->netid) - 1);
		found = getservbyport(htons(port), strcmp(netid, "mptcp") == 0 ? "tcp" : netid);
		if (found)
			text_escape(s->name, sizeof(s->name), found->s_name, strlen(found->s_name));
	}
	return s->name[0] ? s->name : NULL;
}
