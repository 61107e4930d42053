/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* socketd.conf: values, mistakes, drop-ins, files that are none, and from print back to parse */

#include <CUnit/CUnit.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include "config.h"
#include "model/cleanup.h"
#include "unit/suites.h"

static char dir[64], file[80];

static int begin(void)
{
	snprintf(dir, sizeof(dir), "/tmp/socketd-config-XXXXXX");
	if (!mkdtemp(dir) || chmod(dir, 0755) < 0)
		return 1;
	snprintf(file, sizeof(file), "%s/x.conf", dir);
	return 0;
}

static int end(void)
{
	char command[128];

	snprintf(command, sizeof(command), "rm -rf '%s'", dir);
	return system(command);
}

static void write_bytes(const char *path, const void *data, size_t len)
{
	CLEANUP(close) int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);

	CU_ASSERT_EQUAL_FATAL(write(fd, data, len), (ssize_t)len);
}

static void write_file(const char *text)
{
	write_bytes(file, text, strlen(text));
}

/* Loads a text that is right. */
static struct config good(const char *text)
{
	char error[CONFIG_ERROR_MAX] = "";
	struct config c;

	config_defaults(&c);
	write_file(text);
	CU_ASSERT_EQUAL(config_load(&c, file, error), 0);
	CU_ASSERT_STRING_EQUAL(error, "");
	return c;
}

/* Loads a text with a mistake: nothing is written, and the message begins with file and line and has the hint. */
static void bad(const char *text, size_t len, unsigned line, const char *hint)
{
	char error[CONFIG_ERROR_MAX] = "", where[128];
	struct config c, before;

	memset(&c, 0x5a, sizeof(c));
	before = c;
	write_bytes(file, text, len);
	snprintf(where, sizeof(where), line ? "%s:%u: " : "%s: ", file, line);
	CU_ASSERT_EQUAL(config_load(&c, file, error), -EINVAL);
	CU_ASSERT_EQUAL(memcmp(&c, &before, sizeof(c)), 0);
	CU_ASSERT_EQUAL(strncmp(error, where, strlen(where)), 0);
	CU_ASSERT_PTR_NOT_NULL(strstr(error, hint));
	if (!strstr(error, hint) || strncmp(error, where, strlen(where)) != 0)
		printf("\n    \"%s\" is not \"%s...%s\"", error, where, hint);
	for (const char *p = error; *p; p++)
		CU_ASSERT((unsigned char)*p >= ' ' && *p != 0x7f);
}

static void test_values(void)
{
	struct config c = good("[Socketd]\nIntervalMinSec=2\nIntervalMaxSec = 1min 30s\nCountersIntervalSec=1500ms\n"
			       "CPUQuota=0.5%\nTableMemoryMax=64M\nReadingMemoryMax=1.5G\nMonitorQueueMax=65536\n"
			       "StreamsMax=7\nLogLevel=debug");

	CU_ASSERT_EQUAL(c.interval_min_usec, 2000000);
	CU_ASSERT_EQUAL(c.interval_max_usec, 90000000);
	CU_ASSERT_EQUAL(c.counters_interval_usec, 1500000);
	CU_ASSERT_EQUAL(c.cpu_quota, 5);
	CU_ASSERT_EQUAL(c.table_memory_max, 64 << 20);
	CU_ASSERT_EQUAL(c.reading_memory_max, 3ull << 29);
	CU_ASSERT_EQUAL(c.monitor_queue_max, 65536);
	CU_ASSERT_EQUAL(c.streams_max, 7);
	CU_ASSERT_EQUAL(c.log_level, 7);
	/* What is not named is the default. */
	CU_ASSERT_EQUAL(c.connections_max, 16);
	c = good("[Socketd]\nCPUQuota=10%\nIntervalMinSec=0.25s\nStreamStallSec=2 h\n");
	CU_ASSERT_EQUAL(c.cpu_quota, 100);
	CU_ASSERT_EQUAL(c.interval_min_usec, 250000);
	CU_ASSERT_EQUAL(c.stream_stall_usec, 7200000000);
}

static void test_forms(void)
{
	struct config c = good("\xef\xbb\xbf# a comment\n; another\n\n  [Socketd]  \r\n\tStreamsMax=3\t\r\n   StreamsMax=4 ; five?\n"
			       "CPUQuota=9%\nCPUQuota=\n# no newline at the end, and a very long comment: "
			       "xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx"
			       "xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx");

	CU_ASSERT_EQUAL(c.streams_max, 4);
	/* Nothing: the default again. */
	CU_ASSERT_EQUAL(c.cpu_quota, 20);
	good("");
	good("\n\n");
	good("[Socketd]");
}

static void test_mistakes(void)
{
	static const struct {
		const char *text;
		unsigned line;
		const char *hint;
	} cases[] = {
		{ "[Socketd]\n\nIntervalMinsec=1\n", 3, "there is no key \"IntervalMinsec\"" },
		{ "[socketd]\nStreamsMax=1\n", 1, "no such section" },
		{ "[Socketd]\n[Other]\n", 2, "no such section" },
		{ "[Socketd\nStreamsMax=1\n", 1, "no such section" },
		{ "StreamsMax=1\n", 1, "above the first key" },
		{ "[Socketd]\nStreamsMax\n", 2, "neither KEY=VALUE" },
		{ "[Socketd]\n=1\n", 2, "there is no key \"\"" },
		{ "[Socketd]\nStreamsMax=0\n", 2, "from 1 to 1024" },
		{ "[Socketd]\nStreamsMax=1025\n", 2, "from 1 to 1024" },
		{ "[Socketd]\nStreamsMax=-1\n", 2, "from 1 to 1024" },
		{ "[Socketd]\nStreamsMax=1.5\n", 2, "a number from" },
		{ "[Socketd]\nStreamsMax=12x\n", 2, "StreamsMax=12x: it must be a number" },
		{ "[Socketd]\nStreamsMax=1 2\n", 2, "a number from" },
		{ "[Socketd]\nStreamsMax=99999999999999999999999\n", 2, "from 1 to 1024" },
		{ "[Socketd]\nCPUQuota=2\n", 2, "such as 2%, from 0.1% to 100%" },
		{ "[Socketd]\nCPUQuota=200%\n", 2, "from 0.1% to 100%" },
		{ "[Socketd]\nCPUQuota=0.05%\n", 2, "from 0.1% to 100%" },
		{ "[Socketd]\nIntervalMaxSec=50ms\n", 2, "from 100ms to 1d" },
		{ "[Socketd]\nIntervalMaxSec=3 weeks\n", 2, "such as 250ms, 10s or 5min" },
		{ "[Socketd]\nIntervalMaxSec=99999999999d\n", 2, "from 100ms to 1d" },
		{ "[Socketd]\nIntervalMaxSec=.\n", 2, "from 100ms to 1d" },
		{ "[Socketd]\nTableMemoryMax=512\n", 2, "from 1M to 1T" },
		{ "[Socketd]\nTableMemoryMax=1M 1M\n", 2, "from 1M to 1T" },
		{ "[Socketd]\nLogLevel=loud\n", 2, "err, warning, notice, info or debug" },
		{ "[Socketd]\nIntervalMinSec=10\nIntervalMaxSec=5\n", 3, "IntervalMinSec=10s is more than IntervalMaxSec=5s" },
		{ "[Socketd]\nIntervalMinSec=10min\n", 2, "IntervalMinSec=10min is more than IntervalMaxSec=5min" },
		{ "[Socketd]\nStreamsMax=1\nStreams\x1b[31m=1\nStreamsMax=2\n", 3, "Streams\\x1b[31m" },
		/* The first of two. */
		{ "[Socketd]\nCPUQuota=7\nStreamsMax=x\n", 2, "CPUQuota=7" },
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++)
		bad(cases[i].text, strlen(cases[i].text), cases[i].line, cases[i].hint);
}

static void test_no_text(void)
{
	char big[70000];

	memset(big, 'x', sizeof(big));
	memcpy(big, "[Socketd]\n", 10);
	bad(big, 300, 2, "longer than 196 bytes");
	bad(big, sizeof(big), 0, "File too large");
	big[1000] = '\n';
	memcpy(big + 10, "StreamsMax=", 11);
	bad(big, 2000, 2, "longer than 196 bytes");
	bad("[Socketd]\nStreamsMax=1\0\n", 24, 2, "zero byte");
	bad("\x7f" "ELF\2\1\1", 7, 1, "neither KEY=VALUE");
	memset(big, '[', sizeof(big));
	bad(big, 190, 1, "longer than 48 bytes");
}

static void test_no_file(void)
{
	char error[CONFIG_ERROR_MAX] = "";
	struct config c;

	unlink(file);
	CU_ASSERT_EQUAL(config_load(&c, file, error), -EINVAL);
	CU_ASSERT_PTR_NOT_NULL(strstr(error, "No such file"));
	CU_ASSERT_EQUAL(config_load(&c, dir, error), -EINVAL);
	CU_ASSERT_PTR_NOT_NULL(strstr(error, "Is a directory"));
	CU_ASSERT_EQUAL_FATAL(mkfifo(file, 0644), 0);
	CU_ASSERT_EQUAL(config_load(&c, file, error), -EINVAL);
	CU_ASSERT_PTR_NOT_NULL(strstr(error, "it is no file"));
	unlink(file);
	CU_ASSERT_EQUAL(config_load(&c, "/dev/zero", error), -EINVAL);
	CU_ASSERT_EQUAL(config_load(&c, "/dev/null", error), 0);
}

/* Whoever is root reads any file, so another user is asked. */
static void test_unreadable(void)
{
	pid_t child;
	int status;

	if (geteuid() != 0)
		return;
	write_file("[Socketd]\n");
	chmod(file, 0600);
	child = fork();
	if (child == 0) {
		char error[CONFIG_ERROR_MAX] = "";
		struct config c;

		if (setgid(65534) < 0 || setuid(65534) < 0)
			_exit(1);
		_exit(config_load(&c, file, error) == -EINVAL && strstr(error, "Permission denied") ? 0 : 1);
	}
	CU_ASSERT_EQUAL(waitpid(child, &status, 0), child);
	CU_ASSERT_EQUAL(status, 0);
	unlink(file);
}

static void test_dropins(void)
{
	char dropins[96], path[128], error[CONFIG_ERROR_MAX] = "";
	struct config c;

	snprintf(dropins, sizeof(dropins), "%s.d", file);
	CU_ASSERT_EQUAL_FATAL(mkdir(dropins, 0755), 0);
	snprintf(path, sizeof(path), "%s/20-b.conf", dropins);
	write_bytes(path, "[Socketd]\nStreamsMax=20\n", 24);
	snprintf(path, sizeof(path), "%s/10-a.conf", dropins);
	write_bytes(path, "[Socketd]\nStreamsMax=10\nStreamsPerUser=10\n", 42);
	snprintf(path, sizeof(path), "%s/30-ignored", dropins);
	write_bytes(path, "rubbish", 7);
	snprintf(path, sizeof(path), "%s/.30-ignored.conf", dropins);
	write_bytes(path, "rubbish", 7);
	c = good("[Socketd]\nStreamsMax=1\nStreamsPerUser=1\nMonitorsMax=1\n");
	CU_ASSERT_EQUAL(c.streams_max, 20);
	CU_ASSERT_EQUAL(c.streams_user_max, 10);
	CU_ASSERT_EQUAL(c.monitors_max, 1);
	/* The mistake is told where it is: the pair is whole only in the drop-in. */
	snprintf(path, sizeof(path), "%s/40-c.conf", dropins);
	write_bytes(path, "[Socketd]\n\nIntervalMinSec=1d\n", 29);
	CU_ASSERT_EQUAL(config_load(&c, file, error), -EINVAL);
	CU_ASSERT_PTR_NOT_NULL(strstr(error, "x.conf.d/40-c.conf:3: IntervalMinSec=1d is more"));
	/* A folder and a broken link in the place of drop-ins. */
	unlink(path);
	CU_ASSERT_EQUAL(symlink("/nowhere", path), 0);
	CU_ASSERT_EQUAL(config_load(&c, file, error), 0);
	unlink(path);
	CU_ASSERT_EQUAL(mkdir(path, 0755), 0);
	CU_ASSERT_EQUAL(config_load(&c, file, error), -EINVAL);
	CU_ASSERT_PTR_NOT_NULL(strstr(error, "40-c.conf: cannot read it: Is a directory"));
	rmdir(path);
	for (unsigned i = 0; i < 300; i++) {
		snprintf(path, sizeof(path), "%s/%u.conf", dropins, i);
		write_bytes(path, "", 0);
	}
	CU_ASSERT_EQUAL(config_load(&c, file, error), -EINVAL);
	CU_ASSERT_PTR_NOT_NULL(strstr(error, "more than 256 files"));
	snprintf(path, sizeof(path), "rm -r '%s'", dropins);
	CU_ASSERT_EQUAL(system(path), 0);
}

struct printed {
	char text[4096];
	size_t len;
};

static void take_line(void *ctx, const char *text)
{
	struct printed *p = ctx;

	p->len += (size_t)snprintf(p->text + p->len, sizeof(p->text) - p->len, "%s\n", text);
}

static uint64_t choose(unsigned i, uint64_t value, uint64_t min, uint64_t max)
{
	if (i < 3)
		return i == 0 ? value : i == 1 ? min : max;
	return min + (((max - min) / 41 * i) | i) % (max - min + 1);
}

/* Every key at its bounds, its default, and odd values between. */
static void test_round_trip(void)
{
	for (unsigned i = 0; i < 40; i++) {
		struct printed p = { .len = 0 };
		struct config c, back;

#define CHOOSE(type, name, member, def, min, max) c.member = choose(i, def, min, max);
		CONFIG_KEYS(CHOOSE)
#undef CHOOSE
		c.interval_max_usec = c.interval_min_usec > c.interval_max_usec ? c.interval_min_usec : c.interval_max_usec;
		config_print(&c, take_line, &p);
		back = good(p.text);
		CU_ASSERT_EQUAL(memcmp(&c, &back, sizeof(c)), 0);
	}
}

/* Bytes that nobody would write: nothing but 0 or -EINVAL may come of them. */
static void test_random(void)
{
	static const char alphabet[] = "[Socketd]\n=;# \t\r:IntervalMinSec.0129%smGMk\xff\xef\xbb\xbf";
	uint32_t seed = 12345;

	for (unsigned i = 0; i < 2000; i++) {
		char text[512] = "[Socketd]\nIntervalMinSec=", error[CONFIG_ERROR_MAX];
		size_t n = i % 2 ? strlen(text) : 0;
		struct config c;
		int r;

		for (; n < 10 + i % 500; n++) {
			seed = seed * 1664525 + 1013904223;
			text[n] = alphabet[(seed >> 16) % sizeof(alphabet)];
		}
		write_bytes(file, text, n);
		r = config_load(&c, file, error);
		CU_ASSERT(r == 0 || (r == -EINVAL && strlen(error) > strlen(file)));
	}
}

void suite_config(void)
{
	CU_pSuite s = CU_add_suite("config", begin, end);

	CU_add_test(s, "values and units", test_values);
	CU_add_test(s, "comments, blanks, ends of lines, the default again", test_forms);
	CU_add_test(s, "mistakes name file, line and what is allowed", test_mistakes);
	CU_add_test(s, "files that are no text", test_no_text);
	CU_add_test(s, "files that are no files", test_no_file);
	CU_add_test(s, "a file of somebody else", test_unreadable);
	CU_add_test(s, "drop-ins", test_dropins);
	CU_add_test(s, "what is printed is read back", test_round_trip);
	CU_add_test(s, "random bytes", test_random);
}
