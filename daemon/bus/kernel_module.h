/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The kernel module as the bus knows it: there or not, and what it tells or would tell */

#ifndef SOCKETD_BUS_KERNEL_MODULE_H
#define SOCKETD_BUS_KERNEL_MODULE_H

#include <stddef.h>
#include <systemd/sd-bus.h>

#include "manager.h"
#include "model/field.h"

struct kernel_module;

int kernel_module_new(struct kernel_module **ret);
struct kernel_module *kernel_module_free(struct kernel_module *k);

/*
 * Asks it (a handful of system calls), at each pass and when a call needs to
 * know, and tells the log and the bus when it came or went.
 */
void kernel_module_look(struct manager *m);

/* As it was last; "" when it is not there. */
const char *kernel_module_version(const struct manager *m);

/* Of GetStatus: what it says of itself, or what it would give. */
int kernel_module_append_status(sd_bus_message *m, const struct manager *manager);

/* 0, or org.socketd1.KernelModuleMissing for fields that only the module has, when it is not there. */
int kernel_module_check_fields(struct manager *m, const enum field_id *fields, size_t n_fields, sd_bus_error *error);

/* The same for a filter. */
int kernel_module_check_filter(struct manager *m, const struct query *q, sd_bus_error *error);

#endif
