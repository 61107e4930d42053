/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Names on the bus, and where the daemon's private socket is */

#ifndef SOCKETD_DBUS_H
#define SOCKETD_DBUS_H

#define SOCKETD_BUS_NAME "org.socketd1"
#define SOCKETD_OBJECT_PATH "/org/socketd1"
#define SOCKETD_MANAGER_INTERFACE "org.socketd1.Manager"

/* A socket's object is at SOCKETD_SOCKET_PATH "/_" and its cookie in decimal. */
#define SOCKETD_SOCKET_PATH "/org/socketd1/socket"
#define SOCKETD_SOCKET_INTERFACE "org.socketd1.Socket"

/* org.freedesktop.LogControl1(5) */
#define SOCKETD_LOG_PATH "/org/freedesktop/LogControl1"
#define SOCKETD_LOG_INTERFACE "org.freedesktop.LogControl1"

/* Errors of ours; all others are the standard ones of org.freedesktop.DBus. */
#define SOCKETD_ERROR_INVALID_FILTER "org.socketd1.InvalidFilter"
#define SOCKETD_ERROR_NO_SUCH_SOCKET "org.socketd1.NoSuchSocket"
#define SOCKETD_ERROR_CURSOR_EXPIRED "org.socketd1.CursorExpired"
#define SOCKETD_ERROR_KERNEL_MODULE_MISSING "org.socketd1.KernelModuleMissing"
#define SOCKETD_ERROR_TOO_MANY_STREAMS "org.socketd1.TooManyStreams"

/* Keys of a filter: all of them must hold. */
#define SOCKETD_FILTER_EXPRESSION "expression" /* s, the language of sockctl(1) */
#define SOCKETD_FILTER_FAMILIES "families"     /* as */
#define SOCKETD_FILTER_STATES "states"         /* as */
#define SOCKETD_FILTER_NETNS "netns"           /* t, inode number */
#define SOCKETD_FILTER_PID "pid"               /* u */
#define SOCKETD_FILTER_UNIT "unit"             /* s, "nginx.service" */

/* Keys of a tuple (LookupSocket). */
#define SOCKETD_TUPLE_PROTOCOL "protocol"       /* s, "tcp", "udp", ... */
#define SOCKETD_TUPLE_LOCAL "local"             /* s or ay */
#define SOCKETD_TUPLE_LOCAL_PORT "local-port"   /* q or u */
#define SOCKETD_TUPLE_REMOTE "remote"           /* s or ay */
#define SOCKETD_TUPLE_REMOTE_PORT "remote-port" /* q or u */
#define SOCKETD_TUPLE_NETNS "netns"             /* t */

/* Keys of the options of OpenSockets. */
#define SOCKETD_OPTION_FORMAT "format"
#define SOCKETD_OPTION_FIELDS "fields"
#define SOCKETD_OPTION_MAX_AGE "max-age-usec" /* t */
#define SOCKETD_OPTION_INITIAL "initial"      /* b, of OpenMonitor only */

/*
 * Actions of polkit(8), for callers that are not root. Who may inspect all is
 * answered as root is. A caller who does not set the message's flag
 * ALLOW_INTERACTIVE_AUTHORIZATION is never made to type a password.
 */
#define SOCKETD_ACTION_INSPECT_ALL "org.socketd1.inspect-all"
#define SOCKETD_ACTION_DESTROY "org.socketd1.destroy"
#define SOCKETD_ACTION_MANAGE "org.socketd1.manage"
#define SOCKETD_ACTION_BYPASS_RATELIMIT "org.socketd1.bypass-ratelimit"

/* Where socketd-netns(8) listens: it opens sockets inside network namespaces for a daemon that may not. */
#define SOCKETD_NETNS_SOCKET "/run/socketd-netns"

#endif
