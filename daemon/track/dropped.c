/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Ends of sockets whose notice the kernel dropped */

#include "track/dropped.h"

#include <string.h>

void dropped_add(struct dropped *d, uint64_t n, bool in_pass, bool heard)
{
	unsigned int age = in_pass ? 0 : 1;

	d->by_age[age].n += n;
	d->by_age[age].n_heard += heard ? n : 0;
}

/* The oldest: others can be claimed later still. */
void dropped_claim(struct dropped *d)
{
	unsigned int age = PASS_MISSED_MAX;

	while (age > 0 && d->by_age[age].n == 0)
		age--;
	if (d->by_age[age].n == 0)
		return;
	d->by_age[age].n--;
	if (d->by_age[age].n_heard > d->by_age[age].n)
		d->by_age[age].n_heard = d->by_age[age].n;
}

uint64_t dropped_settle(struct dropped *d, uint64_t *ret_n_heard)
{
	uint64_t n = d->by_age[PASS_MISSED_MAX].n;

	*ret_n_heard = d->by_age[PASS_MISSED_MAX].n_heard;
	memmove(&d->by_age[1], &d->by_age[0], PASS_MISSED_MAX * sizeof(d->by_age[0]));
	memset(&d->by_age[0], 0, sizeof(d->by_age[0]));
	return n;
}

uint64_t dropped_finish(const struct dropped *d, uint64_t *ret_n_heard)
{
	uint64_t n = 0;

	*ret_n_heard = 0;
	for (unsigned int age = 0; age <= PASS_MISSED_MAX; age++) {
		n += d->by_age[age].n;
		*ret_n_heard += d->by_age[age].n_heard;
	}
	return n;
}

void dropped_unhear(struct dropped *d)
{
	for (unsigned int age = 0; age <= PASS_MISSED_MAX; age++)
		d->by_age[age].n_heard = 0;
}
