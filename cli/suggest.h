/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What somebody meant who wrote a word that is none of those there are. Pure.
 */
#ifndef CLI_SUGGEST_H
#define CLI_SUGGEST_H

struct suggestion {
	char text[160]; /* ": did you mean --memory?", or "" for no idea */
};

/*
 * Compares with @names, of which NULL is the last: those that begin with @word,
 * else the one that takes fewest changes, if those are few. Case, and whether
 * a dash or an underscore joins words, do not count. @prefix goes before each.
 */
struct suggestion suggest(const char *word, const char *prefix,
			  const char *const *names);

#endif /* CLI_SUGGEST_H */
