/* SPDX-License-Identifier: MIT */
/* Whatever a board calls its tests, junit.xml parses, holds only characters that XML 1.0 allows,
 * names no case twice, adds up, and is red where the run is.
 *
 * The first byte chooses the verdicts; then each string, ended by LF, is in turn a suite, a case, a
 * message, a detail, a file. */
#include "base/buf.h"
#include "base/str.h"
#include "base/text.h"
#include "report/report.h"

#include <libxml/parser.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#define REPORT_MAX (64 << 20)

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size);

#define check(condition) ((condition) ? (void)0 : die(#condition))

static void die(const char *condition)
{
    fprintf(stderr, "fuzz_junit: not so: %s\n", condition);
    abort();
}

/* A string up to the next LF; one that holds a NUL ends there for its readers. */
static const char *next(struct arena *arena, const uint8_t **at, size_t *left)
{
    const uint8_t *end = memchr(*at, '\n', *left);
    size_t length = end ? (size_t)(end - *at) : *left;
    const char *text = arena_strndup(arena, (const char *)*at, length);

    *at += length + (end != NULL);
    *left -= length + (end != NULL);
    return text;
}

static void fill(struct job_result *job, const uint8_t *at, size_t left)
{
    while (left) {
        const char *suite = next(&job->arena, &at, &left);
        struct test_case *added = suite_add(job, job_suite(job, suite, strlen(suite)));
        added->name = next(&job->arena, &at, &left);
        added->result = (enum case_result)(strlen(added->name) % 4);
        added->message = next(&job->arena, &at, &left);
        added->detail = next(&job->arena, &at, &left);
        added->file = next(&job->arena, &at, &left);
        added->line = (uint32_t)strlen(added->file);
        added->error_type = added->result == CASE_ERROR ? "crash" : NULL;
        added->duration_us = (int64_t)left - 10;
    }
}

struct seen {
    struct name_map cases;
    struct arena arena;
    size_t tests, failures, errors, skipped;
};

static void see_case(struct seen *seen, xmlNodePtr node)
{
    xmlChar *class_name = xmlGetProp(node, BAD_CAST "classname");
    xmlChar *name = xmlGetProp(node, BAD_CAST "name");
    const char *both;
    struct name_slot *slot;
    size_t outcomes = 0;

    check(class_name && *class_name && name && *name);
    both = arena_printf(&seen->arena, "%s\n%s", (char *)class_name, (char *)name);
    slot = name_map_at(&seen->cases, both, strlen(both));
    check(!slot->value);
    slot->value = 1;
    seen->tests++;
    for (xmlNodePtr child = node->children; child; child = child->next) {
        outcomes += child->type == XML_ELEMENT_NODE;
        seen->failures += xmlStrEqual(child->name, BAD_CAST "failure");
        seen->errors += xmlStrEqual(child->name, BAD_CAST "error");
        seen->skipped += xmlStrEqual(child->name, BAD_CAST "skipped");
    }
    check(outcomes <= 1);
    xmlFree(class_name);
    xmlFree(name);
}

static size_t count_of(xmlNodePtr node, const char *name)
{
    xmlChar *text = xmlGetProp(node, BAD_CAST name);
    size_t count;

    check(text);
    count = strtoul((const char *)text, NULL, 10);
    xmlFree(text);
    return count;
}

static void check_document(const struct run_result *run, const char *bytes, size_t size)
{
    xmlDocPtr document =
        xmlReadMemory(bytes, (int)size, "junit.xml", NULL, XML_PARSE_NONET | XML_PARSE_HUGE);
    struct seen seen = {0};
    xmlNodePtr root;

    check(document);
    check(text_is_clean(bytes, size));
    root = xmlDocGetRootElement(document);
    for (xmlNodePtr suite = root->children; suite; suite = suite->next)
        for (xmlNodePtr node = suite->children; node; node = node->next)
            if (xmlStrEqual(node->name, BAD_CAST "testcase"))
                see_case(&seen, node);
    check(count_of(root, "tests") == seen.tests);
    check(count_of(root, "failures") == seen.failures);
    check(count_of(root, "errors") == seen.errors);
    check(count_of(root, "skipped") == seen.skipped);
    check(run->verdict == VERDICT_PASS || seen.failures || seen.errors);
    name_map_done(&seen.cases);
    arena_done(&seen.arena);
    xmlFreeDoc(document);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
    cleanup_close int fd = memfd_create("junit", MFD_CLOEXEC);
    cleanup_buf struct buf xml = BUF_INIT(REPORT_MAX);
    struct run_result run = {.lab = "bench", .version = "0"};
    struct job_result *job = job_result_new();
    char *space;
    off_t end;

    if (size) {
        run.verdict = (enum verdict)(bytes[0] % 3);
        job->verdict = (enum verdict)(bytes[0] / 3 % 3);
        fill(job, bytes + 1, size - 1);
    }
    run.jobs = xcalloc(1, sizeof *run.jobs);
    run.jobs[run.count++] = job;
    job->board = job->suite_count ? job->suites[0].name : "b";
    job->reason = job->suite_count ? job->suites[0].cases[0].name : "";
    check(report_junit.write(&run, fd, NULL) == 0);
    end = lseek(fd, 0, SEEK_END);
    space = buf_space(&xml, (size_t)end);
    check(space && pread(fd, space, (size_t)end, 0) == end);
    buf_grew(&xml, (size_t)end);
    check_document(&run, xml.data, xml.size);
    run_result_done(&run);
    return 0;
}
