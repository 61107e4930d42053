/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What polkit lets a caller do */

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "bus/authority.h"
#include "log.h"
#include "socketd/dbus.h"

#define POLKIT_NAME "org.freedesktop.PolicyKit1"
#define POLKIT_PATH "/org/freedesktop/PolicyKit1/Authority"
#define POLKIT_INTERFACE "org.freedesktop.PolicyKit1.Authority"

/* CheckAuthorizationFlags of polkit's D-Bus API. */
#define FLAG_ALLOW_USER_INTERACTION 1u

/* A polkit that hangs makes every ordinary user wait so long, once in AUTHORITY_KEEP_USEC. People need longer to type. */
#define ANSWER_USEC (10 * 1000000ull)
#define PROMPT_USEC (300 * 1000000ull)

/* Verdicts that are remembered. */
#define VERDICTS_MAX 512u
#define SENDER_NAME_MAX 64u

struct remembered {
	sd_bus *bus; /* not a reference: authority_forget() */
	enum authority_action action;
	enum verdict verdict;
	uint64_t until_usec; /* CLOCK_MONOTONIC */
	char name[SENDER_NAME_MAX];
};

struct question {
	struct authority *authority;
	struct question *next;
	sd_bus *bus; /* not a reference: authority_forget() */
	uint32_t uid;
	enum authority_action action;
	bool interactive, fresh;
	unsigned generation;
	struct authority_waiter *waiters;
	sd_bus_slot *answer;
	char name[SENDER_NAME_MAX];
};

struct authority {
	struct question *first;
	uint64_t absent_until_usec;
	unsigned generation; /* of what polkit thinks */
	struct log_limit refusal_log;
	struct remembered verdicts[VERDICTS_MAX];
};

const char *authority_name(enum authority_action action)
{
	static const char *const names[AUTHORITY_COUNT] = {
		[AUTHORITY_INSPECT_ALL] = SOCKETD_ACTION_INSPECT_ALL,
		[AUTHORITY_DESTROY] = SOCKETD_ACTION_DESTROY,
		[AUTHORITY_MANAGE] = SOCKETD_ACTION_MANAGE,
		[AUTHORITY_BYPASS_RATELIMIT] = SOCKETD_ACTION_BYPASS_RATELIMIT,
	};

	return names[action];
}

static uint64_t now_usec(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec * 1000000 + (uint64_t)t.tv_nsec / 1000;
}

int authority_new(struct authority **ret)
{
	struct authority *a = calloc(1, sizeof(*a));

	if (!a)
		return -ENOMEM;
	*ret = a;
	return 0;
}

static void question_unlink(struct question *q)
{
	for (struct question **p = &q->authority->first; *p; p = &(*p)->next) {
		if (*p == q) {
			*p = q->next;
			return;
		}
	}
}

static void question_free(struct question *q)
{
	question_unlink(q);
	for (struct authority_waiter *w; (w = q->waiters);) {
		q->waiters = w->next;
		w->question = NULL;
	}
	sd_bus_slot_unref(q->answer);
	free(q);
}

struct authority *authority_free(struct authority *a)
{
	if (!a)
		return NULL;
	while (a->first)
		question_free(a->first);
	free(a);
	return NULL;
}

void authority_forget(struct authority *a, sd_bus *bus)
{
	struct question *next;

	for (struct question *q = a->first; q; q = next) {
		next = q->next;
		if (q->bus == bus)
			question_free(q);
	}
	for (size_t i = 0; i < VERDICTS_MAX; i++)
		if (a->verdicts[i].bus == bus)
			a->verdicts[i] = (struct remembered){ 0 };
	a->absent_until_usec = 0;
}

static int on_changed(sd_bus_message *m, void *userdata, sd_bus_error *error)
{
	struct authority *a = userdata;

	(void)m, (void)error;
	memset(a->verdicts, 0, sizeof(a->verdicts));
	a->absent_until_usec = 0;
	a->generation++;
	return 0;
}

int authority_attach(struct authority *a, sd_bus *bus)
{
	return sd_bus_match_signal_async(bus, NULL, POLKIT_NAME, POLKIT_PATH, POLKIT_INTERFACE, "Changed", on_changed, NULL, a);
}

/* What is remembered. */

static struct remembered *place_of(struct authority *a, sd_bus *bus, const char *name, enum authority_action action)
{
	uint64_t hash = (uint64_t)(uintptr_t)bus + action;

	for (const char *p = name; *p; p++)
		hash = (hash ^ (uint8_t)*p) * UINT64_C(0x100000001b3);
	return &a->verdicts[(hash >> 24) % VERDICTS_MAX];
}

/* An enum verdict, or -ENODATA. */
static int recall(struct authority *a, const struct authority_ask *ask, const char *name)
{
	sd_bus *bus = sd_bus_message_get_bus(ask->message);
	const struct remembered *r = place_of(a, bus, name, ask->action);
	uint64_t now = now_usec();

	if (now < a->absent_until_usec)
		return VERDICT_NO;
	if (ask->fresh || r->bus != bus || r->action != ask->action || now >= r->until_usec || strcmp(r->name, name))
		return -ENODATA;
	/* One who types it may get the yes now. */
	if (r->verdict == VERDICT_CHALLENGE && ask->interactive)
		return -ENODATA;
	return (int)r->verdict;
}

static void remember(const struct question *q, enum verdict verdict)
{
	struct remembered *r = place_of(q->authority, q->bus, q->name, q->action);

	if (q->fresh || q->generation != q->authority->generation)
		return;
	*r = (struct remembered){
		.bus = q->bus, .action = q->action, .verdict = verdict, .until_usec = now_usec() + AUTHORITY_KEEP_USEC,
	};
	memcpy(r->name, q->name, sizeof(r->name));
}

/* Questions. */

/* Tells all who wait, who may ask others; then it is over. */
static void question_end(struct question *q, enum verdict verdict)
{
	question_unlink(q);
	for (struct authority_waiter *w; (w = q->waiters);) {
		q->waiters = w->next;
		w->question = NULL;
		w->told(w, verdict);
	}
	question_free(q);
}

/*
 * Nobody is there, or nobody answers, as the bus says or our own patience; what
 * polkit itself says is of this caller, be it that he is gone.
 */
static bool is_absence(sd_bus_message *reply, const sd_bus_error *e)
{
	static const char *const names[] = {
		SD_BUS_ERROR_SERVICE_UNKNOWN, SD_BUS_ERROR_NAME_HAS_NO_OWNER, SD_BUS_ERROR_NO_REPLY,
		SD_BUS_ERROR_TIMEOUT, SD_BUS_ERROR_DISCONNECTED, SD_BUS_ERROR_ACCESS_DENIED,
	};

	const char *sender = sd_bus_message_get_sender(reply);

	if (sender && sender[0] == ':')
		return false;
	for (size_t i = 0; i < ARRAY_SIZE(names); i++)
		if (sd_bus_error_has_name(e, names[i]))
			return true;
	/* Activation that fails has many names. */
	return e->name && (!strncmp(e->name, "org.freedesktop.DBus.Error.Spawn.", 33) || !strncmp(e->name, "org.freedesktop.systemd1.", 25));
}

static int on_answer(sd_bus_message *reply, void *userdata, sd_bus_error *ret_error)
{
	struct question *q = userdata;
	struct authority *a = q->authority;
	const sd_bus_error *e = sd_bus_message_get_error(reply);
	enum verdict verdict = VERDICT_NO;
	int yes, challenge;

	(void)ret_error;
	if (e && is_absence(reply, e)) {
		/* It may be that the prompt took too long; that is this caller's. */
		if (!q->interactive || !sd_bus_error_has_name(e, SD_BUS_ERROR_NO_REPLY))
			a->absent_until_usec = now_usec() + AUTHORITY_KEEP_USEC;
		log_line(LOG_DEBUG, "polkit is not there: %s", e->message ? e->message : e->name);
		question_end(q, VERDICT_NO);
		return 0;
	}
	if (e)
		log_limited(&a->refusal_log, LOG_WARNING, "polkit does not tell who may %s: %s", authority_name(q->action),
			    e->message ? e->message : e->name);
	else if (sd_bus_message_enter_container(reply, 'r', "bba{ss}") > 0 && sd_bus_message_read(reply, "bb", &yes, &challenge) > 0)
		verdict = yes ? VERDICT_YES : challenge ? VERDICT_CHALLENGE : VERDICT_NO;
	remember(q, verdict);
	question_end(q, verdict);
	return 0;
}

/* Should the sender go away, polkit takes the prompt back by itself, and answers no. */
static int question_send(struct question *q)
{
	sd_bus_message *m = NULL;
	int r;

	r = sd_bus_message_new_method_call(q->bus, &m, POLKIT_NAME, POLKIT_PATH, POLKIT_INTERFACE, "CheckAuthorization");
	if (r >= 0)
		r = sd_bus_message_append(m, "(sa{sv})sa{ss}us", "system-bus-name", 1, "name", "s", q->name,
					  authority_name(q->action), 0, q->interactive ? FLAG_ALLOW_USER_INTERACTION : 0u, "");
	if (r >= 0)
		r = sd_bus_call_async(q->bus, &q->answer, m, on_answer, q, q->interactive ? PROMPT_USEC : ANSWER_USEC);
	sd_bus_message_unref(m);
	return r < 0 ? r : 0;
}

static struct question *find_question(struct authority *a, const struct authority_ask *ask, const char *name)
{
	for (struct question *q = a->first; q; q = q->next)
		if (q->bus == sd_bus_message_get_bus(ask->message) && q->action == ask->action && q->interactive == ask->interactive &&
		    !q->fresh && !ask->fresh && !strcmp(q->name, name))
			return q;
	return NULL;
}

static unsigned count_prompts(const struct authority *a, uint32_t uid)
{
	unsigned n = 0;

	for (const struct question *q = a->first; q; q = q->next)
		n += q->interactive && q->uid == uid;
	return n;
}

static int question_new(struct question **ret, struct authority *a, const struct authority_ask *ask, const char *name)
{
	struct question *q;
	int r;

	if (ask->interactive && count_prompts(a, ask->uid) >= AUTHORITY_PROMPTS_USER_MAX)
		return -EDQUOT;
	q = calloc(1, sizeof(*q));
	if (!q)
		return -ENOMEM;
	*q = (struct question){
		.authority = a,
		.next = a->first,
		.bus = sd_bus_message_get_bus(ask->message),
		.uid = ask->uid,
		.action = ask->action,
		.interactive = ask->interactive,
		.fresh = ask->fresh,
		.generation = a->generation,
	};
	memcpy(q->name, name, strlen(name) + 1);
	a->first = q;
	r = question_send(q);
	if (r < 0) {
		question_free(q);
		return r;
	}
	*ret = q;
	return 0;
}

int authority_ask(struct authority *a, const struct authority_ask *ask, struct authority_waiter *w)
{
	const char *name = sd_bus_message_get_sender(ask->message);
	struct question *q;
	int r;

	if (!name || strlen(name) >= SENDER_NAME_MAX)
		return VERDICT_NO;
	r = recall(a, ask, name);
	if (r != -ENODATA)
		return r;
	q = find_question(a, ask, name);
	if (!q) {
		r = question_new(&q, a, ask, name);
		if (r < 0)
			return r;
	}
	w->question = q;
	w->next = q->waiters;
	q->waiters = w;
	return -EINPROGRESS;
}

void authority_cancel(struct authority_waiter *w)
{
	struct question *q = w->question;

	if (!q)
		return;
	for (struct authority_waiter **p = &q->waiters; *p; p = &(*p)->next) {
		if (*p == w) {
			*p = w->next;
			break;
		}
	}
	w->question = NULL;
}
