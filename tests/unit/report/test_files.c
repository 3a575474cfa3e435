/* SPDX-License-Identifier: MIT */
/* junit.xml and report.json of every sample against golden files, and what must hold for all. */
#include "base/fs.h"
#include "base/json.h"
#include "base/str.h"
#include "report/report.h"
#include "samples.h"

#include <criterion/criterion.h>
#include <fcntl.h>
#include <libxml/parser.h>
#include <libxml/xpath.h>
#include <locale.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

static void written(const struct report_format *format, const struct run_result *run,
                    struct buf *ret)
{
    cleanup_close int fd = memfd_create("report", MFD_CLOEXEC);
    struct err err = {0};

    cr_assert_eq(format->write(run, fd, &err), 0, "%s", err.message);
    read_back(fd, ret);
}

/* Style and script of the HTML page, and their hashes, may change without the page being wrong. */
static void elide(struct buf *html, const char *from, const char *to)
{
    char *begin = strstr(html->data, from), *end = begin ? strstr(begin, to) : NULL;

    if (!end)
        return;
    begin += strlen(from);
    memmove(begin, end, strlen(end) + 1);
    html->size -= (size_t)(end - begin);
}

Test(files, are_as_the_golden_ones)
{
    for (const struct sample *sample = samples; sample->name; sample++) {
        for (size_t i = 0; report_formats[i]; i++) {
            cleanup_free char *name = xasprintf("%s.%s", sample->name, report_formats[i]->file);
            cleanup_buf struct buf bytes = BUF_INIT(1 << 22);
            struct run_result run = sample_build(sample);
            written(report_formats[i], &run, &bytes);
            elide(&bytes, "style-src ", "\">");
            elide(&bytes, "<style>", "</style>");
            elide(&bytes, "<script>", "</script>");
            check_golden(name, bytes.data, bytes.size);
            run_result_done(&run);
        }
    }
}

Test(files, seconds_have_a_dot_in_any_locale)
{
    cleanup_buf struct buf bytes = BUF_INIT(1 << 22);
    struct run_result run = sample_build(&samples[0]);

    if (!setlocale(LC_ALL, "de_DE.UTF-8") && !setlocale(LC_ALL, "fr_FR.UTF-8"))
        cr_skip_test("no locale with a decimal comma is installed");
    written(&report_junit, &run, &bytes);
    cr_expect_not_null(strstr(bytes.data, "time=\"2.345678\""));
    buf_clear(&bytes);
    written(&report_json, &run, &bytes);
    cr_expect_not_null(strstr(bytes.data, "\"took_s\": 2.345678"));
    run_result_done(&run);
}

/* ---- JUnit ----------------------------------------------------------------------------------- */

static double number(xmlDocPtr document, const char *expression)
{
    xmlXPathContextPtr context = xmlXPathNewContext(document);
    xmlXPathObjectPtr object = xmlXPathEvalExpression(BAD_CAST expression, context);
    double value = xmlXPathCastToNumber(object);

    xmlXPathFreeObject(object);
    xmlXPathFreeContext(context);
    return value;
}

Test(junit, totals_are_those_of_the_cases)
{
    for (const struct sample *sample = samples; sample->name; sample++) {
        cleanup_buf struct buf bytes = BUF_INIT(1 << 22);
        struct run_result run = sample_build(sample);
        xmlDocPtr document;
        written(&report_junit, &run, &bytes);
        document = xmlReadMemory(bytes.data, (int)bytes.size, "junit.xml", NULL, XML_PARSE_NONET);
        cr_assert_not_null(document, "%s", sample->name);
        cr_expect_eq(number(document, "count(//testcase) - /testsuites/@tests"), 0);
        cr_expect_eq(number(document, "count(//failure) - /testsuites/@failures"), 0);
        cr_expect_eq(number(document, "count(//error) - /testsuites/@errors"), 0);
        cr_expect_eq(number(document, "count(//skipped) - /testsuites/@skipped"), 0);
        cr_expect_eq(number(document, "sum(//testsuite/@tests) - /testsuites/@tests"), 0);
        cr_expect_eq(number(document, "sum(//testsuite/@failures) - /testsuites/@failures"), 0);
        cr_expect_eq(number(document, "count(//testsuite//testsuite)"), 0);
        cr_expect_eq(number(document, "count(//testcase[count(failure|error|skipped) > 1])"), 0);
        cr_expect_eq(number(document, "count(//testcase[not(@time) or not(@name)])"), 0);
        cr_expect_eq(number(document, "count(//failure[not(@message) or not(text())])"), 0);
        cr_expect_eq(number(document, "count(//testcase[string-length(@name) > 1024])"), 0);
        cr_expect_eq(number(document, "count(//*[string-length(@message) > 4096])"), 0);
        cr_expect_eq(
            number(document, "count(//testcase[@name = preceding-sibling::testcase/@name])"), 0,
            "%s: a name stands twice in a suite", sample->name);
        cr_expect_eq(number(document, "count(//testsuite[@name = preceding-sibling::*/@name])"), 0);
        xmlFreeDoc(document);
        run_result_done(&run);
    }
}

/* No reader may show green what is not, whatever the cases say. */
Test(junit, what_is_not_a_pass_is_never_green)
{
    static const struct row {
        enum verdict run, job;
        enum case_result first;
        const char *trouble;
        int failures, errors;
    } rows[] = {
        {VERDICT_PASS, VERDICT_PASS, CASE_PASS, NULL, 0, 0},
        {VERDICT_PASS, VERDICT_PASS, CASE_SKIP, NULL, 0, 0},
        {VERDICT_FAIL, VERDICT_FAIL, CASE_FAIL, NULL, 1, 0},
        {VERDICT_FAIL, VERDICT_FAIL, CASE_ERROR, NULL, 0, 1},
        {VERDICT_FAIL, VERDICT_FAIL, CASE_PASS, NULL, 1, 0},
        {VERDICT_FAIL, VERDICT_FAIL, CASE_PASS, "1 of 2 tests is missing", 1, 0},
        {VERDICT_FAIL, VERDICT_FAIL, CASE_FAIL, "1 of 2 tests is missing", 2, 0},
        {VERDICT_FAIL, VERDICT_PASS, CASE_PASS, "should not be", 1, 0},
        {VERDICT_INFRA, VERDICT_INFRA, CASE_PASS, NULL, 0, 1},
        {VERDICT_INFRA, VERDICT_INFRA, CASE_FAIL, NULL, 1, 1},
        {VERDICT_INFRA, VERDICT_PASS, CASE_PASS, NULL, 0, 1},
        {VERDICT_FAIL, VERDICT_PASS, CASE_PASS, NULL, 1, 0},
    };

    for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
        cleanup_buf struct buf bytes = BUF_INIT(1 << 22);
        struct run_result run = {0};
        struct job_result *job = sample_job(&run, "b", "t", rows[i].job, "");
        xmlDocPtr document;
        job->trouble = rows[i].trouble;
        run.verdict = rows[i].run;
        sample_case(job, "s", "c", rows[i].first, NULL);
        written(&report_junit, &run, &bytes);
        document = xmlReadMemory(bytes.data, (int)bytes.size, "junit.xml", NULL, XML_PARSE_NONET);
        cr_expect_eq(number(document, "number(/testsuites/@failures)"), rows[i].failures, "%zu", i);
        cr_expect_eq(number(document, "count(//failure)"), rows[i].failures, "row %zu", i);
        cr_expect_eq(number(document, "number(/testsuites/@errors)"), rows[i].errors, "%zu", i);
        cr_expect_eq(number(document, "count(//error)"), rows[i].errors, "row %zu", i);
        xmlFreeDoc(document);
        run_result_done(&run);
    }
}

Test(junit, a_name_that_is_made_up_is_free)
{
    static const char *const printed[] = {"x (2)", "x", "x", "x (3)", "x"};
    static const char *const expected[] = {"x (2)", "x", "x (3)", "x (3) (2)", "x (4)"};
    cleanup_buf struct buf bytes = BUF_INIT(1 << 22);
    struct run_result run = {0};
    struct job_result *job = sample_job(&run, "b", "t", VERDICT_PASS, "");
    const char *at;

    for (size_t i = 0; i < ARRAY_SIZE(printed); i++)
        sample_case(job, "", printed[i], CASE_PASS, NULL);
    written(&report_junit, &run, &bytes);
    at = bytes.data;
    for (size_t i = 0; i < ARRAY_SIZE(expected); i++) {
        cleanup_free char *attribute = xasprintf("\"b.t\" name=\"%s\"", expected[i]);
        at = strstr(at, "classname=");
        cr_assert_not_null(at);
        at += strlen("classname=");
        cr_expect(str_starts(at, attribute), "%s: %.40s", expected[i], at);
    }
    run_result_done(&run);
}

/* Of words longer than their place the first go in, with a word about the rest. */
Test(junit, long_words_are_cut_at_a_character)
{
    cleanup_buf struct buf bytes = BUF_INIT(1 << 22), detail = BUF_INIT(1 << 22);
    struct run_result run = {0};
    struct test_case *added;
    xmlDocPtr document;

    for (size_t i = 0; i < 60000; i++) /* every second byte is none: it becomes three */
        buf_adds(&detail, i % 2 ? "\x80" : "\xC3\xA4");
    added = sample_case(sample_job(&run, "b", "t", VERDICT_FAIL, ""), "s", detail.data, CASE_FAIL,
                        detail.data);
    added->detail = detail.data;
    written(&report_junit, &run, &bytes);
    cr_expect_lt(bytes.size, 72 * 1024);
    document = xmlReadMemory(bytes.data, (int)bytes.size, "junit.xml", NULL, XML_PARSE_NONET);
    cr_assert_not_null(document);
    cr_expect_eq(number(document, "count(//failure[contains(., '[cut, 180001 bytes in all]')])"),
                 1);
    cr_expect_eq(number(document, "count(//failure[contains(@message, '[cut, 90000 bytes')])"), 1);
    cr_expect_eq(number(document, "count(//testcase[contains(@name, '[cut, 90000 bytes')])"), 1);
    xmlFreeDoc(document);
    run_result_done(&run);
}

Test(junit, boards_and_tests_never_collide)
{
    cleanup_buf struct buf bytes = BUF_INIT(1 << 22);
    struct run_result run = {0};
    xmlDocPtr document;

    sample_case(sample_job(&run, "a.b", "c", VERDICT_PASS, ""), "", "x", CASE_PASS, NULL);
    sample_case(sample_job(&run, "a", "b.c", VERDICT_PASS, ""), "", "x", CASE_PASS, NULL);
    sample_case(sample_job(&run, "a", "b", VERDICT_PASS, ""), "c", "x", CASE_PASS, NULL);
    written(&report_junit, &run, &bytes);
    document = xmlReadMemory(bytes.data, (int)bytes.size, "junit.xml", NULL, XML_PARSE_NONET);
    cr_expect_eq(number(document, "count(//testcase)"), 3);
    cr_expect_eq(number(document, "count(//testcase[@classname = 'a.b.c'])"), 1);
    cr_expect_eq(number(document, "count(//testcase[@classname = 'a.b.c (2)'])"), 1);
    cr_expect_eq(number(document, "count(//testcase[@classname = 'a.b.c (3)'])"), 1);
    xmlFreeDoc(document);
    run_result_done(&run);
}

/* ---- JSON ------------------------------------------------------------------------------------ */

Test(json, reads_back)
{
    for (const struct sample *sample = samples; sample->name; sample++) {
        cleanup_buf struct buf bytes = BUF_INIT(1 << 22);
        struct run_result run = sample_build(sample);
        struct err err = {0};
        cJSON *tree = NULL;
        const cJSON *boards;
        written(&report_json, &run, &bytes);
        cr_assert_eq(json_parse(bytes.data, bytes.size, 1 << 22, "report.json", &tree, &err), 0,
                     "%s", err.message);
        cr_expect_eq(json_get_int(tree, "schema", 0), 1);
        cr_expect_str_eq(json_get_string(tree, "verdict", ""), verdict_name(run.verdict));
        boards = cJSON_GetObjectItemCaseSensitive(tree, "boards");
        cr_expect_eq((size_t)cJSON_GetArraySize(boards), run.count);
        cJSON_Delete(tree);
        run_result_done(&run);
    }
}

/* ---- files ----------------------------------------------------------------------------------- */

Test(files, a_full_disk_is_an_error)
{
    for (size_t i = 0; report_formats[i]; i++) {
        cleanup_close int fd = open("/dev/full", O_WRONLY | O_CLOEXEC);
        struct run_result run = sample_build(&samples[0]);
        struct err err = {0};
        cr_expect_eq(report_formats[i]->write(&run, fd, &err), -ERR_IO, "%s",
                     report_formats[i]->name);
        cr_expect_not_null(strstr(err.message, "No space left"), "%s", err.message);
        run_result_done(&run);
    }
}

Test(files, an_error_names_the_path_and_leaves_nothing)
{
    struct run_result run = sample_build(&samples[0]);
    struct err err = {0};

    cr_expect_eq(report_write(&report_junit, &run, "/nonexistent/junit.xml", &err), -ERR_NOT_FOUND);
    cr_expect_not_null(strstr(err.message, "/nonexistent/junit.xml"), "%s", err.message);
    run_result_done(&run);
}

Test(files, are_written_whole)
{
    char dir[] = "/tmp/hil-report.XXXXXX";
    cleanup_free char *path = NULL;
    cleanup_buf struct buf bytes = BUF_INIT(1 << 22);
    struct run_result run = sample_build(&samples[0]);
    struct err err = {0};

    cr_assert_not_null(mkdtemp(dir));
    path = fs_join(dir, report_junit.file);
    cr_assert_eq(report_write(&report_junit, &run, path, &err), 0, "%s", err.message);
    cr_assert_eq(fs_read(path, &bytes, &err), 0, "%s", err.message);
    check_golden("pass.junit.xml", bytes.data, bytes.size);
    cr_expect_eq(unlink(path), 0);
    cr_expect_eq(rmdir(dir), 0, "nothing else is left in the directory");
    run_result_done(&run);
}
