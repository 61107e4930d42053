/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The .socket units that PID 1 listens for, as it tells over the bus */

#include "bus/socket_units.h"

#include <errno.h>
#include <string.h>
#include <sys/un.h>

#include "bus/hub.h"
#include "bus/queue.h"
#include "model/unit.h"
#include "snapshot/writer.h"

#define SYSTEMD "org.freedesktop.systemd1"
#define SYSTEMD_PATH "/org/freedesktop/systemd1"
#define PATIENCE_USEC (10 * 1000000ull)
#define AGAIN_USEC 1000000ull /* between two looks, whatever systemd says */

/* A bus lets a client wait for 128 replies, and PID 1 has other things to do. */
#define WORKERS 4

/* Asks about one unit after another: what it starts, then where it listens. */
struct worker {
	struct socket_units *owner;
	sd_bus_slot *slot; /* of the call under way */
	size_t unit;
	char service[UNIT_NAME_MAX]; /* "" for none */
};

struct asked {
	char *name, *path;
};

struct socket_units {
	struct manager *manager;
	sd_bus *bus; /* between attach and detach */
	sd_bus_slot *units_match, *reload_match, *list;
	struct queue known; /* blocks of the last look that came to its end */
	uint64_t begin_usec; /* of the last look, CLOCK_MONOTONIC; 0: there was none */
	bool others; /* systemd said so since */

	/* The look under way. */
	bool looking;
	struct asked units[SOCKET_UNITS_MAX];
	size_t n_units, next;
	unsigned n_running, n_addresses;
	int error; /* no memory */
	struct worker workers[WORKERS];
	struct arena building;
};

int socket_units_new(struct socket_units **ret, struct manager *m)
{
	struct socket_units *u = calloc(1, sizeof(*u));

	if (!u)
		return -ENOMEM;
	u->manager = m;
	arena_init(&u->building);
	*ret = u;
	return 0;
}

/* The look under way is over, or given up. */
static void end_look(struct socket_units *u)
{
	u->list = sd_bus_slot_unref(u->list);
	for (size_t i = 0; i < WORKERS; i++)
		u->workers[i].slot = sd_bus_slot_unref(u->workers[i].slot);
	for (size_t i = 0; i < u->n_units; i++) {
		free(u->units[i].name);
		free(u->units[i].path);
	}
	arena_deinit(&u->building);
	arena_init(&u->building);
	u->n_units = u->next = 0;
	u->n_running = u->n_addresses = 0;
	u->error = 0;
	u->looking = false;
}

struct socket_units *socket_units_free(struct socket_units *u)
{
	if (!u)
		return NULL;
	socket_units_detach(u, u->bus);
	queue_deinit(&u->known);
	arena_deinit(&u->building);
	free(u);
	return NULL;
}

static int write_unit(struct socket_units *u, const struct worker *w, const void *listen, size_t len)
{
	struct attr_block b;

	attr_block_begin(&b, SOCKETD_BLOCK_UNIT);
	attr_block_string(&b, SOCKETD_UNIT_SOCKET, u->units[w->unit].name);
	if (w->service[0])
		attr_block_string(&b, SOCKETD_UNIT_SERVICE, w->service);
	if (len)
		attr_block_bytes(&b, SOCKETD_UNIT_LISTEN, listen, len);
	return attr_block_write(&b, &u->building);
}

/*
 * An address of Listen=, as the kernel has the name: other kinds have their unit
 * in the cgroup. One with odd bytes comes escaped, and is not told rather than
 * told wrong.
 */
static int write_address(struct socket_units *u, const struct worker *w, const char *kind, const char *address)
{
	char name[sizeof(((struct sockaddr_un *)NULL)->sun_path)];
	size_t len = strlen(address);

	if ((strcmp(kind, "Stream") && strcmp(kind, "Datagram") && strcmp(kind, "SequentialPacket")) ||
	    (address[0] != '/' && address[0] != '@') || len > sizeof(name) || memchr(address, '\\', len))
		return 0;
	if (u->n_addresses++ >= SOCKET_UNITS_ADDRESSES_MAX)
		return 0;
	memcpy(name, address, len);
	if (name[0] == '@')
		name[0] = '\0';
	return write_unit(u, w, name, len);
}

/* Nothing that systemd says is an error of ours: what cannot be read is not told. */
static int take_addresses(struct socket_units *u, const struct worker *w, sd_bus_message *reply)
{
	const char *kind, *address;
	int r;

	if (sd_bus_message_is_method_error(reply, NULL) || sd_bus_message_enter_container(reply, 'v', "a(ss)") < 0 ||
	    sd_bus_message_enter_container(reply, 'a', "(ss)") < 0)
		return 0;
	r = write_unit(u, w, NULL, 0);
	while (r >= 0 && sd_bus_message_read(reply, "(ss)", &kind, &address) > 0)
		r = write_address(u, w, kind, address);
	return r;
}

static void take_service(struct worker *w, sd_bus_message *reply)
{
	const char *service;

	w->service[0] = '\0';
	if (sd_bus_message_is_method_error(reply, NULL) || sd_bus_message_enter_container(reply, 'v', "as") < 0 ||
	    sd_bus_message_enter_container(reply, 'a', "s") < 0)
		return;
	if (sd_bus_message_read(reply, "s", &service) > 0 && strlen(service) < sizeof(w->service))
		memcpy(w->service, service, strlen(service) + 1);
}

/* Without starting anything: where systemd is not there, nobody is to be. */
static int call(struct socket_units *u, sd_bus_slot **slot, sd_bus_message *m, sd_bus_message_handler_t done, void *ctx)
{
	int r = sd_bus_message_set_auto_start(m, 0);

	return r < 0 ? r : sd_bus_call_async(u->bus, slot, m, done, ctx, PATIENCE_USEC);
}

static int get_property(struct worker *w, const char *interface, const char *name, sd_bus_message_handler_t done)
{
	struct socket_units *u = w->owner;
	sd_bus_message *m = NULL;
	int r;

	r = sd_bus_message_new_method_call(u->bus, &m, SYSTEMD, u->units[w->unit].path, "org.freedesktop.DBus.Properties",
					   "Get");
	if (r >= 0)
		r = sd_bus_message_append(m, "ss", interface, name);
	if (r >= 0)
		r = call(u, &w->slot, m, done, w);
	sd_bus_message_unref(m);
	return r;
}

static void look_is_whole(struct socket_units *u)
{
	CLEANUP(queue_deinit) struct queue before = u->known;
	size_t len;

	u->known = (struct queue){};
	/* Short of memory we know nothing: the next look may be luckier. */
	if (!u->error)
		(void)queue_append_arena(&u->known, &u->building);
	len = queue_pending(&u->known);
	if (u->manager->hub && len &&
	    (len != queue_pending(&before) || memcmp(u->known.data + u->known.start, before.data + before.start, len) != 0))
		hub_tell(u->manager->hub, u->known.data + u->known.start, len);
	end_look(u);
}

static void next_unit(struct worker *w);

static int on_listen(sd_bus_message *reply, void *userdata, sd_bus_error *error)
{
	struct worker *w = userdata;

	(void)error;
	w->slot = sd_bus_slot_unref(w->slot);
	if (take_addresses(w->owner, w, reply) < 0)
		w->owner->error = -ENOMEM;
	next_unit(w);
	return 0;
}

static int on_triggers(sd_bus_message *reply, void *userdata, sd_bus_error *error)
{
	struct worker *w = userdata;

	(void)error;
	w->slot = sd_bus_slot_unref(w->slot);
	take_service(w, reply);
	if (get_property(w, SYSTEMD ".Socket", "Listen", on_listen) < 0)
		next_unit(w);
	return 0;
}

/* The next one that can be asked about; the worker who finds none left is done, and the last of them ends the look. */
static void next_unit(struct worker *w)
{
	struct socket_units *u = w->owner;

	while (u->next < u->n_units) {
		w->unit = u->next++;
		if (get_property(w, SYSTEMD ".Unit", "Triggers", on_triggers) >= 0)
			return;
	}
	if (--u->n_running == 0)
		look_is_whole(u);
}

/* Only those that listen. */
static int take_unit(struct socket_units *u, const char *name, const char *active, const char *path)
{
	struct asked *to = &u->units[u->n_units];

	if (u->n_units == SOCKET_UNITS_MAX || strcmp(active, "active") != 0 || strlen(name) >= UNIT_NAME_MAX)
		return 0;
	*to = (struct asked){ .name = strdup(name), .path = strdup(path) };
	u->n_units++;
	return to->name && to->path ? 0 : -ENOMEM;
}

static int take_list(struct socket_units *u, sd_bus_message *reply)
{
	const char *name, *active, *path;
	int r;

	if (sd_bus_message_is_method_error(reply, NULL) || sd_bus_message_enter_container(reply, 'a', "(ssssssouso)") < 0)
		return 0;
	while ((r = sd_bus_message_read(reply, "(ssssssouso)", &name, NULL, NULL, &active, NULL, NULL, &path, NULL, NULL,
					NULL)) > 0) {
		r = take_unit(u, name, active, path);
		if (r < 0)
			return r;
	}
	return 0;
}

/* Whether there is no systemd, rather than one that has no time. */
static bool is_absent(sd_bus_message *reply)
{
	return sd_bus_message_is_method_error(reply, SD_BUS_ERROR_SERVICE_UNKNOWN) > 0 ||
	       sd_bus_message_is_method_error(reply, SD_BUS_ERROR_NAME_HAS_NO_OWNER) > 0;
}

static int on_list(sd_bus_message *reply, void *userdata, sd_bus_error *error)
{
	struct socket_units *u = userdata;

	(void)error;
	u->list = sd_bus_slot_unref(u->list);
	if (sd_bus_message_is_method_error(reply, NULL) && !is_absent(reply)) {
		end_look(u);
		return 0;
	}
	u->error = take_list(u, reply);
	if (u->error < 0 || u->n_units == 0) {
		look_is_whole(u);
		return 0;
	}
	/* One that finds nothing to do ends the look only when all others have begun. */
	u->n_running = WORKERS;
	for (size_t i = 0; i < WORKERS; i++) {
		u->workers[i].owner = u;
		next_unit(&u->workers[i]);
	}
	return 0;
}

static uint64_t now_usec(const struct socket_units *u)
{
	uint64_t now = 0;

	sd_event_now(u->manager->event, CLOCK_MONOTONIC, &now);
	return now;
}

static bool is_due(const struct socket_units *u, uint64_t now)
{
	uint64_t age = now - u->begin_usec;

	return !u->begin_usec || age >= SOCKET_UNITS_EVERY_USEC || (u->others && age >= AGAIN_USEC);
}

/* What goes wrong here is tried again when the next one asks. */
static void look(struct socket_units *u)
{
	sd_bus_message *m = NULL;
	uint64_t now = now_usec(u);
	int r;

	if (!u->bus || u->looking || !is_due(u, now))
		return;
	u->begin_usec = now;
	u->others = false;
	r = sd_bus_message_new_method_call(u->bus, &m, SYSTEMD, SYSTEMD_PATH, SYSTEMD ".Manager", "ListUnitsByPatterns");
	if (r >= 0)
		r = sd_bus_message_append(m, "asas", 0, 1, "*.socket");
	if (r >= 0)
		r = call(u, &u->list, m, on_list, u);
	u->looking = r >= 0;
	sd_bus_message_unref(m);
}

/* Signals come where somebody, as logind, has asked for them: we do not, for our sake PID 1 need not tell of every unit. */
static int on_unit_new(sd_bus_message *m, void *userdata, sd_bus_error *error)
{
	struct socket_units *u = userdata;
	const char *name, *suffix;

	(void)error;
	if (sd_bus_message_read(m, "s", &name) < 0)
		return 0;
	suffix = strrchr(name, '.');
	if (suffix && !strcmp(suffix, ".socket"))
		u->others = true;
	return 0;
}

static int on_reloading(sd_bus_message *m, void *userdata, sd_bus_error *error)
{
	struct socket_units *u = userdata;

	(void)m, (void)error;
	u->others = true;
	return 0;
}

int socket_units_attach(struct socket_units *u, sd_bus *bus)
{
	int r;

	if (u->bus || !strcmp(u->manager->bus_address, "session"))
		return 0;
	u->bus = bus;
	r = sd_bus_match_signal_async(bus, &u->units_match, SYSTEMD, SYSTEMD_PATH, SYSTEMD ".Manager", "UnitNew", on_unit_new,
				      NULL, u);
	if (r >= 0)
		r = sd_bus_match_signal_async(bus, &u->reload_match, SYSTEMD, SYSTEMD_PATH, SYSTEMD ".Manager", "Reloading",
					      on_reloading, NULL, u);
	if (r < 0)
		return r;
	u->begin_usec = 0;
	look(u);
	return 0;
}

void socket_units_detach(struct socket_units *u, const sd_bus *bus)
{
	if (!u->bus || bus != u->bus)
		return;
	end_look(u);
	u->units_match = sd_bus_slot_unref(u->units_match);
	u->reload_match = sd_bus_slot_unref(u->reload_match);
	u->bus = NULL;
}

int socket_units_write(struct manager *m, struct arena *a)
{
	struct socket_units *u = m->socket_units;
	size_t len;
	uint8_t *room;

	look(u);
	len = queue_pending(&u->known);
	if (!len)
		return 0;
	room = arena_reserve(a, len);
	if (!room)
		return -ENOMEM;
	memcpy(room, u->known.data + u->known.start, len);
	arena_commit(a, len);
	return 0;
}
