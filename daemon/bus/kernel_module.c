/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The kernel module as the bus knows it */

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "bus/announce.h"
#include "bus/error.h"
#include "bus/kernel_module.h"
#include "bus/variant.h"
#include "decode/record.h"
#include "log.h"
#include "query/ask.h"
#include "socketd/uapi.h"
#include "source/module.h"
#include "source/owner_child.h"

#define GIVES "fields of struct sock and struct socket, families without diag handler, owners in one pass, kernel path: " \
	      "modprobe socketd_diag"

struct kernel_module {
	struct module_info info;
	struct log_limit log;
};

int kernel_module_new(struct kernel_module **ret)
{
	struct kernel_module *k = calloc(1, sizeof(*k));

	if (!k)
		return -ENOMEM;
	*ret = k;
	return 0;
}

struct kernel_module *kernel_module_free(struct kernel_module *k)
{
	free(k);
	return NULL;
}

void kernel_module_look(struct manager *m)
{
	struct kernel_module *k = m->kernel_module;
	struct module_info now;
	bool is_other;

	/* It could not be asked, for want of a descriptor or of memory: nothing is known anew. */
	if (module_probe(&now) < 0)
		return;
	is_other = strcmp(now.version, k->info.version) != 0;
	if (now.error && now.error != k->info.error)
		log_limited(&k->log, LOG_WARNING, "the kernel module socketd_diag does not answer: %s", strerror(-now.error));
	k->info = now;
	if (!is_other)
		return;
	if (now.version[0])
		log_line(LOG_INFO, "the kernel module socketd_diag %s is there", now.version);
	else
		log_line(LOG_INFO, "the kernel module socketd_diag is gone");
	announce_module(m);
}

const char *kernel_module_version(const struct manager *m)
{
	return m->kernel_module->info.version;
}

/* What this daemon is told by it. */
static const char *tells(const struct module_info *info)
{
	if (!info->version[0])
		return "";
	if (info->flags & SOCKETD_META_TASKS)
		return "all fields, and owners";
	if (info->flags & SOCKETD_META_ADMIN)
		return "all fields, no owners: CAP_SYS_PTRACE is needed";
	return "public fields: CAP_NET_ADMIN is needed for more";
}

static const char *problem(const struct module_info *info)
{
	if (!info->error)
		return "";
	return info->error == -EPROTONOSUPPORT ? "it is of another version than socketd" : strerror(-info->error);
}

/* How the last scan was made. */
static const char *owners(void)
{
	int by_module = owner_child_last_by_module();

	return by_module < 0 ? "" : by_module ? "module" : "/proc";
}

int kernel_module_append_status(sd_bus_message *m, const struct manager *manager)
{
	const struct module_info *info = &manager->kernel_module->info;
	const struct {
		const char *key, *text;
	} rows[] = {
		{ "kernel-module", info->version },
		{ "kernel-module-tells", tells(info) },
		{ "kernel-module-error", problem(info) },
		{ "kernel-module-gives", info->version[0] || info->error ? "" : GIVES },
		{ "owners", owners() },
	};
	int r;

	r = variant_append_u32(m, "kernel-module-uapi", info->uapi_version);
	for (size_t i = 0; r >= 0 && i < ARRAY_SIZE(rows); i++)
		r = variant_append_string(m, rows[i].key, rows[i].text);
	return r;
}

int kernel_module_check_fields(struct manager *m, const enum field_id *fields, size_t n_fields, sd_bus_error *error)
{
	for (size_t i = 0; i < n_fields; i++) {
		if (!decode_module_only(fields[i]))
			continue;
		kernel_module_look(m);
		return kernel_module_version(m)[0] ? 0 : bus_error_kernel_module_missing(error, field_get(fields[i])->name);
	}
	return 0;
}

int kernel_module_check_filter(struct manager *m, const struct query *q, sd_bus_error *error)
{
	enum field_id field = query_module_field(q);

	return field == F_none ? 0 : kernel_module_check_fields(m, &field, 1, error);
}
