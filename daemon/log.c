/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The daemon's log */

#include <errno.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <systemd/sd-daemon.h>
#include <systemd/sd-journal.h>
#include <time.h>
#include <unistd.h>

#include "log.h"
#include "model/cleanup.h"

/* Fields of one message, beside those that all have. */
#define LOG_FIELDS_MAX 32

#define JOURNAL_SOCKET "/run/systemd/journal/socket"

static struct {
	int max_level;
	bool journal, prefix;
} target = { .max_level = LOG_INFO };

static const char *const level_names[] = { "emerg", "alert", "crit", "err", "warning", "notice", "info", "debug" };

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
	target.journal = target.prefix && access(JOURNAL_SOCKET, W_OK) == 0;
}

void log_set_level(int max_level)
{
	target.max_level = max_level;
}

int log_level(void)
{
	return target.max_level;
}

int log_level_from_name(const char *name, int *ret)
{
	for (size_t i = 0; i < sizeof(level_names) / sizeof(level_names[0]); i++) {
		if (!strcmp(level_names[i], name)) {
			*ret = (int)i;
			return 0;
		}
	}
	return -EINVAL;
}

const char *log_level_name(int level)
{
	return level >= LOG_EMERG && level <= LOG_DEBUG ? level_names[level] : level_names[LOG_INFO];
}

int log_set_target(const char *name)
{
	if (!strcmp(name, "auto")) {
		log_open(target.max_level);
	} else if (!strcmp(name, "console")) {
		target.journal = false;
	} else if (!strcmp(name, "journal")) {
		if (access(JOURNAL_SOCKET, W_OK) < 0)
			return -ENOENT;
		target.journal = true;
	} else {
		return -EINVAL;
	}
	return 0;
}

const char *log_target(void)
{
	return target.journal ? "journal" : "console";
}

static void put(const char *message_id, int level, const char *line)
{
	static const char *const prefixes[] = { SD_EMERG, SD_ALERT,  SD_CRIT, SD_ERR,
						SD_WARNING, SD_NOTICE, SD_INFO, SD_DEBUG };
	int r = -ENOENT;

	if (target.journal && message_id)
		r = sd_journal_send("PRIORITY=%i", level, "MESSAGE=%s", line, "MESSAGE_ID=%s", message_id, NULL);
	else if (target.journal)
		r = sd_journal_send("PRIORITY=%i", level, "MESSAGE=%s", line, NULL);
	if (r < 0)
		fprintf(stderr, "%ssocketd: %s\n", target.prefix ? prefixes[level] : "", line);
}

static void put_format(const char *message_id, int level, const char *format, va_list ap)
{
	char line[1024];

	if (level > target.max_level)
		return;
	vsnprintf(line, sizeof(line), format, ap);
	put(message_id, level, line);
}

void log_line(int level, const char *format, ...)
{
	va_list ap;

	va_start(ap, format);
	put_format(NULL, level, format, ap);
	va_end(ap);
}

void log_event(const char *message_id, int level, const char *format, ...)
{
	va_list ap;

	va_start(ap, format);
	put_format(message_id, level, format, ap);
	va_end(ap);
}

/* The fields of the message, and these; as many as there is room for. */
static int send_fields(const char *message_id, int level, const char *const *fields, size_t n, const char *line)
{
	struct iovec iov[LOG_FIELDS_MAX + 3];
	char priority[16], id[64], message[1040];
	const char *own[] = { priority, id, message };
	int n_iov = 0;

	snprintf(priority, sizeof(priority), "PRIORITY=%i", level);
	snprintf(id, sizeof(id), "MESSAGE_ID=%s", message_id);
	snprintf(message, sizeof(message), "MESSAGE=%s", line);
	for (size_t i = 0; i < ARRAY_SIZE(own); i++)
		iov[n_iov++] = (struct iovec){ (void *)own[i], strlen(own[i]) };
	for (size_t i = 0; i < n && i < LOG_FIELDS_MAX; i++)
		iov[n_iov++] = (struct iovec){ (void *)fields[i], strlen(fields[i]) };
	return sd_journal_sendv(iov, n_iov);
}

void log_fields(const char *message_id, int level, const char *const *fields, size_t n, const char *format, ...)
{
	char line[1024];
	va_list ap;

	va_start(ap, format);
	vsnprintf(line, sizeof(line), format, ap);
	va_end(ap);
	if (!target.journal || send_fields(message_id, level, fields, n, line) < 0)
		put(NULL, level, line);
}

void log_limited(struct log_limit *l, int level, const char *format, ...)
{
	char line[1024];
	struct timespec t;
	uint64_t now;
	va_list ap;
	int n;

	if (level > target.max_level || clock_gettime(CLOCK_BOOTTIME, &t) < 0)
		return;
	now = (uint64_t)t.tv_sec * 1000000 + (uint64_t)t.tv_nsec / 1000;
	if (now < l->next_usec) {
		l->n_left_out++;
		return;
	}
	va_start(ap, format);
	n = vsnprintf(line, sizeof(line), format, ap);
	va_end(ap);
	if (l->n_left_out > 0 && n > 0 && (size_t)n < sizeof(line))
		snprintf(line + n, sizeof(line) - (size_t)n, " (and %u times more since the last line)", l->n_left_out);
	put(l->message_id, level, line);
	l->next_usec = now + LOG_LIMIT_USEC;
	l->n_left_out = 0;
}
