/* SPDX-License-Identifier: MIT */
#include <criterion/criterion.h>
#include <criterion/parameterized.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

Test(power, adds_up)
{
    cr_assert_eq(1 + 1, 2);
}

#ifndef CALM
Test(power, is_wrong)
{
    cr_expect_eq(1 + 1, 3, "sum of %d: a", 2);
    cr_expect_str_eq("on", "off");
}

Test(power, speaks)
{
    fputs("volts 3.3", stdout);
    fflush(stdout);
}

Test(power, later, .disabled = true)
{
    cr_assert_fail();
}

Test(power, needs_sensor)
{
    cr_skip("no sensor");
}

Test(power, crashes)
{
    raise(SIGSEGV);
}

Test(power, wants_a_signal, .signal = SIGSEGV)
{
    raise(SIGSEGV);
}

Test(power, exits)
{
    exit(3);
}

Test(clock, hangs, .timeout = 1)
{
    pause();
}

ParameterizedTestParameters(clock, divides)
{
    static int by[] = {1, 2, 3};
    return cr_make_param_array(int, by, 3);
}

ParameterizedTest(int *by, clock, divides)
{
    cr_assert_neq(*by, 2, "by %d", *by);
}
#endif
