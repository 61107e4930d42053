/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The dump of one source: asked, received, and asked again where the kernel says so */

#include "source/dump.h"

#include <errno.h>

#include "socketd/uapi.h"

static void send_request(struct dump *d, uint64_t now_usec)
{
	_Alignas(8) uint8_t buf[DIAG_REQUEST_MAX];
	struct nlmsghdr *h = diag_request(buf, d->id, d->req, d->form);

	d->interrupted_now = false;
	d->deadline_usec = now_usec + DUMP_TIMEOUT_USEC;
	d->keep.family = d->form == DIAG_EXACT ? source_def_get(d->id)->family : 0;
	d->error = h ? netlink_send(d->nl, h) : -EOPNOTSUPP;
}

void dump_begin(struct dump *d, enum source_id id, const struct request *req, struct netlink *nl,
		struct arena *a, uint64_t now_usec)
{
	*d = (struct dump){
		.id = id,
		.req = req,
		.nl = nl,
		.form = diag_first_form(id, req),
		.keep = {
			.source = id,
			/* The module tells it of each socket. */
			.netns = id == SOURCE_module ? 0 : nl->netns,
			.wipe_md5_keys = diag_can_have_md5(id, req),
			.module_sockets = id == SOURCE_module,
		},
		.start = arena_mark(a),
		.rewindable = true,
	};
	send_request(d, now_usec);
}

void dump_keep(struct dump *d)
{
	d->rewindable = false;
}

/* From the start, if nothing of what this dump brought has left the arena yet. -ESTALE otherwise. */
static int again(struct dump *d, struct arena *a, uint64_t now_usec)
{
	if (d->n_messages > 0 && (!d->rewindable || arena_rewind(a, d->start) < 0))
		return -ESTALE;
	d->n_messages = 0;
	send_request(d, now_usec);
	return 1;
}

static int end(struct dump *d, int error)
{
	d->error = error;
	return 0;
}

/*
 * A table that changed under the dump in a way that the kernel noticed: read
 * again a few times. If it never comes out whole, the last reading stands.
 */
static int interrupted(struct dump *d, struct arena *a, uint64_t now_usec)
{
	if (++d->n_interrupted > DUMP_INTERRUPTIONS_MAX || again(d, a, now_usec) < 0)
		return end(d, -EAGAIN);
	return 1;
}

/* Whether the module is asked for what takes more rights than its rows. */
static bool is_module_wide(const struct request *req)
{
	return req->module.pid || req->module.flags & SOCKETD_FLAG_ALL_NETNS;
}

/* The kernel finished an answer. */
static int finished(struct dump *d, struct arena *a, int error, uint64_t now_usec)
{
	const struct source_def *def = source_def_get(d->id);
	const struct source_request *s = &d->req->sources[d->id];

	if (d->form == DIAG_EXACT) {
		if (d->n_messages > 0)
			return end(d, error);
		/* No such socket, or another with its number: an answer, not an error. */
		if (def->kind != KIND_INET)
			return end(d, error == -ENOENT || error == -ESTALE ? 0 : error);
		/* What one lookup does not find (v4-mapped, bound but closed), the dump may. */
		d->form = DIAG_DUMP;
		return again(d, a, now_usec) < 0 ? end(d, error) : 1;
	}
	/* Of the module it says that some socket changed its state: on a busy host always, and nothing is missing for it. */
	if (error == 0 && d->id == SOURCE_module) {
		d->n_interrupted += d->interrupted_now;
		return end(d, 0);
	}
	/* The process that is asked for is gone: its sockets are those of nobody. */
	if (error == -ESRCH && d->id == SOURCE_module && d->req->module.pid)
		return end(d, 0);
	if (error == 0)
		return d->interrupted_now ? interrupted(d, a, now_usec) : end(d, 0);
	/* An older kernel does not know all operations; marks and BPF storage (CAP_BPF) are not for everyone. */
	if ((error == -EINVAL || error == -EPERM) && d->form == DIAG_DUMP && d->n_messages == 0 &&
	    (s->bytecode_len > 0 || diag_asks_storages(d->id, d->req) || (d->id == SOURCE_module && is_module_wide(d->req)))) {
		d->form = DIAG_DUMP_WIDE;
		return again(d, a, now_usec) < 0 ? end(d, error) : 1;
	}
	return end(d, error);
}

/*
 * The socket can no longer be relied on: what it still holds belongs to a dump
 * that is given up, and until that is read to its end a new one gets EBUSY.
 */
static int give_up(struct dump *d, struct arena *a, int error, uint64_t now_usec)
{
	int r = netlink_reopen(d->nl);

	if (r >= 0 && error == -ENOBUFS && d->n_overruns++ < DUMP_OVERRUNS_MAX &&
	    again(d, a, now_usec) > 0)
		return 1;
	return end(d, error);
}

int dump_step(struct dump *d, struct arena *a, uint64_t now_usec)
{
	struct netlink_batch batch;
	int r;

	if (d->error < 0)
		return 0;
	r = netlink_receive(d->nl, a, &d->keep, &batch);
	if (r == -EAGAIN)
		return now_usec < d->deadline_usec ? r : give_up(d, a, -ETIMEDOUT, now_usec);
	if (r == -ENOMEM)
		return r;
	if (r < 0)
		return give_up(d, a, r, now_usec);

	/* Strays alone do not count as an answer. */
	if (batch.n_messages > 0)
		d->deadline_usec = now_usec + DUMP_TIMEOUT_USEC;
	d->n_messages += batch.n_messages;
	d->interrupted_now |= batch.interrupted;
	return batch.done ? finished(d, a, batch.error, now_usec) : 1;
}

/*
 * sock_diag says ENOENT where no family handler can be loaded, as an error of
 * the request; inet_diag says it where the protocol has none, at the end of an
 * empty dump. EINVAL is a family number beyond the kernel's; the other two come
 * from handlers that know the family but cannot dump it.
 */
bool dump_is_unsupported(const struct dump *d)
{
	if (d->n_messages > 0)
		return false;
	return d->error == -ENOENT || d->error == -EOPNOTSUPP || d->error == -EPROTONOSUPPORT ||
	       d->error == -EAFNOSUPPORT || d->error == -EINVAL;
}
