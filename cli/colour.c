/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Colours, and whether there are any */

#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "cli/colour.h"
#include "model/words.h"

const char *colour_code(enum colour c)
{
	switch (c) {
	case COLOUR_NONE:
		return "";
	case COLOUR_GREEN:
		return "\033[32m";
	case COLOUR_YELLOW:
		return "\033[33m";
	case COLOUR_RED:
		return "\033[31m";
	case COLOUR_BOLD:
		return "\033[1m";
	case COLOUR_DIM:
		return "\033[2m";
	}
	return "";
}

bool colour_wanted(enum colour_mode mode, bool terminal)
{
	static const char *const no[] = { "0", "no", "n", "false", "f", "off" };
	const char *env;

	if (mode != COLOUR_AUTO)
		return mode == COLOUR_ALWAYS;
	env = getenv("SYSTEMD_COLORS");
	if (env && *env) {
		for (size_t i = 0; i < sizeof(no) / sizeof(no[0]); i++)
			if (!strcasecmp(env, no[i]))
				return false;
		return true;
	}
	env = getenv("NO_COLOR");
	if (env && *env)
		return false;
	env = getenv("TERM");
	return terminal && env && strcmp(env, "dumb") != 0;
}

enum colour colour_of_state(unsigned state, bool queue_full)
{
	switch (state) {
	case STATE_ESTABLISHED:
		return COLOUR_GREEN;
	case STATE_CLOSE_WAIT:
		return COLOUR_RED;
	case STATE_LISTEN:
		return queue_full ? COLOUR_RED : COLOUR_NONE;
	case STATE_SYN_SENT:
	case STATE_SYN_RECV:
	case STATE_NEW_SYN_RECV:
	case STATE_FIN_WAIT1:
	case STATE_FIN_WAIT2:
	case STATE_TIME_WAIT:
	case STATE_LAST_ACK:
	case STATE_CLOSING:
		return COLOUR_YELLOW;
	}
	return COLOUR_NONE;
}
