/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Asking a socketd */

#include <errno.h>
#include <fcntl.h>
#include <json-c/json.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <systemd/sd-bus.h>
#include <time.h>
#include <unistd.h>

#include "cli/agent.h"
#include "cli/client.h"
#include "query/json.h"
#include "socketd/dbus.h"

/* A daemon that is there answers in milliseconds; one that is stopped never does. */
#define ANSWER_USEC (5 * 1000000ull)
/* People who are asked for a password take longer. */
#define PROMPT_USEC (310 * 1000000ull)

struct client {
	sd_bus *bus;
	bool on_bus; /* a message bus is between: the name must be given */
	struct agent agent; /* for calls in which the user may be asked for a password */
	bool silent; /* somebody is there, but did not answer in time: stopped, or hung */
};

static uint64_t now_usec(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec * 1000000 + (uint64_t)t.tv_nsec / 1000;
}

struct client *client_free(struct client *c)
{
	if (!c)
		return NULL;
	agent_close(&c->agent);
	sd_bus_close_unref(c->bus);
	free(c);
	return NULL;
}

/* Goes through the authentication, and no longer than ANSWER_USEC. */
static int wait_ready(sd_bus *bus)
{
	uint64_t deadline = now_usec() + ANSWER_USEC;
	int r;

	r = sd_bus_set_method_call_timeout(bus, ANSWER_USEC);
	while (r >= 0 && (r = sd_bus_is_ready(bus)) == 0) {
		uint64_t now = now_usec();

		r = sd_bus_process(bus, NULL);
		if (r == 0 && now >= deadline)
			return -ETIMEDOUT;
		if (r == 0)
			r = sd_bus_wait(bus, deadline - now);
	}
	return r < 0 ? r : 0;
}

static int connect_address(struct client *c, const char *address, bool on_bus)
{
	sd_bus *bus = NULL;
	int r;

	r = sd_bus_new(&bus);
	if (r >= 0)
		r = sd_bus_set_address(bus, address);
	if (r >= 0 && on_bus)
		r = sd_bus_set_bus_client(bus, 1);
	if (r >= 0)
		r = sd_bus_negotiate_fds(bus, 1);
	if (r >= 0)
		r = sd_bus_start(bus);
	if (r >= 0)
		r = wait_ready(bus);
	if (r < 0) {
		sd_bus_close_unref(bus);
		return r;
	}
	c->bus = bus;
	c->on_bus = on_bus;
	return 0;
}

/* An address is a message bus, or a socketd's private socket: that one refuses the bus's greeting. */
static int connect_any(struct client *c, const char *address)
{
	int r = connect_address(c, address, true);

	if (r == -ENOENT || r == -ECONNREFUSED || r == -EACCES || r == -EINVAL || r == -ETIMEDOUT || r >= 0)
		return r;
	return connect_address(c, address, false);
}

static int connect_named(struct client *c, const char *name)
{
	int r;

	c->on_bus = true;
	if (!strcmp(name, "system"))
		r = sd_bus_open_system(&c->bus);
	else if (!strcmp(name, "session"))
		r = sd_bus_open_user(&c->bus);
	else
		return connect_any(c, name);
	return r < 0 ? r : wait_ready(c->bus);
}

static int append_fields(sd_bus_message *m, const struct feed_request *req)
{
	int r;

	r = sd_bus_message_open_container(m, 'e', "sv");
	if (r >= 0)
		r = sd_bus_message_append(m, "s", SOCKETD_OPTION_FIELDS);
	if (r >= 0)
		r = sd_bus_message_open_container(m, 'v', "as");
	if (r >= 0)
		r = sd_bus_message_open_container(m, 'a', "s");
	for (size_t i = 0; r >= 0 && i < req->n_fields; i++)
		r = sd_bus_message_append(m, "s", field_get(req->fields[i])->name);
	for (unsigned i = 0; r >= 0 && i < 3; i++)
		r = sd_bus_message_close_container(m);
	return r;
}

static int append_options(sd_bus_message *m, const struct feed_request *req)
{
	int r;

	r = sd_bus_message_append(m, "a{sv}", 1, SOCKETD_FILTER_EXPRESSION, "s", req->expression);
	if (r >= 0)
		r = sd_bus_message_open_container(m, 'a', "{sv}");
	if (r >= 0)
		r = sd_bus_message_append(m, "{sv}", SOCKETD_OPTION_FORMAT, "s", "packed");
	if (r >= 0 && req->fields)
		r = append_fields(m, req);
	if (r >= 0 && req->initial)
		r = sd_bus_message_append(m, "{sv}", SOCKETD_OPTION_INITIAL, "b", 1);
	if (r >= 0 && req->max_age_usec != UINT64_MAX)
		r = sd_bus_message_append(m, "{sv}", SOCKETD_OPTION_MAX_AGE, "t", req->max_age_usec);
	if (r >= 0)
		r = sd_bus_message_close_container(m);
	return r;
}

/* The daemon is not there: another way to one may be tried. */
static bool is_absent(int r, const sd_bus_error *e)
{
	if (sd_bus_error_has_name(e, SD_BUS_ERROR_SERVICE_UNKNOWN) || sd_bus_error_has_name(e, SD_BUS_ERROR_NAME_HAS_NO_OWNER))
		return true;
	return r == -ECONNRESET || r == -ENOTCONN || r == -EPIPE || r == -ETIMEDOUT;
}

/* A method's value as JSON; only of the types that GetStatus has. */
static struct json_object *read_basic(sd_bus_message *m, char type, int *ret_error)
{
	const char *s;
	uint64_t t;
	uint32_t u;
	int b;

	switch (type) {
	case 's':
		*ret_error = sd_bus_message_read_basic(m, type, &s);
		return *ret_error < 0 ? NULL : json_object_new_string(s);
	case 't':
		*ret_error = sd_bus_message_read_basic(m, type, &t);
		return *ret_error < 0 ? NULL : json_object_new_uint64(t);
	case 'u':
		*ret_error = sd_bus_message_read_basic(m, type, &u);
		return *ret_error < 0 ? NULL : json_object_new_uint64(u);
	case 'b':
		*ret_error = sd_bus_message_read_basic(m, type, &b);
		return *ret_error < 0 ? NULL : json_object_new_boolean(b);
	}
	/* A newer daemon's: what is not known is left out. */
	*ret_error = sd_bus_message_skip(m, NULL);
	return NULL;
}

static struct json_object *read_list(sd_bus_message *m, int *ret_error)
{
	struct json_object *a = json_object_new_array();
	const char *s;
	int r;

	r = sd_bus_message_enter_container(m, 'a', "s");
	while (r >= 0 && (r = sd_bus_message_read_basic(m, 's', &s)) > 0)
		json_object_array_add(a, json_object_new_string(s));
	*ret_error = r < 0 ? r : sd_bus_message_exit_container(m);
	return a;
}

/* Keys of the bus have "-" where those of JSON have "_". */
static void json_key(char *key)
{
	for (; *key; key++)
		if (*key == '-')
			*key = '_';
}

static int read_entry(sd_bus_message *m, struct json_object *o)
{
	struct json_object *value;
	const char *name, *type;
	char key[64];
	int r;

	r = sd_bus_message_read_basic(m, 's', &name);
	if (r >= 0)
		r = sd_bus_message_peek_type(m, NULL, &type);
	if (r >= 0)
		r = sd_bus_message_enter_container(m, 'v', type);
	if (r < 0)
		return r;
	snprintf(key, sizeof(key), "%s", name);
	json_key(key);
	value = !strcmp(type, "as") ? read_list(m, &r) : read_basic(m, type[1] ? '\0' : type[0], &r);
	if (value)
		json_object_object_add(o, key, value);
	return r < 0 ? r : sd_bus_message_exit_container(m);
}

static int read_dict(sd_bus_message *m, struct json_object *o)
{
	int r;

	r = sd_bus_message_enter_container(m, 'a', "{sv}");
	while (r >= 0 && (r = sd_bus_message_enter_container(m, 'e', "sv")) > 0) {
		r = read_entry(m, o);
		if (r >= 0)
			r = sd_bus_message_exit_container(m);
	}
	return r < 0 ? r : sd_bus_message_exit_container(m);
}

/* a{sv} of the daemon, aa{sv} of the sources. */
static int read_status(sd_bus_message *reply, struct json_object **ret)
{
	CLEANUP_JSON struct json_object *o = json_object_new_object();
	struct json_object *status = json_object_new_object(), *sources = json_object_new_array();
	int r;

	json_object_object_add(o, "status", status);
	json_object_object_add(o, "sources", sources);
	r = read_dict(reply, status);
	if (r >= 0)
		r = sd_bus_message_enter_container(reply, 'a', "a{sv}");
	while (r >= 0 && (r = sd_bus_message_at_end(reply, 0)) == 0) {
		struct json_object *source = json_object_new_object();

		json_object_array_add(sources, source);
		r = read_dict(reply, source);
	}
	if (r < 0)
		return r;
	*ret = STEAL_PTR(o);
	return 0;
}

/* What a daemon is asked: a stream, or how it is. */
struct question {
	const struct feed_request *req;
	int *ret_fd;
	struct json_object **ret_status; /* NULL for a stream */
};

static int read_answer(sd_bus_message *reply, const struct question *q)
{
	int fd, r;

	if (q->ret_status)
		return read_status(reply, q->ret_status);
	r = sd_bus_message_read(reply, "h", &fd);
	if (r < 0)
		return r;
	fd = fcntl(fd, F_DUPFD_CLOEXEC, 3);
	if (fd < 0)
		return -errno;
	*q->ret_fd = fd;
	return 0;
}

/* polkit may ask the user: root never, and without a bus there is no polkit. */
static int allow_prompt(struct client *c, sd_bus_message *call)
{
	if (c->on_bus && geteuid() != 0 && c->agent.pid == 0)
		agent_open(&c->agent);
	return sd_bus_message_set_allow_interactive_authorization(call, 1);
}

/* Asks. -EHOSTUNREACH when nobody is there to answer. */
static int ask(struct client *c, const struct question *q, char *message)
{
	const char *method = q->ret_status ? "GetStatus" : q->req->events ? "OpenMonitor" : "OpenSockets";
	sd_bus_error error = SD_BUS_ERROR_NULL;
	sd_bus_message *call = NULL, *reply = NULL;
	int r;

	r = sd_bus_message_new_method_call(c->bus, &call, c->on_bus ? SOCKETD_BUS_NAME : NULL, SOCKETD_OBJECT_PATH,
					   SOCKETD_MANAGER_INTERFACE, method);
	if (r >= 0 && !q->ret_status)
		r = append_options(call, q->req);
	if (r >= 0 && !q->ret_status && q->req->authorize)
		r = allow_prompt(c, call);
	if (r >= 0)
		r = sd_bus_call(c->bus, call, !q->ret_status && q->req->authorize ? PROMPT_USEC : 0, &error, &reply);
	if (r >= 0) {
		r = read_answer(reply, q);
		if (r < 0)
			snprintf(message, FEED_MESSAGE_MAX, "socketd answered something else than was asked: %s", strerror(-r));
	} else if (is_absent(r, &error)) {
		c->silent |= r == -ETIMEDOUT;
		r = -EHOSTUNREACH;
	} else if (sd_bus_error_has_name(&error, SD_BUS_ERROR_UNKNOWN_METHOD)) {
		snprintf(message, FEED_MESSAGE_MAX, "the socketd that runs is older than this sockctl: it has no %s; restart it", method);
		r = -EIO;
	} else {
		snprintf(message, FEED_MESSAGE_MAX, "socketd refuses: %.400s", error.message ? error.message : error.name);
		r = sd_bus_error_has_name(&error, SD_BUS_ERROR_ACCESS_DENIED) ? -EACCES :
		    sd_bus_error_has_name(&error, SOCKETD_ERROR_INVALID_FILTER) ? -EINVAL :
		    sd_bus_error_has_name(&error, SD_BUS_ERROR_INVALID_ARGS) ? -EINVAL : -EIO;
	}
	sd_bus_error_free(&error);
	sd_bus_message_unref(call);
	sd_bus_message_unref(reply);
	return r;
}

/* The daemon that belongs to this very program: beside it in the build tree, else the installed one. */
static int daemon_path(char path[PATH_MAX])
{
	ssize_t n = readlink("/proc/self/exe", path, PATH_MAX - 1);
	char *slash;

	if (n > 0) {
		path[n] = '\0';
		slash = strrchr(path, '/');
		if (slash && (size_t)(slash - path) + sizeof("/../daemon/socketd") < PATH_MAX) {
			memcpy(slash, "/../daemon/socketd", sizeof("/../daemon/socketd"));
			if (access(path, X_OK) == 0)
				return 0;
		}
	}
	snprintf(path, PATH_MAX, "%s", SOCKETD_LIBEXEC);
	return access(path, X_OK) < 0 ? -errno : 0;
}

/* unixexec: addresses write odd bytes as %XX. */
static void escape_address(char *buf, size_t size, const char *path)
{
	size_t n = 0;

	for (; *path && n + 4 < size; path++) {
		unsigned char c = (unsigned char)*path;

		if ((c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || strchr("-_/.", c))
			buf[n++] = (char)c;
		else
			n += (size_t)snprintf(buf + n, size - n, "%%%02x", c);
	}
	buf[n] = '\0';
}

static int connect_child(struct client *c)
{
	char path[PATH_MAX], escaped[3 * PATH_MAX], address[3 * PATH_MAX + 64];
	int r;

	r = daemon_path(path);
	if (r < 0)
		return r;
	escape_address(escaped, sizeof(escaped), path);
	snprintf(address, sizeof(address), "unixexec:path=%s,argv1=--stdio", escaped);
	return connect_address(c, address, false);
}

enum way { WAY_SYSTEM_BUS, WAY_PRIVATE, WAY_CHILD, WAY_COUNT };

static int connect_way(struct client *c, enum way way)
{
	switch (way) {
	case WAY_SYSTEM_BUS:
		return connect_named(c, "system");
	case WAY_PRIVATE:
		return connect_address(c, "unix:path=" SOCKETD_PRIVATE_SOCKET, false);
	case WAY_CHILD:
		return connect_child(c);
	case WAY_COUNT:
		break;
	}
	return -EINVAL;
}

static int ask_at(struct client *c, const char *bus, const struct question *q, char *message)
{
	int r;

	r = connect_named(c, bus);
	if (r == -EACCES || r == -EPERM) {
		snprintf(message, FEED_MESSAGE_MAX, "cannot reach the bus %.200s: not allowed to", bus);
		return -EACCES;
	}
	if (r < 0 && r != -ETIMEDOUT) {
		snprintf(message, FEED_MESSAGE_MAX, "cannot reach the bus %.200s: %s; is it running?", bus, strerror(-r));
		return -EHOSTUNREACH;
	}
	c->silent = r == -ETIMEDOUT;
	r = c->silent ? -EHOSTUNREACH : ask(c, q, message);
	if (r == -EHOSTUNREACH && c->silent)
		snprintf(message, FEED_MESSAGE_MAX, "nobody answers on the bus %.200s: is socketd stopped?", bus);
	else if (r == -EHOSTUNREACH)
		snprintf(message, FEED_MESSAGE_MAX, "nobody serves %s on the bus %.200s; start socketd, or leave out --bus",
			 SOCKETD_BUS_NAME, bus);
	return r;
}

/* Every way to a daemon that is there; or, where one that just began can answer, of our own. */
static int ask_around(struct client *c, const struct question *q, char *message)
{
	enum way last = q->ret_status ? WAY_CHILD : WAY_COUNT;
	int r = -EHOSTUNREACH;

	for (enum way way = 0; way < last && r == -EHOSTUNREACH; way++) {
		int connected = connect_way(c, way);

		c->silent |= connected == -ETIMEDOUT;
		if (connected >= 0)
			r = ask(c, q, message);
		if (r == -EHOSTUNREACH)
			c->bus = sd_bus_close_unref(c->bus);
	}
	return r;
}

int client_open(struct client **ret, const struct feed_request *req, int *ret_fd, char ret_message[FEED_MESSAGE_MAX])
{
	CLEANUP(client_free) struct client *c = calloc(1, sizeof(*c));
	const struct question q = { .req = req, .ret_fd = ret_fd };
	int r;

	if (!c)
		return -ENOMEM;
	r = req->bus ? ask_at(c, req->bus, &q, ret_message) : ask_around(c, &q, ret_message);
	if (r == -EHOSTUNREACH && !req->bus)
		snprintf(ret_message, FEED_MESSAGE_MAX, "no socketd answers and none can be started; start it%s",
			 req->events ? "" : ", or use --direct");
	if (r < 0)
		return r;
	*ret = STEAL_PTR(c);
	return 0;
}

static int destroy_result(int r, const sd_bus_error *e)
{
	if (r >= 0)
		return 0;
	if (sd_bus_error_has_name(e, SOCKETD_ERROR_NO_SUCH_SOCKET))
		return -ENOENT;
	if (sd_bus_error_has_name(e, SD_BUS_ERROR_NOT_SUPPORTED))
		return -EOPNOTSUPP;
	if (sd_bus_error_has_name(e, SD_BUS_ERROR_ACCESS_DENIED) ||
	    sd_bus_error_has_name(e, SD_BUS_ERROR_INTERACTIVE_AUTHORIZATION_REQUIRED))
		return -EACCES;
	return -EIO;
}

int client_destroy(struct client *c, uint64_t netns, uint64_t cookie, char ret_why[FEED_MESSAGE_MAX])
{
	sd_bus_error error = SD_BUS_ERROR_NULL;
	sd_bus_message *call = NULL;
	const char *why;
	int r;

	r = sd_bus_message_new_method_call(c->bus, &call, c->on_bus ? SOCKETD_BUS_NAME : NULL, SOCKETD_OBJECT_PATH,
					   SOCKETD_MANAGER_INTERFACE, "DestroySocket");
	if (r >= 0)
		r = sd_bus_message_append(call, "tt", netns, cookie);
	if (r >= 0)
		r = allow_prompt(c, call);
	if (r >= 0)
		r = sd_bus_call(c->bus, call, PROMPT_USEC, &error, NULL);
	why = error.message ? error.message : error.name ? error.name : strerror(-r);
	text_escape(ret_why, FEED_MESSAGE_MAX, why, r < 0 ? strlen(why) : 0);
	r = destroy_result(r, &error);
	sd_bus_error_free(&error);
	sd_bus_message_unref(call);
	return r;
}

bool client_is_on_bus(const struct client *c)
{
	return c->on_bus;
}

bool client_is_substitute(const struct client *c)
{
	return c->silent;
}

int client_status(const char *bus, struct json_object **ret, char ret_message[FEED_MESSAGE_MAX])
{
	CLEANUP(client_free) struct client *c = calloc(1, sizeof(*c));
	const struct question q = { .ret_status = ret };
	int r;

	if (!c)
		return -ENOMEM;
	r = bus ? ask_at(c, bus, &q, ret_message) : ask_around(c, &q, ret_message);
	if (r == -EHOSTUNREACH && !bus && c->silent)
		snprintf(ret_message, FEED_MESSAGE_MAX, "a socketd is there but does not answer: is it stopped?");
	else if (r == -EHOSTUNREACH && !bus)
		snprintf(ret_message, FEED_MESSAGE_MAX, "no socketd is running, neither on the system bus nor at "
			 SOCKETD_PRIVATE_SOCKET "; start it with systemctl start socketd");
	return r;
}
