/* SPDX-License-Identifier: MIT */
#include "base/fs.h"
#include "base/str.h"
#include "conf/testplan.h"

#include <criterion/criterion.h>

Test(testplan, the_example_of_the_manual_loads)
{
    static const char path[] = HIL_TEST_DATA "/conf/good-plan.yaml";
    struct testplan *plan = NULL;
    struct diags diags = {0};
    struct err err = {0};

    cr_assert_eq(testplan_load(path, &plan, &diags, &err), 0, "%s", err.message);
    cr_expect_str_eq(plan->dir, HIL_TEST_DATA "/conf");
    cr_expect_str_eq(plan->file, path);
    cr_assert_eq(plan->count, 2);
    const struct test_conf *smoke = &plan->tests[0], *raw = &plan->tests[1];
    cr_expect_str_eq(smoke->name, "smoke");
    cr_expect_eq(smoke->build.count, 2);
    cr_expect_str_eq(smoke->firmware, "build/{label}/smoke.elf");
    cr_expect_eq(smoke->boards.count, 2);
    cr_expect_str_eq(smoke->boards.items[1], "stm32f4,virtual");
    cr_expect(!smoke->every && !smoke->has_at);
    cr_expect_str_eq(smoke->format, "unity");
    cr_expect_eq(smoke->timeouts.boot, 5000);
    cr_expect_eq(smoke->timeouts.idle, -1);
    cr_expect_eq(smoke->expect_tests, 12);
    cr_expect_str_eq(smoke->require.items[0], "test_can_*");
    cr_expect_str_eq(smoke->build_id, "3F2A9C0D");
    cr_expect(smoke->require_build_id && smoke->nonce);
    cr_assert_eq(smoke->write.count, 2);
    cr_expect_str_eq(smoke->write.items[1], "otp");
    cr_expect_null(raw->build_id);
    cr_expect_eq(raw->write.count, 0);
    cr_expect(!raw->require_build_id && !raw->nonce);
    cr_expect_eq(smoke->repeat, 3);
    cr_expect(raw->every, "{board} implies it");
    cr_expect(raw->has_at);
    cr_expect_eq(raw->at, 0x08000000);
    cr_expect_eq(raw->repeat, 1);
    cr_expect_eq(raw->expect_tests, 0);
    cr_expect_null(raw->format);
    cr_expect_str_eq(raw->boards.items[0], "nucleo-3");
    testplan_free(plan);
    diags_done(&diags);
}

Test(testplan, a_missing_file_is_not_found)
{
    struct testplan *plan = NULL;
    struct diags diags = {0};

    cr_expect_eq(testplan_load("/nonexistent/hil.yaml", &plan, &diags, NULL), -ERR_NOT_FOUND);
    testplan_free(plan);
}
