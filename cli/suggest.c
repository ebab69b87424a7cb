/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What somebody meant who wrote a word that is none of those there are.
 */
#include "suggest.h"

#include <ctype.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#define WORD_MAX 40

static char plain(char c)
{
	return c == '_' ? '-' : (char)tolower((unsigned char)c);
}

static unsigned int least(unsigned int a, unsigned int b, unsigned int c)
{
	unsigned int ab = a < b ? a : b;

	return ab < c ? ab : c;
}

/*
 * How many letters have to be put in, left out, changed, or swapped with the
 * next one. The usual table, of which three rows are enough.
 */
static unsigned int distance(const char *a, const char *b)
{
	unsigned int rows[3][WORD_MAX + 1];
	size_t i, j, len = strlen(b);

	for (j = 0; j <= len; j++)
		rows[0][j] = (unsigned int)j;
	for (i = 1; a[i - 1]; i++) {
		unsigned int *row = rows[i % 3];
		unsigned int *above = rows[(i + 2) % 3];

		row[0] = (unsigned int)i;
		for (j = 1; j <= len; j++) {
			char x = plain(a[i - 1]), y = plain(b[j - 1]);

			row[j] = least(above[j] + 1, row[j - 1] + 1,
				       above[j - 1] + (x != y));
			if (i > 1 && j > 1 && x == plain(b[j - 2]) &&
			    y == plain(a[i - 2]))
				row[j] = least(row[j], row[j],
					       rows[(i + 1) % 3][j - 2] + 1);
		}
	}
	return rows[(i - 1) % 3][len];
}

static bool begins_with(const char *name, const char *word)
{
	while (*word && plain(*name) == plain(*word))
		name++, word++;
	return !*word;
}

static void add(struct suggestion *s, const char *prefix, const char *name)
{
	size_t len = strlen(s->text);

	snprintf(s->text + len, sizeof(s->text) - len, "%s%s%s",
		 len ? " or " : ": did you mean ", prefix, name);
}

/* The nearest name, or NULL where none is near. */
static const char *nearest(const char *word, const char *const *names)
{
	const char *best = NULL;
	unsigned int least_changes = WORD_MAX;

	for (; *names; names++) {
		size_t len = strlen(*names);
		unsigned int changes;

		if (len > WORD_MAX)
			continue;
		changes = distance(word, *names);
		/* One is a slip; of long words there may be a few. */
		if (changes < least_changes &&
		    changes <= (len < 6 ? 1 : len / 3)) {
			least_changes = changes;
			best = *names;
		}
	}
	return best;
}

struct suggestion suggest(const char *word, const char *prefix,
			  const char *const *names)
{
	struct suggestion s = { "" };
	const char *near;

	if (!*word || strlen(word) > WORD_MAX)
		return s;
	for (size_t i = 0; names[i]; i++) {
		if (begins_with(names[i], word))
			add(&s, prefix, names[i]);
	}
	near = *s.text ? NULL : nearest(word, names);
	if (near)
		add(&s, prefix, near);
	/* All of a long list begin with a single letter: that is no help. */
	if (strlen(s.text) + 2 > sizeof(s.text))
		s.text[0] = '\0';
	if (*s.text)
		strcat(s.text, "?");
	return s;
}
