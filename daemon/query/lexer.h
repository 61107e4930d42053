/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Tokens of the filter language */

#ifndef SOCKETD_QUERY_LEXER_H
#define SOCKETD_QUERY_LEXER_H

#include <stdbool.h>
#include <stddef.h>

struct query_error;

enum token_kind {
	TOKEN_END,
	TOKEN_WORD,
	TOKEN_OPEN,
	TOKEN_CLOSE,
	TOKEN_COMMA,
	TOKEN_EQ,
	TOKEN_NE,
	TOKEN_LT,
	TOKEN_LE,
	TOKEN_GT,
	TOKEN_GE,
	TOKEN_GLOB,
	TOKEN_NOT_GLOB,
	TOKEN_NOT,
	TOKEN_AND,
	TOKEN_OR,
};

struct token {
	enum token_kind kind;
	bool quoted;           /* began with a quote: a name or a TARGET, never a word of the language */
	size_t column, length; /* in the text */
	const char *text;      /* of a word: without its quotes, escapes untouched, ended by a NUL */
	size_t len;
};

/* Copying the struct marks a place to go back to. */
struct lexer {
	const char *text;
	size_t len, pos;
	char *words; /* room for the words: twice the text and 2 bytes are enough; not owned */
	size_t n_words;
};

/* The next token. -EINVAL with *ret_error filled: a quote without an end, a control character. */
int lexer_next(struct lexer *l, struct token *ret, struct query_error *ret_error);

/* Whether an unquoted word is this one, any case. */
bool lexer_is(const struct token *t, const char *word);

#endif
