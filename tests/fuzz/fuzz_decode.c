/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Fuzzing the decoders: the first byte picks the source, the rest is its message */

#include <linux/inet_diag.h>
#include <stdint.h>
#include <stdlib.h>

#include "decode/record.h"

#define LIST_MAX 40

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* Touches every byte that a value borrows, as a reader of it would. */
static void use(const struct field *f, const struct value *v)
{
	char text[VALUE_TEXT_MAX];

	value_format(f, v, VALUE_PLAIN, text, sizeof(text));
	value_format(f, v, VALUE_HUMAN, text, sizeof(text));
}

static void look(const struct message *m)
{
	struct record r;
	struct value v;

	if (record_open(&r, m, NULL) < 0)
		return;

	for (unsigned id = 1; id < FIELD_COUNT; id++) {
		const struct field *f = field_get(id);

		for (unsigned n = 0; n < LIST_MAX; n++) {
			if (record_get(&r, id, n, &v) < 0)
				break;
			if (!f || (n > 0 && !field_is_list(f)))
				abort();
			use(f, &v);
		}
	}
	record_state(&r);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const struct inet_diag_msg tcp = { .idiag_family = 2, .idiag_state = 1, .idiag_inode = 77 };
	struct message m;

	if (size < 1)
		return 0;
	m = (struct message){ .data = data + 1, .len = (uint32_t)size - 1, .source = (uint8_t)(1 + data[0] % (SOURCE_COUNT - 1)) };
	look(&m);
	if (m.source != SOURCE_module)
		return 0;
	/* The same as what the module tells of another source's row. */
	m = (struct message){ .data = (const uint8_t *)&tcp, .len = sizeof(tcp), .source = SOURCE_tcp4, .module = m.data, .module_len = m.len };
	look(&m);
	return 0;
}
