/* SPDX-License-Identifier: MIT
 *
 * The rows alone, on a server: tests/with-postgres runs these.
 */
#include "store/leases.h"

#include "engine.h"
#include "store/store.h"

#include "../scratch.h"

#include <criterion/criterion.h>
#include <inttypes.h>
#include <pthread.h>
#include <stdatomic.h>

static const struct store_conf *conf;

static void enter(void)
{
    conf = engine_conf();
}

TestSuite(leases, .init = enter, .fini = engine_leave);

#define NEEDS_SERVER                                             \
    do {                                                         \
        if (!conf)                                               \
            cr_skip_test("needs a server: tests/with-postgres"); \
    } while (0)

static struct leases *open_at(const char *place)
{
    const struct leases_conf how = {
        .url = conf->url, .lab = "bench", .place = place, .ttl_ms = 60000};
    struct leases *leases = NULL;
    struct err err = {0};

    cr_assert_eq(leases_open(&how, &leases, &err), 0, "%s", err.message);
    return leases;
}

static struct leases_seat seat_of(const char *party, enum holder_rank rank, const char *boards)
{
    struct leases_seat seat = {.rank = rank, .party = xstrdup(party)};

    seat.record = xasprintf("{\"pid\":4711,\"user\":\"%s\",\"host\":\"bench-2\"}", party);
    strv_split(&seat.boards, boards, ' ');
    return seat;
}

/* The board's number; 0: it is not given. */
static int64_t take(struct leases *leases, const struct leases_seat *seat, size_t *ret_index)
{
    int64_t fence = 0;
    struct err err = {0};
    int rc = leases_take(leases, seat, ret_index, &fence, &err);

    cr_assert_geq(rc, 0, "%s", err.message);
    return rc == 1 ? fence : 0;
}

static bool renew(struct leases *leases, const char *board, int64_t fence)
{
    struct leases_mark mark = {.board = board, .fence = fence};
    struct err err = {0};

    cr_assert_eq(leases_renew(leases, &mark, 1, &err), 0, "%s", err.message);
    return mark.kept;
}

static void expire(void)
{
    engine_execute(NULL, "UPDATE leases SET expires = clock_timestamp()"
                         " WHERE expires > clock_timestamp()");
}

Test(leases, a_board_is_given_once_and_its_number_grows)
{
    struct leases *here, *there;
    struct leases_seat alice = seat_of("alice", RANK_DESK, "a b");
    struct leases_seat bob = seat_of("bob", RANK_DESK, "a");
    struct leases_row *rows;
    size_t index = 9, count;

    NEEDS_SERVER;
    here = open_at("here");
    there = open_at("there");
    cr_assert_eq(take(here, &alice, &index), 1);
    cr_expect_eq(index, 0);
    cr_expect_eq(take(there, &bob, &index), 0);
    cr_assert_eq(leases_look(there, &bob.boards, &rows, &count, NULL), 0);
    cr_assert_eq(count, 1);
    cr_expect_str_eq(rows[0].holder.user, "alice");
    cr_expect_str_eq(rows[0].holder.host, "bench-2");
    cr_expect(rows[0].left_ms > 30000 && rows[0].left_ms <= 60000);
    cr_expect(!rows[0].is_here);
    cr_expect_gt(rows[0].holder.since_unix_s, 1700000000);
    leases_rows_free(rows, count);
    cr_expect_eq(take(here, &alice, &index), 1, "and the second board to who asks again");
    cr_expect_eq(index, 1);
    cr_assert_eq(leases_drop(there, "a", 7, NULL), 0);
    cr_expect_eq(take(there, &bob, &index), 0, "another number is another lease");
    cr_assert_eq(leases_drop(here, "a", 1, NULL), 0);
    cr_expect(!renew(here, "a", 1), "what was let go is nobody's");
    cr_expect_eq(take(there, &bob, &index), 2);
    leases_seat_done(&alice);
    leases_seat_done(&bob);
    leases_close(here);
    leases_close(there);
}

Test(leases, what_has_expired_can_be_renewed_until_somebody_has_it)
{
    struct leases *here, *there;
    struct leases_seat alice = seat_of("alice", RANK_DESK, "a");
    struct leases_seat bob = seat_of("bob", RANK_DESK, "a");
    size_t index;

    NEEDS_SERVER;
    here = open_at("here");
    there = open_at("there");
    cr_assert_eq(take(here, &alice, &index), 1);
    expire();
    cr_expect(renew(here, "a", 1));
    cr_expect_eq(take(there, &bob, &index), 0);
    expire();
    cr_expect_eq(take(there, &bob, &index), 2);
    cr_expect(!renew(here, "a", 1), "it was given away");
    cr_assert_eq(leases_drop(here, "a", 1, NULL), 0);
    cr_expect(renew(there, "a", 2), "a late goodbye takes nothing from who has it");
    leases_seat_done(&alice);
    leases_seat_done(&bob);
    leases_close(here);
    leases_close(there);
}

/* ---- whose turn it is ---------------------------------------------------------------------- */

struct waiting {
    const char *party;
    enum holder_rank rank;
    const char *name;
};

/* All of them queue in this order while somebody has the board; who gets it, one after the
 * other. */
static void expect_order(const struct waiting *rows, size_t count, const char *expected)
{
    struct leases *leases = open_at("here");
    struct leases_seat first = seat_of("x/first", RANK_CI, "a"), *seats;
    cleanup_buf struct buf order = BUF_INIT(256);
    int64_t fence;
    size_t index;

    seats = xcalloc(count, sizeof *seats);
    fence = take(leases, &first, &index);
    for (size_t i = 0; i < count; i++) {
        seats[i] = seat_of(rows[i].party, rows[i].rank, "a");
        cr_assert_eq(leases_queue(leases, &seats[i], NULL), 0);
    }
    for (size_t turn = 0; turn < count; turn++) {
        cr_assert_eq(leases_drop(leases, "a", fence, NULL), 0);
        fence = 0;
        for (size_t i = 0; i < count && !fence; i++)
            if (seats[i].rows.count && (fence = take(leases, &seats[i], &index))) {
                buf_addf(&order, "%s%s", order.size ? " " : "", rows[i].name);
                strv_done(&seats[i].rows);
            }
    }
    cr_expect_str_eq(order.data, expected);
    for (size_t i = 0; i < count; i++)
        leases_seat_done(&seats[i]);
    leases_seat_done(&first);
    free(seats);
    leases_close(leases);
}

Test(leases, of_one_party_who_came_first)
{
    static const struct waiting rows[] = {
        {"o/a", RANK_CI, "1"}, {"o/a", RANK_CI, "2"}, {"o/a", RANK_CI, "3"}};

    NEEDS_SERVER;
    expect_order(rows, ARRAY_SIZE(rows), "1 2 3");
}

Test(leases, parties_take_turns)
{
    static const struct waiting rows[] = {{"o/a", RANK_CI, "a1"}, {"o/a", RANK_CI, "a2"},
                                          {"o/a", RANK_CI, "a3"}, {"o/b", RANK_CI, "b1"},
                                          {"o/b", RANK_CI, "b2"}, {"o/c", RANK_CI, "c1"}};

    NEEDS_SERVER;
    expect_order(rows, ARRAY_SIZE(rows), "a1 b1 c1 a2 b2 a3");
}

Test(leases, ci_comes_before_watch_before_desk)
{
    static const struct waiting rows[] = {{"bob", RANK_DESK, "desk"},
                                          {"w", RANK_WATCH, "watch"},
                                          {"o/a", RANK_CI, "ci1"},
                                          {"o/a", RANK_CI, "ci2"}};

    NEEDS_SERVER;
    expect_order(rows, ARRAY_SIZE(rows), "ci1 ci2 watch desk");
}

Test(leases, who_asks_without_waiting_does_not_push_in)
{
    struct leases *leases;
    struct leases_seat waits = seat_of("alice", RANK_DESK, "a b");
    struct leases_seat pushes = seat_of("bob", RANK_DESK, "a");
    struct leases_seat ci = seat_of("o/a", RANK_CI, "a");
    size_t index;

    NEEDS_SERVER;
    leases = open_at("here");
    cr_assert_eq(leases_queue(leases, &waits, NULL), 0);
    cr_expect_eq(waits.rows.count, 2);
    cr_expect_eq(take(leases, &pushes, &index), 0);
    cr_expect_eq(take(leases, &ci, &index), 1, "unless he comes before them anyway");
    cr_assert_eq(leases_drop(leases, "a", 1, NULL), 0);
    engine_execute(NULL, "UPDATE lease_waiters SET expires = clock_timestamp()");
    cr_expect_eq(take(leases, &pushes, &index), 2, "the dead hold up nobody");
    cr_assert_eq(leases_drop(leases, "a", 2, NULL), 0);
    cr_assert_eq(leases_wait_on(leases, &waits.rows, NULL), 0);
    cr_expect_eq(take(leases, &pushes, &index), 0, "and who was thought dead has his place still");
    cr_assert_eq(leases_unqueue(leases, &waits, NULL), 0);
    cr_expect_eq(take(leases, &pushes, &index), 3);
    leases_seat_done(&waits);
    leases_seat_done(&pushes);
    leases_seat_done(&ci);
    leases_close(leases);
}

/* Among what tests beside this one tell each other. */
static bool hears(struct leases *leases, const struct leases_seat *seat)
{
    struct ctx ctx = scratch_patience();
    char *news = NULL;
    bool told = false;

    while (!told && leases_news(leases, &ctx, &news, NULL) == 0) {
        told = leases_is_told(seat, news);
        free(news);
    }
    return told;
}

Test(leases, the_first_is_told_and_where_he_goes_elsewhere_the_next)
{
    struct leases *leases;
    struct leases_seat both = seat_of("o/a", RANK_CI, "a b"),
                       holder = seat_of("o/x", RANK_CI, "a b");
    struct leases_seat next = seat_of("o/b", RANK_CI, "b");
    size_t index;

    NEEDS_SERVER;
    leases = open_at("here");
    cr_assert_eq(take(leases, &holder, &index), 1);
    cr_assert_eq(take(leases, &holder, &index), 1);
    cr_assert_eq(leases_queue(leases, &both, NULL), 0);
    cr_assert_eq(leases_queue(leases, &next, NULL), 0);
    cr_assert_eq(leases_drop(leases, "a", 1, NULL), 0);
    cr_expect(hears(leases, &both));
    cr_assert_eq(leases_drop(leases, "b", 1, NULL), 0);
    cr_expect(hears(leases, &both));
    cr_expect_eq(take(leases, &both, &index), 2);
    cr_expect_eq(index, 0);
    cr_expect(hears(leases, &next), "b is his now");
    cr_expect_eq(take(leases, &next, &index), 2);
    leases_seat_done(&both);
    leases_seat_done(&holder);
    leases_seat_done(&next);
    leases_close(leases);
}

/* ---- anything ------------------------------------------------------------------------------ */

Test(leases, names_may_be_anything)
{
    static const char *const names[] = {"a\"b", "a\\", "{}", "a,b", "NULL", "'; DROP TABLE leases"};
    struct leases *leases;

    NEEDS_SERVER;
    leases = open_at("here");
    for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
        struct leases_seat seat = seat_of("alice", RANK_DESK, "");
        size_t index;
        strv_add(&seat.boards, names[i]);
        cr_expect_eq(take(leases, &seat, &index), 1, "%s", names[i]);
        cr_expect_eq(take(leases, &seat, &index), 0, "%s", names[i]);
        cr_expect(renew(leases, names[i], 1), "%s", names[i]);
        leases_seat_done(&seat);
    }
    leases_close(leases);
}

/* ---- many at once -------------------------------------------------------------------------- */

enum { HOSTS = 6, BOARDS = 3, TURNS = 25 };

static atomic_int at_work[BOARDS], twice;
static atomic_llong newest[BOARDS];

/* A host that takes whichever board it can have, over and over. */
static void *work(void *arg)
{
    cleanup_free char *place = xasprintf("host-%d", *(int *)arg);
    struct leases *leases = open_at(place);
    struct leases_seat seat = seat_of(place, RANK_CI, "a b c");

    for (int turns = 0; turns < TURNS;) {
        size_t index;
        int64_t fence = take(leases, &seat, &index);
        if (!fence)
            continue;
        if (atomic_fetch_add(&at_work[index], 1) || fence <= atomic_load(&newest[index]))
            atomic_fetch_add(&twice, 1);
        atomic_store(&newest[index], fence);
        cr_assert(renew(leases, seat.boards.items[index], fence));
        atomic_fetch_sub(&at_work[index], 1);
        cr_assert_eq(leases_drop(leases, seat.boards.items[index], fence, NULL), 0);
        turns++;
    }
    leases_seat_done(&seat);
    leases_close(leases);
    return NULL;
}

Test(leases, of_many_hosts_one_has_a_board)
{
    pthread_t threads[HOSTS];
    int numbers[HOSTS];

    NEEDS_SERVER;
    leases_close(open_at("first")); /* makes the schema */
    for (int i = 0; i < HOSTS; i++) {
        numbers[i] = i;
        cr_assert_eq(pthread_create(&threads[i], NULL, work, &numbers[i]), 0);
    }
    for (int i = 0; i < HOSTS; i++)
        pthread_join(threads[i], NULL);
    cr_expect_eq(twice, 0);
    cleanup_free char *given = engine_ask(NULL, "SELECT sum(fence) FROM leases");
    cr_expect_eq(atoi(given), HOSTS * TURNS, "none was counted that was not had");
    cleanup_free char *left =
        engine_ask(NULL, "SELECT count(*) FROM leases WHERE expires > clock_timestamp()");
    cr_expect_str_eq(left, "0");
}

Test(leases, who_waits_is_counted_for_the_first_boards_and_for_all)
{
    struct leases_seat alice = seat_of("alice", RANK_DESK, "f e d c b a");
    struct leases_seat bob = seat_of("bob", RANK_DESK, "f e d c b a");
    struct leases_row *rows;
    struct leases *here;
    struct store *store = NULL;
    size_t count;

    NEEDS_SERVER;
    here = open_at("here");
    cr_assert_eq(leases_queue(here, &alice, NULL), 0);
    cr_assert_eq(leases_queue(here, &bob, NULL), 0);
    for (int i = 0; i < 8; i++) { /* also once it is prepared */
        cr_assert_eq(leases_look(here, &bob.boards, &rows, &count, NULL), 0);
        cr_assert_eq(count, 6);
        for (size_t r = 0; r < count; r++)
            cr_expect_eq(rows[r].waiting, r < LEASES_COUNTED ? 2 : 0, "%s", rows[r].board);
        leases_rows_free(rows, count);
    }
    cr_assert_eq(store_open(conf, "/nowhere", false, &store, NULL), 0);
    cr_assert_eq(leases_look_by(store, "bench", "here", &rows, &count, NULL), 0);
    cr_assert_eq(count, 6);
    for (size_t r = 0; r < count; r++)
        cr_expect_eq(rows[r].waiting, 2, "%s", rows[r].board);
    leases_rows_free(rows, count);
    store_close(store);
    leases_seat_done(&alice);
    leases_seat_done(&bob);
    leases_close(here);
}

Test(leases, a_turn_of_long_ago_is_forgotten)
{
    struct leases_seat alice = seat_of("alice", RANK_DESK, "a");
    struct leases *here;
    size_t index;

    NEEDS_SERVER;
    here = open_at("here");
    cr_assert_eq(take(here, &alice, &index), 1);
    cr_assert_eq(leases_drop(here, "a", 1, NULL), 0);
    engine_execute(NULL, "INSERT INTO lease_turns VALUES ('bench', 'a', 'long ago', 998),"
                         " ('bench', 'a', 'lately', 999), ('bench', 'b', 'elsewhere', 1);"
                         "UPDATE leases SET fence = 1998");
    cr_assert_eq(take(here, &alice, &index), 1999);
    cleanup_free char *left =
        engine_ask(NULL, "SELECT string_agg(party, ' ' ORDER BY party) FROM lease_turns");
    cr_expect_str_eq(left, "alice elsewhere lately");
    leases_seat_done(&alice);
    leases_close(here);
}
