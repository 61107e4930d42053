/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The kernel module: what it is asked, and whether it is there */

#include "source/module.h"

#include <errno.h>
#include <libmnl/libmnl.h>
#include <linux/sock_diag.h>
#include <stddef.h>
#include <string.h>
#include <sys/socket.h>

#include "snapshot/block_rows.h"
#include "socketd/uapi.h"
#include "source/netlink.h"

#define FAMILIES_ALL UINT64_MAX

/* Receives that a probe's answer may take: a message each, and the end. */
#define PROBE_BATCHES_MAX 8

static struct socketd_request *put_head(struct nlmsghdr *h, enum socketd_what what)
{
	struct socketd_request *r = mnl_nlmsg_put_extra_header(h, sizeof(*r));

	r->version = SOCKETD_UAPI_VERSION;
	r->what = what;
	r->magic = SOCKETD_UAPI_MAGIC;
	r->states = SOCKETD_STATES_ALL;
	return r;
}

static struct nlmsghdr *put_dump(void *buf)
{
	struct nlmsghdr *h = mnl_nlmsg_put_header(buf);

	h->nlmsg_type = SOCK_DIAG_BY_FAMILY;
	h->nlmsg_flags = NLM_F_REQUEST | NLM_F_DUMP;
	return h;
}

void module_put_request(struct nlmsghdr *h, const struct module_request *req, bool wide)
{
	struct socketd_request *r = put_head(h, SOCKETD_WHAT_SOCKETS);

	r->walks = req->walks;
	r->groups = req->groups;
	r->states = req->states;
	/* Refused without a pid it was refused for the namespaces: then of ours alone. */
	r->flags = wide && !req->pid ? req->flags & ~SOCKETD_FLAG_ALL_NETNS : req->flags;
	if (req->families != FAMILIES_ALL)
		mnl_attr_put_u64(h, SOCKETD_REQ_FAMILIES, req->families);
	if (req->cookie)
		mnl_attr_put_u64(h, SOCKETD_REQ_COOKIES, req->cookie);
	if (req->inode)
		mnl_attr_put_u64(h, SOCKETD_REQ_INODES, req->inode);
	if (req->pid && !wide)
		mnl_attr_put_u32(h, SOCKETD_REQ_PID, req->pid);
}

struct nlmsghdr *module_tasks_request(void *buf)
{
	struct nlmsghdr *h = put_dump(buf);

	/* A process of one namespace can hold sockets of any; who may not ask for all is told EPERM, and scans /proc. */
	put_head(h, SOCKETD_WHAT_TASKS)->flags = SOCKETD_FLAG_ALL_NETNS;
	return h;
}

/* Takes in META. Its length is the module's: what is shorter than ours ends in zeros. */
static void take_meta(struct module_info *info, const struct message *m)
{
	const struct nlattr *attr = (const void *)(m->data + sizeof(struct socketd_message));
	int left = (int)m->len - (int)sizeof(struct socketd_message);
	struct socketd_meta meta = {};

	/* Messages are aligned to 4, which is less than the struct wants. */
	if (left < 0 || m->data[offsetof(struct socketd_message, kind)] != SOCKETD_KIND_META)
		return;
	for (; mnl_attr_ok(attr, left); left -= MNL_ALIGN(attr->nla_len), attr = mnl_attr_next(attr)) {
		size_t len = mnl_attr_get_payload_len(attr);

		if (mnl_attr_get_type(attr) != SOCKETD_A_META)
			continue;
		memcpy(&meta, mnl_attr_get_payload(attr), len < sizeof(meta) ? len : sizeof(meta));
		info->uapi_version = meta.version;
		info->flags = meta.flags;
		memcpy(info->version, meta.module_version, sizeof(info->version) - 1);
		/* One that does not say is there all the same. */
		if (info->version[0] == '\0')
			memcpy(info->version, "unknown", sizeof("unknown"));
	}
}

static void take_batch(struct module_info *info, struct arena *a)
{
	const uint8_t *data;
	size_t len = arena_peek(a, &data);

	if (len > sizeof(struct socketd_block)) {
		struct block_rows rows;
		struct socketd_block head;
		struct message m;

		memcpy(&head, data, sizeof(head));
		if (block_rows_init(&rows, &(struct block){ head.type, head.length, data + sizeof(head) }) > 0)
			while (block_rows_next(&rows, &m) > 0)
				take_meta(info, &m);
	}
	arena_consume(a, len);
}

/* All of a dump is there when the request returns, but for what recvmsg() makes: nothing is waited for. */
static int ask(struct netlink *nl, struct module_info *info)
{
	const struct netlink_keep keep = { .source = SOURCE_module };
	const struct module_request nothing = { .families = FAMILIES_ALL, .states = SOCKETD_STATES_ALL };
	_Alignas(8) uint8_t buf[MODULE_REQUEST_MAX];
	struct nlmsghdr *h = put_dump(buf);
	CLEANUP(arena_deinit) struct arena arena;
	int r;

	arena_init(&arena);
	module_put_request(h, &nothing, false);
	r = netlink_send(nl, h);
	for (unsigned int i = 0; r >= 0 && i < PROBE_BATCHES_MAX; i++) {
		struct netlink_batch batch;

		r = netlink_receive(nl, &arena, &keep, &batch);
		if (r < 0)
			break;
		take_batch(info, &arena);
		if (batch.done)
			return batch.error;
	}
	return r < 0 ? r : -EBADMSG;
}

int module_probe(struct module_info *ret)
{
	CLEANUP(netlink_close) struct netlink nl = { .fd = -1 };
	struct module_info info = {};
	int r;

	r = netlink_open(&nl, true);
	if (r < 0)
		return r;
	r = ask(&nl, &info);
	if (r == -ENOMEM || r == -ENOBUFS || r == -EAGAIN)
		return r;
	/* A message without META is none of our module's. */
	if (r >= 0 && info.version[0] == '\0')
		r = -EBADMSG;
	if (r < 0)
		info = (struct module_info){};
	/* EINVAL: a kernel whose sock_diag refuses family 0 (AF_UNSPEC) altogether. */
	info.error = r == -ENOENT || r == -EINVAL ? 0 : r;
	*ret = info;
	return 0;
}
