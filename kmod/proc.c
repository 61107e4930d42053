// SPDX-License-Identifier: GPL-2.0-only
/* /proc/net/socketd of each namespace: its sockets, a line each, and the fields that this kernel has */

#include <linux/mm.h>
#include <linux/mutex.h>
#include <linux/proc_fs.h>
#include <linux/seq_file.h>
#include <linux/slab.h>
#include <linux/uaccess.h>
#include <net/net_namespace.h>
#include <net/netns/generic.h>

#include "text.h"

/* The longest line, with every row at its widest, is a quarter of it. */
#define PAGE_BYTES (64 * 1024)

/**
 * struct reader - an open sockets file
 * @lock: one read at a time
 * @query: decided when it was opened
 * @cursor: where the walk stands
 * @pos: file position that the walk has come to
 * @ended: the walk is over
 * @page: told and not read yet
 * @room: for the line under way
 */
struct reader {
	struct mutex lock;
	struct socketd_query query;
	struct socketd_cursor cursor;
	loff_t pos;
	bool ended;
	struct socketd_page page;
	struct socketd_text_room room;
};

static int emit_socket(void *ctx, const struct socketd_found *f)
{
	struct reader *r = ctx;
	struct socketd_look look;
	size_t len = r->page.len;

	socketd_look(&look, &r->query, f);
	socketd_text_line(&r->page, &look, &r->room);
	if (!r->page.full)
		return 0;
	r->page.len = len;
	r->page.full = false;
	return -EMSGSIZE;
}

static void reader_rewind(struct reader *r)
{
	socketd_cursor_free(&r->cursor);
	socketd_cursor_init(&r->cursor);
	r->pos = 0;
	r->ended = false;
	r->page.len = 0;
	r->page.done = 0;
	socketd_page_printf(&r->page, "# socketd " SOCKETD_KMOD_VERSION
			    ": a socket a line, name=value; see fields. No atomic picture: cookie tells twins.\n");
}

/* The next page of lines; nothing is in it at the end. */
static int reader_fill(struct reader *r)
{
	const struct socketd_emitter emitter = { .socket = emit_socket, .ctx = r };
	int n;

	r->page.len = 0;
	r->page.done = 0;
	if (r->ended)
		return 0;
	n = socketd_walk(&r->cursor, &r->query, &emitter);
	if (n < 0)
		return n;
	if (n == 0)
		r->ended = true;
	else if (r->page.len == 0)
		return -EOVERFLOW;
	return 0;
}

static ssize_t reader_copy(struct reader *r, char __user *buf, size_t count)
{
	size_t n;
	int e;

	if (r->page.done == r->page.len) {
		e = reader_fill(r);
		if (e)
			return e;
	}
	n = min(count, r->page.len - r->page.done);
	n -= copy_to_user(buf, r->page.buf + r->page.done, n);
	if (n == 0 && r->page.done < r->page.len && count)
		return -EFAULT;
	r->page.done += n;
	r->pos += n;
	return n;
}

/* In sequence, or from the beginning: there is no other way to a position. */
static ssize_t sockets_read(struct file *file, char __user *buf, size_t count, loff_t *pos)
{
	struct reader *r = file->private_data;
	ssize_t n;

	if (mutex_lock_interruptible(&r->lock))
		return -EINTR;
	if (*pos == 0 && r->pos)
		reader_rewind(r);
	n = *pos == r->pos ? reader_copy(r, buf, count) : -ESPIPE;
	if (n > 0)
		*pos += n;
	mutex_unlock(&r->lock);
	return n;
}

static loff_t sockets_lseek(struct file *file, loff_t offset, int whence)
{
	return no_seek_end_llseek(file, offset, whence);
}

/*
 * The file keeps its namespace. While open() runs the namespace's exit waits
 * for it in proc_remove(), so the memory is there to be asked.
 */
static int sockets_open(struct inode *inode, struct file *file)
{
	struct net *net = maybe_get_net(pde_data(inode));
	struct reader *r;

	if (!net)
		return -ENXIO;
	r = kzalloc(sizeof(*r), GFP_KERNEL_ACCOUNT);
	if (r)
		r->page.buf = kvmalloc(PAGE_BYTES, GFP_KERNEL_ACCOUNT);
	if (!r || !r->page.buf) {
		kfree(r);
		put_net(net);
		return -ENOMEM;
	}
	mutex_init(&r->lock);
	r->page.size = PAGE_BYTES;
	socketd_query_init_proc(&r->query, net, file);
	r->query.groups = SOCKETD_GROUPS_ALL & ~SOCKETD_GROUP_SKMEM;
	socketd_cursor_init(&r->cursor);
	reader_rewind(r);
	file->private_data = r;
	return 0;
}

static int sockets_release(struct inode *inode, struct file *file)
{
	struct reader *r = file->private_data;
	struct net *net = r->query.net;

	socketd_cursor_free(&r->cursor);
	socketd_query_free(&r->query);
	kvfree(r->page.buf);
	kfree(r);
	put_net(net);
	return 0;
}

static const struct proc_ops sockets_ops = {
	.proc_open = sockets_open,
	.proc_read = sockets_read,
	.proc_lseek = sockets_lseek,
	.proc_release = sockets_release,
};

static int fields_show(struct seq_file *seq, void *unused)
{
	u64 has[16];

	socketd_kernel_fields(has);
	seq_puts(seq, "# id name wire group access present|absent source\n");
#define SHOW(id, name, wire, group, access, source) \
	seq_printf(seq, "%u %s %s %s %s %s %s\n", id, name, wire, group, access, \
		   has[(id) / 64] >> (id) % 64 & 1 ? "present" : "absent", source);
#define FIELD(id, name, wire, group, access, source, unit, doc) \
	SOCKETD_ONLY(group, socket, SHOW(id, #name, #wire, "socket", #access, source)) \
	SOCKETD_ONLY(group, sock, SHOW(id, #name, #wire, "sock", #access, source)) \
	SOCKETD_ONLY(group, flow, SHOW(id, #name, #wire, "flow", #access, source))
#include "socketd/fields.def"
	return 0;
}

static unsigned int dir_id;

/* The directory of a namespace. */
struct dir {
	struct proc_dir_entry *entry;
};

static int __net_init dir_init(struct net *net)
{
	struct dir *dir = net_generic(net, dir_id);

	dir->entry = proc_net_mkdir(net, "socketd", net->proc_net);
	if (!dir->entry)
		return -ENOMEM;
	if (proc_create_data("sockets", 0444, dir->entry, &sockets_ops, net) &&
	    proc_create_single("fields", 0444, dir->entry, fields_show))
		return 0;
	proc_remove(dir->entry);
	return -ENOMEM;
}

/* Waits for whoever reads, and closes what is open. */
static void __net_exit dir_exit(struct net *net)
{
	struct dir *dir = net_generic(net, dir_id);

	proc_remove(dir->entry);
}

static struct pernet_operations dir_ops = {
	.init = dir_init,
	.exit = dir_exit,
	.id = &dir_id,
	.size = sizeof(struct dir),
};

/**
 * socketd_proc_init() - a directory in every namespace, and in those to come
 *
 * Return: 0 or a negative errno.
 */
int __init socketd_proc_init(void)
{
	return register_pernet_subsys(&dir_ops);
}

/**
 * socketd_proc_exit() - remove them
 */
void socketd_proc_exit(void)
{
	unregister_pernet_subsys(&dir_ops);
}
