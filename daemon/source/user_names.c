/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Names of users, each looked up once */

#include "source/user_names.h"

#include <pwd.h>
#include <string.h>

const struct user_name *user_names_find(struct user_names *names, uint32_t uid)
{
	struct user_name *u = &names->rows[uid % USER_NAMES_MAX];
	struct passwd pw, *found = NULL;
	char buf[16 * 1024];

	if (u->known && u->uid == uid)
		return u;
	memset(u, 0, sizeof(*u));
	u->known = true;
	u->uid = uid;
	u->gid = UINT32_MAX;
	if (getpwuid_r(uid, &pw, buf, sizeof(buf), &found) == 0 && found) {
		u->gid = pw.pw_gid;
		if (strlen(pw.pw_name) < sizeof(u->name))
			memcpy(u->name, pw.pw_name, strlen(pw.pw_name) + 1);
	}
	return u;
}
