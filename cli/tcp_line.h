/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* struct tcp_info and congestion control in one line, in the words of ss */

#ifndef SOCKETD_CLI_TCP_LINE_H
#define SOCKETD_CLI_TCP_LINE_H

#include "cli/buffer.h"
#include "decode/record.h"

/*
 * Each item begins with a blank. Unlike ss, a measure is not left out because
 * it is 0: "lastrcv:0" is now, "snd_wnd:0" is a closed window. What is left out
 * at 0 counts mishaps (lost, retrans) or has no value yet (rtt, ato). Of a
 * listener the kernel fills in next to nothing, so there all zeros are left out.
 */
void tcp_line_write(struct buffer *b, struct record *r);

#endif
