/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* One socket by its cookie: DescribeSocket, GetSocket, and the Socket object's calls */

#ifndef SOCKETD_BUS_DESCRIBE_H
#define SOCKETD_BUS_DESCRIBE_H

#include <systemd/sd-bus.h>

#include "decode/record.h"
#include "manager.h"

int method_describe_socket(sd_bus_message *m, void *userdata, sd_bus_error *error);
int method_get_socket(sd_bus_message *m, void *userdata, sd_bus_error *error);

struct describe;

/* Fills the reply from the row. 0 or a negative errno: then it is not sent. */
typedef int describe_fill(struct describe *d, sd_bus_message *reply, struct record *r);

struct describe {
	uint64_t cookie;
	describe_fill *fill;
	enum field_id *fields; /* owned; NULL with n_fields 0 for all */
	size_t n_fields;
	const char *property; /* of the Socket object: the one that is asked for; NULL for all */
	sd_bus_message *reply;
};

/* Looks for the socket and replies: what fill makes of it, or NoSuchSocket. The fields are taken over. */
int describe_start(sd_bus_message *m, struct manager *manager, const struct caller *caller, struct describe *template, sd_bus_error *error);

/* The names of fields that are next in a message; none are all. */
int describe_read_fields(sd_bus_message *m, struct describe *d, sd_bus_error *error);

/* a{sv} of the fields. */
int describe_fill_fields(struct describe *d, sd_bus_message *reply, struct record *r);

#endif
