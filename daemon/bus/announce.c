/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* PropertiesChanged of the Manager */

#include <errno.h>
#include <stdlib.h>

#include "bus/announce.h"
#include "socketd/dbus.h"

/*
 * The interval follows the cost of each pass: it is looked at now and then, and
 * told when it is half as long again, or two thirds.
 */
#define LOOK_USEC (10 * 1000000ull)
#define LOOK_ACCURACY_USEC (5 * 1000000ull)

struct announcer {
	sd_bus *bus; /* which owns it */
	struct manager *manager;
	struct announcer *next; /* of the manager's */
	uint64_t told_usec;
	sd_event_source *timer;
};

static void announcer_free(void *userdata)
{
	struct announcer *a = userdata;

	for (struct announcer **p = &a->manager->announcers; *p; p = &(*p)->next) {
		if (*p == a) {
			*p = a->next;
			break;
		}
	}
	sd_event_source_disable_unref(a->timer);
	free(a);
}

void announce_module(struct manager *m)
{
	for (struct announcer *a = m->announcers; a; a = a->next)
		if (sd_bus_is_ready(a->bus) > 0)
			sd_bus_emit_properties_changed(a->bus, SOCKETD_OBJECT_PATH, SOCKETD_MANAGER_INTERFACE, "KernelModule", NULL);
}

void announce_netns(struct manager *m, uint64_t ino, bool added)
{
	for (struct announcer *a = m->announcers; a; a = a->next)
		if (sd_bus_is_ready(a->bus) > 0)
			sd_bus_emit_signal(a->bus, SOCKETD_OBJECT_PATH, SOCKETD_MANAGER_INTERFACE,
					   added ? "NamespaceAdded" : "NamespaceRemoved", "t", ino);
}

static int on_timer(sd_event_source *source, uint64_t usec, void *userdata)
{
	struct announcer *a = userdata;
	uint64_t now = a->manager->refresh ? refresh_interval_usec(a->manager->refresh) : 0;

	(void)usec;
	if (sd_bus_is_ready(a->bus) > 0 && (now > a->told_usec + a->told_usec / 2 || now < a->told_usec - a->told_usec / 3)) {
		a->told_usec = now;
		sd_bus_emit_properties_changed(a->bus, SOCKETD_OBJECT_PATH, SOCKETD_MANAGER_INTERFACE, "PollIntervalUSec", NULL);
	}
	if (sd_event_source_set_time_relative(source, LOOK_USEC) >= 0)
		sd_event_source_set_enabled(source, SD_EVENT_ONESHOT);
	return 0;
}

static int on_disconnected(sd_bus_message *m, void *userdata, sd_bus_error *error)
{
	struct announcer *a = userdata;

	(void)m, (void)error;
	a->timer = sd_event_source_disable_unref(a->timer);
	return 0;
}

int announce_add(sd_bus *bus, struct manager *m)
{
	struct announcer *a = calloc(1, sizeof(*a));
	sd_bus_slot *slot = NULL;
	int r;

	if (!a)
		return -ENOMEM;
	*a = (struct announcer){ .bus = bus, .manager = m };
	r = sd_bus_match_signal_async(bus, &slot, NULL, "/org/freedesktop/DBus/Local", "org.freedesktop.DBus.Local",
				      "Disconnected", on_disconnected, NULL, a);
	if (r < 0) {
		free(a);
		return r;
	}
	/* From here on the slot owns it, and the connection the slot. */
	a->next = m->announcers;
	m->announcers = a;
	sd_bus_slot_set_destroy_callback(slot, announcer_free);
	r = sd_event_add_time_relative(m->event, &a->timer, CLOCK_MONOTONIC, LOOK_USEC, LOOK_ACCURACY_USEC, on_timer, a);
	if (r >= 0)
		r = sd_bus_slot_set_floating(slot, 1);
	sd_bus_slot_unref(slot);
	return r;
}
