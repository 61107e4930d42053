/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The program that shows a long answer page by page */

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "cli/pager.h"
#include "model/cleanup.h"

/* F quit if one screen, R colours, S cut long lines, X leave the text, M position, K ^C ends it: as systemd's tools. */
#define LESS_OPTIONS "FRSXMK"
#define WORDS_MAX 16

/*
 * A pager can start a shell. When the rights are not those of the person who
 * typed (sudo, set-uid), it must not; and only less knows how not to.
 */
static bool is_secure(void)
{
	const char *env = getenv("SYSTEMD_PAGERSECURE");

	if (geteuid() != getuid())
		return true;
	if (env && *env)
		return strcmp(env, "0") != 0 && strcmp(env, "no") != 0 && strcmp(env, "false") != 0;
	return geteuid() == 0 && getenv("SUDO_UID");
}

/* NULL when no variable names one. */
static const char *pager_name(void)
{
	static const char *const variables[] = { "SOCKCTL_PAGER", "SYSTEMD_PAGER", "PAGER" };

	for (size_t i = 0; i < ARRAY_SIZE(variables); i++) {
		const char *env = getenv(variables[i]);

		if (env)
			return env;
	}
	return NULL;
}

bool pager_disabled(void)
{
	const char *name = pager_name();

	return name && (!*name || !strcmp(name, "cat"));
}

static void exec_words(const char *command)
{
	char *words[WORDS_MAX + 1], *copy = strdup(command), *rest = copy, *word;
	size_t n = 0;

	if (!copy)
		return;
	while (n < WORDS_MAX && (word = strsep(&rest, " \t")))
		if (*word)
			words[n++] = word;
	words[n] = NULL;
	if (n)
		execvp(words[0], words);
	free(copy);
}

static void __attribute__((noreturn)) run_pager(int fd)
{
	const char *options = getenv("SYSTEMD_LESS");
	const char *name = pager_name();
	bool secure = is_secure();

	dup2(fd, STDIN_FILENO);
	signal(SIGPIPE, SIG_DFL);
	signal(SIGINT, SIG_DFL);
	/* If sockctl dies, nobody is left to read for. */
	prctl(PR_SET_PDEATHSIG, SIGTERM);
	setenv("LESS", options && !secure ? options : LESS_OPTIONS, 1);
	setenv("LESSCHARSET", "utf-8", 0);
	if (secure) {
		setenv("LESSSECURE", "1", 1);
		unsetenv("LESSOPEN");
		unsetenv("LESSCLOSE");
	} else if (name) {
		exec_words(name);
	}
	exec_words("less");
	if (!secure)
		exec_words("more");
	exec_words("cat");
	_exit(EXIT_FAILURE);
}

int pager_start(int *ret_fd, pid_t *ret_pid)
{
	int fds[2];
	pid_t pid;

	if (pipe2(fds, O_CLOEXEC) < 0)
		return -errno;
	pid = fork();
	if (pid < 0) {
		int r = -errno;

		close(fds[0]);
		close(fds[1]);
		return r;
	}
	if (pid == 0)
		run_pager(fds[0]);
	close(fds[0]);
	signal(SIGINT, SIG_IGN);
	*ret_fd = fds[1];
	*ret_pid = pid;
	return 0;
}

void pager_wait(pid_t pid)
{
	while (waitpid(pid, NULL, 0) < 0 && errno == EINTR)
		;
}
