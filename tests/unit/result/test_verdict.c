/* SPDX-License-Identifier: MIT */
#include "result/verdict.h"

#include <criterion/criterion.h>

Test(verdict, fail_wins_over_infra_over_pass)
{
    static const enum verdict worse[3][3] = {
        [VERDICT_PASS] = {VERDICT_PASS, VERDICT_FAIL, VERDICT_INFRA},
        [VERDICT_FAIL] = {VERDICT_FAIL, VERDICT_FAIL, VERDICT_FAIL},
        [VERDICT_INFRA] = {VERDICT_INFRA, VERDICT_FAIL, VERDICT_INFRA},
    };

    for (int a = VERDICT_PASS; a <= VERDICT_INFRA; a++)
        for (int b = VERDICT_PASS; b <= VERDICT_INFRA; b++)
            cr_expect_eq(verdict_worse((enum verdict)a, (enum verdict)b), worse[a][b], "%d %d", a,
                         b);
}

Test(verdict, verdicts_have_names_and_exit_codes)
{
    cr_expect_str_eq(verdict_name(VERDICT_PASS), "pass");
    cr_expect_str_eq(verdict_name(VERDICT_FAIL), "fail");
    cr_expect_str_eq(verdict_name(VERDICT_INFRA), "infra");
    cr_expect_eq(verdict_exit_code(VERDICT_PASS), 0);
    cr_expect_eq(verdict_exit_code(VERDICT_FAIL), 1);
    cr_expect_eq(verdict_exit_code(VERDICT_INFRA), 3);
    /* what no code of ours makes is still not green */
    cr_expect_eq(verdict_exit_code((enum verdict)77), 3);
}
