/* SPDX-License-Identifier: MIT
 *
 * What a shift brought, from the tries that the store has.
 */
#include "serve/rig_summary.h"

#include "base/fs.h"
#include "base/str.h"
#include "store/rigged.h"

#include <criterion/criterion.h>
#include <string.h>
#include <unistd.h>

static char *state;
static struct store *store;

static void enter(void)
{
    struct err err;

    cr_assert_eq(fs_temp_dir(&state, &err), 0);
    cr_assert_eq(store_open(NULL, state, true, &store, &err), 0, "%s", err.message);
}

static void leave(void)
{
    store_close(store);
    fs_remove_tree(state);
    free_pointer(&state);
}

TestSuite(rig_summary, .init = enter, .fini = leave);

static void add(const char *board, const char *outcome, int64_t took_us, const char *reason)
{
    struct store_rigged try = {.lab = "table",
                               .board = board,
                               .path = "1-1.3",
                               .slot = 3,
                               .image_sha256 = "1",
                               .started_us = 1000,
                               .took_us = took_us,
                               .outcome = outcome,
                               .reason = reason};
    int64_t id;

    cr_assert_eq(store_rigged_begin(store, &try, &id, NULL), 0);
    if (outcome)
        cr_assert_eq(store_rigged_end(store, id, &try, NULL), 0);
}

static struct rig_summary summary(int64_t since_us)
{
    struct rig_summary ret;

    cr_assert_eq(rig_summary_read(store, "table", since_us, &ret, NULL), 0);
    return ret;
}

Test(rig_summary, a_board_counts_once_by_its_last_try)
{
    struct rig_summary all;

    add("A", "failed", 5, "flash dfu: 1-1.3: verify: 0x08000040 holds 0xff");
    add("B", "failed", 5, "flash dfu: 1-1.4: verify: 0x080001c8 holds 0x00");
    add("A", "done", 4000000, NULL);
    add("C", "failed", 5, "flash dfu: 1-1.1: verify: 0x08000000 holds 0x00");
    add("D", "unplugged", 5, "while it was flashed, at 42 %");
    add("E", "unplugged", 5, "while it was flashed, at 7 %");
    add("E", NULL, 0, NULL); /* its worker was killed */
    add(NULL, "done", 2000000, NULL);
    add(NULL, "done", 3000000, NULL);
    all = summary(0);
    cr_expect_eq(all.try_count, 9);
    cr_expect_eq(all.done, 3);
    cr_expect_eq(all.failed, 2);
    cr_expect_eq(all.unplugged, 1);
    cr_expect_eq(all.cut_short, 1);
    cr_expect_eq(all.mean_us, 3000000);
    cr_expect_eq(all.longest_us, 4000000);
    cr_assert_eq(all.reason_count, 2);
    cr_expect_eq(all.reasons[0].boards, 2);
    cr_expect_str_eq(all.reasons[0].text, "flash dfu: #: verify: # holds #");
    cr_expect_str_eq(all.reasons[1].text, "unplugged while it was flashed, at # %");
    rig_summary_done(&all);
    all = summary(1001);
    cr_expect_eq(all.try_count, 0);
    rig_summary_done(&all);
}

Test(rig_summary, as_a_list)
{
    cleanup_buf struct buf text = BUF_INIT(65536);
    cleanup_free char *path = fs_join(state, "list.csv");
    FILE *file = fopen(path, "w");
    struct rig_summary all;

    add("A", "failed", 1500000, "it says \"no\", twice");
    all = summary(0);
    cr_assert_eq(rig_summary_write(&all, true, fileno(file), NULL), 0);
    fclose(file);
    rig_summary_done(&all);
    cr_assert_eq(fs_read(path, &text, NULL), 0);
    cr_expect_str_eq(text.data,
                     "started,slot,path,serial,identity,outcome,step,reason,image,sha256,"
                     "seconds,last\r\n"
                     "1970-01-01T00:00:00Z,3,1-1.3,A,,failed,,\"it says \"\"no\"\", "
                     "twice\",,1,1.500000,true\r\n");
}
