/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* GetSummary and ListNamespaces */

#include <errno.h>
#include <string.h>

#include "bus/call.h"
#include "bus/error.h"
#include "bus/feed.h"
#include "bus/kernel_module.h"
#include "bus/summary.h"
#include "bus/survey.h"
#include "bus/variant.h"
#include "model/netns.h"
#include "model/value.h"
#include "query/sort.h"

struct summary {
	enum field_id *keys;
	size_t n_keys;
	struct grouping *grouping;
};

static void summary_free(void *state)
{
	struct summary *s = state;

	grouping_free(s->grouping);
	free(s->keys);
	free(s);
}

static int summary_row(void *state, struct record *r)
{
	struct summary *s = state;

	return grouping_add(s->grouping, r);
}

static int too_many(sd_bus_error *error)
{
	return bus_error_limits(error, "more than %u groups; use a narrower filter, other fields, or OpenSockets",
				SUMMARY_GROUPS_MAX);
}

/* Looked at in time: a million groups would be a million names in memory. */
static int summary_slice(void *state, sd_bus_error *error)
{
	struct summary *s = state;
	size_t n;

	grouping_finish(s->grouping, &n);
	return n > SUMMARY_GROUPS_MAX ? too_many(error) : 0;
}

static int append_group(sd_bus_message *m, const struct summary *s, const struct group *g)
{
	int r;

	r = sd_bus_message_open_container(m, 'a', "{sv}");
	for (size_t i = 0; r >= 0 && i < s->n_keys; i++)
		if (g->key_texts[i])
			r = variant_append_string(m, field_get(s->keys[i])->name, g->key_texts[i]);
	if (r >= 0)
		r = variant_append_u64(m, "count", g->n_rows);
	if (r >= 0)
		r = variant_append_u64(m, "recv_q", g->recv_q);
	if (r >= 0)
		r = variant_append_u64(m, "send_q", g->send_q);
	if (r >= 0 && g->has_rates) {
		r = variant_append_u64(m, "tx_rate", g->tx_rate);
		if (r >= 0)
			r = variant_append_u64(m, "rx_rate", g->rx_rate);
		if (r >= 0)
			r = sd_bus_message_append(m, "{sv}", "retrans_rate", "d", (double)g->retrans_rate / 1000);
	}
	return r < 0 ? r : sd_bus_message_close_container(m);
}

static int summary_end(void *state, struct survey *survey, bool more, sd_bus_error *error)
{
	CLEANUP(sd_bus_message_unref) sd_bus_message *reply = NULL;
	struct summary *s = state;
	const struct group *const *groups;
	size_t n;
	int r;

	(void)more;
	groups = grouping_finish(s->grouping, &n);
	if (n > SUMMARY_GROUPS_MAX)
		return too_many(error);
	r = sd_bus_message_new_method_return(survey_message(survey), &reply);
	if (r >= 0)
		r = sd_bus_message_open_container(reply, 'a', "a{sv}");
	for (size_t i = 0; r >= 0 && i < n; i++)
		r = append_group(reply, s, groups[i]);
	if (r >= 0)
		r = sd_bus_message_close_container(reply);
	if (r >= 0)
		r = sd_bus_message_send(reply);
	return r < 0 ? r : SURVEY_OVER;
}

static const struct survey_ops summary_ops = {
	.row = summary_row,
	.end = summary_end,
	.slice = summary_slice,
	.free = summary_free,
};

/* The groups of the keys, of the filter, and of the sums. */
static int groups_of(const struct summary *s, const struct query *q, uint32_t *ret)
{
	const enum field_id *sums;
	uint32_t of_sums;
	size_t n;
	int r;

	sums = grouping_fields(&n);
	r = feed_groups(q, sums, n, &of_sums);
	if (r >= 0)
		r = feed_groups(q, s->n_keys ? s->keys : sums, s->n_keys ? s->n_keys : n, ret);
	if (r >= 0)
		*ret |= of_sums;
	return r;
}

static int get_summary(sd_bus_message *m, struct manager *manager, const struct caller *caller, sd_bus_error *error)
{
	CLEANUP(filter_deinit) struct filter filter = { 0 };
	struct survey_ask ask = { .filter = &filter, .caller = *caller };
	struct summary *s = calloc(1, sizeof(*s));
	int r;

	if (!s)
		return -ENOMEM;
	r = filter_read(&filter, m, error);
	if (r >= 0)
		r = filter_read_fields(m, &s->keys, &s->n_keys, error);
	if (r >= 0 && s->n_keys > SUMMARY_KEYS_MAX)
		r = bus_error_invalid_args(error, "more than %u fields to group by", SUMMARY_KEYS_MAX);
	for (size_t i = 0; r >= 0 && i < s->n_keys; i++)
		for (size_t k = 0; r >= 0 && k < i; k++)
			if (s->keys[i] == s->keys[k])
				r = bus_error_invalid_args(error, "\"%s\" is given twice", field_get(s->keys[i])->name);
	if (r >= 0)
		r = kernel_module_check_fields(manager, s->keys, s->n_keys, error);
	if (r >= 0)
		r = kernel_module_check_filter(manager, filter.query, error);
	if (r >= 0)
		r = grouping_new(&s->grouping, s->keys, s->n_keys);
	if (r >= 0)
		r = groups_of(s, filter.query, &ask.groups);
	if (r >= 0)
		r = filter_check_joined(filter.query, ask.groups, error);
	if (r < 0) {
		summary_free(s);
		return r;
	}
	return survey_start(manager, m, &ask, &summary_ops, s, error);
}

int method_get_summary(sd_bus_message *m, void *userdata, sd_bus_error *error)
{
	return call_run(m, userdata, get_summary, error);
}

static int append_netns(sd_bus_message *m, const struct netns *id, uint64_t n_sockets)
{
	char name[NETNS_NAME_MAX * 4] = "";

	if (id->name)
		text_escape(name, sizeof(name), id->name, strlen(id->name));
	return sd_bus_message_append(m, "(tsu)", id->ino, name, (uint32_t)(n_sockets < UINT32_MAX ? n_sockets : UINT32_MAX));
}

/* Root is told of all, others of ours alone. Without tracking that is what there is. */
static int list_namespaces(sd_bus_message *m, struct manager *manager, const struct caller *caller, sd_bus_error *error)
{
	CLEANUP(sd_bus_message_unref) sd_bus_message *reply = NULL;
	struct netns own = { .ino = filter_own_netns(), .own = true };
	struct tracker *t = manager_tracker(manager);
	struct tracker_netns ns;
	unsigned cursor = 0;
	int r;

	(void)error;
	r = sd_bus_message_new_method_return(m, &reply);
	if (r >= 0)
		r = sd_bus_message_open_container(reply, 'a', "(tsu)");
	if (r >= 0 && !t)
		r = append_netns(reply, &own, 0);
	while (r >= 0 && t && tracker_netns_next(t, &cursor, &ns))
		if (ns.id->own || caller->sees == 0)
			r = append_netns(reply, ns.id, ns.n_sockets);
	if (r >= 0)
		r = sd_bus_message_close_container(reply);
	return r < 0 ? r : sd_bus_message_send(reply);
}

int method_list_namespaces(sd_bus_message *m, void *userdata, sd_bus_error *error)
{
	return call_run(m, userdata, list_namespaces, error);
}
