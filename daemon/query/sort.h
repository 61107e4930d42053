/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Kept rows in order, and in groups */

#ifndef SOCKETD_QUERY_SORT_H
#define SOCKETD_QUERY_SORT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "decode/record.h"
#include "snapshot/store.h"

#define SORT_KEYS_MAX 8

struct sort_key {
	enum field_id field;
	bool descending;
};

/*
 * Sorts the store's messages in place by up to SORT_KEYS_MAX keys. Stable. A
 * row without a key's field comes last, whichever way. Numbers by value,
 * addresses by address_compare, text by bytes. 0 or -ENOMEM.
 */
int sort_messages(struct store *s, const struct context *c, const struct sort_key *keys, size_t n_keys);

/* The same by fields of the other end as well, which p knows; NULL: nothing is known of them. */
struct pairs;
int sort_joined(struct store *s, const struct context *c, const struct pairs *p, const struct sort_key *keys, size_t n_keys);

/* <0, 0, >0: two values of one field, as sorting and the filter's < and > have it. */
int value_compare(const struct value *a, const struct value *b);

/* A group of rows with equal values of the keys. */
struct group {
	char **key_texts; /* one for each key; NULL where the field is absent */
	uint64_t n_rows;
	uint64_t recv_q, send_q; /* sums over non-listeners */
	/* Sums over the rows that have them, in the units of these fields (retrans_rate: thousandths). */
	uint64_t tx_rate, rx_rate, retrans_rate;
	bool has_rates; /* at least one row had */
};

struct grouping;

/* The fields that a grouping reads beside its keys: what is to be asked for. The last three are the rates, of GROUP_track. */
const enum field_id *grouping_fields(size_t *ret_n);

int grouping_new(struct grouping **ret, const enum field_id *keys, size_t n_keys);
struct grouping *grouping_free(struct grouping *g);
DEFINE_CLEANUP_PTR(struct grouping, grouping_free)

/* Counts a row. 0, -ENOMEM, -E2BIG over GROUPS_MAX groups. A row with n owners counts once for each distinct value of a list field. */
#define GROUPS_MAX (1024u * 1024u)
int grouping_add(struct grouping *g, struct record *r);

/* The groups, most rows first; the array belongs to g. */
const struct group *const *grouping_finish(struct grouping *g, size_t *ret_n);

#endif
