/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Somebody who asks for a password on the terminal, when polkit wants one: pkttyagent(1), for as long as it is needed */

#ifndef SOCKETD_CLI_AGENT_H
#define SOCKETD_CLI_AGENT_H

#include <sys/types.h>

#include "model/cleanup.h"

struct agent {
	pid_t pid; /* 0: there is none */
};

/*
 * Where standard input is a terminal and the program is there. One that a desktop
 * has for the session goes before it. That there is none is no failure: polkit
 * then says so.
 */
void agent_open(struct agent *a);
void agent_close(struct agent *a);
DEFINE_CLEANUP(struct agent, agent_close)

#endif
