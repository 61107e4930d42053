/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Attributes taken apart, and values made of what is in them */

#include <netinet/in.h>
#include <sys/socket.h>

#include "decode/slot.h"

int slot_parse(const struct nlattr **attr, const uint8_t *data, size_t len)
{
	while (len > 0) {
		struct nlattr head;
		unsigned type;
		size_t step;

		if (len < NLA_HDRLEN)
			return -EBADMSG;
		memcpy(&head, data, sizeof(head));
		if (head.nla_len < NLA_HDRLEN || head.nla_len > len)
			return -EBADMSG;

		type = head.nla_type & NLA_TYPE_MASK;
		if (type < RECORD_ATTR_MAX && !attr[type])
			attr[type] = (const struct nlattr *)data;

		step = NLA_ALIGN(head.nla_len);
		if (step >= len) /* the last one may lack its padding */
			break;
		data += step;
		len -= step;
	}

	return 0;
}

const struct nlattr *slot_next(const uint8_t **data, size_t *len)
{
	const uint8_t *at = *data;
	struct nlattr head;
	size_t step;

	if (*len < NLA_HDRLEN)
		return NULL;
	memcpy(&head, at, sizeof(head));
	if (head.nla_len < NLA_HDRLEN || head.nla_len > *len)
		return NULL;

	step = NLA_ALIGN(head.nla_len);
	if (step > *len)
		step = *len;
	*data = at + step;
	*len -= step;
	return (const struct nlattr *)at;
}

const struct nlattr *slot_find(const uint8_t *data, size_t len, unsigned type)
{
	const struct nlattr *a;

	while ((a = slot_next(&data, &len)))
		if (slot_type(a) == type)
			return a;
	return NULL;
}

int slot_value_ip(struct value *ret, unsigned family, const uint8_t *ip)
{
	if (family != AF_INET && family != AF_INET6)
		return -ENODATA;

	ret->kind = VALUE_ADDR;
	ret->addr.kind = family == AF_INET ? ADDRESS_INET : ADDRESS_INET6;
	ret->addr.number = 0;
	memset(ret->addr.ip, 0, sizeof(ret->addr.ip));
	memcpy(ret->addr.ip, ip, family == AF_INET ? 4 : 16);
	return 0;
}

int slot_value_sockaddr(struct value *ret, const uint8_t *data, size_t len)
{
	unsigned family;

	if (len < sizeof(struct sockaddr_in))
		return -ENODATA;
	family = slot_u16(data);
	if (family == AF_INET)
		return slot_value_ip(ret, family, data + offsetof(struct sockaddr_in, sin_addr));
	if (family == AF_INET6 && len >= sizeof(struct sockaddr_in6))
		return slot_value_ip(ret, family, data + offsetof(struct sockaddr_in6, sin6_addr));
	return -ENODATA;
}

/* A word, or the number in digits when it has none. */
static const char *word_text(struct record *r, const struct words *w, uint64_t number, size_t *ret_len)
{
	const char *word = words_find(w, number);

	if (word) {
		*ret_len = strlen(word);
		return word;
	}
	*ret_len = text_u64(r->scratch, number);
	return r->scratch;
}

int slot_value_word(struct record *r, const struct words *w, uint64_t number, struct value *ret)
{
	size_t len;
	const char *text = word_text(r, w, number, &len);

	value_set_str(ret, text, len);
	return 0;
}

int slot_value_address_word(struct record *r, const struct words *w, uint64_t number, struct value *ret)
{
	size_t len;
	const char *text = word_text(r, w, number, &len);

	ret->kind = VALUE_ADDR;
	ret->addr.kind = ADDRESS_WORD;
	ret->addr.number = (uint32_t)number;
	ret->addr.name = text;
	ret->addr.len = len;
	return 0;
}

int slot_value_dev(const struct record *r, uint32_t ifindex, struct value *ret)
{
	const char *name;

	if (!ifindex || !r->context)
		return -ENODATA;
	name = context_link_name(r->context, record_netns(r), ifindex);
	if (!name)
		return -ENODATA;
	value_set_str(ret, name, strlen(name));
	return 0;
}
