/* SPDX-License-Identifier: MIT
 *
 * Identities are given once: to whoever draws, whoever is killed, and however full the disk is.
 */
#include "store/identities.h"

#include "engine.h"

#include "base/fs.h"
#include "base/str.h"
#include "store/rigged.h"

#include <criterion/criterion.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

static char *state;
static struct store *store;

static void enter(void)
{
    struct err err;

    cr_assert_eq(fs_temp_dir(&state, &err), 0);
    cr_assert_eq(store_open(engine_conf(), state, true, &store, &err), 0, "%s", err.message);
}

static void leave(void)
{
    store_close(store);
    engine_leave();
    fs_remove_tree(state);
    free_pointer(&state);
}

TestSuite(identities, .init = enter, .fini = leave);

static int import(const char *pool, enum pool_kind kind, const char *item,
                  struct pool_imported *ret, struct err *err)
{
    cleanup_strv struct strv items = {0};

    strv_add(&items, item);
    return store_pool_import(store, pool, kind, &items, true, ret, err);
}

static void fill(const char *pool, enum pool_kind kind, const char *item, uint64_t added)
{
    struct pool_imported imported;
    struct err err = {0};

    cr_assert_eq(import(pool, kind, item, &imported, &err), 0, "%s", err.message);
    cr_assert_eq(imported.added, added);
}

static int draw_from(struct store *from, const char *pool, const char *board, char value[64],
                     struct err *err)
{
    struct pool_wish wish = {.pool = pool};
    struct store_identity identity;
    int rc = store_pool_draw(from, &wish, 1, board, 1, &identity, err);

    snprintf(value, 64, "%s", rc == 0 ? identity.value : "");
    store_identity_done(&identity);
    return rc;
}

#define EXPECT_DRAWN(pool, board, expected)                                              \
    do {                                                                                 \
        char got_[64];                                                                   \
        struct err why_ = {0};                                                           \
        cr_expect_eq(draw_from(store, pool, board, got_, &why_), 0, "%s", why_.message); \
        cr_expect_str_eq(got_, expected);                                                \
    } while (0)

#define EXPECT_COUNTS(pool, f, d, g, r)                                                   \
    do {                                                                                  \
        struct store_pool *pools;                                                         \
        size_t count;                                                                     \
        cr_assert_eq(store_pools(store, &pools, &count, NULL), 0);                        \
        for (size_t p = 0; p < count; p++)                                                \
            if (str_eq(pools[p].name, pool)) {                                            \
                cr_expect_eq(pools[p].free, f, "free %lu", (unsigned long)pools[p].free); \
                cr_expect_eq(pools[p].in_doubt, d);                                       \
                cr_expect_eq(pools[p].given, g);                                          \
                cr_expect_eq(pools[p].retired, r);                                        \
            }                                                                             \
        store_pools_done(pools, count);                                                   \
    } while (0)

/* ---- drawing --------------------------------------------------------------------------------- */

Test(identities, one_after_the_other_and_a_board_keeps_its_own)
{
    fill("macs", POOL_MAC, "02:00:00:00:10:00-02:00:00:00:10:02", 3);
    EXPECT_DRAWN("macs", "A", "02:00:00:00:10:00");
    EXPECT_DRAWN("macs", "B", "02:00:00:00:10:01");
    EXPECT_DRAWN("macs", "A", "02:00:00:00:10:00");
    EXPECT_COUNTS("macs", 1, 2, 0, 0);
}

Test(identities, an_empty_pool_says_so)
{
    char value[64];
    struct err err = {0};

    cr_expect_eq(draw_from(store, "macs", "A", value, &err), -ERR_NOT_FOUND);
    cr_expect(strstr(err.message, "there is no pool macs"), "%s", err.message);
    fill("macs", POOL_MAC, "02:00:00:00:10:00", 1);
    EXPECT_DRAWN("macs", "A", "02:00:00:00:10:00");
    cr_expect_eq(draw_from(store, "macs", "B", value, &err), -ERR_NOT_FOUND);
    cr_expect(strstr(err.message, "pool macs is empty"), "%s", err.message);
}

Test(identities, all_that_a_board_needs_or_nothing)
{
    struct pool_wish wishes[] = {{.pool = "macs"}, {.pool = "serials"}};
    struct store_identity drawn[2];

    fill("macs", POOL_MAC, "02:00:00:00:10:00-02:00:00:00:10:0f", 16);
    cr_expect_eq(store_pool_draw(store, wishes, 2, "A", 1, drawn, NULL), -ERR_NOT_FOUND);
    EXPECT_COUNTS("macs", 16, 0, 0, 0);
    fill("serials", POOL_SERIAL, "SN01-SN09", 9);
    cr_assert_eq(store_pool_draw(store, wishes, 2, "A", 1, drawn, NULL), 0);
    cr_expect_str_eq(drawn[0].value, "02:00:00:00:10:00");
    cr_expect_str_eq(drawn[1].value, "SN01");
    cr_expect_eq(store_pool_mark(store, drawn, 2, IDENTITY_GIVEN, 2, NULL), 0);
    EXPECT_COUNTS("macs", 15, 0, 1, 0);
    for (size_t i = 0; i < 2; i++)
        store_identity_done(&drawn[i]);
    EXPECT_DRAWN("serials", "A", "SN01");
    EXPECT_COUNTS("serials", 8, 0, 1, 0);
}

Test(identities, what_a_command_hands_in_is_one_boards)
{
    struct pool_wish wish = {.pool = "keys", .value = "k1"};
    struct store_identity drawn;
    struct err err = {0};

    cr_assert_eq(store_pool_draw(store, &wish, 1, "A", 1, &drawn, &err), 0, "%s", err.message);
    cr_expect_str_eq(drawn.value, "k1");
    store_identity_done(&drawn);
    cr_expect_eq(store_pool_draw(store, &wish, 1, "B", 1, &drawn, &err), -ERR_REFUSED);
    wish.value = "k2"; /* it has one: the new one is not taken */
    cr_assert_eq(store_pool_draw(store, &wish, 1, "A", 1, &drawn, &err), 0);
    cr_expect_str_eq(drawn.value, "k1");
    store_identity_done(&drawn);
}

/* ---- import and retire ----------------------------------------------------------------------- */

Test(identities, a_value_is_there_once)
{
    struct pool_imported imported;
    struct err err = {0};

    fill("macs", POOL_MAC, "02:00:00:00:10:00-02:00:00:00:10:0f", 16);
    cr_expect_eq(import("macs", POOL_MAC, "02:00:00:00:10:00-02:00:00:00:10:0f", &imported, &err),
                 0);
    cr_expect(imported.added == 0 && imported.known == 16);
    cr_expect_eq(import("macs", POOL_MAC, "02:00:00:00:10:05", &imported, &err), 0);
    cr_expect(imported.added == 0 && imported.known == 1);
    cr_expect_eq(import("other", POOL_MAC, "02:00:00:00:10:0f-02:00:00:00:10:1f", &imported, &err),
                 -ERR_USAGE);
    cr_expect(strstr(err.message, "overlaps one of pool macs"), "%s", err.message);
    fill("other", POOL_MAC, "02:00:00:00:20:01", 1);
    cr_expect_eq(import("other", POOL_MAC, "02:00:00:00:20:00-02:00:00:00:20:0f", &imported, &err),
                 -ERR_USAGE);
    cr_expect_eq(import("macs", POOL_SERIAL, "SN1", &imported, &err), -ERR_USAGE);
    cr_expect(strstr(err.message, "of kind mac"), "%s", err.message);
    EXPECT_COUNTS("macs", 16, 0, 0, 0);
}

Test(identities, a_range_of_16_million_is_a_row)
{
    fill("macs", POOL_MAC, "02:11:22:00:00:00-02:11:22:ff:ff:ff", 1 << 24);
    EXPECT_DRAWN("macs", "A", "02:11:22:00:00:00");
    EXPECT_COUNTS("macs", (1 << 24) - 1, 1, 0, 0);
}

Test(identities, what_is_retired_is_never_given)
{
    fill("macs", POOL_MAC, "02:00:00:00:10:00-02:00:00:00:10:03", 4);
    EXPECT_DRAWN("macs", "A", "02:00:00:00:10:00");
    cr_expect_eq(store_pool_retire(store, "macs", "02:00:00:00:10:02", "printed twice", 1, NULL),
                 0);
    EXPECT_COUNTS("macs", 2, 1, 0, 1);
    EXPECT_DRAWN("macs", "B", "02:00:00:00:10:01");
    EXPECT_DRAWN("macs", "C", "02:00:00:00:10:03");
    cr_expect_eq(store_pool_retire(store, "macs", "02-00-00-00-10-00", NULL, 1, NULL), 0);
    cr_expect_eq(store_pool_retire(store, "macs", "02:00:00:00:99:00", NULL, 1, NULL),
                 -ERR_NOT_FOUND);
    cr_expect_eq(store_pool_retire(store, "nope", "02:00:00:00:99:00", NULL, 1, NULL),
                 -ERR_NOT_FOUND);
    fill("macs", POOL_MAC, "02:00:00:00:20:00", 1);
    EXPECT_DRAWN("macs", "A", "02:00:00:00:20:00");
    EXPECT_COUNTS("macs", 0, 3, 0, 2);
}

Test(identities, a_mark_on_what_was_retired_meanwhile_is_refused)
{
    struct pool_wish wish = {.pool = "macs"};
    struct store_identity drawn;

    fill("macs", POOL_MAC, "02:00:00:00:10:00-02:00:00:00:10:03", 4);
    cr_assert_eq(store_pool_draw(store, &wish, 1, "A", 1, &drawn, NULL), 0);
    cr_assert_eq(store_pool_retire(store, "macs", drawn.value, NULL, 1, NULL), 0);
    cr_expect_eq(store_pool_mark(store, &drawn, 1, IDENTITY_GIVEN, 1, NULL), -ERR_REFUSED);
    store_identity_done(&drawn);
}

/* ---- several processes, kills, a full disk --------------------------------------------------- */

enum { DRAWERS = 4, BOARDS = 25 };

/* In a child: draws for its own boards until it is done or killed; a line for each. */
static void draw_all(int drawer, int out)
{
    struct store *own = NULL;

    if (store_open(engine_conf(), state, true, &own, NULL) < 0)
        _exit(2);
    for (int i = 0; i < BOARDS; i++) {
        char board[16], value[64], line[96];
        snprintf(board, sizeof board, "%d-%d", drawer, i);
        if (draw_from(own, "macs", board, value, NULL) < 0)
            _exit(3);
        int n = snprintf(line, sizeof line, "%s %s\n", board, value);
        if (write(out, line, (size_t)n) != n)
            _exit(4);
    }
    _exit(0);
}

struct seen {
    size_t count;
    char values[2 * DRAWERS * BOARDS][64];
};

static void see(void *arg, const struct store_identity *identity)
{
    struct seen *seen = arg;

    for (size_t i = 0; i < seen->count; i++)
        cr_expect_str_neq(seen->values[i], identity->value);
    cr_expect(identity->board);
    snprintf(seen->values[seen->count++], 64, "%s", identity->value);
}

Test(identities, several_draw_at_once_and_some_are_killed)
{
    struct seen seen = {0};
    pid_t children[DRAWERS];
    char text[8192], *line, *save = NULL;
    size_t size = 0;
    ssize_t n;
    int ends[2];

    fill("macs", POOL_MAC, "02:00:00:00:10:00-02:00:00:00:1f:ff", 4096);
    cr_assert_eq(pipe(ends), 0);
    for (int i = 0; i < DRAWERS; i++) {
        children[i] = fork();
        if (children[i] == 0)
            draw_all(i, ends[1]);
    }
    close(ends[1]);
    while (size < sizeof text - 1 && (n = read(ends[0], text + size, sizeof text - 1 - size)) > 0) {
        size += (size_t)n;
        if (size > 400 && children[0]) {
            kill(children[0], SIGKILL);
            kill(children[1], SIGKILL);
            waitpid(children[0], NULL, 0);
            children[0] = 0;
        }
    }
    for (int i = 1; i < DRAWERS; i++)
        waitpid(children[i], NULL, 0);
    text[size] = '\0';
    cr_assert_eq(store_identities(store, "macs", see, &seen, NULL), 0);
    cr_expect_geq(seen.count, (size_t)(2 * BOARDS));
    for (line = strtok_r(text, "\n", &save); line; line = strtok_r(NULL, "\n", &save)) {
        char *value = strchr(line, ' ');
        *value++ = '\0';
        EXPECT_DRAWN("macs", line, value); /* whoever was told keeps it */
    }
    close(ends[0]);
}

/* A file that may not grow is what SQLite sees of a full disk. */
Test(identities, on_a_full_disk_nothing_is_given)
{
    pid_t child;
    int status;

    if (engine_conf())
        cr_skip_test("what only a file has");
    fill("macs", POOL_MAC, "02:00:00:00:10:00-02:00:00:00:1f:ff", 4096);
    child = fork();
    if (child == 0) {
        struct rlimit none = {0, 0};
        struct store *own = NULL;
        struct err err = {0};
        char value[64];
        signal(SIGXFSZ, SIG_IGN);
        if (store_open(engine_conf(), state, true, &own, NULL) < 0 ||
            setrlimit(RLIMIT_FSIZE, &none) < 0)
            _exit(2);
        _exit(draw_from(own, "macs", "A", value, &err) < 0 && !*value ? 0 : 1);
    }
    waitpid(child, &status, 0);
    cr_expect(WIFEXITED(status) && WEXITSTATUS(status) == 0, "%d", status);
    EXPECT_COUNTS("macs", 4096, 0, 0, 0);
    EXPECT_DRAWN("macs", "B", "02:00:00:00:10:00");
}

/* ---- what a rig did -------------------------------------------------------------------------- */

static void count_try(void *arg, const struct store_rigged *rigged)
{
    (*(size_t *)arg)++;
    cr_expect_str_eq(rigged->board, "A");
}

Test(identities, a_board_is_done_with_the_firmware_that_it_got)
{
    struct store_rigged try = {.lab = "bench",
                               .board = "A",
                               .path = "1-1.3",
                               .slot = 3,
                               .image_sha256 = "1",
                               .started_us = 10};
    int64_t id, when;
    unsigned slot;
    size_t tries = 0;

    cr_assert_eq(store_rigged_begin(store, &try, &id, NULL), 0);
    cr_expect_eq(store_rigged_done(store, "bench", "A", "1", &when, &slot, NULL), 0);
    try.outcome = "done";
    try.took_us = 5;
    cr_assert_eq(store_rigged_end(store, id, &try, NULL), 0);
    cr_expect_eq(store_rigged_done(store, "bench", "A", "1", &when, &slot, NULL), 1);
    cr_expect(when == 15 && slot == 3);
    cr_expect_eq(store_rigged_done(store, "bench", "A", "2", &when, &slot, NULL), 0);
    cr_expect_eq(store_rigged_done(store, "other", "A", "1", &when, &slot, NULL), 0);
    cr_expect_eq(store_rigged_each(store, "bench", 11, count_try, &tries, NULL), 0);
    cr_expect_eq(tries, 0);
    cr_expect_eq(store_rigged_each(store, "bench", 10, count_try, &tries, NULL), 0);
    cr_expect_eq(tries, 1);
}
