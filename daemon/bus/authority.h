/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What polkit lets a caller do: asked without waiting, and remembered for a moment */

#ifndef SOCKETD_BUS_AUTHORITY_H
#define SOCKETD_BUS_AUTHORITY_H

#include <stdbool.h>
#include <stdint.h>
#include <systemd/sd-bus.h>

#include "model/cleanup.h"

/* Each has its name in socketd/dbus.h, and its defaults in systemd/org.socketd1.policy. */
enum authority_action {
	AUTHORITY_INSPECT_ALL,
	AUTHORITY_DESTROY,
	AUTHORITY_MANAGE,
	AUTHORITY_BYPASS_RATELIMIT,
	AUTHORITY_COUNT
};

const char *authority_name(enum authority_action action);

enum verdict {
	VERDICT_NO, /* also where there is no polkit, or none that answers */
	VERDICT_YES,
	VERDICT_CHALLENGE, /* yes to one who types a password, which his message does not let us ask for */
};

/* How long a verdict holds; and how long nobody is asked after polkit was not there. Before that if it says that something changed. */
#define AUTHORITY_KEEP_USEC (5 * 1000000ull)
/* Questions to people, of one user, at one time. */
#define AUTHORITY_PROMPTS_USER_MAX 8u

struct authority;
int authority_new(struct authority **ret);
struct authority *authority_free(struct authority *a);
DEFINE_CLEANUP_PTR(struct authority, authority_free)

/* A message bus that callers come over: polkit is heard there when something changed. */
int authority_attach(struct authority *a, sd_bus *bus);
/* It is about to be closed: nobody who waits is told any more. */
void authority_forget(struct authority *a, sd_bus *bus);

struct question;

/* Whom to tell; the owner's, until told or cancelled. */
struct authority_waiter {
	void (*told)(struct authority_waiter *w, enum verdict verdict);
	struct authority_waiter *next;
	struct question *question;
};

struct authority_ask {
	sd_bus_message *message; /* its sender is who is asked about */
	uint32_t uid;            /* of the sender */
	enum authority_action action;
	bool interactive; /* polkit may ask for a password */
	bool fresh;       /* nothing that is remembered will do, and this is not */
};

/*
 * Asks polkit about the sender of a message that came over a message bus. An
 * enum verdict when it is known; -EINPROGRESS when w is told later, from the
 * event loop; -EDQUOT over AUTHORITY_PROMPTS_USER_MAX; -ENOMEM and errors of
 * sending.
 */
int authority_ask(struct authority *a, const struct authority_ask *ask, struct authority_waiter *w);

/* Does not wait any more; what is asked is asked. */
void authority_cancel(struct authority_waiter *w);

#endif
