/* SPDX-License-Identifier: BSD-3-Clause */
#include <errno.h>
#include <string.h>

#include "cmocka_all.h"
#include "fixture.h"
#include "listener.h"

struct trio {
	struct listener_list list;
	struct journal journal;
	struct recorder a, b, c;
};

static struct pm_listener *waits;

static void trio_init(struct trio *t)
{
	memset(t, 0, sizeof(*t));
	recorder_init(&t->a, 'a', &t->journal);
	recorder_init(&t->b, 'b', &t->journal);
	recorder_init(&t->c, 'c', &t->journal);
	listener_list_add(&t->list, &t->a.listener);
	listener_list_add(&t->list, &t->b.listener);
	listener_list_add(&t->list, &t->c.listener);
}

static void empty_list_agrees(void **state)
{
	struct listener_list list = { 0 };

	(void)state;
	assert_int_equal(listener_list_populate(&list, 0, MIB, &waits), 0);
	listener_list_discard(&list, 0, MIB);
}

static void populates_in_order(void **state)
{
	struct trio t;

	(void)state;
	trio_init(&t);
	assert_int_equal(
		listener_list_populate(&t.list, 2 * MIB, 4 * MIB, &waits), 0);
	journal_expect(&t.journal, "a+2:4 b+2:4 c+2:4");
}

static void discards_in_reverse(void **state)
{
	struct trio t;

	(void)state;
	trio_init(&t);
	listener_list_discard(&t.list, 2 * MIB, 4 * MIB);
	journal_expect(&t.journal, "c-2:4 b-2:4 a-2:4");
}

static void rolls_back_in_reverse(void **state)
{
	struct trio t;

	(void)state;
	trio_init(&t);
	t.c.fail = -ENOSPC;
	assert_int_equal(listener_list_populate(&t.list, 0, MIB, &waits),
			 -ENOSPC);
	journal_expect(&t.journal, "a+0:1 b+0:1 c!0:1 b-0:1 a-0:1");
	t.a.fail = -ENOMEM;
	assert_int_equal(listener_list_populate(&t.list, 0, MIB, &waits),
			 -ENOMEM);
	journal_expect(&t.journal, "a!0:1");
}

static void remove_keeps_order(void **state)
{
	struct trio t;

	(void)state;
	trio_init(&t);
	listener_list_remove(&t.list, &t.b.listener);
	listener_list_populate(&t.list, 0, MIB, &waits);
	listener_list_discard(&t.list, 0, MIB);
	journal_expect(&t.journal, "a+0:1 c+0:1 c-0:1 a-0:1");
	listener_list_remove(&t.list, &t.a.listener);
	listener_list_add(&t.list, &t.b.listener);
	listener_list_discard(&t.list, 0, MIB);
	journal_expect(&t.journal, "b-0:1 c-0:1");
	listener_list_remove(&t.list, &t.b.listener);
	listener_list_remove(&t.list, &t.c.listener);
	assert_null(t.list.first);
	assert_null(t.list.last);
}

static void either_call_may_be_missing(void **state)
{
	struct trio t;

	(void)state;
	trio_init(&t);
	t.a.listener.discard = NULL;
	t.b.listener.populate = NULL;
	assert_int_equal(listener_list_populate(&t.list, 0, MIB, &waits), 0);
	listener_list_discard(&t.list, 0, MIB);
	journal_expect(&t.journal, "a+0:1 c+0:1 c-0:1 b-0:1");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(empty_list_agrees),
		cmocka_unit_test(populates_in_order),
		cmocka_unit_test(discards_in_reverse),
		cmocka_unit_test(rolls_back_in_reverse),
		cmocka_unit_test(remove_keeps_order),
		cmocka_unit_test(either_call_may_be_missing),
	};

	return cmocka_run_group_tests_name("listener", tests, NULL, NULL);
}
