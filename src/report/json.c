/* SPDX-License-Identifier: MIT */
/* report.json, for programs. Its shape is a promise: members may be added, none renamed or removed
 * without a new "schema". What is not known is null. A case's "file" is what the firmware printed,
 * its "path" the file of the repository that it means. */
#include "base/json.h"

#include "report/report.h"
#include "report/words.h"
#include "result/attempts.h"

#define SCHEMA 1

static void kv_seconds(struct json_out *out, const char *name, int64_t us)
{
    json_key(out, name);
    if (us < 0)
        json_null(out);
    else
        json_double(out, (double)us / 1e6, 6);
}

static void kv_time(struct json_out *out, const char *name, int64_t unix_us)
{
    char text[ISO_TIME_SIZE];

    json_kv_string(out, name, words_iso_time(unix_us, text));
}

static void kv_counts(struct json_out *out, struct test_counts counts)
{
    json_key(out, "counts");
    json_object(out);
    json_kv_int(out, "total", (int64_t)counts.total);
    json_kv_int(out, "pass", (int64_t)counts.pass);
    json_kv_int(out, "fail", (int64_t)counts.fail);
    json_kv_int(out, "error", (int64_t)counts.error);
    json_kv_int(out, "skip", (int64_t)counts.skip);
    json_kv_int(out, "flaky", (int64_t)counts.flaky);
    json_object_end(out);
}

/* Only of a case that failed in an earlier attempt. */
static void write_earlier(struct json_out *out, const struct test_case *test_case)
{
    if (!test_case->earlier)
        return;
    json_kv_bool(out, "flaky", case_flaky(test_case));
    json_key(out, "earlier");
    json_array(out);
    for (const struct earlier *at = test_case->earlier; at; at = at->next) {
        json_object(out);
        json_kv_int(out, "attempt", at->attempt);
        json_kv_string(out, "board", at->board);
        json_kv_string(out, "result", case_result_name(at->failed->result));
        json_kv_string(out, "message", at->failed->message);
        json_kv_string(out, "file", at->failed->file);
        json_kv_string(out, "path", at->failed->path);
        json_kv_int(out, "line", at->failed->line);
        json_kv_string(out, "detail", at->failed->detail);
        json_object_end(out);
    }
    json_array_end(out);
}

static void write_case(struct json_out *out, const struct test_case *test_case)
{
    json_object(out);
    json_kv_string(out, "name", test_case->name);
    json_kv_string(out, "result", case_result_name(test_case->result));
    json_kv_string(out, "message", test_case->message);
    json_kv_string(out, "file", test_case->file);
    json_kv_string(out, "path", test_case->path);
    json_key(out, "line");
    if (test_case->line)
        json_int(out, test_case->line);
    else
        json_null(out);
    kv_seconds(out, "duration_s", test_case->duration_us);
    kv_seconds(out, "start_s", test_case->start_us);
    json_kv_string(out, "error_type", test_case->error_type);
    json_kv_string(out, "detail", test_case->detail);
    write_earlier(out, test_case);
    json_object_end(out);
}

static void write_suites(struct json_out *out, const struct job_result *job)
{
    json_key(out, "suites");
    json_array(out);
    for (size_t i = 0; i < job->suite_count; i++) {
        const struct test_suite *suite = &job->suites[i];
        json_object(out);
        json_kv_string(out, "name", suite->name);
        json_key(out, "cases");
        json_array(out);
        for (size_t k = 0; k < suite->count; k++)
            write_case(out, &suite->cases[k]);
        json_array_end(out);
        json_object_end(out);
    }
    json_array_end(out);
}

static void write_image(struct json_out *out, const struct image_facts *image)
{
    json_key(out, "image");
    json_object(out);
    json_kv_string(out, "file", image->file);
    json_kv_string(out, "sha256", image->sha256);
    json_kv_string(out, "build_id", image->build_id);
    json_kv_string(out, "format", image->format);
    json_kv_int(out, "size_bytes", (int64_t)image->size_bytes);
    json_object_end(out);
}

/* Only where a proof was asked for. */
static void write_identity(struct json_out *out, const struct identity *identity)
{
    if (identity->build_id == PROOF_NONE && identity->nonce == PROOF_NONE)
        return;
    json_key(out, "identity");
    json_object(out);
    json_kv_bool(out, "required", identity->required);
    json_kv_string(out, "build_id", proof_name(identity->build_id));
    json_kv_string(out, "expected", identity->expected);
    json_kv_string(out, "printed", identity->printed);
    json_kv_string(out, "nonce", proof_name(identity->nonce));
    json_kv_int(out, "ignored_results", (int64_t)identity->ignored);
    json_object_end(out);
}

static void write_errors(struct json_out *out, const struct line_errors *errors)
{
    json_kv_int(out, "overruns", (int64_t)errors->overrun);
    json_kv_int(out, "buffer_overruns", (int64_t)errors->buffer);
    json_kv_int(out, "framing_errors", (int64_t)errors->framing);
    json_kv_int(out, "parity_errors", (int64_t)errors->parity);
    json_kv_int(out, "breaks", (int64_t)errors->breaks);
}

/* Null: nobody counts on such a console. */
static void write_line(struct json_out *out, const struct capture_stats *capture)
{
    json_key(out, "line");
    if (!capture->line_known) {
        json_null(out);
        return;
    }
    json_object(out);
    write_errors(out, &capture->line);
    json_key(out, "gaps");
    json_array(out);
    for (size_t i = 0; i < capture->gap_count; i++) {
        json_object(out);
        json_kv_int(out, "offset", (int64_t)capture->gaps[i].at);
        kv_seconds(out, "time_s", capture->gaps[i].us);
        write_errors(out, &capture->gaps[i].errors);
        json_object_end(out);
    }
    json_array_end(out);
    json_object_end(out);
}

static void write_capture(struct json_out *out, const struct job_result *job)
{
    json_key(out, "capture");
    json_object(out);
    json_kv_string(out, "end", capture_end_name(job->end));
    json_kv_int(out, "bytes", (int64_t)job->capture.bytes);
    json_kv_int(out, "before_reset", (int64_t)job->capture.before_reset);
    json_kv_int(out, "lines", (int64_t)job->capture.lines);
    json_kv_int(out, "replaced_bytes", (int64_t)job->capture.replaced_bytes);
    json_kv_int(out, "cut_lines", (int64_t)job->capture.cut_lines);
    write_line(out, &job->capture);
    json_object_end(out);
}

/* Of the firmware's repository, and of the CI job. */
static void write_origin(struct json_out *out, const struct run_origin *origin)
{
    json_key(out, "origin");
    json_object(out);
    json_kv_string(out, "repository", origin->repository);
    json_kv_string(out, "commit", origin->sha);
    json_kv_string(out, "describe", origin->describe);
    json_key(out, "dirty");
    if (origin->dirty_known)
        json_bool(out, origin->dirty);
    else
        json_null(out);
    json_kv_string(out, "run_url", origin->run_url);
    json_object_end(out);
}

/* Those before the one that is told of; only where there were any. */
static void write_attempts(struct json_out *out, const struct job_result *job)
{
    if (!job->earlier_count)
        return;
    json_kv_int(out, "attempt", (int64_t)job->earlier_count + 1);
    json_kv_bool(out, "flaky", job_flaky(job));
    json_key(out, "earlier");
    json_array(out);
    for (size_t i = 0; i < job->earlier_count; i++) {
        const struct job_result *was = job->earlier[i];
        json_object(out);
        json_kv_int(out, "attempt", (int64_t)i + 1);
        json_kv_string(out, "name", was->board);
        json_kv_string(out, "verdict", verdict_name(was->verdict));
        json_kv_string(out, "reason", was->reason);
        json_kv_string(out, "dir", was->dir);
        kv_time(out, "started", was->started_unix_us);
        kv_seconds(out, "took_s", was->took_us);
        kv_counts(out, job_counts(was));
        json_object_end(out);
    }
    json_array_end(out);
}

/* What was tried after the flash had failed; only where it had. */
static void write_recovery(struct json_out *out, const struct job_result *job)
{
    if (!job->recovery_count)
        return;
    json_key(out, "recovery");
    json_array(out);
    for (size_t i = 0; i < job->recovery_count; i++) {
        json_object(out);
        json_kv_string(out, "step", job->recovery[i].step);
        json_kv_bool(out, "helped", !job->recovery[i].why);
        json_kv_string(out, "why", job->recovery[i].why);
        json_object_end(out);
    }
    json_array_end(out);
}

/* Only where it was asked. */
static void write_blame(struct json_out *out, const struct job_result *job)
{
    if (!job->blame_why)
        return;
    json_key(out, "blame");
    json_object(out);
    json_kv_string(out, "who", blame_name(job->blame));
    json_kv_string(out, "why", job->blame_why);
    json_object_end(out);
}

static void write_job(struct json_out *out, const struct job_result *job)
{
    cleanup_buf struct buf server = BUF_INIT(SIZE_MAX / 4);

    json_object(out);
    json_kv_string(out, "name", job->board);
    if (words_server(&server, job->board))
        json_kv_string(out, "server", server.data);
    json_kv_string(out, "verdict", verdict_name(job->verdict));
    json_kv_string(out, "reason", job->reason);
    json_kv_string(out, "trouble", job->trouble);
    json_kv_string(out, "test", job->name);
    json_kv_strings(out, "labels", job->labels);
    json_kv_string(out, "probe", job->probe);
    write_image(out, &job->image);
    write_identity(out, &job->identity);
    json_kv_string(out, "format", job->format);
    json_kv_bool(out, "complete", job->complete);
    json_kv_string(out, "dir", job->dir);
    kv_time(out, "started", job->started_unix_us);
    kv_seconds(out, "took_s", job->took_us);
    kv_seconds(out, "flash_s", job->flash_us);
    kv_seconds(out, "test_s", job->test_us);
    kv_counts(out, job_counts(job));
    write_attempts(out, job);
    write_recovery(out, job);
    write_blame(out, job);
    write_capture(out, job);
    write_suites(out, job);
    json_object_end(out);
}

static int report_json_write(const struct run_result *run, int fd, struct err *err)
{
    struct json_out out;

    json_begin(&out, fd, 2);
    json_object(&out);
    json_kv_int(&out, "schema", SCHEMA);
    json_kv_string(&out, "verdict", verdict_name(run->verdict));
    json_kv_string(&out, "version", run->version);
    json_kv_string(&out, "lab", run->lab);
    kv_time(&out, "started", run->started_unix_us);
    kv_seconds(&out, "took_s", run->took_us);
    write_origin(&out, &run->origin);
    kv_counts(&out, run_counts(run));
    json_key(&out, "boards");
    json_array(&out);
    for (size_t i = 0; i < run->count; i++)
        write_job(&out, run->jobs[i]);
    json_array_end(&out);
    json_object_end(&out);
    return json_end(&out, err);
}

const struct report_format report_json = {
    .name = "json",
    .file = "report.json",
    .first = '{',
    .summary = "everything that was found, for programs",
    .write = report_json_write,
};
