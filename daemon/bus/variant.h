/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Fields as entries of an a{sv} */

#ifndef SOCKETD_BUS_VARIANT_H
#define SOCKETD_BUS_VARIANT_H

#include <stdbool.h>
#include <systemd/sd-bus.h>

#include "decode/record.h"

/* No list in a reply is longer; of a longer one the beginning is told. */
#define VARIANT_LIST_MAX 4096u

/*
 * Appends {sv} of a field, when the row has it. Booleans are b; numbers u, or t
 * and x when 64 bits wide, i when 32 and signed; rates in segments d; words s;
 * flags as; text escaped s; addresses s, but UNIX names ay; lists arrays.
 */
int variant_append_field(sd_bus_message *m, struct record *r, enum field_id id);

/* {sv} of common kinds. */
int variant_append_string(sd_bus_message *m, const char *key, const char *s);
int variant_append_u64(sd_bus_message *m, const char *key, uint64_t v);
int variant_append_u32(sd_bus_message *m, const char *key, uint32_t v);
int variant_append_bool(sd_bus_message *m, const char *key, bool v);
int variant_append_strv(sd_bus_message *m, const char *key, const char *const *words, size_t n);

#endif
