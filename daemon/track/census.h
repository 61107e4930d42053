/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Whether a namespace has TCP sockets at all, without a walk over the table that all share */

#ifndef SOCKETD_TRACK_CENSUS_H
#define SOCKETD_TRACK_CENSUS_H

#include <stdbool.h>

struct track_netns;
struct tracker;

/*
 * The kernel has one table of TCP sockets for all namespaces: a dump in any of them
 * walks over all, however few are its own. How many those are is in /proc/net/sockstat
 * and sockstat6: hashed sockets and TIME-WAITs. Those that are bound and no more
 * (Linux 6.8 dumps them) are not counted: each so many passes the dump is made all the same.
 */
#define CENSUS_PASSES 8
/* A socket of MPTCP that opened since the last pass and has none of TCP any more: nobody has seen one. */
#define CENSUS_MPTCP_PASSES 64

/* Two descriptors, kept: a file is read again from its beginning. Without them nothing is known. */
void census_open(struct tracker *t, struct track_netns *ns);
void census_close(struct track_netns *ns);

/* True also where it is not known. Never false while the table has some of it. */
bool census_has_tcp(const struct tracker *t, const struct track_netns *ns);
/* MPTCP's table is shared likewise, and each of its sockets comes with one of TCP: those that this pass saw. */
bool census_has_mptcp(const struct tracker *t, const struct track_netns *ns, bool saw_tcp);

#endif
