/* SPDX-License-Identifier: MIT */
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

static void adds_up(void **state)
{
    (void)state;
    assert_int_equal(1 + 1, 2);
}

static void is_wrong(void **state)
{
    (void)state;
    assert_int_equal(1 + 1, 3);
}

static void speaks(void **state)
{
    (void)state;
    fputs("volts 3.3", stdout);
    fflush(stdout);
}

static void speaks_and_fails(void **state)
{
    (void)state;
    print_message("volts 0.1\n");
    assert_string_equal("on", "off");
}

static void is_skipped(void **state)
{
    (void)state;
    skip();
}

static void leaks(void **state)
{
    (void)state;
    test_malloc(4);
}

static void crashes(void **state)
{
    (void)state;
    if (getenv("CRASH"))
        raise(SIGSEGV);
}

static int no_setup(void **state)
{
    (void)state;
    return -1;
}

int main(void)
{
    const struct CMUnitTest power[] = {
        cmocka_unit_test(adds_up),
        cmocka_unit_test(is_wrong),
        cmocka_unit_test(speaks),
        cmocka_unit_test(speaks_and_fails),
        cmocka_unit_test(is_skipped),
        cmocka_unit_test(leaks),
        {"odd [name], #7: (x)", adds_up, NULL, NULL, NULL},
        cmocka_unit_test_setup(adds_up, no_setup),
    };
    const struct CMUnitTest clock[] = {
        cmocka_unit_test(adds_up),
        cmocka_unit_test(crashes),
    };
    if (getenv("GROUP_SETUP_FAILS"))
        return cmocka_run_group_tests(clock, no_setup, NULL);
    int failed = getenv("CALM") ? 0 : cmocka_run_group_tests_name("power", power, NULL, NULL);
    return failed + cmocka_run_group_tests_name("clock", clock, NULL, NULL);
}
