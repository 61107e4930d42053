/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* One kept reading, and walks over it */

#include <errno.h>
#include <string.h>

#include "bus/reading.h"
#include "query/pairs.h"

/* Rows joined in one step: less than a millisecond. */
#define JOIN_STEP 512u

struct reading_walk {
	struct reading *reading;
	size_t piece, offset; /* of what comes next */
	const uint8_t *run;   /* that the reader was given last */
	size_t run_len;
	struct reader reader;
	struct messages messages;
	struct context *context; /* sources only: all the rest is in the reading's, once for all walks */
	struct pair_end end;     /* of the row that was asked for last */
};

static size_t block_size(const uint8_t *data, size_t len, struct socketd_block *ret_head)
{
	size_t size;

	if (len < sizeof(*ret_head))
		return 0;
	memcpy(ret_head, data, sizeof(*ret_head));
	size = sizeof(*ret_head) + ((size_t)ret_head->length + 7) / 8 * 8;
	return ret_head->length > SOCKETD_BLOCK_MAX || size > len ? 0 : size;
}

/* What a walk over messages does without: it would gather it once more. */
static bool is_of_context(uint32_t type)
{
	return type == SOCKETD_BLOCK_PROCESS || type == SOCKETD_BLOCK_OWNERS || type == SOCKETD_BLOCK_LINK ||
	       type == SOCKETD_BLOCK_CGROUP;
}

static bool is_of_messages(uint32_t type)
{
	return type == SOCKETD_BLOCK_MESSAGES || type == SOCKETD_BLOCK_LINES || type == SOCKETD_BLOCK_TRACKS;
}

/* The kernel module's messages come first, and are kept with the rest that is not of one row. */
static bool in_module(const struct reading *r)
{
	const struct source_state *s = context_source(r->context, SOURCE_module);

	return s->seen && !s->ended;
}

static int apply_blocks(struct reading *r, const uint8_t *data, size_t len)
{
	size_t offset = r->n_pieces == 0 ? sizeof(struct socketd_stream_header) : 0;

	while (offset < len) {
		struct socketd_block head;
		size_t size = block_size(data + offset, len - offset, &head);
		struct block b = { .type = head.type, .length = head.length, .payload = data + offset + sizeof(head) };
		int e;

		if (size == 0)
			return -EBADMSG;
		e = is_of_messages(head.type) && !in_module(r) ? 0 : context_apply(r->context, &b);
		if (e < 0)
			return e;
		offset += size;
	}
	return 0;
}

int reading_add_piece(struct reading *r, const uint8_t *data, size_t len)
{
	size_t before = context_module(r->context)->n_bytes;
	struct reading_piece *pieces;
	uint8_t *copy;
	int e;

	e = apply_blocks(r, data, len);
	if (e < 0)
		return e;
	r->size += context_module(r->context)->n_bytes - before;
	pieces = reallocarray(r->pieces, r->n_pieces + 1, sizeof(*pieces));
	if (!pieces)
		return -ENOMEM;
	r->pieces = pieces;
	copy = malloc(len);
	if (!copy)
		return -ENOMEM;
	memcpy(copy, data, len);
	r->pieces[r->n_pieces++] = (struct reading_piece){ .data = copy, .len = len };
	r->size += len;
	return 0;
}

uint64_t reading_table_age_usec(const struct reading *r)
{
	return context_host(r->context)->table_age_usec;
}

static int filtered_more(void *ctx, size_t taken, const uint8_t **ret, size_t *ret_len);

int reading_walk_new(struct reading_walk **ret, struct reading *r)
{
	CLEANUP(reading_walk_free) struct reading_walk *w = calloc(1, sizeof(*w));
	int e;

	if (!w)
		return -ENOMEM;
	w->reading = r;
	e = context_new(&w->context);
	if (e < 0)
		return e;
	reader_init(&w->reader, (struct input){ .more = filtered_more, .ctx = w });
	messages_init(&w->messages, &w->reader, w->context);
	messages_share_module(&w->messages, r->context);
	*ret = STEAL_PTR(w);
	return 0;
}

struct reading_walk *reading_walk_free(struct reading_walk *w)
{
	if (!w)
		return NULL;
	context_free(w->context);
	free(w);
	return NULL;
}

/* The next run of whole blocks; filtered leaves out those that is_of_context(). */
static size_t next_run(struct reading_walk *w, size_t max, bool filtered, const uint8_t **ret)
{
	while (w->piece < w->reading->n_pieces) {
		const struct reading_piece *p = &w->reading->pieces[w->piece];
		size_t begin = w->offset, end = begin;

		/* The header goes with what follows. */
		if (w->piece == 0 && begin == 0)
			end = sizeof(struct socketd_stream_header);
		while (end < p->len) {
			struct socketd_block head;
			size_t size = block_size(p->data + end, p->len - end, &head);
			bool skip = filtered && is_of_context(head.type);

			if (size == 0 || (end > begin && (skip || end + size - begin > max)))
				break;
			end += size;
			if (skip)
				begin = end;
		}
		w->offset = end;
		if (end == p->len) {
			w->piece++;
			w->offset = 0;
		}
		if (end > begin) {
			*ret = p->data + begin;
			return end - begin;
		}
		if (end < p->len)
			break; /* a block that is not whole; all were checked when they came */
	}
	return 0;
}

static int more(struct reading_walk *w, size_t taken, bool filtered, const uint8_t **ret, size_t *ret_len)
{
	w->run += taken;
	w->run_len -= taken;
	/* Runs are of whole blocks: a rest is damage, which the reader says. */
	if (w->run_len == 0)
		w->run_len = next_run(w, SIZE_MAX, filtered, &w->run);
	*ret = w->run;
	*ret_len = w->run_len;
	return 0;
}

static int filtered_more(void *ctx, size_t taken, const uint8_t **ret, size_t *ret_len)
{
	return more(ctx, taken, true, ret, ret_len);
}

static int whole_more(void *ctx, size_t taken, const uint8_t **ret, size_t *ret_len)
{
	return more(ctx, taken, false, ret, ret_len);
}

int reading_walk_next(struct reading_walk *w, struct message *ret)
{
	return messages_next(&w->messages, ret);
}

void reading_walk_attach(struct reading_walk *w, struct record *r)
{
	pairs_attach(w->reading->pairs, r, &w->end);
}

/* Messages stand in the pieces, and what the module told in the context: they stay there. */
static int join_rows(struct reading *r)
{
	struct record record;
	struct message m;

	for (unsigned i = 0; i < JOIN_STEP; i++) {
		int e = reading_walk_next(r->joiner, &m);

		if (e <= 0)
			return e;
		if (record_open(&record, &m, r->context) < 0)
			continue;
		e = pairs_add(r->pairs, &record, &m);
		if (e < 0)
			return e;
	}
	return 1;
}

int reading_join_step(struct reading *r)
{
	int e = 0;

	if (!r->pairs)
		e = pairs_new(&r->pairs);
	if (e >= 0 && !r->joiner)
		e = reading_walk_new(&r->joiner, r);
	if (e >= 0)
		e = join_rows(r);
	if (e <= 0)
		r->joiner = reading_walk_free(r->joiner);
	return e;
}

const struct context *reading_walk_context(const struct reading_walk *w)
{
	return w->reading->context;
}

int reading_write_places(const struct reading *r, struct arena *out)
{
	for (size_t i = 0; i < r->n_pieces; i++) {
		const struct reading_piece *p = &r->pieces[i];
		size_t at = i == 0 ? sizeof(struct socketd_stream_header) : 0, size;
		struct socketd_block head;

		for (; (size = block_size(p->data + at, p->len - at, &head)) > 0; at += size) {
			uint8_t *to;

			if (head.type != SOCKETD_BLOCK_NETNS && head.type != SOCKETD_BLOCK_LINK)
				continue;
			to = arena_reserve(out, size);
			if (!to)
				return -ENOMEM;
			memcpy(to, p->data + at, size);
			arena_commit(out, size);
		}
	}
	return 0;
}

size_t reading_walk_run(struct reading_walk *w, size_t max, const uint8_t **ret)
{
	return next_run(w, max, false, ret);
}

struct input reading_walk_input(struct reading_walk *w)
{
	return (struct input){ .more = whole_more, .ctx = w };
}
