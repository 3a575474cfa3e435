/* SPDX-License-Identifier: MIT */
/* report.html beyond its golden files: its policy, its bounds, and that its links lead somewhere.
 */
#include "../scratch.h"
#include "report/html/assets.h"
#include "report/report.h"
#include "samples.h"

#include <libxml/HTMLparser.h>
#include <libxml/xpath.h>
#include <sodium.h>
#include <string.h>
#include <sys/mman.h>

#define PAGE_MAX (64 << 20)

static void page_of(const struct run_result *run, struct buf *ret)
{
    cleanup_close int fd = memfd_create("html", MFD_CLOEXEC);
    struct err err = {0};

    cr_assert_eq(report_html.write(run, fd, &err), 0, "%s", err.message);
    read_back(fd, ret);
}

static htmlDocPtr parsed(const struct buf *page)
{
    return htmlReadMemory(page->data, (int)page->size, NULL, "UTF-8",
                          HTML_PARSE_NONET | HTML_PARSE_NOERROR | HTML_PARSE_NOWARNING);
}

static double number(htmlDocPtr page, const char *expression)
{
    xmlXPathContextPtr context = xmlXPathNewContext(page);
    xmlXPathObjectPtr object = xmlXPathEvalExpression(BAD_CAST expression, context);
    double value = xmlXPathCastToNumber(object);

    xmlXPathFreeObject(object);
    xmlXPathFreeContext(context);
    return value;
}

static void has_hash_of(const struct buf *page, const char *source)
{
    unsigned char hash[crypto_hash_sha256_BYTES];
    char text[64];
    cleanup_free char *policy = NULL;

    crypto_hash_sha256(hash, (const unsigned char *)source, strlen(source));
    sodium_bin2base64(text, sizeof text, hash, sizeof hash, sodium_base64_VARIANT_ORIGINAL);
    policy = xasprintf("-src 'sha256-%s'", text);
    cr_expect_not_null(strstr(page->data, policy), "%s", policy);
}

Test(html, lets_only_its_own_style_and_script_act)
{
    cleanup_buf struct buf page = BUF_INIT(PAGE_MAX);
    struct run_result run = sample_build(&samples[0]);

    page_of(&run, &page);
    cr_expect_not_null(strstr(page.data, "content=\"default-src 'none'; base-uri 'none'; "
                                         "form-action 'none'; style-src 'sha256-"));
    has_hash_of(&page, html_css);
    has_hash_of(&page, html_js);
    cr_expect_null(strstr(page.data, "style=\""), "the policy would refuse it");
    cr_expect_null(strstr(html_css, "url("));
    cr_expect_null(strstr(html_css, "</style"));
    cr_expect_null(strstr(html_js, "</script"));
    cr_expect_null(strstr(html_js, "innerHTML"));
    run_result_done(&run);
}

/* Each "#c0-1" and the like has its place, and no place is there twice. */
Test(html, links_lead_somewhere)
{
    for (const struct sample *sample = samples; sample->name; sample++) {
        cleanup_buf struct buf page = BUF_INIT(PAGE_MAX);
        struct run_result run = sample_build(sample);
        htmlDocPtr tree;
        page_of(&run, &page);
        tree = parsed(&page);
        cr_expect_eq(number(tree, "count(//a[starts-with(@href, '#')]"
                                  "[not(substring(@href, 2) = //@id)])"),
                     0, "%s", sample->name);
        cr_expect_eq(number(tree, "count(//@id[. = ../following::*/@id])"), 0, "%s", sample->name);
        cr_expect_eq(number(tree, "count(//script) + count(//style)"), 2, "%s", sample->name);
        cr_expect_eq(number(tree, "count(//img|//iframe|//object|//base|//link)"), 0);
        cr_expect_eq(number(tree, "count(//@*[starts-with(name(), 'on') or name() = 'src'])"), 0);
        cr_expect_eq((size_t)number(tree, "count(//section[@data-board])"), run.count);
        cr_expect_eq((size_t)number(tree, "count(//li[starts-with(@id, 'c')])"),
                     run_counts(&run).total, "%s", sample->name);
        xmlFreeDoc(tree);
        run_result_done(&run);
    }
}

Test(html, marks_lines_of_the_log)
{
    cleanup_buf struct buf page = BUF_INIT(PAGE_MAX);
    struct run_result run = {0};
    htmlDocPtr tree;

    for (const struct sample *sample = samples; sample->name; sample++)
        if (!strcmp(sample->name, "logged"))
            run = sample_build(sample);
    page_of(&run, &page);
    tree = parsed(&page);
    cr_expect_eq(number(tree, "count(//a[@class = 'l'])"), 3);
    cr_expect_eq(number(tree, "count(//a[@id = 'l0-1']/parent::*[@class = 'f']"
                              "[contains(., 'Expected 4 Was 5')][not(contains(., 'test_sub'))])"),
                 1);
    cr_expect_eq(number(tree, "count(//*[@class = 'before'][contains(., 'an earlier image')])"), 1);
    cr_expect_eq(number(tree, "count(//rect[@class = 'f'])"), 6, "each board: bar, time, timeline");
    xmlFreeDoc(tree);
    run_result_done(&run);
}

/* A log of `size` bytes, lines of 64. */
static char *big_log(const char *dir, size_t size)
{
    char *path = fs_join(dir, "uart.log");
    FILE *file = fopen(path, "w");

    for (size_t i = 0; i < size / 64; i++)
        fprintf(file, "%-63zu\n", i);
    fclose(file);
    return path;
}

Test(html, of_a_large_log_keeps_its_ends_and_failures)
{
    cleanup_scratch char *dir = scratch_make();
    cleanup_free char *path = big_log(dir, 10 << 20);
    cleanup_buf struct buf page = BUF_INIT(PAGE_MAX);
    struct run_result run = {0};
    struct job_result *job = sample_job(&run, "nucleo-3", "blinky", VERDICT_FAIL, "failed");
    struct test_case *added;
    htmlDocPtr tree;

    job->log = path;
    added = sample_case(job, "s", "far", CASE_PASS, NULL);
    added->log_begin = 9 << 20, added->log_end = (9 << 20) + 64;
    added = sample_case(job, "s", "bad", CASE_FAIL, NULL);
    added->log_begin = 8 << 20, added->log_end = (8 << 20) + 64;
    page_of(&run, &page);
    cr_expect_lt(page.size, 5 << 20);
    cr_expect_gt(page.size, 4 << 20);
    cr_expect_not_null(strstr(page.data, "\n163839 "), "the last line");
    cr_expect_not_null(strstr(page.data, ">0  "), "the first line");
    cr_expect_not_null(strstr(page.data, ">131072 "), "the failure's");
    cr_expect_not_null(strstr(page.data, " bytes are left out here"));
    tree = parsed(&page);
    cr_expect_eq(number(tree, "count(//a[@href = '#l0-1'])"), 1);
    cr_expect_eq(number(tree, "count(//a[@href = '#l0-0'])"), 0, "its lines are left out");
    xmlFreeDoc(tree);
    run_result_done(&run);
}

Test(html, of_very_many_cases_lists_what_is_red)
{
    cleanup_buf struct buf page = BUF_INIT(PAGE_MAX);
    struct run_result run = {0};
    struct job_result *job = sample_job(&run, "nucleo-3", "blinky", VERDICT_FAIL, "failed");
    htmlDocPtr tree;

    for (size_t i = 0; i < 30000; i++)
        sample_case(job, "s", arena_printf(&job->arena, "t%zu", i), i % 100 ? CASE_PASS : CASE_FAIL,
                    NULL)
            ->end_us = (int64_t)i * 30;
    page_of(&run, &page);
    tree = parsed(&page);
    cr_expect_eq(number(tree, "count(//li[starts-with(@id, 'c')])"), 300);
    cr_expect_eq(number(tree, "count(//a[starts-with(@href, '#')]"
                              "[not(substring(@href, 2) = //@id)])"),
                 0);
    cr_expect_not_null(strstr(page.data, "29700 tests that passed or were skipped are left out"));
    xmlFreeDoc(tree);
    run_result_done(&run);
}
