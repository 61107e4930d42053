/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Who held a socket before a scan found that nobody does */

#include "track/former.h"

#include <errno.h>
#include <string.h>

#include "snapshot/writer.h"

struct former_row {
	uint32_t inode, pid, fd, uid;
	uint64_t start;
	uint8_t comm_len;
	char comm[23]; /* TASK_COMM_LEN is 16 */
};

void former_deinit(struct former *f)
{
	free(f->rows);
	f->rows = NULL;
}

void former_add(struct former *f, const struct holders *h, uint32_t pid, uint32_t inode, uint32_t fd)
{
	struct former_row *row;
	struct holder holder;

	if (!f->rows)
		f->rows = calloc(FORMER_MAX, sizeof(*f->rows));
	if (!f->rows || !holders_process(h, pid, &holder))
		return;
	row = &f->rows[inode % FORMER_MAX];
	*row = (struct former_row){ .inode = inode, .pid = pid, .fd = fd, .uid = holder.uid, .start = holder.start };
	row->comm_len = holder.comm_len < sizeof(row->comm) ? holder.comm_len : sizeof(row->comm);
	if (row->comm_len > 0)
		memcpy(row->comm, holder.comm, row->comm_len);
}

static int write_process(const struct former_row *row, const struct holders *h, struct arena *a)
{
	struct attr_block b;
	struct holder now;

	/* With its user's name, if it lives. */
	if (holders_process(h, row->pid, &now) && now.start == row->start)
		return holders_write_process(h, row->pid, a);
	attr_block_begin(&b, SOCKETD_BLOCK_PROCESS);
	attr_block_u32(&b, SOCKETD_PROCESS_PID, row->pid);
	attr_block_u32(&b, SOCKETD_PROCESS_UID, row->uid);
	attr_block_bytes(&b, SOCKETD_PROCESS_COMM, row->comm, row->comm_len);
	attr_block_u64(&b, SOCKETD_PROCESS_START, row->start);
	return attr_block_write(&b, a);
}

int former_write(const struct former *f, const struct holders *h, uint32_t inode, struct arena *a)
{
	const struct former_row *row = f->rows ? &f->rows[inode % FORMER_MAX] : NULL;
	struct bulk_block b;
	int r;

	if (!row || inode == 0 || row->inode != inode)
		return 0;
	r = write_process(row, h, a);
	if (r >= 0)
		r = bulk_block_begin(&b, a, SOCKETD_BLOCK_OWNERS, sizeof(struct socketd_owner));
	if (r < 0)
		return r;
	*(struct socketd_owner *)b.payload = (struct socketd_owner){ .inode = inode, .pid = row->pid, .fd = row->fd };
	bulk_block_end(&b, a, sizeof(struct socketd_owner));
	return 1;
}
