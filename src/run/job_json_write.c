/* SPDX-License-Identifier: MIT */
#include "run/rundir.h"

#include "base/fs.h"
#include "run/saved.h"

static void write_image(struct json_out *out, const struct image_facts *image)
{
    json_key(out, "image");
    json_object(out);
    json_kv_string(out, "file", image->file);
    json_kv_string(out, "format", image->format);
    json_kv_string(out, "sha256", image->sha256);
    json_kv_string(out, "build_id", image->build_id);
    json_kv_int(out, "size", (int64_t)image->size_bytes);
    json_object_end(out);
}

static void write_parse(struct json_out *out, const struct parse_options *parse)
{
    json_key(out, "parse");
    json_object(out);
    json_kv_string(out, "format", parse->format);
    json_kv_string(out, "pass", parse->pass);
    json_kv_string(out, "fail", parse->fail);
    json_kv_string(out, "skip", parse->skip);
    json_kv_string(out, "end", parse->end);
    json_kv_bool(out, "resets_expected", parse->resets_expected);
    json_kv_string(out, "build_id", parse->identity.build_id);
    json_kv_bool(out, "require_build_id", parse->identity.required);
    json_kv_bool(out, "ask_nonce", parse->identity.ask_nonce);
    json_kv_string(out, "nonce", parse->identity.nonce);
    json_object_end(out);
}

static void write_rules(struct json_out *out, const struct job *job)
{
    const struct timeouts *timeouts = &job->timeouts;

    json_key(out, "expect");
    json_object(out);
    json_kv_int(out, "tests", (int64_t)job->expect.tests);
    json_kv_strings(out, "require", (const char *const *)job->expect.require.items);
    json_object_end(out);
    json_key(out, "timeouts_ms");
    json_object(out);
    json_kv_int(out, "lease", timeouts->lease);
    json_kv_int(out, "flash", timeouts->flash);
    json_kv_int(out, "boot", timeouts->boot);
    json_kv_int(out, "idle", timeouts->idle);
    json_kv_int(out, "total", timeouts->total);
    json_object_end(out);
}

/* Only where there can be several: as it always was, otherwise. */
static void write_attempts(struct json_out *out, const struct job_result *result,
                           const struct job *job)
{
    if (!job->retries && !result->earlier_count)
        return;
    json_kv_int(out, "retries", job->retries);
    json_kv_bool(out, "flaky_fails", job->flaky_fails);
    json_key(out, "earlier");
    json_array(out);
    for (size_t i = 0; i < result->earlier_count; i++)
        json_string(out, result->earlier[i]->dir);
    json_array_end(out);
}

/* Only where the flash had failed. */
static void write_recovery(struct json_out *out, const struct job_result *result)
{
    if (!result->recovery_count)
        return;
    json_key(out, "recovery");
    json_array(out);
    for (size_t i = 0; i < result->recovery_count; i++) {
        json_object(out);
        json_kv_string(out, "step", result->recovery[i].step);
        json_kv_string(out, "why", result->recovery[i].why);
        json_object_end(out);
    }
    json_array_end(out);
    json_kv_bool(out, "gave_up", result->gave_up);
}

static void write_errors(struct json_out *out, const struct line_errors *errors)
{
    json_kv_int(out, "overrun", (int64_t)errors->overrun);
    json_kv_int(out, "buffer", (int64_t)errors->buffer);
    json_kv_int(out, "framing", (int64_t)errors->framing);
    json_kv_int(out, "parity", (int64_t)errors->parity);
    json_kv_int(out, "breaks", (int64_t)errors->breaks);
}

/* Only where the console's tty counts. */
static void write_line(struct json_out *out, const struct capture_stats *capture)
{
    if (!capture->line_known)
        return;
    json_key(out, "line");
    json_object(out);
    write_errors(out, &capture->line);
    json_key(out, "gaps");
    json_array(out);
    for (size_t i = 0; i < capture->gap_count; i++) {
        json_object(out);
        json_kv_int(out, "at", (int64_t)capture->gaps[i].at);
        json_kv_int(out, "us", capture->gaps[i].us);
        write_errors(out, &capture->gaps[i].errors);
        json_object_end(out);
    }
    json_array_end(out);
    json_object_end(out);
}

int rundir_write_job(const char *work_dir, const struct job_result *result, const struct job *job,
                     struct err *err)
{
    cleanup_free char *path = fs_join(work_dir, "job.json");
    struct json_out out;
    int rc;

    json_begin(&out, -1, 2);
    json_object(&out);
    json_kv_int(&out, "schema", SAVED_SCHEMA);
    json_kv_string(&out, "test", result->name);
    json_kv_string(&out, "board", result->board);
    json_kv_strings(&out, "labels", result->labels);
    json_kv_string(&out, "probe", result->probe);
    write_image(&out, &result->image);
    write_parse(&out, &job->parse);
    write_rules(&out, job);
    write_attempts(&out, result, job);
    write_recovery(&out, result);
    if (result->blame_why) {
        json_kv_string(&out, "blame", blame_name(result->blame));
        json_kv_string(&out, "blame_why", result->blame_why);
    }
    json_kv_string(&out, "verdict", verdict_name(result->verdict));
    json_kv_string(&out, "reason", result->reason);
    json_kv_string(&out, "end", capture_end_name(result->end));
    json_kv_string(&out, "end_detail", result->end_detail);
    json_kv_int(&out, "started_unix_us", result->started_unix_us);
    json_kv_int(&out, "took_us", result->took_us);
    json_kv_int(&out, "flash_us", result->flash_us);
    json_kv_int(&out, "test_us", result->test_us);
    json_kv_int(&out, "log_bytes", (int64_t)result->capture.bytes);
    json_kv_int(&out, "reset_bytes", (int64_t)result->capture.before_reset);
    json_kv_int(&out, "reset_us", result->capture.reset_us);
    write_line(&out, &result->capture);
    json_object_end(&out);
    rc = json_end(&out, err);
    if (rc == 0)
        rc = fs_write(path, out.pending.data, out.pending.size, err);
    json_done(&out);
    return rc;
}
