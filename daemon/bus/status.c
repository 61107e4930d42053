/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* How the daemon is */

#include <errno.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/utsname.h>
#include <unistd.h>

#include "bus/call.h"
#include "bus/error.h"
#include "bus/kernel_module.h"
#include "bus/list.h"
#include "bus/monitor.h"
#include "bus/readings.h"
#include "bus/status.h"
#include "bus/subscribe.h"
#include "bus/variant.h"
#include "query/json.h"

/* What this build can do beside answering: const, whatever else is there. */
static const char *const features[] = { "events", "tracking" };

static uint64_t resident_bytes(void)
{
	CLEANUP(fclose) FILE *f = fopen("/proc/self/statm", "re");
	unsigned long size, resident;

	if (!f || fscanf(f, "%lu %lu", &size, &resident) != 2)
		return 0;
	return (uint64_t)resident * (uint64_t)sysconf(_SC_PAGESIZE);
}

/* "" where the usual one is not there: nothing was read then. */
static const char *config_file(const struct manager *m)
{
	if (m->config_path)
		return m->config_path;
	return access(CONFIG_FILE, F_OK) == 0 ? CONFIG_FILE : "";
}

static int append_host(sd_bus_message *m, struct manager *manager)
{
	struct utsname uts;
	int r;

	kernel_module_look(manager);
	r = variant_append_string(m, "version", SOCKETD_VERSION);
	if (r >= 0)
		r = variant_append_u64(m, "uptime-usec", tracker_boottime_usec() - manager->begin_boottime_usec);
	if (r >= 0)
		r = variant_append_string(m, "kernel", uname(&uts) < 0 ? "" : uts.release);
	if (r >= 0)
		r = variant_append_strv(m, "features", features, ARRAY_SIZE(features));
	if (r >= 0)
		r = kernel_module_append_status(m, manager);
	if (r >= 0)
		r = variant_append_string(m, "config-file", config_file(manager));
	if (r >= 0)
		r = variant_append_u64(m, "memory", resident_bytes());
	if (r >= 0)
		r = variant_append_u64(m, "readings-memory", readings_memory(manager->readings));
	if (r >= 0)
		r = variant_append_u32(m, "streams", manager->n_streams);
	if (r >= 0)
		r = variant_append_u32(m, "monitors", monitors_count(manager));
	if (r >= 0)
		r = variant_append_u32(m, "subscribers", subscribers_count(manager));
	if (r >= 0)
		r = variant_append_u32(m, "cursors", cursors_count(manager));
	return r < 0 ? r : variant_append_bool(m, "tracking", manager->refresh != NULL);
}

/* State changes that the kernel module tells. */
static int append_heard(sd_bus_message *m, const struct tracker_status *s)
{
	const char *why = "";
	int r;

	if (s->n_netns_heard == 0 && (s->heard_error == 0 || s->heard_error == -ENOTCONN))
		why = "nobody listens to events";
	else if (s->heard_error == -ENOENT)
		why = "the kernel module is not loaded";
	else if (s->heard_error)
		why = strerror(abs(s->heard_error));
	r = variant_append_bool(m, "changes-heard", s->n_netns_heard > 0);
	if (r >= 0)
		r = variant_append_string(m, "changes-error", why);
	return r < 0 ? r : variant_append_u64(m, "changes-lost", s->n_unheard);
}

static int append_table(sd_bus_message *m, struct manager *manager, const struct tracker_status *s)
{
	const struct {
		const char *key;
		uint64_t value;
	} numbers[] = {
		{ "generation", s->generation },
		{ "sockets", s->n_sockets },
		{ "unremembered", s->n_unremembered },
		{ "opened", s->n_opened },
		{ "changed", s->n_changed },
		{ "closed", s->n_closed },
		{ "brief", s->n_brief },
		{ "lost", s->n_lost },
		{ "events-lost", s->n_events_lost },
		{ "table-memory", s->table_memory },
		{ "owners-memory", s->holders_memory },
		{ "interval-usec", refresh_interval_usec(manager->refresh) },
		{ "cpu-quota", manager->config.cpu_quota },
		{ "scans", s->n_scans },
	};
	int r = 0;

	for (size_t i = 0; r >= 0 && i < ARRAY_SIZE(numbers); i++)
		r = variant_append_u64(m, numbers[i].key, numbers[i].value);
	if (r >= 0)
		r = variant_append_bool(m, "in-pass", s->in_pass);
	if (r >= 0)
		r = variant_append_bool(m, "in-scan", s->in_scan);
	if (r >= 0)
		r = variant_append_string(m, "events-error", s->destroy_error ? strerror(abs(s->destroy_error)) : "");
	return r < 0 ? r : append_heard(m, s);
}

/* How many namespaces there are is nobody's business but root's. */
static int append_namespaces(sd_bus_message *m, struct manager *manager, const struct tracker_status *s)
{
	const char *why = "";
	int r;

	r = variant_append_u32(m, "namespaces", s->n_netns);
	if (r >= 0)
		r = variant_append_u32(m, "namespaces-hidden", s->n_netns_hidden);
	if (r >= 0)
		r = variant_append_u32(m, "namespaces-heard", s->n_netns_heard);
	if (manager->config.namespaces_max == 0)
		why = "NamespacesMax=0";
	else if (s->netns_error == -EHOSTDOWN)
		why = "not allowed: it takes CAP_SYS_ADMIN or socketd-netns";
	else if (s->netns_error)
		why = strerror(abs(s->netns_error));
	else if (s->n_netns_hidden && s->n_netns > manager->config.namespaces_max)
		why = "NamespacesMax is reached";
	else if (s->n_netns_hidden)
		why = "of processes that may not be looked into";
	return r < 0 ? r : variant_append_string(m, "namespaces-error", why);
}

static int append_last_pass(sd_bus_message *m, const struct tracker_status *s)
{
	uint64_t now = tracker_boottime_usec();
	int r;

	if (s->generation == 0)
		return 0;
	r = variant_append_u64(m, "pass-age-usec", now - s->begin_boottime_usec);
	if (r >= 0)
		r = variant_append_u64(m, "pass-duration-usec", s->end_boottime_usec - s->begin_boottime_usec);
	if (r >= 0)
		r = variant_append_u64(m, "pass-cpu-usec", s->cpu_usec);
	if (r >= 0)
		r = variant_append_bool(m, "pass-counters", s->had_counters);
	if (r >= 0 && s->counters_boottime_usec)
		r = variant_append_u64(m, "counters-age-usec", now - s->counters_boottime_usec);
	if (r >= 0 && s->n_scans) {
		r = variant_append_u64(m, "scan-age-usec", now - s->scan_boottime_usec);
		if (r >= 0)
			r = variant_append_u64(m, "scan-cpu-usec", s->scan_cpu_usec);
		if (r >= 0)
			r = variant_append_string(m, "scan-error", s->scan_error ? strerror(abs(s->scan_error)) : "");
	}
	return r;
}

/* What a source gives, and the module that brings it. */
static void describe_source(const struct source_def *def, const char **ret_what, const char **ret_module)
{
	static const struct {
		uint16_t family, protocol; /* family 0: any */
		const char *what, *module;
	} rows[] = {
		{ 0, IPPROTO_TCP, "TCP sockets", "tcp_diag" },
		{ 0, IPPROTO_UDP, "UDP sockets", "udp_diag" },
		{ 0, IPPROTO_UDPLITE, "UDP-Lite sockets", "udp_diag" },
		{ 0, IPPROTO_RAW, "raw sockets", "raw_diag" },
		{ 0, IPPROTO_DCCP, "DCCP sockets", "dccp_diag" },
		{ 0, IPPROTO_SCTP, "SCTP sockets", "sctp_diag" },
		{ 0, PROTOCOL_MPTCP, "MPTCP connections", "mptcp_diag" },
		{ AF_UNIX, 0, "UNIX sockets", "unix_diag" },
		{ AF_NETLINK, 0, "netlink sockets", "netlink_diag" },
		{ AF_PACKET, 0, "packet sockets", "af_packet_diag" },
		{ AF_VSOCK, 0, "VSOCK sockets", "vsock_diag" },
		{ AF_XDP, 0, "XDP sockets", "xsk_diag" },
		{ 43, 0, "SMC sockets", "smc_diag" }, /* AF_SMC, newer than some C libraries */
		{ AF_TIPC, 0, "TIPC sockets", "tipc_diag" },
	};

	*ret_what = "sockets";
	*ret_module = NULL;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		if (rows[i].protocol != def->protocol || (rows[i].family && rows[i].family != def->family))
			continue;
		*ret_what = rows[i].what;
		*ret_module = def->kind == KIND_PROC_INET ? NULL : rows[i].module;
		return;
	}
}

static int append_missing(sd_bus_message *m, const struct source_def *def, int error, bool has_fallback)
{
	const char *what, *module, *how = "";
	char gives[128];
	int r = 0;

	describe_source(def, &what, &module);
	if (error == EPERM || error == EACCES)
		how = "; run socketd with CAP_NET_ADMIN";
	else if (source_is_absent(error) && module)
		how = "; modprobe ";
	snprintf(gives, sizeof(gives), "%s%s%s%s", has_fallback ? "more than /proc tells of " : "", what, how,
		 source_is_absent(error) && module ? module : "");
	if (!source_is_absent(error))
		r = variant_append_string(m, "error", strerror(error));
	return r < 0 ? r : variant_append_string(m, "gives", gives);
}

static int append_source(sd_bus_message *m, const struct source_def *def, const struct tracker_status *status,
			 const struct tracker_source *s)
{
	int error = abs(s->error), r;
	const char *state = !s->tried ? "pending" : !error ? "ok" : source_is_absent(error) ? "absent" :
			    error == EPERM || error == EACCES ? "denied" : "error";

	r = sd_bus_message_open_container(m, 'a', "{sv}");
	if (r >= 0)
		r = variant_append_string(m, "name", def->name);
	if (r >= 0)
		r = variant_append_string(m, "state", state);
	if (r >= 0 && error)
		r = append_missing(m, def, error, def->fallback && status->sources[def->fallback].tried);
	if (r >= 0 && s->tried)
		r = variant_append_u64(m, "sockets", s->n_sockets);
	if (r >= 0 && s->tried)
		r = variant_append_u64(m, "duration-usec", s->duration_usec);
	if (r >= 0 && s->interrupted)
		r = variant_append_u32(m, "interrupted", s->interrupted);
	return r < 0 ? r : sd_bus_message_close_container(m);
}

static int append_sources(sd_bus_message *m, const struct tracker_status *s)
{
	int r = sd_bus_message_open_container(m, 'a', "a{sv}");

	for (unsigned id = 1; s && r >= 0 && id < SOURCE_COUNT; id++) {
		const struct source_def *def = source_def_get(id);

		/* Before the first pass all that will be read is pending; files of /proc are read in want of others. */
		if (def && (s->sources[id].tried || (s->generation == 0 && def->kind != KIND_PROC_INET && def->kind != KIND_MODULE && id != SOURCE_tcp)))
			r = append_source(m, def, s, &s->sources[id]);
	}
	return r < 0 ? r : sd_bus_message_close_container(m);
}

static int get_status(sd_bus_message *m, struct manager *manager, const struct caller *caller, sd_bus_error *error)
{
	CLEANUP(sd_bus_message_unref) sd_bus_message *reply = NULL;
	struct tracker *t = manager_tracker(manager);
	const struct tracker_status *s = t ? tracker_status(t) : NULL;
	int r;

	(void)error;
	r = sd_bus_message_new_method_return(m, &reply);
	if (r >= 0)
		r = sd_bus_message_open_container(reply, 'a', "{sv}");
	if (r >= 0)
		r = append_host(reply, manager);
	if (r >= 0 && s)
		r = append_table(reply, manager, s);
	if (r >= 0 && s)
		r = append_last_pass(reply, s);
	if (r >= 0 && s && caller->sees == 0)
		r = append_namespaces(reply, manager, s);
	if (r >= 0)
		r = sd_bus_message_close_container(reply);
	if (r >= 0)
		r = append_sources(reply, s);
	return r < 0 ? r : sd_bus_message_send(reply);
}

int method_get_status(sd_bus_message *m, void *userdata, sd_bus_error *error)
{
	return call_run(m, userdata, get_status, error);
}

int status_version(sd_bus *bus, const char *path, const char *interface, const char *property, sd_bus_message *reply,
		   void *userdata, sd_bus_error *error)
{
	(void)bus, (void)path, (void)interface, (void)property, (void)userdata, (void)error;
	return sd_bus_message_append(reply, "s", SOCKETD_VERSION);
}

int status_features(sd_bus *bus, const char *path, const char *interface, const char *property, sd_bus_message *reply,
		    void *userdata, sd_bus_error *error)
{
	int r;

	(void)bus, (void)path, (void)interface, (void)property, (void)userdata, (void)error;
	r = sd_bus_message_open_container(reply, 'a', "s");
	for (size_t i = 0; r >= 0 && i < ARRAY_SIZE(features); i++)
		r = sd_bus_message_append_basic(reply, 's', features[i]);
	return r < 0 ? r : sd_bus_message_close_container(reply);
}

int status_kernel_module(sd_bus *bus, const char *path, const char *interface, const char *property,
			 sd_bus_message *reply, void *userdata, sd_bus_error *error)
{
	struct manager *m = userdata;

	(void)bus, (void)path, (void)interface, (void)property, (void)error;
	/* What was announced last: a change is told as a change. Without passes nobody looks but here. */
	if (!m->refresh)
		kernel_module_look(m);
	return sd_bus_message_append(reply, "s", kernel_module_version(m));
}

int status_interval(sd_bus *bus, const char *path, const char *interface, const char *property, sd_bus_message *reply,
		    void *userdata, sd_bus_error *error)
{
	struct manager *m = userdata;

	(void)bus, (void)path, (void)interface, (void)property, (void)error;
	return sd_bus_message_append(reply, "t", m->refresh ? refresh_interval_usec(m->refresh) : 0);
}

/* Generation, NSockets, NStreams */
int status_number(sd_bus *bus, const char *path, const char *interface, const char *property, sd_bus_message *reply,
		  void *userdata, sd_bus_error *error)
{
	struct manager *m = userdata;
	struct tracker *t = manager_tracker(m);

	(void)bus, (void)path, (void)interface, (void)error;
	if (!strcmp(property, "NStreams"))
		return sd_bus_message_append(reply, "u", m->n_streams);
	if (!t)
		return sd_bus_message_append(reply, "t", UINT64_C(0));
	return sd_bus_message_append(reply, "t", !strcmp(property, "Generation") ? tracker_status(t)->generation :
								       tracker_status(t)->n_sockets);
}
