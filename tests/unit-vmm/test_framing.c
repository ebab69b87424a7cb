/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Cutting bytes into JSON values: whatever the bytes, however they arrive.
 */
#include "../unit/cmocka_all.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "qmp/framing.h"

#define TRACE_MAX (256 * 1024)

static struct framing framing;

/* What came out: "V:value\n" and "E:error\n" in order. */
struct trace {
	size_t len;
	char text[TRACE_MAX];
};

static void trace_add(struct trace *trace, char kind, const char *text,
		      size_t len)
{
	if (trace->len + len + 4 > TRACE_MAX)
		return;
	trace->text[trace->len++] = kind;
	trace->text[trace->len++] = ':';
	memcpy(trace->text + trace->len, text, len);
	trace->len += len;
	trace->text[trace->len++] = '\n';
	trace->text[trace->len] = '\0';
}

static void feed(struct trace *trace, const char *data, size_t len)
{
	size_t at = 0;

	while (at < len) {
		enum framing_result result;
		size_t used;

		result = framing_feed(&framing, data + at, len - at, &used);
		assert_true(used <= len - at);
		at += used;
		if (result == FRAMING_VALUE)
			trace_add(trace, 'V', framing.value, framing.len);
		else if (result == FRAMING_ERROR)
			trace_add(trace, 'E', framing.error,
				  strlen(framing.error));
		else
			assert_int_equal(at, len);
	}
}

static void expect(const char *in, const char *out)
{
	static struct trace whole, split;
	size_t i, cut, len = strlen(in);

	whole.len = 0;
	whole.text[0] = '\0';
	framing_init(&framing);
	feed(&whole, in, len);
	assert_string_equal(whole.text, out);
	/* The same when it arrives in two parts, and byte by byte. */
	for (cut = 0; cut <= len; cut++) {
		split.len = 0;
		split.text[0] = '\0';
		framing_init(&framing);
		feed(&split, in, cut);
		feed(&split, in + cut, len - cut);
		assert_string_equal(split.text, out);
	}
	split.len = 0;
	framing_init(&framing);
	for (i = 0; i < len; i++)
		feed(&split, in + i, 1);
	assert_string_equal(split.text, out);
}

static void test_values(void **state)
{
	(void)state;
	expect("{}", "V:{}\n");
	expect("{}{}", "V:{}\nV:{}\n");
	expect("  {\"a\": [1, {}]}\r\n[]", "V:{\"a\": [1, {}]}\nV:[]\n");
	expect("{\"a\":\"}{\\\"]\"}x ", "V:{\"a\":\"}{\\\"]\"}\nV:x\n");
	expect("1 2.5e-3\n", "V:1\nV:2.5e-3\n");
	expect("true{}\"s\"", "V:true\nV:{}\nV:\"s\"\n");
	expect("\"\\\\\"5 ", "V:\"\\\\\"\nV:5\n");
	expect("{", "");
	expect("12", "");
}

static void test_single_quotes(void **state)
{
	(void)state;
	expect("{'a':'b'}", "V:{\"a\":\"b\"}\n");
	expect("'a\"b'", "V:\"a\\\"b\"\n");
	expect("'a\\'b'", "V:\"a'b\"\n");
	expect("\"a'b\"", "V:\"a'b\"\n");
}

static void test_recovery(void **state)
{
	(void)state;
	expect("@#%\n{}", "E:JSON parse error, stray '@'\nV:{}\n");
	expect("{\"a\n{}", "E:JSON parse error, stray byte 0x0a\nV:{}\n");
	expect("{\"a\xff\n{}", "E:JSON parse error, stray byte 0xff\nV:{}\n");
	expect("]}{}", "E:JSON parse error, expecting value\n"
		       "E:JSON parse error, expecting value\nV:{}\n");
	expect("@ x {}", "E:JSON parse error, stray '@'\nV:{}\n");
	expect("{\"a\": @\n{}", "E:JSON parse error, stray '@'\nV:{}\n");
}

static void test_depth(void **state)
{
	static struct trace trace;
	static char deep[FRAMING_DEPTH_MAX + 1];

	(void)state;
	memset(deep, '[', sizeof(deep));
	trace.len = 0;
	framing_init(&framing);
	feed(&trace, deep, FRAMING_DEPTH_MAX);
	assert_int_equal(trace.len, 0);
	feed(&trace, deep, 1);
	feed(&trace, "\n{}", 3);
	assert_string_equal(trace.text,
			    "E:JSON nesting depth limit exceeded\nV:{}\n");
}

static void test_size(void **state)
{
	static struct trace trace;
	static char big[FRAMING_VALUE_MAX];

	(void)state;
	memset(big, 'a', sizeof(big));
	big[0] = '"';
	big[sizeof(big) - 1] = '"';
	trace.len = 0;
	framing_init(&framing);
	feed(&trace, big, sizeof(big));
	assert_int_equal(trace.text[0], 'V');
	assert_int_equal(trace.len, sizeof(big) + 3);
	/* One more is too much. */
	trace.len = 0;
	big[sizeof(big) - 1] = 'a';
	feed(&trace, big, sizeof(big));
	assert_int_equal(trace.len, 0);
	feed(&trace, "a\n{}", 4);
	assert_string_equal(trace.text,
			    "E:JSON token size limit exceeded\nV:{}\n");
}

static void fill_random(char *data, size_t len, bool likely)
{
	static const char alphabet[] = "{}[]\"\\':, \n1ae\xff";
	size_t i;

	for (i = 0; i < len; i++)
		data[i] = likely ? alphabet[(size_t)rand() %
					    (sizeof(alphabet) - 1)]
				 : (char)rand();
}

/* However random bytes arrive, they come to the same, and to an end. */
static void test_random(void **state)
{
	static struct trace whole, split;
	char data[300];
	int round;

	(void)state;
	srand(1);
	for (round = 0; round < 3000; round++) {
		size_t cut = (size_t)rand() % sizeof(data);

		fill_random(data, sizeof(data), round & 1);
		whole.len = split.len = 0;
		framing_init(&framing);
		feed(&whole, data, sizeof(data));
		framing_init(&framing);
		feed(&split, data, cut);
		feed(&split, data + cut, sizeof(data) - cut);
		assert_int_equal(whole.len, split.len);
		assert_memory_equal(whole.text, split.text, whole.len);
		/* A stray byte and a newline always lead out of it. */
		split.len = 0;
		feed(&split, "\xff\n", 2);
		split.len = 0;
		feed(&split, "\n{}", 3);
		assert_string_equal(split.text, "V:{}\n");
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_values),
		cmocka_unit_test(test_single_quotes),
		cmocka_unit_test(test_recovery),
		cmocka_unit_test(test_depth),
		cmocka_unit_test(test_size),
		cmocka_unit_test(test_random),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
