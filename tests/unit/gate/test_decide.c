/* SPDX-License-Identifier: MIT
 *
 * Policies held against reports: each folder in golden/gate has a gate.yaml (or none), reports,
 * perhaps a baseline.json and a file of commits, and what must come of it. With HIL_WRITE_GOLDEN
 * set that is written anew, to be read by a person. "Today" is 2026-11-30.
 */
#include "../scratch.h"
#include "gate/decide.h"
#include "gate/tell.h"

#include <dirent.h>
#include <stdlib.h>
#include <string.h>

#define DIR_GOLDEN HIL_TEST_DATA "/gate"

static char *read_text(const char *dir, const char *name)
{
    cleanup_free char *path = fs_join(dir, name);
    struct buf text = BUF_INIT(1 << 20);

    if (fs_read(path, &text, NULL) < 0) {
        buf_done(&text);
        return NULL;
    }
    return buf_steal(&text);
}

static void load(struct reports *into, const char *dir, const char *name)
{
    cleanup_free char *text = read_text(dir, name);
    struct err err = {0};

    if (text)
        cr_assert_eq(reports_add(into, name, text, strlen(text), &err), 0, "%s", err.message);
}

/* The ruling as lines, and that every way of telling it keeps its words. */
static char *told(const struct ruling *ruling)
{
    cleanup_buf struct buf page = BUF_INIT(1 << 20);
    struct buf out = BUF_INIT(1 << 20);
    char *text;
    size_t size;
    FILE *stream = open_memstream(&text, &size);
    struct term term = {.out = stream, .columns = 80};

    ruling_print(ruling, &term);
    fclose(stream);
    ruling_markdown(ruling, 1 << 20, &page);
    buf_addf(&out, "%s\n%s", text, page.data);
    for (size_t i = 0; i < ruling->count; i++)
        if (ruling->reds[i].path)
            buf_addf(&out, "\nat %s:%u", ruling->reds[i].path, ruling->reds[i].line);
    buf_adds(&out, "\n");
    free(text);
    return buf_steal(&out);
}

static char *rule(const char *dir)
{
    cleanup_free char *yaml = read_text(dir, "gate.yaml");
    cleanup_free char *commits = read_text(dir, "commits");
    cleanup_strv struct strv wanted = {0};
    const char *list[4] = {0};
    struct reports reports = {0}, baseline = {0};
    struct policy policy;
    struct ruling ruling;
    struct err err = {0};

    cr_assert_eq(
        policy_parse(yaml ? yaml : "", yaml ? strlen(yaml) : 0, "gate.yaml", &policy, &err), 0,
        "%s: %s", dir, err.message);
    load(&reports, dir, "a.json");
    load(&reports, dir, "b.json");
    load(&reports, dir, "c.json");
    load(&baseline, dir, "baseline.json");
    reports_settle(&reports);
    if (commits)
        strv_split(&wanted, commits, '\n');
    for (size_t i = 0; i < wanted.count; i++)
        list[i] = wanted.items[i];
    gate_decide(&policy,
                &(struct gate_question){.reports = &reports,
                                        .commits = commits ? list : NULL,
                                        .baseline = baseline.count ? &baseline : NULL,
                                        .baseline_name = "release v1",
                                        .today = "2026-11-30"},
                &ruling);
    char *text = told(&ruling);
    ruling_done(&ruling);
    reports_done(&reports);
    reports_done(&baseline);
    policy_done(&policy);
    return text;
}

Test(decide, golden)
{
    struct dirent **entries;
    int count = scandir(DIR_GOLDEN, &entries, NULL, alphasort), seen = 0;

    cr_assert_gt(count, 0);
    for (int i = 0; i < count; i++) {
        cleanup_free char *dir = fs_join(DIR_GOLDEN, entries[i]->d_name);
        cleanup_free char *path = fs_join(dir, "expected");
        bool is_case = entries[i]->d_name[0] != '.';
        cleanup_free char *got = is_case ? rule(dir) : NULL;
        if (is_case && getenv("HIL_WRITE_GOLDEN"))
            cr_assert_eq(fs_write(path, got, strlen(got), NULL), 0);
        cleanup_free char *expected = is_case ? read_text(dir, "expected") : NULL;
        if (is_case)
            cr_expect_str_eq(got, expected ? expected : "(nothing)", "%s", dir);
        seen += is_case;
        free(entries[i]);
    }
    free(entries);
    cr_expect_gt(seen, 20);
}

Test(decide, a_page_that_is_too_small_says_what_was_cut)
{
    cleanup_buf struct buf page = BUF_INIT(1 << 20);
    struct ruling ruling = {.verdict = VERDICT_FAIL, .count = 100};

    ruling.reds = xcalloc(ruling.count, sizeof *ruling.reds);
    for (size_t i = 0; i < ruling.count; i++)
        ruling.reds[i] = (struct red){.kind = RED_TESTS, .text = "sixteen letters."};
    ruling_markdown(&ruling, 1500, &page);
    cr_expect_leq(page.size, 1500);
    cr_expect(strstr(page.data, "more, for want of room"), "%s", page.data);
    ruling_done(&ruling);
}

Test(policy, every_mistake_is_told_with_its_place)
{
    static const struct {
        const char *yaml, *words;
    } bad[] = {
        {"bords: [a]", "gate.yaml:1:1: unknown key 'bords' (did you mean 'boards'?)"},
        {"boards: [\"a b\"]", "'a b' in 'boards' must be made of"},
        {"labels: [\",\"]", "an empty entry in 'labels'"},
        {"tests: {minimum: 0}", "'minimum' must be a number from 1"},
        {"tests: 5", "'tests'"},
        {"infra: shrug", "'infra' must be one of: retry, block"},
        {"baseline: {asset: x}", "needs 'release'"},
        {"baseline: {release: latest, missing: yes}", "'missing' must be one of: block, allow"},
        {"quarantine: {test: a}", "'quarantine' must be a list"},
        {"quarantine: [{test: a, until: 2026-12-31}]", "needs 'reason'"},
        {"quarantine: [{test: a, reason: x}]", "needs 'until'"},
        {"quarantine: [{test: a, until: tomorrow, reason: x}]", "'tomorrow' is no date"},
        {"quarantine: [{test: a, until: 2026-02-29, reason: x}]", "'2026-02-29' is no date"},
        {"flaky: {max: many}", "'max' must be a number"},
        {"a: [", "gate.yaml:2:1: not YAML"},
    };

    for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
        struct policy policy;
        struct err err = {0};
        cr_expect_eq(policy_parse(bad[i].yaml, strlen(bad[i].yaml), "gate.yaml", &policy, &err),
                     -ERR_CONFIG, "%s", bad[i].yaml);
        cr_expect(strstr(err.message, bad[i].words), "%s: %s", bad[i].yaml, err.message);
    }
}

Test(policy, dates)
{
    static const char *const good[] = {"2026-01-31", "2028-02-29", "2000-02-29", "9999-12-31"};
    static const char *const bad[] = {"2026-2-1",   "2026-13-01", "2026-00-01", "2026-04-31",
                                      "2100-02-29", "2026-01-00", "26-01-01",   "2026-01-011",
                                      "2026/01/01", "",           "2026-01-3a"};

    for (size_t i = 0; i < ARRAY_SIZE(good); i++)
        cr_expect(date_valid(good[i]), "%s", good[i]);
    for (size_t i = 0; i < ARRAY_SIZE(bad); i++)
        cr_expect_not(date_valid(bad[i]), "%s", bad[i]);
}

Test(report_file, what_is_no_report_is_refused)
{
    static const struct {
        const char *json, *words;
    } bad[] = {
        {"", "r.json"},
        {"{", "r.json"},
        {"[]", "no \"schema\": 1"},
        {"{\"schema\": 2, \"boards\": []}", "no \"schema\": 1"},
        {"{\"schema\": 1}", "no list of boards"},
        {"{\"schema\": 1, \"boards\": [{}]}", "a board without a name"},
        {"{\"schema\": 1, \"boards\": [{\"name\": \"a\", \"test\": \"t\", \"verdict\": \"good\"}]}",
         "a board without a name, a test and a verdict"},
        {"{\"schema\": 1, \"boards\": [{\"name\": \"a\", \"test\": \"t\", \"verdict\": \"pass\"}]}",
         "a board without suites"},
        {"{\"schema\": 1, \"boards\": [{\"name\": \"a\", \"test\": \"t\", \"verdict\": \"pass\", "
         "\"suites\": [{\"name\": \"\", \"cases\": [{\"name\": \"x\", \"result\": \"ok\"}]}]}]}",
         "a case without a name and a result"},
        {"{\"schema\": 1, \"boards\": [{\"name\": \"a\", \"test\": \"t\", \"verdict\": \"pass\", "
         "\"suites\": [{}]}]}",
         "a suite without a name"},
    };

    for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
        struct reports reports = {0};
        struct err err = {0};
        cr_expect_eq(reports_add(&reports, "r.json", bad[i].json, strlen(bad[i].json), &err),
                     -ERR_DATA, "%s", bad[i].json);
        cr_expect(strstr(err.message, bad[i].words), "%s: %s", bad[i].json, err.message);
        reports_done(&reports);
    }
}

static void put(const char *dir, const char *name)
{
    cleanup_free char *path = fs_join(dir, name);
    cleanup_free char *above = fs_dirname(path);

    cr_assert_eq(fs_mkdirs(above, 0777, NULL), 0);
    cr_assert_eq(fs_write(path, "{}", 2, NULL), 0);
}

Test(report_file, directories_are_searched_four_levels_deep)
{
    cleanup_scratch char *dir = scratch_make();
    cleanup_free char *loop = fs_join(dir, "hil-b/loop");
    cleanup_strv struct strv found = {0};
    struct err err = {0};

    cr_expect_eq(reports_find(dir, &found, &err), -ERR_NOT_FOUND);
    put(dir, "hil-b/report.json");
    put(dir, "hil-a/hil-out/report.json");
    put(dir, "hil-a/hil-out/junit.xml");
    put(dir, "1/2/3/4/report.json");
    put(dir, "1/2/3/4/5/report.json");
    cr_assert_eq(symlink("..", loop), 0);
    cr_assert_eq(reports_find(dir, &found, &err), 0, "%s", err.message);
    cr_assert_eq(found.count, 3);
    cr_expect(str_ends(found.items[0], "/1/2/3/4/report.json"), "%s", found.items[0]);
    cr_expect(str_ends(found.items[1], "/hil-a/hil-out/report.json"), "%s", found.items[1]);
    cr_expect(str_ends(found.items[2], "/hil-b/report.json"), "%s", found.items[2]);
}
