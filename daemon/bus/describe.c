/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* One socket by its cookie */

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>

#include "bus/describe.h"
#include "bus/error.h"
#include "bus/feed.h"
#include "bus/kernel_module.h"
#include "bus/survey.h"
#include "bus/variant.h"
#include "socketd/dbus.h"

static void describe_free(void *state)
{
	struct describe *d = state;

	sd_bus_message_unref(d->reply);
	free(d->fields);
	free(d);
}

/* One row is told, the first: those that share a cookie with it differ in little. */
static int describe_row(void *state, struct record *r)
{
	struct describe *d = state;
	int e = d->fill(d, d->reply, r);

	return e < 0 ? e : 1;
}

static int describe_end(void *state, struct survey *s, bool more, sd_bus_error *error)
{
	struct describe *d = state;
	char what[80];
	int r;

	if (more) {
		r = sd_bus_message_send(d->reply);
		return r < 0 ? r : SURVEY_OVER;
	}
	if (survey_is_narrowed(s))
		return SURVEY_AGAIN;
	snprintf(what, sizeof(what), "with the cookie %" PRIu64 " (sk:%" PRIx64 ")", d->cookie, d->cookie);
	return bus_error_no_such_socket(error, what);
}

static const struct survey_ops describe_ops = {
	.row = describe_row,
	.end = describe_end,
	.free = describe_free,
};

int describe_start(sd_bus_message *m, struct manager *manager, const struct caller *caller, struct describe *template, sd_bus_error *error)
{
	CLEANUP(filter_deinit) struct filter filter = { 0 };
	struct survey_ask ask = { .filter = &filter, .caller = *caller, .table_age_usec = UINT64_MAX };
	struct describe *d = malloc(sizeof(*d));
	char text[40];
	int r;

	if (!d) {
		free(template->fields);
		return -ENOMEM;
	}
	*d = *template;
	d->reply = NULL;
	snprintf(text, sizeof(text), "sk:%" PRIx64, d->cookie);
	r = filter_of_text(&filter, text, error);
	if (r >= 0)
		r = feed_groups(filter.query, d->fields, d->n_fields, &ask.groups);
	if (r >= 0)
		r = sd_bus_message_new_method_return(m, &d->reply);
	if (r < 0) {
		describe_free(d);
		return r;
	}
	return survey_start(manager, m, &ask, &describe_ops, d, error);
}

int describe_fill_fields(struct describe *d, sd_bus_message *reply, struct record *r)
{
	size_t n = d->fields ? d->n_fields : FIELD_COUNT;
	int e;

	e = sd_bus_message_open_container(reply, 'a', "{sv}");
	for (size_t i = 0; e >= 0 && i < n; i++)
		e = variant_append_field(reply, r, d->fields ? d->fields[i] : (enum field_id)i);
	return e < 0 ? e : sd_bus_message_close_container(reply);
}

/* An empty list is all; a name that is there twice is a key once. */
int describe_read_fields(sd_bus_message *m, struct describe *d, sd_bus_error *error)
{
	size_t n = 0;
	int r;

	r = filter_read_fields(m, &d->fields, &d->n_fields, error);
	if (r < 0)
		return r;
	for (size_t i = 0; i < d->n_fields; i++) {
		size_t k = 0;

		while (k < n && d->fields[k] != d->fields[i])
			k++;
		if (k == n)
			d->fields[n++] = d->fields[i];
	}
	d->n_fields = n;
	if (n == 0) {
		free(d->fields);
		d->fields = NULL;
	}
	return 0;
}

static int describe_socket(sd_bus_message *m, struct manager *manager, const struct caller *caller, sd_bus_error *error)
{
	struct describe d = { .fill = describe_fill_fields };
	int r;

	r = sd_bus_message_read(m, "t", &d.cookie);
	if (r >= 0)
		r = describe_read_fields(m, &d, error);
	if (r >= 0)
		r = kernel_module_check_fields(manager, d.fields, d.n_fields, error);
	if (r < 0)
		free(d.fields);
	return r < 0 ? r : describe_start(m, manager, caller, &d, error);
}

static int fill_path(struct describe *d, sd_bus_message *reply, struct record *r)
{
	char path[sizeof(SOCKETD_SOCKET_PATH) + 24];

	(void)r;
	snprintf(path, sizeof(path), SOCKETD_SOCKET_PATH "/_%" PRIu64, d->cookie);
	return sd_bus_message_append(reply, "o", path);
}

static int get_socket(sd_bus_message *m, struct manager *manager, const struct caller *caller, sd_bus_error *error)
{
	struct describe d = { .fill = fill_path };
	int r;

	r = sd_bus_message_read(m, "t", &d.cookie);
	if (r < 0)
		return r;
	d.fields = malloc(sizeof(*d.fields));
	if (!d.fields)
		return -ENOMEM;
	d.fields[d.n_fields++] = F_cookie;
	return describe_start(m, manager, caller, &d, error);
}

int method_describe_socket(sd_bus_message *m, void *userdata, sd_bus_error *error)
{
	return call_run(m, userdata, describe_socket, error);
}

int method_get_socket(sd_bus_message *m, void *userdata, sd_bus_error *error)
{
	return call_run(m, userdata, get_socket, error);
}
