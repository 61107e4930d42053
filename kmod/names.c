// SPDX-License-Identifier: GPL-2.0-only
/* The text fields of a socket: names of functions, protocols, modules and devices, never an address */

#include <linux/hash.h>
#include <linux/spinlock.h>

#include "access.h"
#include "flow.h"

/*
 * To look up a name takes longer than to tell all the rest of a socket, and most
 * sockets have the same functions. Remembered are those of the kernel itself,
 * which are never unloaded: nothing here can become stale.
 */
#define KNOWN_BITS 8

static struct {
	const void *function;
	char name[56];
} known[1 << KNOWN_BITS];

/* Of @known; process context, nests inside nothing that an interrupt takes. */
static DEFINE_SPINLOCK(known_lock);

static bool recall(struct socketd_text *ret, const void *function)
{
	unsigned int slot = hash_ptr(function, KNOWN_BITS);
	bool found;

	spin_lock(&known_lock);
	found = known[slot].function == function;
	if (found)
		strscpy(ret->buf, known[slot].name, sizeof(ret->buf));
	spin_unlock(&known_lock);
	return found;
}

static void remember(const struct socketd_text *text, const void *function)
{
	unsigned int slot = hash_ptr(function, KNOWN_BITS);

	/* "name [module]" is a module's, or a program's of BPF. */
	if (strchr(text->buf, '[') || strlen(text->buf) >= sizeof(known[slot].name))
		return;
	spin_lock(&known_lock);
	known[slot].function = function;
	strscpy(known[slot].name, text->buf, sizeof(known[slot].name));
	spin_unlock(&known_lock);
}

/**
 * socketd_text_function() - name of a kernel function
 * @ret: filled; "name", or "name [module]"
 * @function: its address, or NULL
 *
 * What the kernel has no name for it prints as the address itself: that is not told.
 *
 * Context: process context; RCU read section allowed.
 * Return: whether there is a name.
 */
bool socketd_text_function(struct socketd_text *ret, const void *function)
{
	if (!function)
		return false;
	if (recall(ret, function))
		return true;
	scnprintf(ret->buf, sizeof(ret->buf), "%ps", function);
	if (!ret->buf[0] || strncmp(ret->buf, "0x", 2) == 0)
		return false;
	remember(ret, function);
	return true;
}

/**
 * socketd_text_name() - a name of some kernel object
 * @ret: filled
 * @name: of any length
 *
 * Return: whether it has any characters.
 */
bool socketd_text_name(struct socketd_text *ret, const char *name)
{
	strscpy(ret->buf, name, sizeof(ret->buf));
	return ret->buf[0];
}

/* NAME_WIRE(id, access, may): only text. r, text, put and ctx are the function's. */
#define NAME_str(id, access, may) \
	if (r == 0 && (may) && access(l, &text)) \
		r = put(ctx, id, text.buf);
#define NAME_bool(...)
#define NAME_u8(...)
#define NAME_u16(...)
#define NAME_u32(...)
#define NAME_u64(...)
#define NAME_s32(...)
#define NAME_s64(...)
#define NAME_addr(...)
#define NAME_u32_list(...)

#define MAY_public true
#define MAY_privileged admin

typedef int (*put_fn)(void *ctx, u16 id, const char *text);

static int read_socket(const struct socketd_look *l, put_fn put, void *ctx)
{
	bool admin = l->q->admin;
	struct socketd_text text;
	int r = 0;

#define FIELD(id, name, wire, group, access, source, unit, doc) \
	SOCKETD_ONLY(group, socket, NAME_##wire(id, access_##name, MAY_##access))
#include "socketd/fields.def"
	return r;
}

static int read_sock(const struct socketd_look *l, put_fn put, void *ctx)
{
	bool admin = l->q->admin;
	struct socketd_text text;
	int r = 0;

#define FIELD(id, name, wire, group, access, source, unit, doc) \
	SOCKETD_ONLY(group, sock, NAME_##wire(id, access_##name, MAY_##access))
#include "socketd/fields.def"
	return r;
}

static int read_flow(const struct socketd_look *l, put_fn put, void *ctx)
{
	bool admin = l->q->admin;
	struct socketd_text text;
	int r = 0;

#define FIELD(id, name, wire, group, access, source, unit, doc) \
	SOCKETD_ONLY(group, flow, NAME_##wire(id, access_##name, MAY_##access))
#include "socketd/fields.def"
	return r;
}

/**
 * socketd_read_names() - text fields of the groups of the query
 * @l: a full socket
 * @put: called for each, in an RCU read section; a negative errno of it ends the call
 * @ctx: of @put
 *
 * Return: 0, or what @put said.
 */
int socketd_read_names(const struct socketd_look *l, int (*put)(void *ctx, u16 id, const char *text), void *ctx)
{
	u32 groups = l->q->groups;
	int r = 0;

	rcu_read_lock();
	if (groups & SOCKETD_GROUP_SOCKET)
		r = read_socket(l, put, ctx);
	if (r == 0 && groups & SOCKETD_GROUP_SOCK)
		r = read_sock(l, put, ctx);
	if (r == 0 && groups & SOCKETD_GROUP_FLOW)
		r = read_flow(l, put, ctx);
	rcu_read_unlock();
	return r;
}
