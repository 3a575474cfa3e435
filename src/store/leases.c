/* SPDX-License-Identifier: MIT */
#include "store/leases_parts.h"

#include "base/buf.h"
#include "store/db_rows.h"
#include "store/parts.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#define CHANNEL "hil_leases"
#define ARRAY_MAX ((size_t)1 << 20) /* bytes of a list of boards in SQL */
#define TURNS_KEPT 1000             /* of a board, how often it was given since */
#define FREE "'1970-01-01Z'::timestamptz"

int leases_open(const struct leases_conf *conf, struct leases **ret, struct err *err)
{
    struct db *db = NULL;
    int rc = db_open_server(conf->url, true, conf->ctx, &db, err);

    if (rc == 0)
        rc = db_hurry(db, LEASES_ANSWER_MS, err);
    if (rc == 0)
        rc = db_listen(db, CHANNEL, err);
    if (rc < 0) {
        db_close(db);
        return rc;
    }
    *ret = xmalloc(sizeof **ret);
    **ret = (struct leases){.conf = *conf, .db = db};
    return 0;
}

void leases_close(struct leases *leases)
{
    if (!leases)
        return;
    statement_free(leases->take);
    statement_free(leases->look);
    statement_free(leases->renew);
    db_close(leases->db);
    free(leases);
}

void leases_seat_done(struct leases_seat *seat)
{
    strv_done(&seat->boards);
    strv_done(&seat->rows);
    free(seat->party);
    free(seat->record);
}

/* ---- values -------------------------------------------------------------------------------- */

/* For statement_bind_array(). Caller frees. */
static char *array_of(const struct strv *list)
{
    struct buf out = BUF_INIT(ARRAY_MAX);

    buf_adds(&out, "{");
    for (size_t i = 0; list && i < list->count; i++) {
        buf_adds(&out, i ? "," : "");
        db_rows_quote(&out, list->items[i]);
    }
    buf_adds(&out, "}");
    return buf_steal(&out);
}

static void bind_all(struct statement *statement, const char *kinds, va_list args)
{
    for (int at = 1; kinds[at - 1]; at++) {
        if (kinds[at - 1] == 's')
            statement_bind_text(statement, at, xstrdup(va_arg(args, const char *)));
        else if (kinds[at - 1] == 'a')
            statement_bind_array(statement, at, array_of(va_arg(args, const struct strv *)));
        else
            statement_bind_int(statement, at, va_arg(args, int64_t));
    }
}

int leases_run(struct leases *leases, const char *sql, struct statement **ret, struct err *err,
               const char *kinds, ...)
{
    struct statement *statement = NULL;
    va_list args;
    int rc = db_prepare(leases->db, sql, &statement, err);

    va_start(args, kinds);
    if (rc == 0) {
        bind_all(statement, kinds, args);
        rc = statement_step(statement, err);
    }
    va_end(args);
    if (ret)
        *ret = statement;
    else
        statement_free(statement);
    return rc;
}

int leases_run_kept(struct leases *leases, const char *sql, struct statement **kept,
                    struct err *err, const char *kinds, ...)
{
    va_list args;
    int rc = *kept ? 0 : db_prepare(leases->db, sql, kept, err);

    va_start(args, kinds);
    if (rc == 0) {
        bind_all(*kept, kinds, args);
        rc = statement_step(*kept, err);
    }
    va_end(args);
    return rc;
}

/* ---- whose turn it is ---------------------------------------------------------------------- */

/* Those who wait for a board, with the number by which their party was given it last. */
#define WAITERS                                                     \
    " lease_waiters w LEFT JOIN lease_turns t"                      \
    " ON t.lab = w.lab AND t.board = w.board AND t.party = w.party" \
    " WHERE w.lab = l.lab AND w.board = l.board AND w.expires > " NOW " "

/* To the first one of each of the boards that is free. */
static int tell_first(struct leases *leases, const struct strv *boards, struct err *err)
{
    int rc = leases_run(
        leases,
        "SELECT pg_notify('" CHANNEL "', first.id::text) FROM leases l CROSS JOIN LATERAL"
        " (SELECT w.id FROM" WAITERS "  ORDER BY w.rank, coalesce(t.fence, 0), w.id LIMIT 1) first"
        " WHERE l.lab = ?1 AND l.board = ANY (?2::text[]) AND l.expires <= " NOW,
        NULL, err, "sa", leases->conf.lab, boards);

    return rc < 0 ? rc : 0;
}

/* 1: some of the boards had none. */
static int make_rows(struct leases *leases, const struct strv *boards, struct err *err)
{
    int rc = leases_run(leases,
                        "INSERT INTO leases (lab, board, fence, expires)"
                        " SELECT ?1, each, 0, " FREE " FROM unnest(?2::text[]) each"
                        " WHERE NOT EXISTS (SELECT 1 FROM leases WHERE lab = ?1 AND board = each)"
                        " ON CONFLICT DO NOTHING",
                        NULL, err, "sa", leases->conf.lab, boards);

    return rc < 0 ? rc : db_changes(leases->db) > 0;
}

/* The first board, in the seat's order, that is free and that nobody comes before us for. A row
 * that somebody is about to take is left to him. Of boards that are held, which is most of them in
 * a crowd, nothing is read but their rows. */
#define SEAT                                                                       \
    "WITH me AS MATERIALIZED ("                                                    \
    "  SELECT l.board, coalesce((SELECT t.fence FROM lease_turns t"                \
    "   WHERE t.lab = l.lab AND t.board = l.board AND t.party = ?5), 0) AS turn,"  \
    "   coalesce((SELECT min(w.id) FROM lease_waiters w"                           \
    "   WHERE w.lab = l.lab AND w.board = l.board AND w.id = ANY (?3::bigint[]))," \
    "   9223372036854775807) AS id"                                                \
    "  FROM leases l"                                                              \
    "  WHERE l.lab = ?1 AND l.board = ANY (?2::text[]) AND l.expires <= " NOW ")," \
    " seat AS ("                                                                   \
    "  SELECT l.board FROM leases l JOIN me ON me.board = l.board"                 \
    "  WHERE l.lab = ?1 AND l.expires <= " NOW " AND NOT EXISTS ("                 \
    "   SELECT 1 FROM" WAITERS " AND w.id <> me.id"                                \
    "   AND (w.rank, coalesce(t.fence, 0), w.id) < (?4, me.turn, me.id))"          \
    "  ORDER BY array_position(?2::text[], l.board::text) LIMIT 1"

static const char first_sql[] = SEAT ") SELECT count(*) FROM seat";

/* A turn so long ago is as good as none: parties come and go, as hosts in containers do. */
static const char take_sql[] = SEAT
    "  FOR UPDATE OF l SKIP LOCKED),"
    " taken AS ("
    "  UPDATE leases SET fence = leases.fence + 1, since = " NOW ","
    "   expires = " NOW " + ?6 * interval '1 millisecond', place = ?7, holder = ?8"
    "  FROM seat WHERE leases.lab = ?1 AND leases.board = seat.board"
    "  RETURNING leases.board, leases.fence),"
    " turn AS ("
    "  INSERT INTO lease_turns SELECT ?1, board, ?5, fence FROM taken"
    "  ON CONFLICT (lab, board, party) DO UPDATE SET fence = excluded.fence),"
    " old AS ("
    "  DELETE FROM lease_turns t USING taken WHERE t.lab = ?1 AND t.board = taken.board"
    "   AND t.fence < taken.fence - ?9),"
    " gone AS ("
    "  DELETE FROM lease_waiters WHERE id = ANY (?3::bigint[]) AND EXISTS (SELECT 1 FROM taken))"
    " SELECT board, fence FROM taken";

static size_t index_of(const struct strv *boards, const char *board)
{
    size_t i = 0;

    while (i + 1 < boards->count && !str_eq(boards->items[i], board))
        i++;
    return i;
}

static int take_once(struct leases *leases, const struct leases_seat *seat, size_t *ret_index,
                     int64_t *ret_fence, struct err *err)
{
    int rc =
        leases_run_kept(leases, take_sql, &leases->take, err, "saaisissi", leases->conf.lab,
                        &seat->boards, &seat->rows, (int64_t)seat->rank, seat->party,
                        leases->conf.ttl_ms, leases->conf.place, seat->record, (int64_t)TURNS_KEPT);

    if (rc == 1) {
        *ret_index = index_of(&seat->boards, statement_text(leases->take, 0));
        *ret_fence = statement_int(leases->take, 1);
    }
    statement_reset(leases->take);
    return rc;
}

int leases_take(struct leases *leases, const struct leases_seat *seat, size_t *ret_index,
                int64_t *ret_fence, struct err *err)
{
    int rc = take_once(leases, seat, ret_index, ret_fence, err);

    if (rc == 0 && (rc = make_rows(leases, &seat->boards, err)) == 1)
        rc = take_once(leases, seat, ret_index, ret_fence, err);
    if (rc != 1)
        return rc;
    /* We may have been told of another one of these, which is the next one's then. That it could
     * not be told costs it a while. */
    if (seat->rows.count > 1)
        tell_first(leases, &seat->boards, NULL);
    return 1;
}

int leases_is_first(struct leases *leases, const struct leases_seat *seat, struct err *err)
{
    cleanup_statement struct statement *statement = NULL;
    int rc = leases_run(leases, first_sql, &statement, err, "saais", leases->conf.lab,
                        &seat->boards, &seat->rows, (int64_t)seat->rank, seat->party);

    return rc == 1 ? statement_int(statement, 0) != 0 : rc;
}

/* ---- those who wait ------------------------------------------------------------------------ */

/* Those who died long ago are in nobody's way, and go when somebody comes who looks at all rows. */
static int clear_dead(struct leases *leases, struct err *err)
{
    int rc = 0;

    if (!leases->cleared)
        rc = leases_run(leases,
                        "DELETE FROM lease_waiters WHERE expires < " NOW " - interval '1 hour'",
                        NULL, err, "");
    leases->cleared = true;
    return rc;
}

int leases_queue(struct leases *leases, struct leases_seat *seat, struct err *err)
{
    cleanup_statement struct statement *statement = NULL;
    int rc = clear_dead(leases, err);

    if (rc == 0)
        rc = make_rows(leases, &seat->boards, err);
    if (rc >= 0)
        rc = leases_run(
            leases,
            "INSERT INTO lease_waiters (lab, board, rank, party, expires, since, holder)"
            " SELECT ?1, each, ?3, ?4, " NOW " + ?5 * interval '1 millisecond', " NOW ", ?6"
            " FROM unnest(?2::text[]) each RETURNING id",
            &statement, err, "saisis", leases->conf.lab, &seat->boards, (int64_t)seat->rank,
            seat->party, leases->conf.ttl_ms, seat->record);
    for (; rc == 1; rc = statement_step(statement, err))
        strv_add(&seat->rows, statement_text(statement, 0));
    return rc;
}

int leases_unqueue(struct leases *leases, const struct leases_seat *seat, struct err *err)
{
    int rc = leases_run(leases, "DELETE FROM lease_waiters WHERE id = ANY (?1::bigint[])", NULL,
                        err, "a", &seat->rows);

    return rc == 0 ? tell_first(leases, &seat->boards, err) : rc;
}

int leases_wait_on(struct leases *leases, const struct strv *rows, struct err *err)
{
    return leases_run(leases,
                      "UPDATE lease_waiters SET expires = " NOW " + ?2 * interval '1 millisecond'"
                      " WHERE id = ANY (?1::bigint[])",
                      NULL, err, "ai", rows, leases->conf.ttl_ms);
}

bool leases_is_told(const struct leases_seat *seat, const char *news)
{
    return strv_has(&seat->rows, news);
}

int leases_news(struct leases *leases, const struct ctx *ctx, char **ret, struct err *err)
{
    return db_wait(leases->db, ctx, ret, err);
}

/* ---- those who have ------------------------------------------------------------------------ */

static const char renew_sql[] =
    "UPDATE leases l SET expires = " NOW " + ?4 * interval '1 millisecond'"
    " FROM unnest(?2::text[], ?3::bigint[]) AS mine(board, fence)"
    " WHERE l.lab = ?1 AND l.board = mine.board AND l.fence = mine.fence"
    " AND l.expires > " FREE " RETURNING l.board";

int leases_renew(struct leases *leases, struct leases_mark *marks, size_t count, struct err *err)
{
    cleanup_strv struct strv boards = {0}, fences = {0};
    int rc;

    for (size_t i = 0; i < count; i++) {
        marks[i].kept = false;
        strv_add(&boards, marks[i].board);
        strv_addf(&fences, "%" PRId64, marks[i].fence);
    }
    rc = leases_run_kept(leases, renew_sql, &leases->renew, err, "saai", leases->conf.lab, &boards,
                         &fences, leases->conf.ttl_ms);
    for (; rc == 1; rc = statement_step(leases->renew, err))
        for (size_t i = 0; i < count; i++)
            marks[i].kept |= str_eq(marks[i].board, statement_text(leases->renew, 0));
    statement_reset(leases->renew);
    return rc;
}

int leases_drop(struct leases *leases, const char *board, int64_t fence, struct err *err)
{
    cleanup_strv struct strv one = {0};
    int rc =
        leases_run(leases,
                   "UPDATE leases SET expires = " FREE ", since = NULL, place = NULL, holder = NULL"
                   " WHERE lab = ?1 AND board = ?2 AND fence = ?3",
                   NULL, err, "ssi", leases->conf.lab, board, fence);

    strv_add(&one, board);
    return rc == 0 ? tell_first(leases, &one, err) : rc;
}
