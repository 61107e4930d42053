/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What is told to CAP_NET_ADMIN only, and whether this answer is without */

#include <linux/capability.h>
#include <stdio.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "cli/buffer.h"
#include "cli/client.h"
#include "cli/message.h"
#include "cli/withheld.h"
#include "query/tree.h"

/* Fields that a note names. */
#define NOTED_MAX 8

static bool has_capability(void)
{
	struct __user_cap_header_struct header = { .version = _LINUX_CAPABILITY_VERSION_3 };
	struct __user_cap_data_struct data[_LINUX_CAPABILITY_U32S_3];

	return syscall(SYS_capget, &header, data) == 0 && data[0].effective & (1u << CAP_NET_ADMIN);
}

bool withheld_by_rights(const struct context *c, const struct arguments *arg, const struct feed *feed)
{
	bool on_system_bus = !arg->bus || !strcmp(arg->bus, "system");

	if (context_host(c)->uid != 0)
		return true;
	/* The host's own daemon answers as it does root, for polkit lets it. */
	if (on_system_bus && feed && feed_client(feed) && client_is_on_bus(feed_client(feed)))
		return false;
	/* Uid 0 is also who reads for himself, as --direct and our own daemon do: he has what he may see. */
	return !arg->file && geteuid() != 0 && !has_capability();
}

/* net/ipv4/tcp_diag.c since 6.15: of a ULP all but the tokens of MPTCP is for everybody. */
static bool is_public_ulp(enum field_id id, const struct context *c)
{
	unsigned major = 0, minor = 0;

	if (field_get(id)->group != GROUP_ulp || id == F_md5sig_peers || id == F_mptcp_token_rem || id == F_mptcp_token_loc)
		return false;
	return sscanf(context_host(c)->release, "%u.%u", &major, &minor) == 2 && (major > 6 || (major == 6 && minor >= 15));
}

bool withheld_field(enum field_id id, const struct context *c)
{
	const struct field *f = field_get(id);

	return f && f->access == ACCESS_privileged && !is_public_ulp(id, c);
}

enum field_id withheld_in_query(const struct query *q, const struct context *c)
{
	for (size_t i = 1; i < q->n_nodes; i++) {
		const struct node *n = tree_node(q, (node_ref)i);

		if (withheld_field(n->field, c))
			return n->field;
		if (n->kind == LEAF_RATIO && withheld_field(n->divisor, c))
			return n->divisor;
	}
	return F_none;
}

/* The fields of a set that such an answer is without; how many. */
static size_t put_fields(struct buffer *b, const struct field_set *fields, const struct context *c)
{
	size_t n = 0;

	for (size_t i = 0; i < fields->n; i++) {
		if (!withheld_field(fields->ids[i], c) || n++ >= NOTED_MAX)
			continue;
		if (n > 1)
			buffer_string(b, ", ");
		buffer_string(b, field_get(fields->ids[i])->name);
	}
	if (n > NOTED_MAX)
		buffer_printf(b, " and %zu more", n - NOTED_MAX);
	return n;
}

void withheld_note(const struct field_set *fields, const struct context *c, const struct arguments *arg)
{
	CLEANUP(buffer_deinit) struct buffer b = { 0 };
	size_t n = put_fields(&b, fields, c);
	uint32_t hidden = 0;
	int error;

	if (n)
		message_note("told to CAP_NET_ADMIN only: %.*s; run as root", (int)b.len, b.data);
	else if (arg->file || !isatty(STDERR_FILENO) || geteuid() == 0)
		return;
	else if (context_owners_known(c, &error, &hidden) && hidden)
		message_note("root would also see the owners among %u processes of other users, and other network namespaces", hidden);
	else
		message_note("root would also see owners of other users' sockets, and other network namespaces");
}
