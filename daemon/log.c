/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The daemon's log */

#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <systemd/sd-daemon.h>
#include <systemd/sd-journal.h>
#include <unistd.h>

#include "log.h"

static struct {
	int max_level;
	bool journal, prefix;
} target = { .max_level = LOG_INFO };

/* systemd.exec(5): JOURNAL_STREAM names the device and inode of the stderr it gave us. */
static bool stderr_is_journal(void)
{
	const char *text = getenv("JOURNAL_STREAM");
	unsigned long long dev, ino;
	struct stat st;

	return text && sscanf(text, "%llu:%llu", &dev, &ino) == 2 && fstat(STDERR_FILENO, &st) == 0 &&
	       st.st_dev == dev && st.st_ino == ino;
}

void log_open(int max_level)
{
	target.max_level = max_level;
	target.prefix = stderr_is_journal();
	target.journal = target.prefix && access("/run/systemd/journal/socket", W_OK) == 0;
}

void log_line(int level, const char *format, ...)
{
	static const char *const prefixes[] = { SD_EMERG, SD_ALERT,  SD_CRIT, SD_ERR,
						SD_WARNING, SD_NOTICE, SD_INFO, SD_DEBUG };
	char line[1024];
	va_list ap;

	if (level > target.max_level)
		return;
	va_start(ap, format);
	vsnprintf(line, sizeof(line), format, ap);
	va_end(ap);
	if (target.journal && sd_journal_send("PRIORITY=%i", level, "MESSAGE=%s", line, NULL) == 0)
		return;
	fprintf(stderr, "%ssocketd: %s\n", target.prefix ? prefixes[level] : "", line);
}
