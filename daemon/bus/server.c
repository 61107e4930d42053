/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Connections */

#include <errno.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <systemd/sd-id128.h>

#include "bus/call.h"
#include "bus/manager_object.h"
#include "bus/server.h"
#include "bus/socket_units.h"
#include "bus/subscribe.h"
#include "log.h"
#include "socketd/dbus.h"

/* Back-off of reconnection to a bus that went away. */
#define RETRY_FIRST_SEC 1
#define RETRY_LAST_SEC 60

/* Messages that wait for a private peer to take them: past it the peer does not read, and sd-bus would go on for ever. */
#define QUEUED_WRITE_MAX 64

enum connection_kind { CONNECTION_BUS, CONNECTION_PRIVATE, CONNECTION_STDIO };

struct connection {
	struct manager *manager;
	struct connection *next;
	enum connection_kind kind;
	sd_bus *bus;
	sd_event_source *closer; /* a connection is not freed inside one of its own callbacks */
};

static void schedule_retry(struct manager *m);

static void connection_close(struct connection *c)
{
	struct manager *m = c->manager;

	for (struct connection **p = &m->connections; *p; p = &(*p)->next) {
		if (*p == c) {
			*p = c->next;
			break;
		}
	}
	if (c->kind == CONNECTION_PRIVATE)
		m->n_private--;
	socket_units_detach(m->socket_units, c->bus);
	calls_forget(m->calls, c->bus);
	subscribe_forget(m, c->bus);
	sd_event_source_disable_unref(c->closer);
	sd_bus_close_unref(c->bus);
	free(c);
}

static int on_close(sd_event_source *source, void *userdata)
{
	struct connection *c = userdata;
	struct manager *m = c->manager;
	bool was_bus = c->kind == CONNECTION_BUS;

	(void)source;
	connection_close(c);
	if (was_bus)
		schedule_retry(m);
	manager_maybe_exit(m);
	return 0;
}

static int on_disconnected(sd_bus_message *message, void *userdata, sd_bus_error *error)
{
	struct connection *c = userdata;

	(void)message;
	(void)error;
	if (c->kind == CONNECTION_BUS)
		log_limited(&c->manager->bus_log, LOG_WARNING, "the bus is gone; trying to reach it again");
	sd_event_source_set_enabled(c->closer, SD_EVENT_ONESHOT);
	return 0;
}

/* Before each message of a private peer: whether it takes what it asks for. 1 drops the message. */
static int on_message(sd_bus_message *message, void *userdata, sd_bus_error *error)
{
	struct connection *c = userdata;
	uint64_t n = 0;

	(void)message;
	(void)error;
	if (sd_bus_get_n_queued_write(c->bus, &n) < 0 || n <= QUEUED_WRITE_MAX)
		return 0;
	log_limited(&c->manager->flood_log, LOG_WARNING,
		    "private socket: a client asks and does not read its answers; its connection is closed");
	sd_event_source_set_enabled(c->closer, SD_EVENT_ONESHOT);
	return 1;
}

/* What all connections have in common; the bus is not started yet. Takes the bus over. */
static int connection_new(struct connection **ret, struct manager *m, enum connection_kind kind, sd_bus *bus)
{
	struct connection *c = calloc(1, sizeof(*c));
	int r;

	if (!c) {
		sd_bus_unref(bus);
		return -ENOMEM;
	}
	*c = (struct connection){ .manager = m, .next = m->connections, .kind = kind, .bus = bus };
	m->connections = c;
	if (kind == CONNECTION_PRIVATE)
		m->n_private++;
	r = sd_event_add_defer(m->event, &c->closer, on_close, c);
	if (r >= 0)
		r = sd_event_source_set_enabled(c->closer, SD_EVENT_OFF);
	if (r >= 0)
		r = sd_bus_set_exit_on_disconnect(bus, 0);
	if (r < 0) {
		connection_close(c);
		return r;
	}
	*ret = c;
	return 0;
}

/* The objects, and notice of the end. */
static int connection_serve(struct connection *c)
{
	int r;

	r = sd_bus_match_signal_async(c->bus, NULL, "org.freedesktop.DBus.Local", "/org/freedesktop/DBus/Local",
				      "org.freedesktop.DBus.Local", "Disconnected", on_disconnected, NULL, c);
	if (r < 0)
		return r;
	if (c->kind != CONNECTION_BUS) {
		r = sd_bus_add_filter(c->bus, NULL, on_message, c);
		if (r < 0)
			return r;
	}
	if (c->kind == CONNECTION_BUS) {
		r = calls_attach(c->manager->calls, c->bus);
		if (r >= 0)
			r = socket_units_attach(c->manager->socket_units, c->bus);
		if (r < 0)
			return r;
	}
	r = manager_object_add(c->bus, c->manager);
	if (r < 0)
		return r;
	return sd_bus_attach_event(c->bus, c->manager->event, SD_EVENT_PRIORITY_NORMAL);
}

static int on_name(sd_bus_message *reply, void *userdata, sd_bus_error *error)
{
	struct connection *c = userdata;
	const sd_bus_error *e = sd_bus_message_get_error(reply);
	const char *why = e ? e->message ? e->message : e->name : "another daemon has it";
	uint32_t outcome = 0;

	(void)error;
	/* D-Bus specification, RequestName: 1 we have it, 4 we had it, 2 and 3 another one does. */
	if (!e && sd_bus_message_read(reply, "u", &outcome) >= 0 && (outcome == 1 || outcome == 4)) {
		c->manager->retry_delay_sec = 0;
		log_line(LOG_INFO, "serving %s on the bus", SOCKETD_BUS_NAME);
		return 0;
	}
	log_limited(&c->manager->name_log, LOG_ERR, "cannot take the name %s: %s", SOCKETD_BUS_NAME, why);
	/* The private socket goes on; the name may be free later. */
	sd_event_source_set_enabled(c->closer, SD_EVENT_ONESHOT);
	return 0;
}

static int set_bus_address(sd_bus *bus, const char *address)
{
	const char *a = address;

	if (!strcmp(address, "system")) {
		a = secure_getenv("DBUS_SYSTEM_BUS_ADDRESS");
		if (!a)
			a = "unix:path=/run/dbus/system_bus_socket";
	} else if (!strcmp(address, "session")) {
		a = secure_getenv("DBUS_SESSION_BUS_ADDRESS");
		if (!a)
			return -EDESTADDRREQ;
	}
	return sd_bus_set_address(bus, a);
}

static int open_bus(struct manager *m)
{
	struct connection *c;
	sd_bus *bus = NULL;
	int r;

	r = sd_bus_new(&bus);
	if (r < 0)
		return r;
	r = connection_new(&c, m, CONNECTION_BUS, bus);
	if (r < 0)
		return r;
	r = set_bus_address(bus, m->bus_address);
	if (r >= 0)
		r = sd_bus_set_bus_client(bus, 1);
	if (r >= 0)
		r = sd_bus_set_description(bus, "bus-api-socketd");
	if (r >= 0)
		r = sd_bus_set_watch_bind(bus, 1); /* it may be started after us */
	if (r >= 0)
		r = sd_bus_negotiate_creds(bus, 1, SD_BUS_CREDS_EUID | SD_BUS_CREDS_PID);
	if (r >= 0)
		r = sd_bus_start(bus);
	if (r >= 0)
		r = connection_serve(c);
	if (r >= 0)
		r = sd_bus_request_name_async(bus, NULL, SOCKETD_BUS_NAME, 0, on_name, c);
	if (r < 0)
		connection_close(c);
	return r;
}

static int on_retry(sd_event_source *source, uint64_t usec, void *userdata)
{
	struct manager *m = userdata;

	(void)source;
	(void)usec;
	if (open_bus(m) < 0)
		schedule_retry(m);
	return 0;
}

/* The timer is there since the start: this must not fail when memory is short. */
static void schedule_retry(struct manager *m)
{
	m->retry_delay_sec = m->retry_delay_sec ? m->retry_delay_sec * 2 : RETRY_FIRST_SEC;
	if (m->retry_delay_sec > RETRY_LAST_SEC)
		m->retry_delay_sec = RETRY_LAST_SEC;
	sd_event_source_set_time_relative(m->retry_timer, m->retry_delay_sec * 1000000ull);
	sd_event_source_set_enabled(m->retry_timer, SD_EVENT_ONESHOT);
}

/* A timer for later. */
static int add_timer(struct manager *m, sd_event_source **ret, sd_event_time_handler_t handler)
{
	int r = sd_event_add_time_relative(m->event, ret, CLOCK_MONOTONIC, 0, 0, handler, m);

	return r < 0 ? r : sd_event_source_set_enabled(*ret, SD_EVENT_OFF);
}

int server_open_bus(struct manager *m)
{
	int r;

	r = add_timer(m, &m->retry_timer, on_retry);
	if (r < 0)
		return r;
	r = open_bus(m);
	if (r == -EINVAL || r == -EDESTADDRREQ)
		return r;
	if (r < 0)
		schedule_retry(m);
	return 0;
}

/* Peers without a bus between: the same objects on a connection of their own. */
static int serve_peer(struct manager *m, enum connection_kind kind, int in, int out)
{
	struct connection *c;
	sd_bus *bus = NULL;
	sd_id128_t id;
	int r;

	r = sd_id128_randomize(&id);
	if (r >= 0)
		r = sd_bus_new(&bus);
	if (r >= 0)
		r = sd_bus_set_fd(bus, in, out);
	if (r < 0) {
		/* The bus has the descriptors only when it could be made. */
		sd_bus_unref(bus);
		if (kind == CONNECTION_PRIVATE)
			close(in);
		return r;
	}
	r = connection_new(&c, m, kind, bus);
	if (r < 0)
		return r;
	r = sd_bus_set_server(bus, 1, id);
	if (r >= 0)
		r = sd_bus_negotiate_fds(bus, 1);
	if (r >= 0)
		r = sd_bus_negotiate_creds(bus, 1, SD_BUS_CREDS_EUID | SD_BUS_CREDS_PID);
	if (r >= 0)
		r = sd_bus_set_sender(bus, SOCKETD_BUS_NAME);
	if (r >= 0)
		r = sd_bus_start(bus);
	if (r >= 0)
		r = connection_serve(c);
	if (r < 0)
		connection_close(c);
	return r;
}

static int on_listen_again(sd_event_source *source, uint64_t usec, void *userdata)
{
	struct manager *m = userdata;

	(void)source;
	(void)usec;
	return sd_event_source_set_enabled(m->private_listener, SD_EVENT_ON);
}

/* Who waits stays in the backlog; looking at it all the time would not make descriptors. */
static int pause_listening(struct manager *m, int error)
{
	log_limited(&m->accept_log, LOG_WARNING,
		    "private socket: a connection waits, it cannot be taken: %s; trying again every second",
		    strerror(error));
	sd_event_source_set_time_relative(m->listen_timer, 1000000);
	sd_event_source_set_enabled(m->listen_timer, SD_EVENT_ONESHOT);
	sd_event_source_set_enabled(m->private_listener, SD_EVENT_OFF);
	return 0;
}

static int on_private(sd_event_source *source, int fd, uint32_t revents, void *userdata)
{
	struct manager *m = userdata;
	int peer, r;

	(void)source;
	(void)revents;
	peer = accept4(fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
	if (peer < 0 && (errno == EMFILE || errno == ENFILE || errno == ENOMEM || errno == ENOBUFS))
		return pause_listening(m, errno);
	if (peer < 0)
		return 0; /* gone again */
	if (m->n_private >= m->config.connections_max) {
		log_limited(&m->connections_log, LOG_WARNING,
			    "private socket: %u connections are open already, one more is refused", m->n_private);
		close(peer);
		return 0;
	}
	r = serve_peer(m, CONNECTION_PRIVATE, peer, peer);
	/* One that only looked whether somebody listens is no fault. */
	if (r < 0 && r != -ECONNRESET && r != -EPIPE)
		log_limited(&m->accept_log, LOG_WARNING, "private socket: a connection failed: %s", strerror(-r));
	return 0;
}

/* A socket file that nobody listens at is left over from a daemon that died. */
static int remove_stale(const struct sockaddr_un *address, socklen_t len)
{
	CLEANUP(close) int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	struct stat st;

	if (fd < 0)
		return -errno;
	if (lstat(address->sun_path, &st) < 0)
		return errno == ENOENT ? 0 : -errno;
	/* connect() says ECONNREFUSED of any file: only a socket is ours to remove. */
	if (!S_ISSOCK(st.st_mode))
		return -EEXIST;
	/* EAGAIN: its backlog is full, so somebody listens. */
	if (connect(fd, (const struct sockaddr *)address, len) == 0 || errno == EAGAIN)
		return -EADDRINUSE;
	if (errno == ECONNREFUSED && unlink(address->sun_path) < 0)
		return -errno;
	return 0;
}

/* /run is empty after a boot; the last folder of the path is made, mode 0755. */
static int make_folder(const char *path)
{
	CLEANUP(free) char *folder = strdup(path);
	char *slash;

	if (!folder)
		return -ENOMEM;
	slash = strrchr(folder, '/');
	if (!slash || slash == folder)
		return 0;
	*slash = '\0';
	return mkdir(folder, 0755) < 0 && errno != EEXIST ? -errno : 0;
}

int server_open_private(struct manager *m, const char *path)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	socklen_t len = (socklen_t)(offsetof(struct sockaddr_un, sun_path) + strlen(path) + 1);
	CLEANUP(close) int fd = -1;
	mode_t old;
	int r;

	if (strlen(path) >= sizeof(address.sun_path))
		return -ENAMETOOLONG;
	memcpy(address.sun_path, path, strlen(path) + 1);
	r = make_folder(path);
	if (r < 0)
		return r;
	r = remove_stale(&address, len);
	if (r < 0)
		return r;
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd < 0)
		return -errno;
	/* No bus policy applies here: only our own user may connect. */
	old = umask(0177);
	r = bind(fd, (struct sockaddr *)&address, len) < 0 ? -errno : 0;
	umask(old);
	if (r < 0)
		return r;
	m->private_path = strdup(path);
	if (!m->private_path)
		return -ENOMEM;
	if (listen(fd, SOMAXCONN) < 0)
		return -errno;
	r = add_timer(m, &m->listen_timer, on_listen_again);
	if (r < 0)
		return r;
	r = sd_event_add_io(m->event, &m->private_listener, fd, EPOLLIN, on_private, m);
	if (r < 0)
		return r;
	r = sd_event_source_set_io_fd_own(m->private_listener, 1);
	if (r < 0)
		return r;
	steal_fd(&fd);
	return 0;
}

int server_open_stdio(struct manager *m)
{
	m->stdio = true;
	return serve_peer(m, CONNECTION_STDIO, STDIN_FILENO, STDOUT_FILENO);
}

void server_close(struct manager *m)
{
	while (m->connections)
		connection_close(m->connections);
	m->retry_timer = sd_event_source_disable_unref(m->retry_timer);
	m->listen_timer = sd_event_source_disable_unref(m->listen_timer);
	m->private_listener = sd_event_source_disable_unref(m->private_listener);
	if (m->private_path)
		unlink(m->private_path);
	free(m->private_path);
	m->private_path = NULL;
}
