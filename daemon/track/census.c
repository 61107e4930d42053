/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Whether a namespace has TCP sockets at all */

#include "track/census.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "track/state.h"

#define FILE_MAX 1024 /* both are half as long */

static const char *const names[CENSUS_FILES] = { "sockstat", "sockstat6" };

void census_open(struct tracker *t, struct track_netns *ns)
{
	for (unsigned int i = 0; i < CENSUS_FILES && !ns->id.own; i++)
		if (ns->census_fds[i] < 0)
			ns->census_fds[i] = namespaces_open_thing(t, ns, NETNS_PROC, names[i]);
}

void census_close(struct track_netns *ns)
{
	for (unsigned int i = 0; i < CENSUS_FILES; i++) {
		if (ns->census_fds[i] >= 0)
			close(ns->census_fds[i]);
		ns->census_fds[i] = -1;
	}
}

/* The number behind a word of a line, both as the kernel writes them (net/ipv4/proc.c, net/ipv6/proc.c). -1 without it. */
static long number_of(const char *text, const char *line, const char *word)
{
	const char *at = strstr(text, line), *end;

	if (!at || (at != text && at[-1] != '\n'))
		return -1;
	end = strchr(at, '\n');
	at = strstr(at, word);
	return at && (!end || at < end) ? strtol(at + strlen(word), NULL, 10) : -1;
}

static bool read_file(int fd, char text[static FILE_MAX])
{
	ssize_t n = fd < 0 ? -1 : pread(fd, text, FILE_MAX - 1, 0);

	text[n > 0 ? n : 0] = '\0';
	return n > 0;
}

static bool is_due(const struct tracker *t, const struct track_netns *ns, unsigned int passes)
{
	/* Not all namespaces in one pass. */
	return ns->n_passes == 0 || (t->status.generation + ns->slot) % passes == 0;
}

bool census_has_tcp(const struct tracker *t, const struct track_netns *ns)
{
	char text[FILE_MAX];
	long n6 = 0;

	if (ns->id.own || is_due(t, ns, CENSUS_PASSES) || ns->n_of[SOURCE_tcp4] + ns->n_of[SOURCE_tcp6] > 0 || !read_file(ns->census_fds[0], text))
		return true;
	if (number_of(text, "TCP: ", "inuse ") != 0 || number_of(text, "TCP: ", " tw ") != 0)
		return true;
	/* Without IPv6 there is no such file. */
	if (read_file(ns->census_fds[1], text))
		n6 = number_of(text, "TCP6: ", "inuse ");
	return n6 != 0;
}

bool census_has_mptcp(const struct tracker *t, const struct track_netns *ns, bool saw_tcp)
{
	return ns->id.own || saw_tcp || is_due(t, ns, CENSUS_MPTCP_PASSES) || ns->n_of[SOURCE_mptcp4] + ns->n_of[SOURCE_mptcp6] > 0;
}
