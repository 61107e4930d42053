/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Text to tokens: words end at blanks and operators, so "sport=:22" needs none */

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "query/lexer.h"
#include "query/query.h"

static bool is_blank(char c)
{
	return c == ' ' || (c >= '\t' && c <= '\r');
}

static bool is_control(char c)
{
	return ((unsigned char)c < 0x20 && !is_blank(c)) || c == 0x7f;
}

static bool ends_word(char c)
{
	return is_blank(c) || is_control(c) || strchr("(),=!<>&|~", c);
}

static int fail(struct query_error *e, size_t column, size_t length, const char *message)
{
	e->column = column;
	e->length = length;
	snprintf(e->message, sizeof(e->message), "%s", message);
	return -EINVAL;
}

static const struct operator
{
	char text[3];
	enum token_kind kind;
}
operators[] = {
	/* Longer ones first. */
	{ "==", TOKEN_EQ },  { "!=", TOKEN_NE }, { "!~", TOKEN_NOT_GLOB }, { "<=", TOKEN_LE },   { ">=", TOKEN_GE },
	{ "&&", TOKEN_AND }, { "||", TOKEN_OR }, { "(", TOKEN_OPEN },      { ")", TOKEN_CLOSE }, { ",", TOKEN_COMMA },
	{ "=", TOKEN_EQ },   { "<", TOKEN_LT },  { ">", TOKEN_GT },        { "~", TOKEN_GLOB },  { "!", TOKEN_NOT },
	{ "&", TOKEN_AND },  { "|", TOKEN_OR },
};

/* A word may hold quoted pieces, as in unix:'/run/a b'. */
static int read_word(struct lexer *l, struct token *t, struct query_error *e)
{
	char *out = l->words + l->n_words;
	size_t n = 0;

	t->kind = TOKEN_WORD;
	t->quoted = l->text[l->pos] == '\'' || l->text[l->pos] == '"';
	while (l->pos < l->len && !ends_word(l->text[l->pos])) {
		char quote = l->text[l->pos];
		size_t start = l->pos;

		if (quote != '\'' && quote != '"') {
			out[n++] = quote;
			l->pos++;
			continue;
		}
		for (l->pos++; l->pos < l->len && l->text[l->pos] != quote; l->pos++) {
			if (is_control(l->text[l->pos]))
				return fail(e, l->pos, 1, "control character: write it as \\xHH");
			out[n++] = l->text[l->pos];
			/* An escape never ends the quote. */
			if (l->text[l->pos] == '\\' && l->pos + 1 < l->len && !is_control(l->text[l->pos + 1]))
				out[n++] = l->text[++l->pos];
		}
		if (l->pos >= l->len)
			return fail(e, start, l->len - start, "this quote has no end");
		l->pos++;
	}
	out[n] = 0;
	t->text = out;
	t->len = n;
	l->n_words += n + 1;
	return 0;
}

int lexer_next(struct lexer *l, struct token *ret, struct query_error *ret_error)
{
	struct token t = { .text = "" };
	int r;

	while (l->pos < l->len && is_blank(l->text[l->pos]))
		l->pos++;
	t.column = l->pos;
	if (l->pos >= l->len) {
		*ret = t;
		return 0;
	}
	if (is_control(l->text[l->pos]))
		return fail(ret_error, l->pos, 1, "control character: write it as \\xHH");
	for (size_t i = 0; i < ARRAY_SIZE(operators); i++) {
		size_t n = strlen(operators[i].text);

		if (l->len - l->pos < n || memcmp(l->text + l->pos, operators[i].text, n) != 0)
			continue;
		t.kind = operators[i].kind;
		t.text = operators[i].text;
		t.len = t.length = n;
		l->pos += n;
		*ret = t;
		return 0;
	}
	r = read_word(l, &t, ret_error);
	if (r < 0)
		return r;
	t.length = l->pos - t.column;
	*ret = t;
	return 0;
}

bool lexer_is(const struct token *t, const char *word)
{
	return t->kind == TOKEN_WORD && !t->quoted && strcasecmp(t->text, word) == 0;
}
