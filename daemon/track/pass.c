/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What a pass reads: every source in every network namespace, through one buffer, a bounded piece at a time */

#include <errno.h>
#include <sys/epoll.h>

#include "source/host.h"
#include "track/batch.h"
#include "track/census.h"
#include "track/state.h"

int pass_begin(struct tracker *t, bool counters, uint64_t now)
{
	struct track_netns *own = namespaces_at(&t->namespaces, 0);
	struct pass *p = &t->pass;
	int r;

	/* One for all passes: another each time would be seen, and told of as opened. */
	r = own->nl.fd < 0 ? netlink_open(&own->nl, true) : 0;
	if (r < 0)
		return r;
	namespaces_note_socket(own, SOCKET_DUMPS, own->nl.fd);
	r = namespaces_discover(t, now);
	if (r < 0)
		return r;
	request_deinit(&p->req);
	request_init(&p->req, GROUP_BIT(GROUP_base) | (counters ? GROUP_BIT(GROUP_tcp_info) : 0));
	p->next_slot = 0;
	p->source = p->fallback = SOURCE_none;
	p->byte = (uint8_t)(t->status.generation + 1);
	p->counters = counters;
	if (counters)
		p->counters_begin_usec[++p->counters_number % COUNTER_PASSES] = now;
	p->begin_usec = now;
	p->begin_boottime_usec = t->boottime_usec;
	p->cpu_usec = p->tcp_cpu_usec = 0;
	p->n_unremembered = 0;
	p->cursor = 0;
	p->phase = PASS_ADOPT;
	t->status.in_pass = true;
	return 0;
}

/* What it may still say belongs to nobody, and must not wake anybody. */
static void unwatch(struct tracker *t)
{
	struct pass *p = &t->pass;

	if (p->is_watched && p->ns->nl.fd >= 0)
		(void)epoll_ctl(t->epoll_fd, EPOLL_CTL_DEL, p->ns->nl.fd, NULL);
	p->is_watched = false;
}

void pass_stop(struct tracker *t)
{
	struct pass *p = &t->pass;

	unwatch(t);
	procfs_close(&p->procfs);
	p->phase = PASS_NONE;
	t->status.in_pass = false;
}

/* A source of this kernel's that was not there when it was last tried is left alone for a while. */
static bool is_due(const struct tracker *t, unsigned int id)
{
	return t->pass.retry[id] <= t->status.generation;
}

static void source_ended(struct tracker *t, unsigned int id, int error, uint32_t interrupted, bool unsupported, uint64_t now)
{
	struct tracker_source *s = &t->status.sources[id];
	struct pass *p = &t->pass;

	/* Of a family that is not there nothing is left either. */
	if (error == 0 || unsupported)
		p->ns->read_whole |= SOURCE_BIT(id);
	if (!p->ns->id.own) {
		s->n_sockets += p->n_seen[id];
		s->duration_usec += now - p->source_begin_usec;
		s->interrupted += interrupted;
		if (error < 0 && !unsupported)
			p->ns->error = error;
		return;
	}
	s->tried = true;
	s->error = error;
	s->interrupted = interrupted;
	s->n_sockets = p->n_seen[id];
	s->duration_usec = now - p->source_begin_usec;
	p->retry[id] = unsupported ? t->status.generation + PASS_RETRY : 0;
}

static int open_lines(struct tracker *t, unsigned int id)
{
	struct pass *p = &t->pass;
	const char *name = source_def_get(id)->proc;
	int fd;

	if (p->ns->id.own)
		return procfs_open(&p->procfs, name, id);
	fd = namespaces_open_thing(t, p->ns, NETNS_PROC, name);
	if (fd < 0)
		return fd;
	procfs_init(&p->procfs, fd, id);
	return 0;
}

static void begin_lines(struct tracker *t, unsigned int id, uint64_t now)
{
	struct pass *p = &t->pass;
	int r;

	p->current = id;
	p->source_begin_usec = now;
	r = open_lines(t, id);
	if (r < 0)
		source_ended(t, id, r, 0, r == -ENOENT, now);
	else
		p->phase = PASS_LINES;
}

static void begin_dump(struct tracker *t, unsigned int id, uint64_t now)
{
	struct pass *p = &t->pass;

	p->current = id;
	p->source_begin_usec = now;
	dump_begin(&p->dump, id, &p->req, &p->ns->nl, &t->scratch, now);
	/* What it brings is taken at once and cannot be taken back. */
	dump_keep(&p->dump);
	p->phase = PASS_DUMP;
}

/* The next namespace begins, or the sweep. 1, or errors of watching. */
static int step_netns(struct tracker *t)
{
	struct pass *p = &t->pass;
	int r;

	unwatch(t);
	p->ns = namespaces_next(&t->namespaces, &p->next_slot);
	if (!p->ns) {
		namespaces_decide(t);
		p->phase = PASS_SWEPT;
		return 1;
	}
	r = heard_open(t, p->ns);
	if (r < 0)
		return r;
	p->ns->read_whole = 0;
	p->ns->n_held = 0;
	if (p->ns->nl.fd < 0)
		return 1;
	r = tracker_watch(t, p->ns->nl.fd);
	if (r < 0)
		return r;
	p->is_watched = true;
	p->generation = p->ns->nl.generation;
	for (unsigned int id = 1; id < SOURCE_COUNT; id++) {
		p->wanted[id] = p->req.sources[id].wanted;
		p->n_seen[id] = 0;
	}
	p->source = p->fallback = SOURCE_none;
	p->phase = PASS_NEXT;
	return 1;
}

/* Sources of which the namespace has none. */
static void skip_tcp(struct pass *p)
{
	for (unsigned int id = SOURCE_tcp4; id <= SOURCE_tcp6; id++) {
		p->ns->read_whole |= SOURCE_BIT(id) | SOURCE_BIT(source_def_get(id)->fallback);
		p->wanted[id] = false;
	}
}

static void skip_mptcp(struct pass *p)
{
	for (unsigned int id = SOURCE_mptcp4; id <= SOURCE_mptcp6; id++) {
		p->ns->read_whole |= SOURCE_BIT(id);
		p->wanted[id] = false;
	}
}

/* The next source begins, or this namespace is done. */
static void step_next(struct tracker *t, uint64_t now)
{
	struct pass *p = &t->pass;
	unsigned int fallback = p->fallback;

	if (fallback != SOURCE_none) {
		p->fallback = SOURCE_none;
		begin_lines(t, fallback, now);
		return;
	}
	if (p->source == SOURCE_none && p->wanted[SOURCE_tcp4] && !census_has_tcp(t, p->ns))
		skip_tcp(p);
	if (p->source < SOURCE_mptcp4 && p->source >= SOURCE_udplite6 &&
	    !census_has_mptcp(t, p->ns, p->n_seen[SOURCE_tcp4] + p->n_seen[SOURCE_tcp6] > 0))
		skip_mptcp(p);
	/* Both families of TCP in one walk over the kernel's table. */
	if (p->source == SOURCE_none && p->wanted[SOURCE_tcp4] && is_due(t, SOURCE_tcp)) {
		p->source = SOURCE_tcp4 - 1;
		begin_dump(t, SOURCE_tcp, now);
		return;
	}
	while (++p->source < SOURCE_COUNT) {
		const struct source_def *def = source_def_get(p->source);

		if (!p->wanted[p->source])
			continue;
		if (def->kind == KIND_PROC_INET) {
			begin_lines(t, p->source, now);
		} else if (is_due(t, p->source)) {
			begin_dump(t, p->source, now);
		} else {
			p->ns->read_whole |= SOURCE_BIT(p->source);
			p->fallback = def->fallback;
		}
		return;
	}
	p->phase = PASS_NETNS;
}

static void dump_ended(struct tracker *t, uint64_t now)
{
	bool unsupported = dump_is_unsupported(&t->pass.dump);
	const struct dump *d = &t->pass.dump;
	struct pass *p = &t->pass;

	p->phase = PASS_NEXT;
	if (p->current != SOURCE_tcp) {
		source_ended(t, p->current, d->error, d->n_interrupted, unsupported, now);
		p->fallback = source_def_get(p->current)->fallback;
		if (!unsupported) {
			/* Its fallback is not read: what it has is from before the handler was there. */
			p->ns->read_whole |= SOURCE_BIT(p->fallback);
			p->fallback = SOURCE_none;
		}
		return;
	}
	p->source = SOURCE_none;
	if (unsupported) {
		p->retry[SOURCE_tcp] = t->status.generation + PASS_RETRY;
		return;
	}
	for (unsigned int id = SOURCE_tcp4; id <= SOURCE_tcp6; id++) {
		source_ended(t, id, d->error, d->n_interrupted, false, now);
		p->ns->read_whole |= SOURCE_BIT(source_def_get(id)->fallback);
		p->wanted[id] = false;
	}
	p->retry[SOURCE_tcp] = 0;
}

/* 1, or -EAGAIN, -ENOMEM. */
static int step_dump(struct tracker *t, uint64_t now)
{
	struct pass *p = &t->pass;
	int r = dump_step(&p->dump, &t->scratch, now), w;

	if (p->generation != p->ns->nl.generation) {
		p->generation = p->ns->nl.generation;
		w = p->ns->nl.fd >= 0 ? tracker_watch(t, p->ns->nl.fd) : 0;
		if (w < 0)
			return w;
		namespaces_note_socket(p->ns, SOCKET_DUMPS, p->ns->nl.fd);
	}
	/* What changed before is known first: what was heard of is not new. */
	heard_drain(t, p->ns);
	if (arena_pending(&t->scratch) > 0)
		(void)batch_walk(&t->scratch, t->table, seen_message, t);
	if (r == 0)
		dump_ended(t, now);
	return r < 0 ? r : 1;
}

static int step_lines(struct tracker *t, uint64_t now)
{
	struct pass *p = &t->pass;
	uint32_t n_lines = 0;
	int r = procfs_read(&p->procfs, &t->scratch, &n_lines);

	if (r == -ENOMEM)
		return r;
	if (arena_pending(&t->scratch) > 0)
		(void)batch_walk(&t->scratch, t->table, seen_message, t);
	if (r > 0)
		return 1;
	procfs_close(&p->procfs);
	p->phase = PASS_NEXT;
	source_ended(t, p->current, r, 0, false, now);
	return 1;
}

static void pass_ended(struct tracker *t)
{
	struct tracker_status *s = &t->status;
	struct pass *p = &t->pass;
	struct track_netns *ns;
	unsigned int slot = 0;

	pass_stop(t);
	namespaces_let_go(t);
	while ((ns = namespaces_next(&t->namespaces, &slot))) {
		ns->known |= ns->read_whole;
		ns->whole = ns->read_whole;
		ns->n_passes += ns->nl.fd >= 0;
	}
	s->generation++;
	s->n_unremembered = p->n_unremembered;
	s->begin_boottime_usec = p->begin_boottime_usec;
	s->end_boottime_usec = t->boottime_usec;
	s->had_counters = p->counters;
	if (p->counters)
		s->counters_boottime_usec = p->begin_boottime_usec;
	if (t->scan.unowned.n > 0 || t->scan.unowned.all)
		t->scan.wanted = true;
}

/* A piece of the phase. 1, 0 when the pass ended, -EAGAIN, -ENOMEM. */
static int step_phase(struct tracker *t, uint64_t now)
{
	int r;

	switch (t->pass.phase) {
	case PASS_NONE:
		return 0;
	case PASS_ADOPT:
		r = namespaces_adopt(t);
		if (r == 0)
			t->pass.phase = PASS_NETNS;
		return r < 0 ? r : 1;
	case PASS_NETNS:
		return step_netns(t);
	case PASS_NEXT:
		step_next(t, now);
		return 1;
	case PASS_DUMP:
		return step_dump(t, now);
	case PASS_LINES:
		return step_lines(t, now);
	case PASS_SWEPT:
		if (gone_sweep(t) == 0)
			pass_ended(t);
		return t->pass.phase != PASS_NONE;
	}
	return 0;
}

bool pass_reads_tcp(const struct pass *p)
{
	return p->phase == PASS_DUMP && (p->current == SOURCE_tcp || p->current <= SOURCE_tcp6);
}

int pass_step(struct tracker *t, uint64_t now)
{
	struct pass *p = &t->pass;
	bool tcp = pass_reads_tcp(p);
	int r = 1;

	for (unsigned int n = 0; n < PASS_RECEIVES && r > 0; n++) {
		bool is_slice = p->phase == PASS_SWEPT || p->phase == PASS_ADOPT;

		t->step_usec = now;
		r = step_phase(t, now);
		/* A step is of TCP or of something else, so that its time can be told. */
		if (is_slice || pass_reads_tcp(p) != tcp)
			break;
		now = host_now_usec();
	}
	return r;
}
