/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The daemon's state */

#include <errno.h>
#include <signal.h>
#include <stddef.h>
#include <string.h>

#include "bus/server.h"
#include "manager.h"

static void on_stream_closed(struct stream_owner *o, struct stream *s)
{
	struct manager *m = (struct manager *)((char *)o - offsetof(struct manager, stream_owner));

	for (unsigned i = 0; i < m->n_streams; i++) {
		if (m->streams[i] == s) {
			m->streams[i] = m->streams[--m->n_streams];
			break;
		}
	}
	manager_maybe_exit(m);
}

int manager_new(struct manager **ret)
{
	CLEANUP(manager_free) struct manager *m = calloc(1, sizeof(*m));
	sigset_t mask;
	int r;

	if (!m)
		return -ENOMEM;
	m->stream_owner.closed = on_stream_closed;
	r = sd_event_new(&m->event);
	if (r < 0)
		return r;
	sigemptyset(&mask);
	sigaddset(&mask, SIGTERM);
	sigaddset(&mask, SIGINT);
	if (sigprocmask(SIG_BLOCK, &mask, NULL) < 0)
		return -errno;
	/* A signal ends the loop with its default callback. */
	r = sd_event_add_signal(m->event, NULL, SIGTERM, NULL, NULL);
	if (r < 0)
		return r;
	r = sd_event_add_signal(m->event, NULL, SIGINT, NULL, NULL);
	if (r < 0)
		return r;
	r = sd_event_set_watchdog(m->event, 1);
	if (r < 0)
		return r;
	*ret = STEAL_PTR(m);
	return 0;
}

struct manager *manager_free(struct manager *m)
{
	if (!m)
		return NULL;
	while (m->n_streams > 0)
		stream_free(m->streams[--m->n_streams]);
	server_close(m);
	sd_event_unref(m->event);
	free(m);
	return NULL;
}

int manager_open_stream(struct manager *m, struct stream_request *req, int *ret_fd)
{
	unsigned n_user = 0;
	int r;

	if (m->n_streams >= LIMIT_STREAMS)
		return -EUSERS;
	for (unsigned i = 0; i < m->n_streams; i++)
		n_user += stream_uid(m->streams[i]) == req->uid;
	if (req->uid != 0 && n_user >= LIMIT_STREAMS_USER)
		return -EDQUOT;
	r = stream_new(&m->streams[m->n_streams], ret_fd, m->event, &m->stream_owner, req);
	if (r < 0)
		return r;
	m->n_streams++;
	return 0;
}

void manager_maybe_exit(struct manager *m)
{
	if (m->stdio && !m->connections && m->n_streams == 0)
		sd_event_exit(m->event, 0);
}
