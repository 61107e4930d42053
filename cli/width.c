/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* How many columns of a terminal a text takes */

#include <stdint.h>
#include <string.h>
#include <wchar.h>

#include "cli/width.h"

/* One character beyond ASCII; returns its bytes. The text is valid UTF-8. */
static size_t decode(const unsigned char *text, size_t len, wchar_t *ret)
{
	size_t n = text[0] >= 0xf0 ? 4 : text[0] >= 0xe0 ? 3 : 2;
	uint32_t c = text[0] & (0xffu >> (n + 1));

	if (n > len)
		n = len;
	for (size_t i = 1; i < n; i++)
		c = c << 6 | (text[i] & 0x3f);
	*ret = (wchar_t)c;
	return n;
}

size_t width_of(const char *text, size_t len)
{
	size_t width = 0, i = 0;

	/* Nearly all that is measured is ASCII: eight bytes at a time. */
	for (; i + 8 <= len; i += 8) {
		uint64_t word;

		memcpy(&word, text + i, sizeof(word));
		if (word & UINT64_C(0x8080808080808080))
			break;
	}
	width = i;
	while (i < len) {
		wchar_t c;
		int w;

		if (!(text[i] & 0x80)) {
			i++;
			width++;
			continue;
		}
		i += decode((const unsigned char *)text + i, len - i, &c);
		w = wcwidth(c);
		width += w < 0 ? 1 : (size_t)w; /* not known to the locale */
	}
	return width;
}
