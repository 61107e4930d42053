/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* One row after another out of a MESSAGES or LINES block */

#include <errno.h>
#include <linux/netlink.h>
#include <string.h>

#include "model/source_id.h"
#include "snapshot/block_rows.h"

int block_rows_init(struct block_rows *ret, const struct block *b)
{
	struct socketd_messages head;

	if (b->length < sizeof(head))
		return -EBADMSG;
	memcpy(&head, b->payload, sizeof(head));
	if (!source_def_get(head.source))
		return 0;
	*ret = (struct block_rows){
		.at = b->payload + sizeof(head),
		.rest = b->length - sizeof(head),
		.source = (uint8_t)head.source,
		.netns = head.netns,
		.lines = b->type == SOCKETD_BLOCK_LINES,
	};
	return 1;
}

static int next_line(struct block_rows *r, struct message *ret)
{
	const uint8_t *end = memchr(r->at, '\n', r->rest);
	size_t len = end ? (size_t)(end - r->at) : r->rest, step = end ? len + 1 : len;

	*ret = (struct message){ .data = r->at, .len = (uint32_t)len, .source = r->source, .netns = r->netns };
	r->at += step;
	r->rest -= step;
	return 1;
}

int block_rows_next(struct block_rows *r, struct message *ret)
{
	struct nlmsghdr head;
	size_t step;

	if (r->rest == 0)
		return 0;
	if (r->lines)
		return next_line(r, ret);
	if (r->rest < sizeof(head))
		return -EBADMSG;
	memcpy(&head, r->at, sizeof(head));
	if (head.nlmsg_len < sizeof(head) || head.nlmsg_len > r->rest)
		return -EBADMSG;
	*ret = (struct message){
		.data = r->at + NLMSG_HDRLEN,
		.len = head.nlmsg_len - NLMSG_HDRLEN,
		.source = r->source,
		.netns = r->netns,
	};
	/* The last one may lack its padding. */
	step = NLMSG_ALIGN(head.nlmsg_len) < r->rest ? NLMSG_ALIGN(head.nlmsg_len) : r->rest;
	r->at += step;
	r->rest -= step;
	return 1;
}
