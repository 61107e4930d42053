/* SPDX-License-Identifier: GPL-2.0-only */
/* A socket as a line of text */

#ifndef SOCKETD_TEXT_H
#define SOCKETD_TEXT_H

#include "look.h"

/**
 * struct socketd_page - text that waits for its reader
 * @buf: @size bytes
 * @size: of @buf
 * @len: written
 * @done: of these, read
 * @full: something did not fit: what was written since is worthless
 */
struct socketd_page {
	char *buf;
	size_t size;
	size_t len;
	size_t done;
	bool full;
};

/* Where the packed groups are put before they are printed: too large for a stack. */
struct socketd_text_room {
	union {
		struct socketd_socket_fields socket;
		struct socketd_sock_fields sock;
		struct socketd_flow_fields flow;
	};
};

void socketd_page_printf(struct socketd_page *page, const char *format, ...) __printf(2, 3);
/* One line, with its newline. */
void socketd_text_line(struct socketd_page *page, const struct socketd_look *l, struct socketd_text_room *room);

#endif
