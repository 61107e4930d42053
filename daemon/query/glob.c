/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Pattern matching with one point to go back to, the last star: no pattern is slow */

#include <errno.h>
#include <stdint.h>
#include <string.h>

#include "query/glob.h"

enum item_kind { ITEM_BYTE, ITEM_ANY, ITEM_STAR, ITEM_SET };

struct glob_item {
	uint32_t kind;  /* enum item_kind */
	uint32_t value; /* the byte, in lower case; the number of the set */
};

struct glob {
	size_t n_items;
	uint32_t (*sets)[8]; /* 256 bits each; behind the items */
	struct glob_item items[];
};

/* A set takes at least three bytes of the pattern: "[a]". */
size_t glob_size(size_t len)
{
	return sizeof(struct glob) + len * sizeof(struct glob_item) + (len / 3 + 1) * sizeof(uint32_t[8]);
}

static uint8_t fold(uint8_t c)
{
	return c >= 'A' && c <= 'Z' ? c + 'a' - 'A' : c;
}

static int hex_digit(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	if (c >= 'a' && c <= 'f')
		return c - 'a' + 10;
	if (c >= 'A' && c <= 'F')
		return c - 'A' + 10;
	return -1;
}

/* One byte at p[*i], escapes undone. */
static int next_byte(const char *p, size_t len, size_t *i, uint8_t *ret)
{
	if (p[*i] != '\\') {
		*ret = p[(*i)++];
		return 0;
	}
	if (len - *i >= 2 && p[*i + 1] == '\\') {
		*ret = '\\';
		*i += 2;
		return 0;
	}
	if (len - *i >= 4 && p[*i + 1] == 'x' && hex_digit(p[*i + 2]) >= 0 && hex_digit(p[*i + 3]) >= 0) {
		*ret = hex_digit(p[*i + 2]) << 4 | hex_digit(p[*i + 3]);
		*i += 4;
		return 0;
	}
	return -EINVAL;
}

static void set_add(uint32_t set[8], uint8_t lo, uint8_t hi)
{
	for (unsigned c = lo; c <= hi; c++)
		set[fold(c) / 32] |= UINT32_C(1) << (fold(c) % 32);
}

/* A set from behind its "["; *i is left behind its "]". */
static int compile_set(const char *p, size_t len, size_t *i, uint32_t set[8])
{
	bool inverted = *i < len && (p[*i] == '!' || p[*i] == '^');
	size_t first;

	if (inverted)
		(*i)++;
	memset(set, 0, sizeof(uint32_t[8]));
	for (first = *i; *i < len;) {
		uint8_t lo, hi;
		int r;

		if (p[*i] == ']' && *i > first) {
			(*i)++;
			for (unsigned w = 0; inverted && w < 8; w++)
				set[w] = ~set[w];
			return 0;
		}
		r = next_byte(p, len, i, &lo);
		if (r < 0)
			return r;
		hi = lo;
		if (len - *i >= 2 && p[*i] == '-' && p[*i + 1] != ']') {
			(*i)++;
			r = next_byte(p, len, i, &hi);
			if (r < 0)
				return r;
		}
		set_add(set, lo, hi);
	}
	return -EINVAL;
}

int glob_compile(struct glob *ret, const char *pattern, size_t len)
{
	size_t n_sets = 0;

	ret->n_items = 0;
	ret->sets = (uint32_t(*)[8])(ret->items + len);
	for (size_t i = 0; i < len;) {
		struct glob_item *item = &ret->items[ret->n_items];
		uint8_t byte;
		int r;

		item->value = 0;
		switch (pattern[i]) {
		case '*':
			i++;
			item->kind = ITEM_STAR;
			/* Stars in a row are one. */
			if (ret->n_items > 0 && item[-1].kind == ITEM_STAR)
				continue;
			break;
		case '?':
			i++;
			item->kind = ITEM_ANY;
			break;
		case '[':
			i++;
			item->kind = ITEM_SET;
			item->value = n_sets;
			r = compile_set(pattern, len, &i, ret->sets[n_sets++]);
			if (r < 0)
				return r;
			break;
		default:
			r = next_byte(pattern, len, &i, &byte);
			if (r < 0)
				return r;
			item->kind = ITEM_BYTE;
			item->value = fold(byte);
			break;
		}
		ret->n_items++;
	}
	return 0;
}

static bool item_matches(const struct glob *g, const struct glob_item *item, uint8_t c)
{
	c = fold(c);
	switch ((enum item_kind)item->kind) {
	case ITEM_BYTE:
		return item->value == c;
	case ITEM_ANY:
		return true;
	case ITEM_SET:
		return g->sets[item->value][c / 32] >> (c % 32) & 1;
	case ITEM_STAR:
		break;
	}
	return false;
}

bool glob_match(const struct glob *g, const char *text, size_t len)
{
	size_t i = 0, t = 0, star = SIZE_MAX, star_text = 0;

	while (t < len) {
		if (i < g->n_items && g->items[i].kind == ITEM_STAR) {
			star = i++;
			star_text = t;
		} else if (i < g->n_items && item_matches(g, &g->items[i], text[t])) {
			i++;
			t++;
		} else if (star != SIZE_MAX) {
			/* The last star takes one byte more; earlier ones need not. */
			i = star + 1;
			t = ++star_text;
		} else {
			return false;
		}
	}
	while (i < g->n_items && g->items[i].kind == ITEM_STAR)
		i++;
	return i == g->n_items;
}

bool glob_has_wildcard(const char *pattern, size_t len)
{
	for (size_t i = 0; i < len; i++) {
		if (pattern[i] == '\\')
			i++;
		else if (pattern[i] == '*' || pattern[i] == '?' || pattern[i] == '[')
			return true;
	}
	return false;
}
