/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Calls: who makes them, and how many one sender may have waiting */

#ifndef SOCKETD_BUS_CALL_H
#define SOCKETD_BUS_CALL_H

#include <stdint.h>
#include <systemd/sd-bus.h>

#include "bus/authority.h"
#include "bus/caller.h"
#include "manager.h"

/*
 * Runs a method when it is known who calls, and what he may. Over a private
 * connection the kernel tells at once; over a bus the bus is asked, without
 * waiting for its answer, once for each sender, and then polkit. uid is 0 for
 * root and for our own user: a sender's capabilities are not delivered, so these
 * are the privileged ones. A sender that cannot be told is nobody (65534).
 *
 *	static int method_x(sd_bus_message *m, void *userdata, sd_bus_error *error)
 *	{
 *		return call_run(m, userdata, do_x, error);
 *	}
 *
 * do_x returns as a sd-bus handler does: a negative errno, with or without the
 * error filled, becomes the error reply. It may be run a second time after
 * bus_error_too_many_readings(), so it must leave nothing behind then.
 * LimitsExceeded when the sender has CallsPerSender calls waiting already.
 */
typedef int call_handler(sd_bus_message *m, struct manager *manager, const struct caller *caller, sd_bus_error *error);

/* What a method asks of a caller who is not root. */
struct call_right {
	enum authority_action action;
	bool nothing;  /* it is for everybody, who sees what he sees: polkit is not asked */
	bool fresh;    /* what polkit said a moment ago is not enough */
	/* For a refusal: "only root may ...". NULL: nobody is refused, who has the right sees all. */
	const char *what;
	/* He was refused; for the log. May be NULL. */
	void (*refused)(sd_bus_message *m, struct manager *manager, const struct caller *caller);
};

/* For methods that show sockets: who may inspect all is answered as root is. This is what nobody can forget. */
int call_run(sd_bus_message *m, struct manager *manager, call_handler *handler, sd_bus_error *error);

/* For all others. */
int call_run_right(sd_bus_message *m, struct manager *manager, const struct call_right *right, call_handler *handler,
		   sd_bus_error *error);

/* To change how the daemon works. */
extern const struct call_right call_right_manage;

/* A call that goes on after its handler returned: counted against its sender until call_end. NULL when memory is short. */
struct call;
struct call *call_begin(sd_bus_message *m, struct manager *manager);
sd_bus_message *call_message(const struct call *c);
void call_end(struct call *c);
/* Ends it with an error reply; bus_error_* fill the error. */
void call_fail(struct call *c, int r, sd_bus_error *error);

struct calls;
int calls_new(struct calls **ret);
struct calls *calls_free(struct calls *c);
/* A message bus that calls come over. */
int calls_attach(struct calls *c, sd_bus *bus);
/* A connection is about to be closed: calls that came over it are forgotten. */
void calls_forget(struct calls *c, sd_bus *bus);

#endif
