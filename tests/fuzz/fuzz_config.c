/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Fuzzing socketd.conf: what is taken is within its bounds, and is taken again as it is printed */

#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "config.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

struct text {
	char data[8192];
	size_t len;
};

static void add_line(void *ctx, const char *line)
{
	struct text *t = ctx;
	size_t len = strlen(line);

	if (t->len + len + 1 > sizeof(t->data))
		abort();
	memcpy(t->data + t->len, line, len);
	t->data[t->len + len] = '\n';
	t->len += len + 1;
}

static int load(struct config *ret, const void *data, size_t len)
{
	char path[64], error[CONFIG_ERROR_MAX] = "";
	int fd = memfd_create("config", MFD_CLOEXEC), r;

	if (fd < 0 || write(fd, data, len) != (ssize_t)len)
		exit(1);
	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	r = config_load(ret, path, error);
	close(fd);
	/* A refusal says why, in one line that is safe to print. */
	if (r < 0 && (error[0] == '\0' || strpbrk(error, "\n\x1b")))
		abort();
	return r;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct text text = { .len = 0 };
	struct config c, again;

	if (load(&c, data, size) < 0)
		return 0;
#define CHECK(type, name, member, def, min, max)                       \
	if (c.member < (uint64_t)(min) || c.member > (uint64_t)(max)) \
		abort();
	CONFIG_KEYS(CHECK)
#undef CHECK
	config_print(&c, add_line, &text);
	if (load(&again, text.data, text.len) < 0 || memcmp(&c, &again, sizeof(c)) != 0)
		abort();
	return 0;
}
