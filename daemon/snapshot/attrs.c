/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The attributes of one block */

#include <errno.h>
#include <libmnl/libmnl.h>
#include <stdlib.h>
#include <string.h>

#include "snapshot/attrs.h"

int attrs_parse(struct attrs *a, const struct block *b)
{
	size_t offset = 0;

	memset(a, 0, sizeof(*a));
	while (offset < b->length) {
		const struct nlattr *nla = (const struct nlattr *)(b->payload + offset);

		if (b->length - offset < sizeof(*nla) || nla->nla_len < sizeof(*nla) || nla->nla_len > b->length - offset)
			return -EBADMSG;
		if (nla->nla_type < ATTRS_MAX)
			a->row[nla->nla_type] = nla;
		offset += MNL_ALIGN(nla->nla_len);
	}
	return 0;
}

/* An integer attribute; false when it is absent or of another size. */
bool attrs_u32(const struct attrs *a, unsigned type, uint32_t *ret)
{
	if (!a->row[type] || mnl_attr_get_payload_len(a->row[type]) != sizeof(*ret))
		return false;
	*ret = mnl_attr_get_u32(a->row[type]);
	return true;
}

bool attrs_u64(const struct attrs *a, unsigned type, uint64_t *ret)
{
	if (!a->row[type] || mnl_attr_get_payload_len(a->row[type]) != sizeof(*ret))
		return false;
	memcpy(ret, mnl_attr_get_payload(a->row[type]), sizeof(*ret));
	return true;
}

void attrs_text(const struct attrs *a, unsigned type, char *buf, size_t size)
{
	size_t len;

	if (!a->row[type])
		return;
	len = mnl_attr_get_payload_len(a->row[type]);
	if (len >= size)
		len = size - 1;
	memcpy(buf, mnl_attr_get_payload(a->row[type]), len);
	buf[len] = '\0';
}

/* A copy that ends in NUL; NULL where there is no such attribute. */
int attrs_string(const struct attrs *a, unsigned type, char **ret)
{
	char *copy;

	if (!a->row[type])
		return 0;
	copy = strndup(mnl_attr_get_payload(a->row[type]), mnl_attr_get_payload_len(a->row[type]));
	if (!copy)
		return -ENOMEM;
	*ret = copy;
	return 0;
}
