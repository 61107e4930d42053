/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Calls: who makes them, and how many one sender may have waiting */

#include <errno.h>
#include <string.h>

#include "bus/call.h"
#include "bus/error.h"
#include "model/cleanup.h"

/* Who cannot be told is nobody. */
#define UID_NOBODY 65534u

/* Calls of all senders that wait at one time: each holds its message. Root has the whole, the others their share. */
#define CALLS_MAX 1024u

/* Senders whose uid is remembered; a unique name is never given twice in the life of a bus. */
#define CALLERS_MAX 256u
#define CALLER_NAME_MAX 64u

struct caller {
	sd_bus *bus; /* not a reference: calls_forget() */
	uint32_t uid;
	char name[CALLER_NAME_MAX];
};

struct call {
	struct calls *calls; /* NULL: forgotten, nobody waits for its reply */
	struct call *next;
	struct manager *manager;
	sd_bus_message *message;
	sd_bus_slot *slot; /* of the question to the bus */
	call_handler *handler;
};

struct calls {
	struct call *first;
	unsigned n_calls;
	struct caller callers[CALLERS_MAX];
};

int calls_new(struct calls **ret)
{
	struct calls *c = calloc(1, sizeof(*c));

	if (!c)
		return -ENOMEM;
	*ret = c;
	return 0;
}

static void call_unlink(struct call *c)
{
	if (!c->calls)
		return;
	for (struct call **p = &c->calls->first; *p; p = &(*p)->next) {
		if (*p == c) {
			*p = c->next;
			break;
		}
	}
	c->calls->n_calls--;
	c->calls = NULL;
}

struct calls *calls_free(struct calls *c)
{
	if (!c)
		return NULL;
	while (c->first) {
		struct call *call = c->first;

		call_unlink(call);
		/* Others are their owners' to end. */
		if (call->slot)
			call_end(call);
	}
	free(c);
	return NULL;
}

/* Between two private peers there is one sender: the connection. */
static const char *sender_of(sd_bus_message *m)
{
	const char *sender = sd_bus_is_bus_client(sd_bus_message_get_bus(m)) > 0 ? sd_bus_message_get_sender(m) : NULL;

	return sender ? sender : "";
}

static unsigned calls_count(const struct calls *cs, sd_bus_message *m)
{
	const char *sender = sender_of(m);
	unsigned n = 0;

	for (const struct call *c = cs->first; c; c = c->next)
		n += sd_bus_message_get_bus(c->message) == sd_bus_message_get_bus(m) && !strcmp(sender_of(c->message), sender);
	return n;
}

struct call *call_begin(sd_bus_message *m, struct manager *manager)
{
	struct call *c = calloc(1, sizeof(*c));

	if (!c)
		return NULL;
	*c = (struct call){
		.calls = manager->calls,
		.next = manager->calls->first,
		.manager = manager,
		.message = sd_bus_message_ref(m),
	};
	manager->calls->first = c;
	manager->calls->n_calls++;
	return c;
}

sd_bus_message *call_message(const struct call *c)
{
	return c->message;
}

void call_end(struct call *c)
{
	if (!c)
		return;
	call_unlink(c);
	sd_bus_slot_unref(c->slot);
	sd_bus_message_unref(c->message);
	free(c);
}

static void reply_error(sd_bus_message *m, int r, sd_bus_error *error)
{
	if (!sd_bus_error_is_set(error))
		bus_error_from_errno(error, r, "the call failed");
	/* A caller that is gone is no fault of ours. */
	sd_bus_reply_method_error(m, error);
}

void call_fail(struct call *c, int r, sd_bus_error *error)
{
	if (c && c->calls)
		reply_error(c->message, r, error);
	call_end(c);
}

void calls_forget(struct calls *cs, sd_bus *bus)
{
	struct call *next;

	for (struct call *c = cs->first; c; c = next) {
		next = c->next;
		if (sd_bus_message_get_bus(c->message) != bus)
			continue;
		call_unlink(c);
		if (c->slot)
			call_end(c);
	}
	for (size_t i = 0; i < CALLERS_MAX; i++)
		if (cs->callers[i].bus == bus)
			cs->callers[i] = (struct caller){ 0 };
}

/* A sender's capabilities are not delivered: root and our own user are the privileged ones. */
static uint32_t privileged_is_zero(uid_t uid)
{
	return uid == geteuid() ? 0 : (uint32_t)uid;
}

static struct caller *caller_place(struct calls *cs, sd_bus *bus, const char *name)
{
	uint64_t hash = (uint64_t)(uintptr_t)bus;

	for (const char *p = name; *p; p++)
		hash = (hash ^ (uint8_t)*p) * UINT64_C(0x100000001b3);
	return &cs->callers[(hash >> 24) % CALLERS_MAX];
}

static void caller_remember(struct calls *cs, sd_bus *bus, const char *name, uint32_t uid)
{
	struct caller *c = caller_place(cs, bus, name);
	size_t len = strlen(name);

	if (len >= sizeof(c->name))
		return;
	*c = (struct caller){ .bus = bus, .uid = uid };
	memcpy(c->name, name, len + 1);
}

static int too_many_calls(unsigned max, sd_bus_error *error)
{
	return bus_error_limits(error, "%u calls wait already, of all callers", max);
}

/* Whoever waits for the bus to tell who he is has a place of the rest, for as long as that takes. */
static int check_share(const struct calls *cs, uint32_t uid, sd_bus_error *error)
{
	unsigned max = manager_share(CALLS_MAX);

	return uid != 0 && cs->n_calls >= max ? too_many_calls(max, error) : 0;
}

static int on_uid(sd_bus_message *reply, void *userdata, sd_bus_error *ret_error)
{
	CLEANUP(sd_bus_error_free) sd_bus_error error = SD_BUS_ERROR_NULL;
	struct call *c = userdata;
	struct manager *manager = c->manager;
	sd_bus_message *m = sd_bus_message_ref(c->message);
	call_handler *handler = c->handler;
	uint32_t uid = UID_NOBODY;
	int r;

	(void)ret_error;
	if (sd_bus_is_open(sd_bus_message_get_bus(m)) <= 0) {
		call_end(c);
		sd_bus_message_unref(m);
		return 0;
	}
	if (!sd_bus_message_is_method_error(reply, NULL) && sd_bus_message_read(reply, "u", &uid) > 0) {
		uid = privileged_is_zero(uid);
		caller_remember(manager->calls, sd_bus_message_get_bus(m), sender_of(m), uid);
	} else {
		uid = UID_NOBODY;
	}
	/* The handler's own part of the call counts from here on. */
	call_end(c);
	r = check_share(manager->calls, uid, &error);
	if (r >= 0)
		r = handler(m, manager, uid, &error);
	if (r < 0)
		reply_error(m, r, &error);
	sd_bus_message_unref(m);
	return 0;
}

static int ask_bus(sd_bus_message *m, struct manager *manager, call_handler *handler)
{
	struct call *c = call_begin(m, manager);
	int r;

	if (!c)
		return -ENOMEM;
	c->handler = handler;
	r = sd_bus_call_method_async(sd_bus_message_get_bus(m), &c->slot, "org.freedesktop.DBus", "/org/freedesktop/DBus",
				     "org.freedesktop.DBus", "GetConnectionUnixUser", on_uid, c, "s", sender_of(m));
	if (r < 0)
		call_end(c);
	return r < 0 ? r : 1;
}

static int run_now(sd_bus_message *m, struct manager *manager, call_handler *handler, uint32_t uid, sd_bus_error *error)
{
	int r = check_share(manager->calls, uid, error);

	if (r >= 0)
		r = handler(m, manager, uid, error);
	if (r < 0 && !sd_bus_error_is_set(error))
		return bus_error_from_errno(error, r, "the call failed");
	return r < 0 ? r : 1;
}

/* The kernel tells of a peer without a bus between. */
static uint32_t peer_uid(sd_bus *bus)
{
	sd_bus_creds *creds = NULL;
	uid_t uid = UID_NOBODY;

	if (sd_bus_get_owner_creds(bus, SD_BUS_CREDS_EUID, &creds) < 0 || sd_bus_creds_get_euid(creds, &uid) < 0)
		uid = UID_NOBODY;
	else
		uid = privileged_is_zero(uid);
	sd_bus_creds_unref(creds);
	return uid;
}

int call_run(sd_bus_message *m, struct manager *manager, call_handler *handler, sd_bus_error *error)
{
	sd_bus *bus = sd_bus_message_get_bus(m);
	const struct caller *known;
	const char *sender = sender_of(m);

	if (manager->calls->n_calls >= CALLS_MAX)
		return too_many_calls(CALLS_MAX, error);
	if (calls_count(manager->calls, m) >= manager->config.calls_sender_max)
		return bus_error_limits(error, "%u of your calls wait already; let them end first",
					(unsigned)manager->config.calls_sender_max);
	if (!*sender)
		return run_now(m, manager, handler, peer_uid(bus), error);
	known = caller_place(manager->calls, bus, sender);
	if (known->bus == bus && !strcmp(known->name, sender))
		return run_now(m, manager, handler, known->uid, error);
	return ask_bus(m, manager, handler);
}
