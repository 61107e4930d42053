/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Network namespaces in answers: which one is meant, and which are missing */

#include <errno.h>
#include <linux/magic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <unistd.h>

#include "cli/exit.h"
#include "cli/message.h"
#include "cli/namespaces.h"
#include "model/netns.h"
#include "model/value.h"
#include "query/tree.h"

/* Namespaces that a message lists. */
#define LISTED_MAX 8

/* The name as the filter language has it in quotes. */
static void put_quoted(struct buffer *b, const char *name)
{
	size_t len = strlen(name);
	char *text = malloc(len * 4 + 1);

	if (!text)
		message_no_memory();
	len = text_escape(text, len * 4 + 1, name, len);
	buffer_char(b, '\'');
	for (size_t i = 0; i < len; i++) {
		if (text[i] == '\'')
			buffer_string(b, "\\x27");
		else
			buffer_char(b, text[i]);
	}
	buffer_char(b, '\'');
	free(text);
}

int namespaces_term(const char *name, char **ret)
{
	CLEANUP(buffer_deinit) struct buffer b = { 0 };
	struct statfs fs;
	struct stat st;

	if (name[0] == '\0') {
		message("-N: the name is empty");
		return EXIT_USAGE;
	}
	if (strlen(name) >= NETNS_PATH_MAX) {
		message("-N: the name is too long");
		return EXIT_USAGE;
	}
	if (strchr(name, '/')) {
		if (stat(name, &st) < 0) {
			message("-N %s: %s", message_safe(name), strerror(errno));
			return errno == ENOENT ? EXIT_NOT_FOUND : EXIT_USAGE;
		}
		if (statfs(name, &fs) < 0 || fs.f_type != NSFS_MAGIC) {
			message("-N %s: it is no namespace, as /run/netns/NAME and /proc/PID/ns/net are", message_safe(name));
			return EXIT_USAGE;
		}
		buffer_string(&b, "netns = ");
		buffer_number(&b, st.st_ino);
	} else {
		buffer_string(&b, "netns_name = ");
		put_quoted(&b, name);
	}
	*ret = strndup(b.data, b.len);
	if (!*ret)
		message_no_memory();
	return -1;
}

void namespaces_put(struct buffer *b, const struct context *c, uint64_t ino)
{
	const struct netns_info *ns = context_netns(c, ino);
	char name[NETNS_NAME_MAX];

	if (!ns || !ns->name) {
		buffer_number(b, ino);
		return;
	}
	text_escape(name, sizeof(name), ns->name, strlen(ns->name));
	buffer_string(b, name);
}

static bool is_known(const struct context *c, const struct node *n)
{
	const struct netns_info *ns;

	for (size_t i = 0; (ns = context_netns_at(c, i)); i++) {
		if (n->field == F_netns && tree_in_ranges(n, ns->ino))
			return true;
		if (n->field == F_netns_name && ns->name && strlen(ns->name) == n->len && !memcmp(ns->name, n->text, n->len))
			return true;
	}
	return false;
}

/* The first term that demands a namespace which the answer does not know of. */
static const struct node *find_unknown(const struct query *q, const struct context *c, node_ref ref)
{
	const struct node *n = tree_node(q, ref), *found = NULL;

	switch ((enum node_kind)n->kind) {
	case NODE_AND:
	case NODE_OR:
		for (node_ref i = n->child; i && !found; i = tree_node(q, i)->next)
			found = find_unknown(q, c, i);
		return found;
	case LEAF_NUMBER:
		return n->field == F_netns && !n->invert && !is_known(c, n) ? n : NULL;
	case LEAF_TEXT:
		return n->field == F_netns_name && !n->invert && n->compare == COMPARE_EQ && !is_known(c, n) ? n : NULL;
	default:
		return NULL;
	}
}

size_t namespaces_count(const struct query *q, const struct context *c)
{
	CLEANUP(netns_list_deinit) struct netns_list known = {}, possible = {};
	const struct netns_info *ns;

	for (size_t i = 0; (ns = context_netns_at(c, i)); i++) {
		const struct netns row = { .ino = ns->ino, .own = ns->own, .name = (char *)ns->name };

		if (netns_list_add(&known, &row) < 0)
			break; /* more than are ever read: made-up, and many in any case */
	}
	if (query_plan_netns(q, &known, &possible) < 0)
		message_no_memory();
	return possible.n;
}

bool namespaces_unknown(const struct query *q, const struct context *c)
{
	/* A stream that tells of none at all says nothing of them. */
	return context_n_netns(c) > 0 && find_unknown(q, c, q->root);
}

static void list_known(struct buffer *b, const struct context *c)
{
	const struct netns_info *ns;

	buffer_string(b, "; known: ");
	for (size_t i = 0; (ns = context_netns_at(c, i)); i++) {
		if (i >= LISTED_MAX) {
			buffer_printf(b, " and %zu more", context_n_netns(c) - i);
			return;
		}
		buffer_string(b, i ? ", " : "");
		namespaces_put(b, c, ns->ino);
	}
}

bool namespaces_say_unknown(const struct query *q, const struct context *c)
{
	CLEANUP(buffer_deinit) struct buffer b = { 0 };
	const struct node *n;

	if (!namespaces_unknown(q, c))
		return false;
	n = find_unknown(q, c, q->root);
	if (n->field == F_netns)
		buffer_number(&b, n->n_ranges ? n->ranges[0].lo : 0);
	else
		buffer_string(&b, message_safe_n(n->text, n->len));
	if (context_host(c)->uid != 0 || geteuid() != 0)
		buffer_string(&b, " among those that are told to you: run as root to see others than your own");
	else if (context_n_netns(c) > 1)
		list_known(&b, c);
	else
		buffer_string(&b, "; sockctl stat --by=netns counts sockets in each");
	message("there is no network namespace %.*s", (int)b.len, b.data);
	return true;
}

bool namespaces_check(const struct context *c)
{
	uint32_t hidden;

	if (!context_hidden_netns(c, &hidden) || hidden == 0)
		return true;
	message("%u network namespace%s could not be looked into: sockets are missing", hidden, hidden == 1 ? "" : "s");
	return false;
}

void namespaces_of_failures(struct buffer *b, const struct context *c, enum source_id id)
{
	const struct source_failure *failures;
	size_t n_failures, n = 0;

	failures = context_failures(c, &n_failures);
	if (context_n_netns(c) < 2)
		return;
	for (size_t i = 0; i < n_failures; i++) {
		if (failures[i].source != id || n++ >= LISTED_MAX)
			continue;
		buffer_string(b, n == 1 ? " (in " : ", ");
		namespaces_put(b, c, failures[i].netns);
	}
	if (n > LISTED_MAX)
		buffer_printf(b, " and %zu more", n - LISTED_MAX);
	if (n)
		buffer_char(b, ')');
}
