// SPDX-License-Identifier: GPL-2.0-only
/* Loading and unloading: the parts in their order */

#include <linux/init.h>
#include <linux/module.h>
#include <linux/netlink.h>
#include <linux/sock_diag.h>

#include "socketd.h"

static int __init socketd_init(void)
{
	int r;

	r = socketd_events_init();
	if (r)
		return r;
	r = socketd_proc_init();
	if (r)
		goto undo_events;
	/* Last: from here on there are requests. */
	r = socketd_diag_init();
	if (r)
		goto undo_proc;
	return 0;

undo_proc:
	socketd_proc_exit();
undo_events:
	socketd_events_exit();
	return r;
}

static void __exit socketd_exit(void)
{
	socketd_diag_exit();
	socketd_proc_exit();
	socketd_events_exit();
}

module_init(socketd_init);
module_exit(socketd_exit);
MODULE_LICENSE("GPL");
MODULE_AUTHOR("socketd");
MODULE_DESCRIPTION("Sockets of every family: their fields and who holds them, by sock_diag and /proc/net/socketd");
MODULE_VERSION(SOCKETD_KMOD_VERSION);
/* Nothing asks for AF_UNSPEC of itself: this is for modprobe by hand and in modules-load.d. */
MODULE_ALIAS_NET_PF_PROTO_TYPE(PF_NETLINK, NETLINK_SOCK_DIAG, AF_UNSPEC);
