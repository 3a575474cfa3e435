/* SPDX-License-Identifier: MIT */
#include "runner/labels.h"
#include "runner/sync.h"

#include "base/fs.h"
#include "base/str.h"
#include "board/lease.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static char work[64];

static void enter(void)
{
    snprintf(work, sizeof work, "/tmp/hil-test-labels-XXXXXX");
    cr_assert_not_null(mkdtemp(work));
    setenv("HIL_RUNTIME_DIR", work, 1);
}

static void leave(void)
{
    cleanup_free char *command = xasprintf("rm -rf '%s'", work);

    cr_assert_eq(system(command), 0);
}

TestSuite(labels, .init = enter, .fini = leave);

/* ---- lists ----------------------------------------------------------------------------------- */

static struct strv words(const char *text)
{
    struct strv list = {0};

    strv_split(&list, text, ' ');
    return list;
}

static void check_merge(const char *current, const char *given, const char *managed, bool exact,
                        const char *expected)
{
    struct labels labels = {.given = words(given), .managed = words(managed)};
    cleanup_strv struct strv before = words(current), merged = {0};

    labels_merge(&before, &labels, exact, &merged);
    cleanup_free char *joined = labels_join(&merged, " ");
    cr_assert_str_eq(joined, expected);
    labels_done(&labels);
}

Test(labels, merging)
{
    check_merge("", "hil a", "hil a b", false, "hil a");
    check_merge("hil a b", "hil a", "hil a b", false, "hil a");         /* b's board died */
    check_merge("site-3 b", "hil a", "hil a b", false, "site-3 hil a"); /* not ours: stays */
    check_merge("site-3 b", "hil a", "hil a b", true, "hil a");
    check_merge("HIL A B", "hil a", "hil a b", false, "hil a"); /* case is nothing */
    check_merge("x x", "hil", "hil", false, "x hil");
}

Test(labels, sameness_has_no_order_and_no_case)
{
    cleanup_strv struct strv a = words("hil stm32 Can"), b = words("can HIL stm32"),
                             c = words("hil stm32"), none = {0};

    cr_assert(labels_same(&a, &b));
    cr_assert(!labels_same(&a, &c) && !labels_same(&c, &a));
    cr_assert(labels_same(&none, &none) && !labels_same(&none, &c));
}

Test(labels, difference)
{
    cleanup_strv struct strv before = words("hil a b"), after = words("hil b c");
    cleanup_free char *text = sync_difference(&before, &after),
                      *none = sync_difference(&before, &before);

    cr_assert_str_eq(text, "+c -a");
    cr_assert_str_eq(none, "");
}

Test(labels, as_many_as_github_takes)
{
    cleanup_strv struct strv list = {0};
    struct err err = {0};

    for (int i = 0; i < LABELS_GITHUB_MAX; i++)
        strv_addf(&list, "l%d", i);
    cr_assert_eq(labels_check(&list, &err), 0);
    strv_add(&list, "one-more");
    cr_assert_eq(labels_check(&list, &err), -ERR_LIMIT);
    cr_assert(strstr(err.message, "101 labels"), "%s", err.message);
}

/* ---- boards ---------------------------------------------------------------------------------- */

#define BOARD(name, labels, path, more)                                                       \
    "  " name ":\n    labels: [" labels "]\n    flash: {cmd: {run: [/bin/true, '{file}']}}\n" \
    "    reset: {cmd: {run: [/bin/true]}}\n    console: {serial: {path: " path "}}\n" more

static void open_lab(const char *boards, struct inventory *ret)
{
    cleanup_free char *path = fs_join(work, "lab.yaml");
    cleanup_free char *text = xasprintf("lab: bench\nboards:\n%s", boards);
    struct err err = {0};

    cr_assert_eq(fs_write(path, text, strlen(text), &err), 0, "%s", err.message);
    cr_assert_eq(inventory_open(path, ret, &err), 0, "%s", err.message);
}

static void look(const struct inventory *inventory, struct store *store,
                 const struct label_rules *rules, int64_t now, const char *expected,
                 struct labels *ret)
{
    struct ctx ctx = ctx_root(-1, NULL);

    labels_look(inventory, store, rules, now, &ctx, ret);
    cleanup_free char *joined = labels_join(&ret->given, " ");
    cr_assert_str_eq(joined, expected);
}

Test(labels, of_boards_that_are_there)
{
    cleanup_strv struct strv added = words("site-3 hil");
    struct label_rules rules = LABEL_RULES_DEFAULT;
    struct inventory inventory;
    struct labels labels;

    /* /dev/null stands for a tty: it is looked at and not opened. */
    open_lab(BOARD("one", "stm32f4, has-can", "/dev/null", "")
                 BOARD("two", "stm32f4, has-eth", "/dev/no-such-tty", "")
                     BOARD("three", "stm32f1", "/etc/passwd", ""),
             &inventory);
    look(&inventory, NULL, &rules, 0, "hil stm32f4 has-can", &labels);
    cr_assert(labels.boards[0].present && !*labels.boards[0].why);
    cr_assert(!labels.boards[1].present && strstr(labels.boards[1].why, "/dev/no-such-tty"));
    cr_assert(!labels.boards[2].present && strstr(labels.boards[2].why, "no tty"));
    cr_assert(labels_have(&labels.managed, "has-eth") && labels_have(&labels.managed, "stm32f1"));
    labels_done(&labels);
    rules.names = true;
    rules.added = &added;
    look(&inventory, NULL, &rules, 0, "hil site-3 one stm32f4 has-can", &labels);
    labels_done(&labels);
    inventory_close(&inventory);
}

Test(labels, a_program_that_is_missing)
{
    struct label_rules rules = LABEL_RULES_DEFAULT;
    struct inventory inventory;
    struct labels labels;

    open_lab("  one:\n    labels: [a]\n    flash: {cmd: {run: [no-such-flasher, '{file}']}}\n"
             "    reset: {cmd: {run: [/bin/true]}}\n    console: {serial: {path: /dev/null}}\n",
             &inventory);
    look(&inventory, NULL, &rules, 0, "hil", &labels);
    cr_assert_str_eq(labels.boards[0].why, "'no-such-flasher' is not installed");
    labels_done(&labels);
    inventory_close(&inventory);
}

#define POWER(status) "    power: {cmd: {on: [/bin/true], off: [/bin/true]" status "}}\n"

/* A board that rests without power takes its own USB port with it. */
Test(labels, a_tty_that_is_missing_while_the_power_is_off)
{
    struct label_rules rules = LABEL_RULES_DEFAULT;
    struct inventory inventory;
    struct labels labels;

    open_lab(BOARD("off", "is-off", "/dev/no-such-tty", POWER(", status: [/bin/false]"))
                 BOARD("on", "is-on", "/dev/no-such-tty", POWER(", status: [/bin/true]"))
                     BOARD("mute", "cannot-tell", "/dev/no-such-tty", POWER("")),
             &inventory);
    look(&inventory, NULL, &rules, 0, "hil is-off cannot-tell", &labels);
    labels_done(&labels);
    inventory_close(&inventory);
}

/* While it is flashed its tty comes and goes. */
Test(labels, a_board_that_somebody_holds)
{
    struct label_rules rules = LABEL_RULES_DEFAULT;
    struct ctx ctx = ctx_root(-1, NULL);
    struct lease *lease = NULL;
    struct inventory inventory;
    struct holder self;
    struct labels labels;
    const char *const board = "one";
    struct err err = {0};
    size_t index;

    open_lab(BOARD("one", "stm32f4", "/dev/no-such-tty", ""), &inventory);
    holder_self(0, NULL, &self);
    cr_assert_eq(lease_take(inventory.runtime_dir, "bench", &board, 1, &self, false, &ctx, NULL,
                            NULL, &lease, &index, &err),
                 0, "%s", err.message);
    look(&inventory, NULL, &rules, 0, "hil stm32f4", &labels);
    labels_done(&labels);
    lease_drop(lease);
    look(&inventory, NULL, &rules, 0, "hil", &labels);
    labels_done(&labels);
    holder_done(&self);
    inventory_close(&inventory);
}

/* ---- verdicts -------------------------------------------------------------------------------- */

#define SECOND INT64_C(1000000)

static void record(struct store *store, enum verdict verdict, const char *reason, int64_t unix_s,
                   int64_t took_us)
{
    struct job_result job = {.name = "t",
                             .board = "one",
                             .verdict = verdict,
                             .reason = reason,
                             .started_unix_us = unix_s * SECOND,
                             .took_us = took_us};
    struct job_result *jobs[] = {&job};
    struct run_result run = {.lab = "bench", .verdict = verdict, .jobs = jobs, .count = 1};
    struct err err = {0};

    cr_assert_eq(store_record(store, &run, &err), 0, "%s", err.message);
}

Test(labels, of_boards_that_are_well)
{
    struct label_rules rules = LABEL_RULES_DEFAULT;
    struct store *store = NULL;
    struct inventory inventory;
    struct labels labels;
    struct err err = {0};

    cr_assert_eq(store_open(NULL, work, true, &store, &err), 0, "%s", err.message);
    open_lab(BOARD("one", "stm32f4", "/dev/null", ""), &inventory);
    for (int i = 0; i < 2; i++)
        record(store, VERDICT_INFRA, "flash: no device", 1000 + i, SECOND);
    look(&inventory, store, &rules, 1010, "hil stm32f4", &labels);
    labels_done(&labels);

    /* What tells nothing of the board. */
    record(store, VERDICT_INFRA, "cancelled", 1003, SECOND);
    record(store, VERDICT_INFRA, "flash cmd: cancelled", 1003, SECOND);
    record(store, VERDICT_INFRA, "no board became free", 1003, 0);
    look(&inventory, store, &rules, 1010, "hil stm32f4", &labels);
    labels_done(&labels);

    record(store, VERDICT_INFRA, "flash: no device", 1004, SECOND);
    look(&inventory, store, &rules, 1010, "hil", &labels);
    cr_assert(labels.boards[0].present && !labels.boards[0].healthy);
    cr_assert_str_eq(labels.boards[0].why,
                     "its last 3 runs ended as infra; it gets another chance in 30 min");
    labels_done(&labels);

    /* Another chance, used badly: one infra is enough. */
    look(&inventory, store, &rules, 1005 + rules.retry_s - 1, "hil", &labels);
    labels_done(&labels);
    look(&inventory, store, &rules, 1005 + rules.retry_s, "hil stm32f4", &labels);
    labels_done(&labels);
    record(store, VERDICT_INFRA, "flash: no device", 9000, SECOND);
    look(&inventory, store, &rules, 9002, "hil", &labels);
    labels_done(&labels);

    rules.infra_max = 5;
    look(&inventory, store, &rules, 9002, "hil stm32f4", &labels);
    labels_done(&labels);
    rules.infra_max = 0;
    look(&inventory, store, &rules, 9002, "hil stm32f4", &labels);
    labels_done(&labels);

    /* A failed test says that the board works. */
    rules.infra_max = 3;
    record(store, VERDICT_FAIL, "1 of 2 tests failed", 9003, SECOND);
    look(&inventory, store, &rules, 9005, "hil stm32f4", &labels);
    labels_done(&labels);
    inventory_close(&inventory);
    store_close(store);
}
