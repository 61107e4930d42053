/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Asks the kernel module over a socket of its own, and looks at every byte of the answer */

#ifndef ASK_H
#define ASK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <linux/netlink.h>

#include "socketd/uapi.h"

struct ask {
	int fd;
	uint32_t portid;
	uint32_t seq;
	uint8_t *buffer;
};

/* What an answer must be, and what it was. */
struct answer {
	/* asked */
	bool admin; /* privileged fields may come */
	bool tasks; /* pids may come */
	void (*socket)(const struct socketd_message *m, void *ctx);
	void *ctx;

	/* got */
	int error;  /* of NLMSG_ERROR or NLMSG_DONE: 0 or a negative errno; -EAGAIN when nothing came */
	bool meta, totals, done, interrupted, acknowledged;
	unsigned int n_messages, n_sockets, n_tasks, n_fds, n_held;
	struct socketd_meta first;
	struct socketd_totals last;
	char text[128];  /* of the extended acknowledgement */
	char fault[160]; /* empty when well-formed */
};

#define ASK_BUFFER (64 * 1024)

int ask_open(struct ask *ret);
void ask_close(struct ask *a);

/* A request of its own in a buffer of ASK_BUFFER bytes. */
struct nlmsghdr *ask_start(void *buffer, uint8_t what, uint32_t walks, uint32_t groups, uint32_t flags);
struct socketd_request *ask_request(struct nlmsghdr *nlh);
void ask_put(struct nlmsghdr *nlh, uint16_t type, const void *data, size_t size);

/* len is what goes out, whatever nlmsg_len says. */
int ask_send(struct ask *a, const void *bytes, size_t len);
/* One recv(): 0 the answer goes on, 1 it is complete, a negative errno. */
int ask_receive_some(struct ask *a, struct answer *ret, int flags);
int ask_receive(struct ask *a, struct answer *ret, int flags);
/* Sends and receives all; -EBADMSG when the answer is malformed. */
int ask(struct ask *a, struct nlmsghdr *nlh, struct answer *ret);
int ask_dump(struct ask *a, uint8_t what, uint32_t walks, uint32_t groups, uint32_t flags, struct answer *ret);

/* check.c: puts the first fault of a message into ret->fault, and counts. */
void check_message(struct answer *ret, const struct nlmsghdr *nlh);

/* Prints "ok   NAME" or "FAIL NAME"; n_failed counts. */
extern unsigned int n_failed;
bool say(bool ok, const char *format, ...) __attribute__((format(printf, 2, 3)));
bool say_answer(const struct answer *a, int r, const char *name);

/* One a file. argv[0] is the command's name. */
int run_requests(int argc, char **argv);
int run_fuzz(int argc, char **argv);
int run_hold(int argc, char **argv);
int run_churn(int argc, char **argv);
int run_forks(int argc, char **argv);
int run_namespaces(int argc, char **argv);
int run_callers(int argc, char **argv);
int run_proc(int argc, char **argv);

#endif
