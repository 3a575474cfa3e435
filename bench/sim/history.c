/* SPDX-License-Identifier: MIT
 *
 * history: what a day's runs leave in the database: bench/fleet's other inner part.
 *
 *     sim-history URL RUNS CASES
 *
 * Remembers RUNS runs of one job with CASES cases each, by the code of hil run, one after the
 * other, and prints the size of the database before and after as a JSON object. The cases have the
 * same names in each run, as those of a firmware's suite have, and other durations.
 */
#include "base/ctx.h"
#include "base/json.h"
#include "base/str.h"
#include "store/db.h"
#include "store/store.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define BOARDS 1000
#define LAB "fleet-history"

static void die(const char *why)
{
    fprintf(stderr, "sim-history: %s\n", why);
    exit(1);
}

static struct job_result *make_job(int number, int cases)
{
    struct job_result *job = job_result_new();
    struct test_suite *suite = job_suite(job, "selftest", strlen("selftest"));

    job->board = arena_printf(&job->arena, "board-%04d", number * 7919 % BOARDS);
    job->name = "selftest";
    job->image.file = "firmware.elf";
    job->image.sha256 =
        arena_printf(&job->arena, "%064x", number / 10); /* ten boards test a build */
    job->verdict = VERDICT_PASS;
    job->reason = "";
    job->started_unix_us = ctx_unix_us();
    job->took_us = 240000000 + number % 1000 * 1000;
    for (int i = 0; i < cases; i++) {
        struct test_case *one = suite_add(suite);
        one->name = arena_printf(&job->arena, "test_module_%d_does_what_it_says", i);
        one->result = i % 20 ? CASE_PASS : CASE_SKIP;
        one->duration_us = 1000 + (number + i * 131) % 50000;
    }
    return job;
}

static void remember(struct store *store, int number, int cases)
{
    struct job_result *job = make_job(number, cases);
    struct run_result run = {.lab = LAB,
                             .started_unix_us = job->started_unix_us,
                             .took_us = job->took_us,
                             .count = 1,
                             .origin = {.repository = "team/firmware",
                                        .sha = "0123456789abcdef0123456789abcdef01234567",
                                        .ref = "main",
                                        .run_url = "https://github.com/team/firmware/actions/runs/"
                                                   "12345678901"}};
    struct err err = {0};

    run.jobs = xcalloc(1, sizeof *run.jobs);
    run.jobs[0] = job;
    if (store_record(store, &run, &err) < 0)
        die(err.message);
    run_result_done(&run);
}

static int64_t size_of(const char *url)
{
    struct statement *statement = NULL;
    struct err err = {0};
    struct db *db = NULL;
    int64_t size;

    if (db_open_server(url, true, NULL, &db, &err) < 0 ||
        db_prepare(db, "SELECT pg_database_size(current_database())", &statement, &err) < 0 ||
        statement_step(statement, &err) != 1)
        die(err.message);
    size = statement_int(statement, 0);
    statement_free(statement);
    db_close(db);
    return size;
}

int main(int argc, char **argv)
{
    struct store_conf conf = STORE_CONF_DEFAULT;
    struct store *store = NULL;
    struct json_out out;
    struct err err = {0};
    int64_t before, began_ns, took_ns;

    if (argc != 4) {
        fprintf(stderr, "sim-history URL RUNS CASES\n");
        return 2;
    }
    conf.url = argv[1];
    before = size_of(argv[1]);
    if (store_open(&conf, "/nonexistent", true, &store, &err) < 0)
        die(err.message);
    began_ns = ctx_now_ns();
    for (int i = 0; i < atoi(argv[2]); i++)
        remember(store, i, atoi(argv[3]));
    took_ns = ctx_now_ns() - began_ns;
    store_close(store);
    json_begin(&out, STDOUT_FILENO, 0);
    json_object(&out);
    json_kv_int(&out, "runs", atoi(argv[2]));
    json_kv_int(&out, "before", before);
    json_kv_int(&out, "after", size_of(argv[1]));
    json_kv_int(&out, "took_us", took_ns / 1000);
    json_object_end(&out);
    json_end(&out, NULL);
    return 0;
}
