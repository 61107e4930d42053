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

struct known {
	sd_bus *bus; /* not a reference: calls_forget() */
	uint32_t uid, real_uid, pid;
	char name[CALLER_NAME_MAX];
};

/* A method that is to be run, when all is known that it waits for. */
struct job {
	sd_bus_message *message; /* the holder's reference */
	struct manager *manager;
	const struct call_right *right;
	call_handler *handler;
	struct caller caller;
};

/* What comes next, when polkit has told. As a sd-bus handler. */
typedef int job_told(struct job *j, enum verdict verdict, sd_bus_error *error);

struct call {
	struct calls *calls; /* NULL: forgotten, nobody waits for its reply */
	struct call *next;
	sd_bus_message *message;
	/* What follows is of those that wait here, for the bus or for polkit; others are their owners' to end. */
	bool waits;
	struct job job;
	sd_bus_slot *slot; /* of the question to the bus */
	struct authority_waiter waiter;
	job_told *told;
};

struct calls {
	struct call *first;
	unsigned n_calls;
	struct authority *authority;
	struct known known[CALLERS_MAX];
};

int calls_new(struct calls **ret)
{
	struct calls *c = calloc(1, sizeof(*c));
	int r;

	if (!c)
		return -ENOMEM;
	r = authority_new(&c->authority);
	if (r < 0) {
		free(c);
		return r;
	}
	*ret = c;
	return 0;
}

int calls_attach(struct calls *c, sd_bus *bus)
{
	return authority_attach(c->authority, bus);
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
		if (call->waits)
			call_end(call);
	}
	authority_free(c->authority);
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
	authority_cancel(&c->waiter);
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
		if (c->waits)
			call_end(c);
	}
	for (size_t i = 0; i < CALLERS_MAX; i++)
		if (cs->known[i].bus == bus)
			cs->known[i] = (struct known){ 0 };
	authority_forget(cs->authority, bus);
}

/* A sender's capabilities are not delivered: root and our own user are the privileged ones. */
static uint32_t privileged_is_zero(uid_t uid)
{
	return uid == geteuid() ? 0 : (uint32_t)uid;
}

/* Senders whose uid is known. */

static struct known *known_place(struct calls *cs, sd_bus *bus, const char *name)
{
	uint64_t hash = (uint64_t)(uintptr_t)bus;

	for (const char *p = name; *p; p++)
		hash = (hash ^ (uint8_t)*p) * UINT64_C(0x100000001b3);
	return &cs->known[(hash >> 24) % CALLERS_MAX];
}

static void known_remember(struct calls *cs, sd_bus *bus, const char *name, const struct caller *caller)
{
	struct known *k = known_place(cs, bus, name);
	size_t len = strlen(name);

	if (len >= sizeof(k->name))
		return;
	*k = (struct known){ .bus = bus, .uid = caller->uid, .real_uid = caller->real_uid, .pid = caller->pid };
	memcpy(k->name, name, len + 1);
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

/* Jobs. Each step ends in the next one, or waits for polkit, and is gone on with from the event loop. */

static void on_verdict(struct authority_waiter *w, enum verdict verdict)
{
	CLEANUP(sd_bus_error_free) sd_bus_error error = SD_BUS_ERROR_NULL;
	struct call *c = (struct call *)((char *)w - offsetof(struct call, waiter));
	sd_bus_message *m = sd_bus_message_ref(c->message);
	struct job j = c->job;
	job_told *told = c->told;
	int r;

	/* The handler's own part of the call counts from here on. */
	call_end(c);
	r = told(&j, verdict, &error);
	if (r < 0)
		reply_error(m, r, &error);
	sd_bus_message_unref(m);
}

static int job_ask(struct job *j, enum authority_action action, bool interactive, bool fresh, job_told *told, sd_bus_error *error)
{
	const struct authority_ask ask = {
		.message = j->message, .uid = j->caller.uid, .action = action, .interactive = interactive, .fresh = fresh,
	};
	struct call *c;
	int r;

	/* Between two private peers polkit has nothing to say: it knows the bus's callers. */
	if (!*sender_of(j->message))
		return told(j, VERDICT_NO, error);
	c = call_begin(j->message, j->manager);
	if (!c)
		return -ENOMEM;
	c->waits = true;
	c->job = *j;
	c->told = told;
	c->waiter.told = on_verdict;
	r = authority_ask(j->manager->calls->authority, &ask, &c->waiter);
	if (r == -EINPROGRESS)
		return 1;
	call_end(c);
	if (r == -EDQUOT)
		return bus_error_limits(error, "%u questions wait for your password already", AUTHORITY_PROMPTS_USER_MAX);
	/* A question that cannot be asked has no yes. */
	return told(j, r < 0 ? VERDICT_NO : (enum verdict)r, error);
}

static int job_rate_told(struct job *j, enum verdict verdict, sd_bus_error *error)
{
	int r;

	if (verdict != VERDICT_YES)
		return bus_error_too_many_readings(error);
	j->caller.unlimited = true;
	r = sd_bus_message_rewind(j->message, 1);
	return r < 0 ? r : j->handler(j->message, j->manager, &j->caller, error);
}

/* Over ReadingsPerSecond polkit is asked before it is refused, and nobody for a password: there would be ten a second. */
static int job_run(struct job *j, sd_bus_error *error)
{
	int r = j->handler(j->message, j->manager, &j->caller, error);

	if (r != -EDQUOT || j->caller.uid == 0 || !sd_bus_error_has_name(error, SD_BUS_ERROR_LIMITS_EXCEEDED))
		return r;
	sd_bus_error_free(error);
	return job_ask(j, AUTHORITY_BYPASS_RATELIMIT, false, false, job_rate_told, error);
}

static int job_right_told(struct job *j, enum verdict verdict, sd_bus_error *error)
{
	const char *action = authority_name(j->right->action);

	if (verdict == VERDICT_YES) {
		j->caller.sees = 0;
		return job_run(j, error);
	}
	/* Without the right he is an ordinary user, as he was before somebody asked. */
	if (!j->right->what)
		return job_run(j, error);
	if (j->right->refused)
		j->right->refused(j->message, j->manager, &j->caller);
	if (verdict == VERDICT_CHALLENGE)
		return bus_error_set(error, SD_BUS_ERROR_INTERACTIVE_AUTHORIZATION_REQUIRED,
				     "who is not root may %s after polkit (%s) asked for a password; this call does not allow that, or nobody is there to ask",
				     j->right->what, action);
	return bus_error_set(error, SD_BUS_ERROR_ACCESS_DENIED, "only root may %s, and whom polkit lets (%s)", j->right->what, action);
}

/* It is known who calls. */
static int job_begin(struct job *j, sd_bus_error *error)
{
	int r = check_share(j->manager->calls, j->caller.uid, error);

	if (r < 0)
		return r;
	if (j->caller.uid == 0 || j->right->nothing)
		return job_run(j, error);
	return job_ask(j, j->right->action, sd_bus_message_get_allow_interactive_authorization(j->message) > 0, j->right->fresh,
		       job_right_told, error);
}

/* Who calls. */

/* a{sv} of GetConnectionCredentials; without the uid he is nobody. */
static int read_credentials(sd_bus_message *reply, struct caller *ret)
{
	uint32_t uid = UID_NOBODY;
	const char *key;
	int r;

	r = sd_bus_message_enter_container(reply, 'a', "{sv}");
	while (r >= 0 && (r = sd_bus_message_enter_container(reply, 'e', "sv")) > 0) {
		r = sd_bus_message_read_basic(reply, 's', &key);
		if (r >= 0 && !strcmp(key, "UnixUserID"))
			r = sd_bus_message_read(reply, "v", "u", &uid);
		else if (r >= 0 && !strcmp(key, "ProcessID"))
			r = sd_bus_message_read(reply, "v", "u", &ret->pid);
		else if (r >= 0)
			r = sd_bus_message_skip(reply, "v");
		if (r >= 0)
			r = sd_bus_message_exit_container(reply);
	}
	ret->real_uid = uid;
	ret->uid = ret->sees = uid == UID_NOBODY ? uid : privileged_is_zero(uid);
	return r;
}

static int on_credentials(sd_bus_message *reply, void *userdata, sd_bus_error *ret_error)
{
	CLEANUP(sd_bus_error_free) sd_bus_error error = SD_BUS_ERROR_NULL;
	struct call *c = userdata;
	sd_bus_message *m = sd_bus_message_ref(c->message);
	struct job j = c->job;
	int r;

	(void)ret_error;
	call_end(c);
	if (sd_bus_is_open(sd_bus_message_get_bus(m)) <= 0) {
		sd_bus_message_unref(m);
		return 0;
	}
	if (!sd_bus_message_is_method_error(reply, NULL) && read_credentials(reply, &j.caller) >= 0 && j.caller.uid != UID_NOBODY)
		known_remember(j.manager->calls, sd_bus_message_get_bus(m), sender_of(m), &j.caller);
	r = job_begin(&j, &error);
	if (r < 0)
		reply_error(m, r, &error);
	sd_bus_message_unref(m);
	return 0;
}

static int ask_bus(struct job *j)
{
	struct call *c = call_begin(j->message, j->manager);
	int r;

	if (!c)
		return -ENOMEM;
	c->waits = true;
	c->job = *j;
	r = sd_bus_call_method_async(sd_bus_message_get_bus(j->message), &c->slot, "org.freedesktop.DBus", "/org/freedesktop/DBus",
				     "org.freedesktop.DBus", "GetConnectionCredentials", on_credentials, c, "s",
				     sender_of(j->message));
	if (r < 0)
		call_end(c);
	return r < 0 ? r : 1;
}

/* The kernel tells of a peer without a bus between. */
static void ask_kernel(sd_bus *bus, struct caller *ret)
{
	sd_bus_creds *creds = NULL;
	uid_t uid;
	pid_t pid;

	if (sd_bus_get_owner_creds(bus, SD_BUS_CREDS_EUID | SD_BUS_CREDS_PID, &creds) < 0)
		return;
	if (sd_bus_creds_get_euid(creds, &uid) >= 0) {
		ret->real_uid = uid;
		ret->uid = ret->sees = privileged_is_zero(uid);
	}
	if (sd_bus_creds_get_pid(creds, &pid) >= 0)
		ret->pid = (uint32_t)pid;
	sd_bus_creds_unref(creds);
}

int call_run_right(sd_bus_message *m, struct manager *manager, const struct call_right *right, call_handler *handler,
		   sd_bus_error *error)
{
	struct job j = {
		.message = m, .manager = manager, .right = right, .handler = handler,
		.caller = { .uid = UID_NOBODY, .sees = UID_NOBODY, .real_uid = UID_NOBODY },
	};
	sd_bus *bus = sd_bus_message_get_bus(m);
	const char *sender = sender_of(m);
	const struct known *known;
	int r;

	if (manager->calls->n_calls >= CALLS_MAX)
		return too_many_calls(CALLS_MAX, error);
	if (calls_count(manager->calls, m) >= manager->config.calls_sender_max)
		return bus_error_limits(error, "%u of your calls wait already; let them end first",
					(unsigned)manager->config.calls_sender_max);
	known = known_place(manager->calls, bus, sender);
	if (*sender && (known->bus != bus || strcmp(known->name, sender)))
		return ask_bus(&j);
	if (*sender)
		j.caller = (struct caller){
			.uid = known->uid, .sees = known->uid, .real_uid = known->real_uid, .pid = known->pid,
		};
	else if (sd_bus_is_bus_client(bus) == 0)
		ask_kernel(bus, &j.caller);
	/* On a message bus the peer is the bus itself: what comes without a sender is nobody's. */
	r = job_begin(&j, error);
	if (r < 0 && !sd_bus_error_is_set(error))
		return bus_error_from_errno(error, r, "the call failed");
	return r < 0 ? r : 1;
}

const struct call_right call_right_manage = { .action = AUTHORITY_MANAGE, .what = "change how socketd works" };

int call_run(sd_bus_message *m, struct manager *manager, call_handler *handler, sd_bus_error *error)
{
	static const struct call_right inspect = { .action = AUTHORITY_INSPECT_ALL };

	return call_run_right(m, manager, &inspect, handler, error);
}
