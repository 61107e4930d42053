/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What an option sets */

#ifndef SOCKETD_CLI_OPTION_VALUES_H
#define SOCKETD_CLI_OPTION_VALUES_H

#include "cli/options.h"

/* Keys of options without a letter; those with one have it for a key. */
enum option_key {
	KEY_FILE = 256,
	KEY_DIRECT,
	KEY_BUS,
	KEY_NO_PAGER,
	KEY_NO_LEGEND,
	KEY_COLOR,
	KEY_JSON,
	KEY_SORT,
	KEY_GROUP_BY,
	KEY_LIMIT,
	KEY_OUTPUT,
	KEY_FORMAT,
	KEY_EXISTS,
	KEY_NO_OWNERS,
	KEY_VSOCK,
	KEY_TIPC,
	KEY_XDP,
	KEY_BY,
	KEY_FRESH,
	KEY_MAX_AGE,
	KEY_OPEN,
	KEY_CLOSE,
	KEY_STATE,
	KEY_INITIAL,
	KEY_COUNT,
	KEY_DOT,
	KEY_AUTHORIZE,
	KEY_YES,
	KEY_DRY_RUN,
};

/*
 * One option, by its key, with its argument (NULL when it has none). -1 to go
 * on, else an exit code: the argument is a mistake, which was said.
 */
int option_apply(struct arguments *a, int key, const char *value);

#endif
