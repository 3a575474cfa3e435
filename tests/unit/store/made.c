/* SPDX-License-Identifier: MIT */
#include "made.h"

#include "engine.h"

#include "base/fs.h"
#include "base/str.h"

#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

void made_enter(struct made_store *made)
{
    struct err err;

    cr_assert_eq(fs_temp_dir(&made->dir, &err), 0);
    made->file = fs_join(made->dir, "history.db");
    cr_assert_eq(store_open(engine_conf(), made->dir, true, &made->store, &err), 0, "%s",
                 err.message);
}

void made_leave(struct made_store *made)
{
    store_close(made->store);
    engine_leave();
    fs_remove_tree(made->dir);
    free(made->dir);
    free(made->file);
}

/* "uart.echo:fail" */
static void add_case(struct job_result *job, const char *word, size_t length)
{
    const char *colon = memchr(word, ':', length);
    const char *dot = memchr(word, '.', (size_t)(colon - word));
    const char *name = dot ? dot + 1 : word;
    struct test_suite *suite = job_suite(job, word, dot ? (size_t)(dot - word) : 0);
    struct test_case *new = suite_add(suite);

    new->name = arena_printf(&job->arena, "%.*s", (int)(colon - name), name);
    new->duration_us = 1000;
    for (enum case_result result = CASE_PASS; result <= CASE_SKIP; result++)
        if (str_starts(colon + 1, case_result_name(result)))
            new->result = result;
}

static struct job_result *new_job(const struct made_job *made, int64_t at_us)
{
    struct job_result *job = job_result_new();

    job->board = made->board;
    job->name = made->test ? made->test : "selftest";
    job->image.file = "fw.elf";
    job->image.sha256 = made->image;
    job->verdict = made->verdict;
    job->reason = made->reason ? made->reason : "";
    job->started_unix_us = at_us;
    job->took_us = 1000000;
    for (const char *at = made->cases; at && *at; at += strspn(at, " ")) {
        size_t length = strcspn(at, " ");
        add_case(job, at, length);
        at += length;
    }
    return job;
}

void made_run(struct store *store, int64_t at_us, const struct made_job *jobs, size_t count)
{
    struct run_result run = {.lab = "bench",
                             .started_unix_us = at_us,
                             .took_us = (int64_t)count * 1000000,
                             .origin = {.repository = "octo/fw",
                                        .sha = "0123456789abcdef",
                                        .ref = "main",
                                        .run_url = "https://github.com/octo/fw/actions/runs/7"}};
    struct err err;

    run.jobs = xcalloc(count, sizeof(struct job_result *));
    for (size_t i = 0; i < count; i++) {
        struct job_result *job = new_job(&jobs[i], at_us + (int64_t)i * 1000000);
        if (jobs[i].last_of) {
            job->earlier = xcalloc(1, sizeof *job->earlier);
            job->earlier[0] = run.jobs[--run.count];
            job->earlier_count = 1;
        }
        run.jobs[run.count++] = job;
    }
    for (size_t i = 0; i < run.count; i++)
        run.verdict = verdict_worse(run.verdict, run.jobs[i]->verdict);
    cr_assert_eq(store_record(store, &run, &err), 0, "%s", err.message);
    run.lab = NULL;
    run_result_done(&run);
}

void made_simple(struct store *store, int64_t at_us, const char *board, const char *image,
                 const char *cases)
{
    bool bad = strstr(cases, ":fail") || strstr(cases, ":error");

    made_run(store, at_us,
             &(struct made_job){.board = board,
                                .image = image,
                                .cases = cases,
                                .verdict = bad ? VERDICT_FAIL : VERDICT_PASS},
             1);
}

void made_expect(const struct made_store *made, const char *sql, const char *answer)
{
    cleanup_free char *said = engine_ask(made->file, sql);

    if (said)
        cr_expect_str_eq(said, answer, "%s: %s", sql, said);
}
