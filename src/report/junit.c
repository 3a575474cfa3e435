/* SPDX-License-Identifier: MIT */
/* junit.xml, in the shape that dorny/test-reporter, mikepenz/action-junit-report, EnricoMi, Jenkins
 * and GitLab all read: one level of suites, unique (classname, name), one failure or error a case,
 * with its words both as attribute and as text, and a time on everything (some readers compute with
 * it unasked). */
#include "report/report.h"

#include "base/fs.h"
#include "base/str.h"
#include "base/text.h"
#include "report/words.h"
#include "report/xml_file.h"
#include "result/attempts.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#define NAME_MAX_BYTES 1024
#define MESSAGE_MAX_BYTES 4096
#define DETAIL_MAX_BYTES (64 * 1024)

struct junit {
    struct xml_file xml;
    struct buf text;
    struct name_map suite_names;
    struct arena arena; /* of suite_names */
};

/* One <testsuite>: a suite of a job, or the place for what concerns the job as a whole. */
struct part {
    const struct job_result *job;
    const struct test_suite *suite; /* NULL: none */
    const struct test_case *whole;  /* of the job as a whole; NULL: none */
    const char *name;
    struct name_map case_names;
    struct arena arena; /* of case_names */
};

static void attribute_raw(struct junit *junit, const char *name, const char *value, size_t max)
{
    xml_attribute(&junit->xml, name, words_clean(&junit->text, value, max, TEXT_ONE_LINE));
}

static void attribute_counts(struct junit *junit, const struct test_counts *counts)
{
    xml_attribute_number(&junit->xml, "tests", counts->total);
    xml_attribute_number(&junit->xml, "failures", counts->fail);
    xml_attribute_number(&junit->xml, "errors", counts->error);
    xml_attribute_number(&junit->xml, "skipped", counts->skip);
}

/* `name`, or "name (2)" and so on where that is taken; kept in `arena`. */
static const char *unique(struct name_map *names, struct arena *arena, const char *name)
{
    size_t length = strlen(name);
    struct name_slot *slot = name_map_at(names, name, length);
    const char *other;
    size_t number;

    if (!slot->value) {
        slot->value = 1;
        return slot->name = arena_strndup(arena, name, length);
    }
    name = slot->name;
    number = slot->value;
    do {
        other = arena_printf(arena, "%s (%zu)", name, ++number);
        slot = name_map_at(names, other, strlen(other));
    } while (slot->value);
    slot->value = 1;
    name_map_at(names, name, length)->value = number;
    return other;
}

/* ---- one case -------------------------------------------------------------------------------- */

/* dorny/test-reporter finds a source line only in what looks like Java's stack traces, "at
 * package.Class(file:line)", and takes the package for the end of the file's directory; a part of
 * it that starts with a capital ends it. */
static void java_trace(struct buf *out, const struct test_case *test_case)
{
    const char *file = case_file(test_case), *base = fs_basename(file);
    const char *end = base > file ? base - 1 : base;
    const char *dir = end;

    while (dir > file && dir[-1] != '/')
        dir--;
    if (dir == end || *dir <= 'Z' || memchr(dir, '.', (size_t)(end - dir)))
        return;
    buf_addf(out, "\nat %.*s.Test(%s:%" PRIu32 ")", (int)(end - dir), dir, base, test_case->line);
}

/* "file:line: message", the lines of detail, and what finds the source line. */
static void body(struct junit *junit, const struct test_case *test_case, const char *message)
{
    cleanup_buf struct buf all = BUF_INIT(SIZE_MAX / 4);

    if (test_case->file && test_case->line)
        buf_addf(&all, "%s:%" PRIu32 ": ", case_file(test_case), test_case->line);
    buf_adds(&all, message);
    if (test_case->file && test_case->line)
        java_trace(&all, test_case);
    if (test_case->detail && *test_case->detail)
        buf_addf(&all, "\n%s", test_case->detail);
    xml_text(&junit->xml, words_clean(&junit->text, all.data, DETAIL_MAX_BYTES, 0));
}

static void outcome(struct junit *junit, const struct test_case *test_case)
{
    const char *message = words_message(test_case);

    if (test_case->result == CASE_PASS)
        return;
    xml_begin(&junit->xml, test_case->result == CASE_FAIL    ? "failure"
                           : test_case->result == CASE_ERROR ? "error"
                                                             : "skipped");
    if (test_case->result != CASE_SKIP)
        attribute_raw(junit, "type", test_case->error_type ? test_case->error_type : "fail",
                      NAME_MAX_BYTES);
    if (message) {
        attribute_raw(junit, "message", message, MESSAGE_MAX_BYTES);
        body(junit, test_case, message);
    }
    xml_end(&junit->xml);
}

/* As Maven Surefire tells of tests that it ran again: flakyFailure in a case that passed in the
 * end, rerunFailure in one that never did. To readers that know neither, the last attempt is the
 * result. */
static void earlier(struct junit *junit, const struct test_case *test_case)
{
    static const char *const names[2][2] = {{"rerunFailure", "rerunError"},
                                            {"flakyFailure", "flakyError"}};
    bool flaky = case_flaky(test_case);
    cleanup_buf struct buf words = BUF_INIT(SIZE_MAX / 4);

    for (const struct earlier *at = test_case->earlier; at; at = at->next) {
        bool error = at->failed->result == CASE_ERROR;
        xml_begin(&junit->xml, names[flaky][error]);
        attribute_raw(junit, "type", at->failed->error_type ? at->failed->error_type : "fail",
                      NAME_MAX_BYTES);
        attribute_raw(junit, "message", words_earlier(&words, at), MESSAGE_MAX_BYTES);
        xml_begin(&junit->xml, "stackTrace");
        body(junit, at->failed, words_message(at->failed));
        xml_end(&junit->xml);
        xml_end(&junit->xml);
    }
}

static void write_case(struct junit *junit, struct part *part, const struct test_case *test_case)
{
    const char *name = *test_case->name ? test_case->name : "(no name)";

    name = words_clean(&junit->text, name, NAME_MAX_BYTES, TEXT_ONE_LINE);
    xml_begin(&junit->xml, "testcase");
    xml_attribute(&junit->xml, "classname", part->name);
    xml_attribute(&junit->xml, "name", unique(&part->case_names, &part->arena, name));
    xml_attribute_time(&junit->xml, "time", test_case->duration_us);
    if (test_case->file) {
        attribute_raw(junit, "file", case_file(test_case), NAME_MAX_BYTES);
        if (test_case->line)
            xml_attribute_number(&junit->xml, "line", test_case->line);
    }
    outcome(junit, test_case);
    earlier(junit, test_case);
    xml_end(&junit->xml);
}

/* ---- one suite ------------------------------------------------------------------------------- */

/* What concerns the job as a whole, told as a case, since readers know nothing else: what is wrong
 * with it, or that it passed only when it was tried again though no case of it is flaky. False:
 * there is nothing to tell. */
static bool whole_case(const struct job_result *job, struct test_case *ret)
{
    const struct test_counts counts = job_counts(job);
    const char *trouble = words_trouble(job);
    bool infra = job->verdict == VERDICT_INFRA;

    if (!trouble && !job_flaky_whole(job))
        return false;
    *ret = (struct test_case){
        .name = "run",
        .message = trouble,
        .result = !trouble ? CASE_PASS
                  : infra  ? CASE_ERROR
                           : CASE_FAIL,
        .error_type = trouble && infra ? "infra" : NULL,
        .duration_us = counts.total ? 0 : job->took_us,
    };
    return true;
}

/* How it went in the attempts before, where that was no single case's. */
struct whole_earlier {
    struct test_case failed;
    struct earlier link;
};

static struct whole_earlier *earlier_wholes(const struct job_result *job, struct test_case *whole)
{
    struct whole_earlier *made = xcalloc(job->earlier_count + 1, sizeof(*made));
    const struct earlier **end = &whole->earlier;

    for (size_t i = 0; i < job->earlier_count; i++) {
        const struct job_result *was = job->earlier[i];
        if (was->verdict != VERDICT_FAIL || !whole_case(was, &made[i].failed))
            continue;
        made[i].link = (struct earlier){
            .attempt = (unsigned)i + 1, .board = was->board, .failed = &made[i].failed};
        *end = &made[i].link;
        end = &made[i].link.next;
    }
    return made;
}

static void property(struct junit *junit, const char *name, const char *value)
{
    if (!value || !*value)
        return;
    xml_begin(&junit->xml, "property");
    xml_attribute(&junit->xml, "name", name);
    attribute_raw(junit, "value", value, MESSAGE_MAX_BYTES);
    xml_end(&junit->xml);
}

static void server_property(struct junit *junit, const char *board)
{
    cleanup_buf struct buf server = BUF_INIT(MESSAGE_MAX_BYTES);

    property(junit, "server", words_server(&server, board));
}

static void origin_properties(struct junit *junit, const struct run_origin *origin)
{
    property(junit, "commit", origin->sha);
    property(junit, "describe", origin->describe);
    if (origin->dirty_known)
        property(junit, "dirty", origin->dirty ? "true" : "false");
    property(junit, "run_url", origin->run_url);
}

static void identity_properties(struct junit *junit, const struct identity *identity)
{
    char ignored[24];

    if (identity->build_id != PROOF_NONE)
        property(junit, "build_id_proof", proof_name(identity->build_id));
    property(junit, "build_id_expected", identity->expected);
    property(junit, "build_id_printed", identity->printed);
    if (identity->nonce != PROOF_NONE)
        property(junit, "nonce_proof", proof_name(identity->nonce));
    snprintf(ignored, sizeof ignored, "%" PRIu64, identity->ignored);
    if (identity->ignored)
        property(junit, "ignored_results", ignored);
}

static void properties(struct junit *junit, const struct run_result *run,
                       const struct job_result *job)
{
    cleanup_buf struct buf labels = BUF_INIT(SIZE_MAX / 4), attempts = BUF_INIT(SIZE_MAX / 4),
                           line = BUF_INIT(256);

    for (const char *const *label = job->labels; label && *label; label++)
        buf_addf(&labels, "%s%s", labels.size ? "," : "", *label);
    if (!words_line_errors(&line, job) && job->capture.line_known)
        buf_adds(&line, "none");
    xml_begin(&junit->xml, "properties");
    property(junit, "board", job->board);
    server_property(junit, job->board);
    property(junit, "labels", labels.data);
    property(junit, "probe", job->probe);
    property(junit, "image", job->image.file);
    property(junit, "sha256", job->image.sha256);
    property(junit, "build_id", job->image.build_id);
    identity_properties(junit, &job->identity);
    property(junit, "format", job->format);
    property(junit, "line_errors", line.size ? line.data : NULL);
    origin_properties(junit, &run->origin);
    property(junit, "hil_version", run->version);
    property(junit, "verdict", verdict_name(job->verdict));
    property(junit, "reason", job->reason);
    property(junit, "attempts", words_attempts(&attempts, job));
    property(junit, "blame", words_blame(&attempts, job));
    xml_end(&junit->xml);
}

/* BOARD.TEST or BOARD.TEST.SUITE: the boards part the cases in every reader, and Jenkins shows
 * BOARD.TEST as the package. */
static const char *part_name(struct junit *junit, const struct part *part)
{
    cleanup_buf struct buf name = BUF_INIT(SIZE_MAX / 4);
    const char *pieces[] = {part->job->board, part->job->name,
                            part->suite ? part->suite->name : ""};

    for (size_t i = 0; i < ARRAY_SIZE(pieces); i++)
        if (pieces[i] && *pieces[i])
            buf_addf(&name, "%s%s", name.size ? "." : "", pieces[i]);
    if (!name.size)
        buf_adds(&name, "run");
    words_clean(&junit->text, name.data, NAME_MAX_BYTES, TEXT_ONE_LINE);
    return unique(&junit->suite_names, &junit->arena, junit->text.data);
}

static int64_t part_time_us(const struct part *part)
{
    int64_t sum = 0;

    if (!part->suite)
        return part->whole ? part->whole->duration_us : 0;
    for (size_t i = 0; i < part->suite->count; i++)
        if (part->suite->cases[i].duration_us > 0)
            sum += part->suite->cases[i].duration_us;
    return sum;
}

static void count_whole(struct test_counts *counts, const struct test_case *whole)
{
    counts->total++;
    counts->error += whole->result == CASE_ERROR;
    counts->fail += whole->result == CASE_FAIL;
}

static void write_part(struct junit *junit, const struct run_result *run, struct part part)
{
    struct test_counts counts = part.suite ? suite_counts(part.suite) : (struct test_counts){0};
    char started[ISO_TIME_SIZE];
    size_t cases = counts.total;

    if (part.whole)
        count_whole(&counts, part.whole);
    part.name = part_name(junit, &part);
    xml_begin(&junit->xml, "testsuite");
    xml_attribute(&junit->xml, "name", part.name);
    attribute_counts(junit, &counts);
    xml_attribute_time(&junit->xml, "time", part_time_us(&part));
    if (words_iso_time(part.job->started_unix_us, started))
        xml_attribute(&junit->xml, "timestamp", started);
    if (run->lab)
        attribute_raw(junit, "hostname", run->lab, NAME_MAX_BYTES);
    properties(junit, run, part.job);
    for (size_t i = 0; i < cases; i++)
        write_case(junit, &part, &part.suite->cases[i]);
    if (part.whole)
        write_case(junit, &part, part.whole);
    xml_end(&junit->xml);
    name_map_done(&part.case_names);
    arena_done(&part.arena);
}

/* The case of the whole goes where those without a suite are, so that its classname is
 * BOARD.TEST. */
static void write_job(struct junit *junit, const struct run_result *run,
                      const struct job_result *job)
{
    struct test_case told;
    const struct test_case *whole = whole_case(job, &told) ? &told : NULL;
    cleanup_free struct whole_earlier *kept = whole ? earlier_wholes(job, &told) : NULL;

    for (size_t i = 0; i < job->suite_count; i++) {
        bool unnamed = !*job->suites[i].name;
        write_part(
            junit, run,
            (struct part){.job = job, .suite = &job->suites[i], .whole = unnamed ? whole : NULL});
        if (unnamed)
            whole = NULL;
    }
    if (whole || !job->suite_count)
        write_part(junit, run, (struct part){.job = job, .whole = whole});
}

/* ---- the document ---------------------------------------------------------------------------- */

/* A run that is not green though every job is (or there is none) must not look green. */
static bool run_is_worse(const struct run_result *run)
{
    for (size_t i = 0; i < run->count; i++)
        if (run->jobs[i]->verdict != VERDICT_PASS || run->jobs[i]->trouble)
            return false;
    return run->verdict != VERDICT_PASS;
}

static void document(struct junit *junit, const struct run_result *run)
{
    struct test_counts counts = run_counts(run);
    struct job_result whole = {.verdict = run->verdict, .reason = "nothing was tested"};
    struct test_case told;

    for (size_t i = 0; i < run->count; i++)
        if (whole_case(run->jobs[i], &told))
            count_whole(&counts, &told);
    if (run_is_worse(run) && whole_case(&whole, &told))
        count_whole(&counts, &told);
    xml_begin(&junit->xml, "testsuites");
    xml_attribute(&junit->xml, "name", "hil");
    attribute_counts(junit, &counts);
    xml_attribute_time(&junit->xml, "time", run->took_us);
    for (size_t i = 0; i < run->count; i++)
        write_job(junit, run, run->jobs[i]);
    if (run_is_worse(run))
        write_job(junit, run, &whole);
    xml_end(&junit->xml);
}

static void junit_prepare(void)
{
    struct xml_api api;

    xml_api_load(&api, NULL);
}

static int junit_write(const struct run_result *run, int fd, struct err *err)
{
    struct junit junit = {.text = BUF_INIT(SIZE_MAX / 4)};
    int rc = xml_file_begin(&junit.xml, fd, err);

    if (rc < 0)
        return rc;
    document(&junit, run);
    rc = xml_file_end(&junit.xml, err);
    buf_done(&junit.text);
    name_map_done(&junit.suite_names);
    arena_done(&junit.arena);
    return rc;
}

const struct report_format report_junit = {
    .name = "junit",
    .file = "junit.xml",
    .first = '<',
    .prepare = junit_prepare,
    .summary = "JUnit XML, as CI systems read it",
    .write = junit_write,
};
