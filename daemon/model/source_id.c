/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The table of readings */

#include <netinet/in.h>
#include <stddef.h>
#include <sys/socket.h>

#include "model/source_id.h"

/* Debian 12's libc knows all families but this one (include/linux/socket.h). */
#ifndef AF_SMC
#define AF_SMC 43
#endif

static const struct source_def defs[SOURCE_COUNT] = {
#define SOURCE_DEF(id, name_, kind_, family_, protocol_, netid_, proc_, fallback_) \
	[id] = {                                                                  \
		.name = #name_,                                                   \
		.netid = netid_,                                                  \
		.proc = proc_,                                                    \
		.kind = kind_,                                                    \
		.fallback = SOURCE_##fallback_,                                   \
		.family = family_,                                                \
		.protocol = protocol_,                                            \
	},
	SOURCES(SOURCE_DEF)
};

const struct source_def *source_def_get(uint32_t id)
{
	if (id == SOURCE_none || id >= SOURCE_COUNT)
		return NULL;
	return &defs[id];
}

bool source_has_tuple(const struct source_def *def)
{
	if (def->kind != KIND_INET && def->kind != KIND_PROC_INET)
		return false;
	switch (def->protocol) {
	case IPPROTO_TCP:
	case IPPROTO_UDP:
	case IPPROTO_UDPLITE:
	case IPPROTO_DCCP:
	case PROTOCOL_MPTCP:
		return true;
	}
	return false;
}
