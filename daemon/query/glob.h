/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Patterns on names: "*", "?", "[a-z]", "[!x]", any case */

#ifndef SOCKETD_QUERY_GLOB_H
#define SOCKETD_QUERY_GLOB_H

#include <stdbool.h>
#include <stddef.h>

struct glob;

/* Bytes that glob_compile needs for a pattern of this length. */
size_t glob_size(size_t len);

/*
 * Compiles a pattern into memory of glob_size(len) bytes, aligned to 8. \xHH
 * and \\ stand for the byte itself, never for a wildcard. -EINVAL on another
 * escape, or "[" without "]".
 */
int glob_compile(struct glob *ret, const char *pattern, size_t len);

/* At most length of the pattern times len steps, no recursion. */
bool glob_match(const struct glob *g, const char *text, size_t len);

/* Whether the text has an unescaped wildcard. */
bool glob_has_wildcard(const char *pattern, size_t len);

#endif
