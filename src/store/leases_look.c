/* SPDX-License-Identifier: MIT
 *
 * Who has the boards, and how many wait.
 */
#include "store/leases_parts.h"

#include "store/parts.h"

#include <stdlib.h>
#include <string.h>

#define LOOK(waiting, from)                                                         \
    "SELECT l.board, l.fence, l.holder, coalesce(l.place = ?2, false),"             \
    " coalesce(l.since > " NOW " - interval '2 seconds', false),"                   \
    " coalesce(floor(extract(epoch FROM l.since)), 0)::bigint,"                     \
    " CASE WHEN l.expires > " NOW "  THEN ceil(extract(epoch FROM l.expires - " NOW \
    ") * 1000)::bigint ELSE 0 END, " waiting " FROM leases l" from " ORDER BY l.board"

/* Of all boards the queues are read once, of a few by their index. */
static const char look_sql[] =
    LOOK("coalesce(queue.waiting, 0)",
         " LEFT JOIN (SELECT w.board, count(*) AS waiting FROM lease_waiters w"
         "  WHERE w.lab = ?1 AND w.expires > " NOW " GROUP BY w.board) queue"
         " ON queue.board = l.board WHERE l.lab = ?1");
static const char look_some_sql[] =
    LOOK("CASE WHEN l.board = ANY (ARRAY("
         "  SELECT each FROM unnest(?3::text[]) each ORDER BY each COLLATE \"C\" LIMIT ?4))"
         " THEN (SELECT count(*) FROM lease_waiters w"
         "  WHERE w.lab = l.lab AND w.board = l.board AND w.expires > " NOW ") ELSE 0 END",
         " WHERE l.lab = ?1 AND l.board = ANY (?3::text[])");

static void read_row(struct statement *statement, struct leases_row *ret)
{
    const char *record = statement_text(statement, 2);

    *ret = (struct leases_row){.board = xstrdup(statement_text(statement, 0)),
                               .fence = statement_int(statement, 1),
                               .is_here = statement_int(statement, 3),
                               .is_fresh = statement_int(statement, 4),
                               .left_ms = statement_int(statement, 6),
                               .waiting = (size_t)statement_int(statement, 7)};
    if (record)
        holder_from_json(record, strlen(record), &ret->holder);
    ret->holder.since_unix_s = statement_int(statement, 5);
    if (!ret->is_here)
        return;
    free(ret->holder.host);
    ret->holder.host = NULL;
}

static int read_rows(struct statement *statement, int rc, struct leases_row **ret,
                     size_t *ret_count, struct err *err)
{
    *ret = NULL;
    *ret_count = 0;
    for (; rc == 1; rc = statement_step(statement, err)) {
        *ret = xrealloc(*ret, *ret_count + 1, sizeof **ret);
        read_row(statement, &(*ret)[(*ret_count)++]);
    }
    statement_reset(statement);
    return rc;
}

int leases_look(struct leases *leases, const struct strv *boards, struct leases_row **ret,
                size_t *ret_count, struct err *err)
{
    int rc = leases_run_kept(leases, look_some_sql, &leases->look, err, "ssai", leases->conf.lab,
                             leases->conf.place, boards, (int64_t)LEASES_COUNTED);

    return read_rows(leases->look, rc, ret, ret_count, err);
}

int leases_look_by(struct store *store, const char *lab, const char *place, struct leases_row **ret,
                   size_t *ret_count, struct err *err)
{
    struct leases leases = {.conf = {.lab = lab, .place = place}, .db = store->db};
    cleanup_statement struct statement *statement = NULL;
    int rc = leases_run(&leases, look_sql, &statement, err, "ss", lab, place);

    return read_rows(statement, rc, ret, ret_count, err);
}

void leases_rows_free(struct leases_row *rows, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        free(rows[i].board);
        holder_done(&rows[i].holder);
    }
    free(rows);
}
