/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Somebody who asks for a password on the terminal */

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "cli/agent.h"

/* It tells polkit of itself in a few milliseconds, or never will. */
#define READY_MSEC 5000

static void run(int notify_fd, pid_t parent)
{
	/* One that the session has already (a desktop's) goes first; outside of sessions polkit knows no such order, and would ask nobody. */
	const char *fallback = getenv("XDG_SESSION_ID") ? "--fallback" : NULL;
	char fd[16], pid[16];

	/* When sockctl is interrupted, nobody closes it. */
	prctl(PR_SET_PDEATHSIG, SIGTERM);
	if (getppid() != parent)
		_exit(1);
	snprintf(fd, sizeof(fd), "%d", notify_fd);
	snprintf(pid, sizeof(pid), "%d", (int)parent);
	execlp("pkttyagent", "pkttyagent", "--process", pid, "--notify-fd", fd, fallback, (char *)NULL);
	_exit(1);
}

void agent_open(struct agent *a)
{
	pid_t parent = getpid();
	struct pollfd p;
	int pipe_fds[2];

	if (!isatty(STDIN_FILENO) || pipe(pipe_fds) < 0)
		return;
	a->pid = fork();
	if (a->pid == 0) {
		close(pipe_fds[0]);
		run(pipe_fds[1], parent);
	}
	close(pipe_fds[1]);
	/* It closes its end when polkit knows it, and at its death. */
	p = (struct pollfd){ .fd = pipe_fds[0] };
	while (a->pid > 0 && poll(&p, 1, READY_MSEC) < 0 && errno == EINTR)
		;
	close(pipe_fds[0]);
	if (a->pid < 0)
		a->pid = 0;
}

void agent_close(struct agent *a)
{
	if (a->pid == 0)
		return;
	kill(a->pid, SIGTERM);
	kill(a->pid, SIGCONT);
	while (waitpid(a->pid, NULL, 0) < 0 && errno == EINTR)
		;
	a->pid = 0;
}
