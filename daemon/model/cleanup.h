/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Cleanup attributes: what a scope owns, it gives back when it is left */

#ifndef SOCKETD_MODEL_CLEANUP_H
#define SOCKETD_MODEL_CLEANUP_H

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#define CLEANUP(fn) __attribute__((cleanup(fn##_cleanup)))

/* For an object that the scope holds itself: CLEANUP(arena_deinit) struct arena a; */
#define DEFINE_CLEANUP(type, fn)                                       \
	static inline __attribute__((unused)) void fn##_cleanup(type *p) \
	{                                                              \
		fn(p);                                                 \
	}

/* For a pointer that the scope owns: CLEANUP(query_free) struct query *q = NULL; */
#define DEFINE_CLEANUP_PTR(type, fn)                                    \
	static inline __attribute__((unused)) void fn##_cleanup(type **p) \
	{                                                               \
		if (*p)                                                 \
			fn(*p);                                         \
	}

static inline void free_cleanup(void *p)
{
	free(*(void **)p);
}

static inline void close_cleanup(int *fd)
{
	if (*fd >= 0)
		close(*fd);
}

static inline void fclose_cleanup(FILE **f)
{
	if (*f)
		fclose(*f);
}

/* Hands a pointer on: the scope owns it no more. */
#define STEAL_PTR(p)                    \
	({                              \
		__auto_type _p = (p);   \
		(p) = NULL;             \
		_p;                     \
	})

static inline int steal_fd(int *fd)
{
	int taken = *fd;

	*fd = -1;
	return taken;
}

#define ARRAY_SIZE(a) (sizeof(a) / sizeof((a)[0]))

#endif
