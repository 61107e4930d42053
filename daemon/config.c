/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* socketd.conf(5): files, sections, keys and values */

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <ini.h>
#include <inttypes.h>
#include <stdarg.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>

#include "config.h"
#include "model/value.h"
#include "query/number.h"

/* A longer file is no configuration, and more drop-ins than this are a mistake. */
#define FILE_SIZE_MAX (64u * 1024)
#define DROPINS_MAX 256
/* What libinih takes of a line and of a section's name; it cuts longer ones without a word. */
#define LINE_LEN_MAX 196
#define SECTION_LEN_MAX 48

enum key_type { KEY_time, KEY_size, KEY_count, KEY_share, KEY_level, KEY_yesno };

static const struct key {
	const char *name;
	enum key_type type;
	size_t offset;
	uint64_t value, min, max;
} keys[] = {
#define KEY_ROW(type, name, member, def, min, max) \
	{ #name, KEY_##type, offsetof(struct config, member), def, min, max },
	CONFIG_KEYS(KEY_ROW)
#undef KEY_ROW
};

struct unit {
	const char *name;
	uint64_t factor;
};

/* From the largest down: a value is printed in the first that it is whole in. "" is a number without a unit. */
static const struct unit time_units[] = {
	{ "d", 86400000000ull }, { "h", 3600000000ull }, { "min", 60000000 }, { "m", 60000000 }, { "s", 1000000 },
	{ "sec", 1000000 },	 { "ms", 1000 },	 { "us", 1 },	      { "", 1000000 },	 { NULL, 0 },
};
static const struct unit size_units[] = {
	{ "T", 1ull << 40 }, { "G", 1ull << 30 }, { "M", 1ull << 20 }, { "K", 1ull << 10 }, { "B", 1 }, { "", 1 }, { NULL, 0 },
};
static const struct unit share_units[] = { { "%", 10 }, { NULL, 0 } };
static const struct unit count_units[] = { { "", 1 }, { NULL, 0 } };

static const struct {
	const struct unit *units;
	const char *what;
} types[] = {
	[KEY_time] = { time_units, "a time, such as 250ms, 10s or 5min," },
	[KEY_size] = { size_units, "a size, such as 256K or 512M," },
	[KEY_count] = { count_units, "a number" },
	[KEY_share] = { share_units, "a share of one core in steps of 0.1%, such as 2%," },
	[KEY_level] = { NULL, NULL },
	[KEY_yesno] = { NULL, NULL },
};

static const char *const level_names[] = { [3] = "err", [4] = "warning", [5] = "notice", [6] = "info", [7] = "debug" };

static uint64_t *member_of(struct config *c, const struct key *k)
{
	return (uint64_t *)((char *)c + k->offset);
}

void config_defaults(struct config *ret)
{
	for (size_t i = 0; i < ARRAY_SIZE(keys); i++)
		*member_of(ret, &keys[i]) = keys[i].value;
}

#define KEY_TEXT_MAX 32

static const char *print_value(const struct key *k, uint64_t v, char buf[static KEY_TEXT_MAX])
{
	if (k->type == KEY_level) {
		snprintf(buf, KEY_TEXT_MAX, "%s", level_names[v]);
	} else if (k->type == KEY_yesno) {
		snprintf(buf, KEY_TEXT_MAX, "%s", v ? "yes" : "no");
	} else if (k->type == KEY_share) {
		if (v % 10)
			snprintf(buf, KEY_TEXT_MAX, "%" PRIu64 ".%" PRIu64 "%%", v / 10, v % 10);
		else
			snprintf(buf, KEY_TEXT_MAX, "%" PRIu64 "%%", v / 10);
	} else {
		const struct unit *u = types[k->type].units;

		while (v % u->factor)
			u++;
		snprintf(buf, KEY_TEXT_MAX, "%" PRIu64 "%s", v / u->factor, u->name);
	}
	return buf;
}

void config_print(const struct config *c, void (*line)(void *ctx, const char *text), void *ctx)
{
	char value[KEY_TEXT_MAX], text[128];

	line(ctx, "[Socketd]");
	for (size_t i = 0; i < ARRAY_SIZE(keys); i++) {
		uint64_t v = *member_of((struct config *)c, &keys[i]);

		snprintf(text, sizeof(text), "%s=%s", keys[i].name, print_value(&keys[i], v, value));
		line(ctx, text);
	}
}

static int parse_level(const char *s, uint64_t *ret)
{
	for (size_t i = 0; i < ARRAY_SIZE(level_names); i++) {
		if (level_names[i] && !strcmp(level_names[i], s)) {
			*ret = i;
			return 0;
		}
	}
	return -EINVAL;
}

/* The words of systemd.syntax(7). */
static int parse_yesno(const char *s, uint64_t *ret)
{
	static const char *const words[][5] = { { "no", "false", "off", "n", "0" }, { "yes", "true", "on", "y", "1" } };

	for (unsigned v = 0; v < 2; v++) {
		for (size_t i = 0; i < ARRAY_SIZE(words[v]); i++) {
			if (!strcasecmp(words[v][i], s)) {
				*ret = v;
				return 0;
			}
		}
	}
	return -EINVAL;
}

/* One number with its unit. How many bytes it was, or -EINVAL, -ERANGE. */
static ssize_t parse_part(const struct unit *u, const char *s, uint64_t *ret)
{
	uint64_t digits, scale, v;
	ssize_t n = number_decimal(s, strlen(s), &digits, &scale);
	size_t len, space;

	if (n < 0)
		return n;
	space = strspn(s + n, " \t");
	len = strspn(s + n + space, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz%");
	if (len > 0)
		n += (ssize_t)space;
	while (u->name && (strlen(u->name) != len || strncmp(u->name, s + n, len) != 0))
		u++;
	if (!u->name)
		return -EINVAL;
	if (__builtin_mul_overflow(digits, u->factor, &v))
		return -ERANGE;
	if (v % scale)
		return -EINVAL;
	*ret = v / scale;
	return n + (ssize_t)len;
}

/* 0; -EINVAL it is none; -ERANGE it is too large or too small. Times may have parts: 1min 30s. */
static int parse_value(const struct key *k, const char *s, uint64_t *ret)
{
	uint64_t sum = 0, part;

	if (k->type == KEY_level)
		return parse_level(s, ret);
	if (k->type == KEY_yesno)
		return parse_yesno(s, ret);
	do {
		ssize_t n = parse_part(types[k->type].units, s, &part);

		if (n < 0)
			return (int)n;
		if (__builtin_add_overflow(sum, part, &sum))
			return -ERANGE;
		s += n;
		s += strspn(s, " \t");
	} while (*s && k->type == KEY_time);
	if (*s)
		return -EINVAL;
	if (sum < k->min || sum > k->max)
		return -ERANGE;
	*ret = sum;
	return 0;
}

/* A reading of all files: the first mistake is kept, all later ones are its consequences. */
struct loading {
	struct config config;
	char *error; /* CONFIG_ERROR_MAX bytes; empty while there is no mistake */
	const char *path, *rest; /* the file, and what is left of its text */
	const char *end;
	unsigned line;
	/* Where the bounds of the interval were given last: a pair that contradicts itself is told there. */
	char interval_path[256];
	unsigned interval_line;
};

static int mistake(struct loading *l, unsigned line, const char *format, ...) __attribute__((format(printf, 3, 4)));

/* For libinih's callbacks, which say 0 for an error; and -EINVAL is what it means. */
static int mistake(struct loading *l, unsigned line, const char *format, ...)
{
	char message[CONFIG_ERROR_MAX], path[192];
	va_list ap;

	if (l->error[0])
		return 0;
	va_start(ap, format);
	vsnprintf(message, sizeof(message), format, ap);
	va_end(ap);
	text_escape(path, sizeof(path), l->path, strlen(l->path));
	if (line > 0)
		snprintf(l->error, CONFIG_ERROR_MAX, "%s:%u: %.300s", path, line, message);
	else
		snprintf(l->error, CONFIG_ERROR_MAX, "%s: %.300s", path, message);
	return 0;
}

static int bad_value(struct loading *l, const struct key *k, const char *value)
{
	char shown[96], low[KEY_TEXT_MAX], high[KEY_TEXT_MAX];

	text_escape(shown, sizeof(shown), value, strlen(value));
	if (k->type == KEY_level)
		return mistake(l, l->line, "%s=%s: it must be err, warning, notice, info or debug", k->name, shown);
	if (k->type == KEY_yesno)
		return mistake(l, l->line, "%s=%s: it must be yes or no", k->name, shown);
	return mistake(l, l->line, "%s=%s: it must be %s from %s to %s", k->name, shown, types[k->type].what,
		       print_value(k, k->min, low), print_value(k, k->max, high));
}

/* A line with a key, of libinih. */
static int on_key(void *ctx, const char *section, const char *name, const char *value)
{
	struct loading *l = ctx;
	char shown[96];

	if (l->error[0])
		return 0;
	if (strcmp(section, "Socketd") != 0)
		return mistake(l, l->line, "[Socketd] must stand above the first key");
	for (size_t i = 0; i < ARRAY_SIZE(keys); i++) {
		uint64_t *member = member_of(&l->config, &keys[i]);

		if (strcmp(keys[i].name, name) != 0)
			continue;
		if (!value[0])
			*member = keys[i].value;
		else if (parse_value(&keys[i], value, member) < 0)
			return bad_value(l, &keys[i], value);
		if (member == &l->config.interval_min_usec || member == &l->config.interval_max_usec) {
			snprintf(l->interval_path, sizeof(l->interval_path), "%s", l->path);
			l->interval_line = l->line;
		}
		return 1;
	}
	text_escape(shown, sizeof(shown), name, strlen(name));
	return mistake(l, l->line, "there is no key \"%s\"; see socketd.conf(5), or socketd --print-config", shown);
}

/*
 * The next line for libinih, as fgets() would: without what libinih would not
 * see as a mistake: long lines, zero bytes, and indentation, which makes a
 * line the continuation of the one before.
 */
static char *next_line(char *buf, int size, void *ctx)
{
	struct loading *l = ctx;
	const char *newline = memchr(l->rest, '\n', (size_t)(l->end - l->rest));
	const char *begin = l->rest, *stop = newline ? newline : l->end;
	size_t len;

	if (l->rest == l->end || l->error[0])
		return NULL;
	l->line++;
	l->rest = newline ? newline + 1 : l->end;
	if (memchr(begin, '\0', (size_t)(stop - begin))) {
		mistake(l, l->line, "there is a zero byte; this is no text");
		return NULL;
	}
	while (begin < stop && (*begin == ' ' || *begin == '\t'))
		begin++;
	while (stop > begin && (stop[-1] == ' ' || stop[-1] == '\t' || stop[-1] == '\r'))
		stop--;
	len = (size_t)(stop - begin);
	/* Comments may be of any length. */
	if (len > 0 && (*begin == '#' || *begin == ';'))
		len = 0;
	if (len > LINE_LEN_MAX || len + 2 > (size_t)size || (len > SECTION_LEN_MAX && *begin == '[')) {
		mistake(l, l->line, "the line is longer than %u bytes", *begin == '[' ? SECTION_LEN_MAX : LINE_LEN_MAX);
		return NULL;
	}
	if (len > 0 && *begin == '[' && (len != strlen("[Socketd]") || memcmp(begin, "[Socketd]", len) != 0)) {
		mistake(l, l->line, "there is no such section; keys stand in [Socketd]");
		return NULL;
	}
	memcpy(buf, begin, len);
	buf[len] = '\n';
	buf[len + 1] = '\0';
	return buf;
}

/* A regular file, or /dev/null, which a drop-in is linked to when it is to hide another one. */
static int read_text(int fd, char *buf, size_t size, size_t *ret_len)
{
	struct stat st;
	size_t len = 0;

	if (fstat(fd, &st) < 0)
		return -errno;
	if (S_ISDIR(st.st_mode))
		return -EISDIR;
	if (!S_ISREG(st.st_mode) && !(S_ISCHR(st.st_mode) && st.st_rdev == makedev(1, 3)))
		return -EINVAL;
	for (;;) {
		ssize_t n = read(fd, buf + len, size - len);

		if (n < 0)
			return -errno;
		if (n == 0)
			break;
		len += (size_t)n;
		if (len == size)
			return -EFBIG;
	}
	*ret_len = len;
	return 0;
}

/* 0, or -EINVAL with the error filled; -ENOMEM. A file that is not there is none, unless it must be. */
static int load_file(struct loading *l, const char *path, bool must_be_there)
{
	CLEANUP(free) char *text = malloc(FILE_SIZE_MAX);
	CLEANUP(close) int fd = -1;
	size_t len = 0;
	int r;

	if (!text)
		return -ENOMEM;
	l->path = path;
	l->line = 0;
	/* A FIFO in the place of a file would make us wait for ever. */
	fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
	if (fd < 0 && (errno == ENOENT || errno == ENOTDIR) && !must_be_there)
		return 0;
	r = fd < 0 ? -errno : read_text(fd, text, FILE_SIZE_MAX, &len);
	if (r < 0) {
		mistake(l, 0, "cannot read it: %s", r == -EINVAL ? "it is no file" : strerror(-r));
		return -EINVAL;
	}
	l->rest = text;
	l->end = text + len;
	if (len >= 3 && memcmp(text, "\xef\xbb\xbf", 3) == 0)
		l->rest += 3;
	r = ini_parse_stream(next_line, l, on_key, l);
	/* A line that is neither a key nor a section never gets to on_key. */
	if (r > 0)
		mistake(l, (unsigned)r, "neither KEY=VALUE nor [Socketd]");
	return l->error[0] ? -EINVAL : 0;
}

struct dropin {
	char *name;
	const char *dir;
};

struct dropins {
	struct dropin of[DROPINS_MAX];
	size_t n;
};

static void dropins_deinit(struct dropins *d)
{
	for (size_t i = 0; i < d->n; i++)
		free(d->of[i].name);
}
DEFINE_CLEANUP(struct dropins, dropins_deinit)

static bool is_dropin(const char *name)
{
	size_t len = strlen(name);

	return name[0] != '.' && len > strlen(".conf") && !strcmp(name + len - strlen(".conf"), ".conf");
}

/* Adds those of a folder; a name that was in an earlier folder hides this one's. */
static int find_dropins(struct loading *l, struct dropins *d, const char *dir)
{
	DIR *folder = opendir(dir);
	struct dirent *entry;
	int r = 0;

	l->path = dir;
	if (!folder && (errno == ENOENT || errno == ENOTDIR))
		return 0;
	if (!folder) {
		mistake(l, 0, "cannot read it: %s", strerror(errno));
		return -EINVAL;
	}
	while (r == 0 && (entry = readdir(folder))) {
		bool hidden = false;

		if (!is_dropin(entry->d_name))
			continue;
		for (size_t i = 0; i < d->n; i++)
			hidden |= !strcmp(d->of[i].name, entry->d_name);
		if (hidden)
			continue;
		if (d->n == DROPINS_MAX) {
			mistake(l, 0, "there are more than %u files", DROPINS_MAX);
			r = -EINVAL;
			break;
		}
		d->of[d->n] = (struct dropin){ .name = strdup(entry->d_name), .dir = dir };
		r = d->of[d->n].name ? 0 : -ENOMEM;
		d->n += r == 0;
	}
	closedir(folder);
	return r;
}

static int compare_names(const void *a, const void *b)
{
	return strcmp(((const struct dropin *)a)->name, ((const struct dropin *)b)->name);
}

static int load_dropins(struct loading *l, const char *const *dirs, size_t n_dirs)
{
	CLEANUP(dropins_deinit) struct dropins d = { .n = 0 };
	int r = 0;

	for (size_t i = 0; r >= 0 && i < n_dirs; i++)
		r = find_dropins(l, &d, dirs[i]);
	qsort(d.of, d.n, sizeof(d.of[0]), compare_names);
	for (size_t i = 0; r >= 0 && i < d.n; i++) {
		CLEANUP(free) char *path = NULL;

		if (asprintf(&path, "%s/%s", d.of[i].dir, d.of[i].name) < 0)
			r = -ENOMEM;
		else
			r = load_file(l, path, false);
	}
	return r;
}

static int load_all(struct loading *l, const char *path)
{
	static const char *const system_dirs[] = { CONFIG_DIRS };
	CLEANUP(free) char *dir = NULL;
	const char *own_dir;
	int r;

	r = load_file(l, path ? path : CONFIG_FILE, path != NULL);
	if (r < 0)
		return r;
	if (!path)
		return load_dropins(l, system_dirs, ARRAY_SIZE(system_dirs));
	if (asprintf(&dir, "%s.d", path) < 0)
		return -ENOMEM;
	own_dir = dir;
	return load_dropins(l, &own_dir, 1);
}

int config_load(struct config *ret, const char *path, char ret_error[static CONFIG_ERROR_MAX])
{
	char error[CONFIG_ERROR_MAX] = "", low[KEY_TEXT_MAX], high[KEY_TEXT_MAX];
	struct loading l = { .error = error };
	int r;

	config_defaults(&l.config);
	r = load_all(&l, path);
	if (r >= 0 && l.config.interval_min_usec > l.config.interval_max_usec) {
		l.path = l.interval_path;
		mistake(&l, l.interval_line, "IntervalMinSec=%s is more than IntervalMaxSec=%s",
			print_value(&keys[0], l.config.interval_min_usec, low),
			print_value(&keys[1], l.config.interval_max_usec, high));
		r = -EINVAL;
	}
	if (r == -EINVAL)
		memcpy(ret_error, error, CONFIG_ERROR_MAX);
	if (r < 0)
		return r;
	*ret = l.config;
	return 0;
}
