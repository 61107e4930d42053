/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The lines of a file of /proc/net, as blocks */

#include "source/procfs.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>

#include "snapshot/writer.h"
#include "source/netns_door.h"

int procfs_open(struct procfs *ret, const char *name, uint32_t source)
{
	char path[64];
	int fd, n;

	n = snprintf(path, sizeof(path), "/proc/thread-self/net/%s", name);
	if (n < 0 || (size_t)n >= sizeof(path))
		return -EINVAL;
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return -errno;
	procfs_init(ret, fd, source);
	return 0;
}

int procfs_open_in(struct procfs *ret, struct netns_door *d, const struct netns *ns, const char *name, uint32_t source)
{
	CLEANUP(close) int ns_fd = -1;
	int fd;

	if (ns->own) {
		int r = procfs_open(ret, name, source);

		if (r < 0)
			return r;
	} else {
		ns_fd = netns_enter_fd(ns);
		if (ns_fd < 0)
			return ns_fd;
		fd = netns_door_open(d, ns_fd, NETNS_PROC, name);
		if (fd < 0)
			return fd;
		procfs_init(ret, fd, source);
	}
	ret->netns = (uint32_t)ns->ino;
	return 0;
}

void procfs_init(struct procfs *p, int fd, uint32_t source)
{
	p->fd = fd;
	p->source = source;
	p->netns = 0;
	p->header_seen = false;
	p->n_carry = 0;
}

void procfs_close(struct procfs *p)
{
	if (p->fd >= 0)
		close(p->fd);
	p->fd = -1;
}

/* Fills buf as far as the file goes: a read gives one page at most. 0 at the end of the file. */
static int fill(struct procfs *p, uint8_t *buf, size_t size, size_t *ret_n)
{
	size_t n = 0;

	while (n < size) {
		ssize_t r = read(p->fd, buf + n, size - n);

		if (r < 0 && errno == EINTR)
			continue;
		if (r < 0)
			return -errno;
		if (r == 0) {
			*ret_n = n;
			return 0;
		}
		n += r;
	}
	*ret_n = n;
	return 1;
}

static uint32_t count_lines(const uint8_t *data, size_t len)
{
	const uint8_t *end = data + len;
	uint32_t n = 0;

	while (data < end && (data = memchr(data, '\n', end - data))) {
		data++;
		n++;
	}
	return n;
}

/* Length of the whole lines at the start. */
static size_t whole_lines(const uint8_t *data, size_t len)
{
	const uint8_t *last = memrchr(data, '\n', len);

	return last ? (size_t)(last - data) + 1 : 0;
}

int procfs_read(struct procfs *p, struct arena *a, uint32_t *ret_n_lines)
{
	struct socketd_messages head = { .source = p->source, .netns = p->netns };
	size_t n_read = 0, whole, skip = 0;
	struct bulk_block block;
	uint8_t *text;
	int r;

	r = bulk_block_begin(&block, a, SOCKETD_BLOCK_LINES,
			     sizeof(head) + sizeof(p->carry) + PROCFS_SLICE);
	if (r < 0)
		return r;
	text = block.payload + sizeof(head);
	memcpy(text, p->carry, p->n_carry);
	r = fill(p, text + p->n_carry, PROCFS_SLICE, &n_read);
	if (r < 0) {
		bulk_block_end(&block, a, 0);
		return r;
	}
	n_read += p->n_carry;

	whole = whole_lines(text, n_read);
	if (n_read - whole > sizeof(p->carry)) {
		bulk_block_end(&block, a, 0);
		return -EBADMSG;
	}
	/* At the end of the file a line without its end is one that was not all written: it is left out. */
	p->n_carry = n_read - whole;
	memcpy(p->carry, text + whole, p->n_carry);

	if (!p->header_seen && whole > 0) {
		skip = (uint8_t *)memchr(text, '\n', whole) - text + 1;
		memmove(text, text + skip, whole - skip);
		p->header_seen = true;
	}
	whole -= skip;
	*ret_n_lines = count_lines(text, whole);
	memcpy(block.payload, &head, sizeof(head));
	bulk_block_end(&block, a, whole > 0 ? sizeof(head) + whole : 0);
	return r;
}
