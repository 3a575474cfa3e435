/* SPDX-License-Identifier: MIT */
#include <check.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

START_TEST(adds_up)
{
    ck_assert_int_eq(1 + 1, 2);
}
END_TEST

START_TEST(is_wrong)
{
    ck_assert_int_eq(1 + 1, 3);
}
END_TEST

START_TEST(loops)
{
    ck_assert_msg(_i != 2, "step %d: level low, see: a:b", _i);
}
END_TEST

START_TEST(speaks)
{
    puts("volts 3.3");
    fflush(stdout);
}
END_TEST

START_TEST(crashes)
{
    raise(SIGSEGV);
}
END_TEST

START_TEST(exits)
{
    exit(3);
}
END_TEST

START_TEST(hangs)
{
    pause();
}
END_TEST

int main(void)
{
    Suite *power = suite_create("power"), *clock = suite_create("clock");
    TCase *core = tcase_create("core"), *odd = tcase_create("odd: case"), *tick = tcase_create("tick");
    tcase_add_test(core, adds_up);
    tcase_add_test(tick, adds_up);
    suite_add_tcase(power, core);
    suite_add_tcase(clock, tick);
    if (!getenv("CALM")) {
        tcase_add_test(core, is_wrong);
        tcase_add_loop_test(core, loops, 0, 4);
        tcase_add_test(odd, speaks);
        tcase_add_test(odd, crashes);
        tcase_add_test(odd, exits);
        tcase_add_test(tick, hangs);
        tcase_set_timeout(tick, 1);
        suite_add_tcase(power, odd);
    }
    SRunner *runner = srunner_create(power);
    srunner_add_suite(runner, clock);
    srunner_run_all(runner, CK_ENV);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed != 0;
}
