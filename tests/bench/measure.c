/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Run one command with its output thrown away and say what it cost */

/*
 * Why a program and not the script: ru_maxrss of a child starts at the size of
 * whoever called exec, and that of a python is more than the whole budget; it
 * also takes in the children that the command itself waited for. So --peak
 * stops the command where it exits and reads VmHWM, which is of that process
 * image alone. Times are taken without --peak, with nothing attached.
 */

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ptrace.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

static double now(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return ts.tv_sec + ts.tv_nsec / 1e9;
}

static double seconds_of(struct timeval tv)
{
	return tv.tv_sec + tv.tv_usec / 1e6;
}

static void child_exec(char **argv, bool traced)
{
	int fd = open("/dev/null", O_RDWR);

	if (fd < 0 || dup2(fd, STDIN_FILENO) < 0 || dup2(fd, STDOUT_FILENO) < 0)
		_exit(126);
	close(fd);
	if (traced) {
		if (ptrace(PTRACE_TRACEME, 0, NULL, NULL) < 0)
			_exit(126);
		raise(SIGSTOP);
	}
	execvp(argv[0], argv);
	fprintf(stderr, "measure: %s: %s\n", argv[0], strerror(errno));
	_exit(127);
}

/* Peak resident KiB of a live process, 0 when it cannot be read. */
static unsigned long peak_kib(pid_t pid)
{
	unsigned long kib = 0;
	char path[64], line[256];
	FILE *f;

	snprintf(path, sizeof(path), "/proc/%d/status", pid);
	f = fopen(path, "re");
	if (!f)
		return 0;
	while (fgets(line, sizeof(line), f))
		if (sscanf(line, "VmHWM: %lu", &kib) == 1)
			break;
	fclose(f);
	return kib;
}

/* Passes every stop on, except those of tracing itself. */
static int wait_traced(pid_t pid, struct rusage *usage, unsigned long *peak)
{
	int status;

	if (waitpid(pid, &status, 0) < 0 || !WIFSTOPPED(status))
		return -1;
	if (ptrace(PTRACE_SETOPTIONS, pid, NULL,
		   PTRACE_O_TRACEEXIT | PTRACE_O_TRACEEXEC | PTRACE_O_EXITKILL) < 0)
		return -1;
	ptrace(PTRACE_CONT, pid, NULL, NULL);
	while (wait4(pid, &status, 0, usage) == pid) {
		int event = status >> 16;
		long sig = 0;

		if (!WIFSTOPPED(status))
			return status;
		if (event == PTRACE_EVENT_EXIT)
			*peak = peak_kib(pid);
		else if (event == 0)
			sig = WSTOPSIG(status);
		ptrace(PTRACE_CONT, pid, NULL, sig);
	}
	return -1;
}

int main(int argc, char **argv)
{
	bool peak_wanted = argc > 1 && strcmp(argv[1], "--peak") == 0;
	char **command = argv + 1 + peak_wanted;
	struct rusage usage = {};
	unsigned long peak = 0;
	int status = -1;
	double start;
	pid_t pid;

	if (argc < 2 + peak_wanted) {
		fprintf(stderr, "Usage: measure [--peak] COMMAND [ARGUMENT...]\n");
		return 2;
	}
	start = now();
	pid = fork();
	if (pid == 0)
		child_exec(command, peak_wanted);
	if (pid > 0 && peak_wanted)
		status = wait_traced(pid, &usage, &peak);
	else if (pid < 0 || wait4(pid, &status, 0, &usage) < 0)
		status = -1;
	start = now() - start;
	if (status < 0) {
		fprintf(stderr, "measure: %s\n", strerror(errno));
		return 126;
	}
	printf("seconds %.6f user %.6f sys %.6f maxrss_kib %ld", start,
	       seconds_of(usage.ru_utime), seconds_of(usage.ru_stime), usage.ru_maxrss);
	if (peak > 0)
		printf(" peak_kib %lu", peak);
	printf(" status %d\n", WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status));
	return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}
