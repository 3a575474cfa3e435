/* SPDX-License-Identifier: MIT
 *
 * Every tool's row against what the tool prints: golden/flash/TOOL/CASE.log, beside it what must
 * come of it. With HIL_WRITE_GOLDEN set the expectations are written anew, to be read by a person.
 */
#include "board/flash/tool.h"
#include "board/flash/tool_judge.h"

#include "../scratch.h"
#include "board/flash/flash.h"
#include "board/flash/tool_match.h"
#include "board/reset/reset.h"

#include <criterion/criterion.h>
#include <dirent.h>
#include <stdlib.h>
#include <string.h>

#define ROOT HIL_TEST_DATA "/flash"

/* ---- patterns ------------------------------------------------------------------------------ */

Test(tool_match, patterns)
{
    static const struct {
        const char *pattern, *line;
        bool matches;
        uint64_t first, second;
    } rows[] = {
        {"open failed", "Error: open failed", true, 0, 0},
        {"^open", "Error: open failed", false, 0, 0},
        {"^Error", "Error: open failed", true, 0, 0},
        {"a*c", "xxabbbcxx", true, 0, 0},
        {"^a*c", "xabc", false, 0, 0},
        {"^*c", "xabc", true, 0, 0},
        {"a*c", "xxcab", false, 0, 0},
        {"a b", "a \t b", true, 0, 0},
        {"a b", "ab", false, 0, 0},
        {"%u/%u pages", " 12/ 64 pages", false, 0, 0},
        {"%u/ %u pages", " 12/ 64 pages", true, 12, 64},
        {"(%u %%)", "Writing at 0x00010000... (66 %)", true, 66, 0},
        {"at %x*(%u", "Writing at 0x00010000... (66 %)", true, 0x10000, 66},
        {"%u%%", "[===] 45% done", true, 45, 0},
        {"%u%%", "100 of 45", false, 0, 0},
        {"byte %x", "at byte 0x0010", true, 0x10, 0},
        {"byte %x", "at byte 10", true, 0x10, 0},
        {"%x", "xyz", false, 0, 0},
        {"", "", true, 0, 0},
        {"*", "", true, 0, 0},
        {"a", "", false, 0, 0},
        {"%s", "", true, 0, 0},
    };

    for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
        struct tool_match match;
        bool matches = tool_match(rows[i].pattern, rows[i].line, strlen(rows[i].line), &match);
        cr_expect_eq(matches, rows[i].matches, "'%s' in '%s'", rows[i].pattern, rows[i].line);
        if (!matches)
            continue;
        cr_expect_eq(match.numbers[0], rows[i].first, "'%s'", rows[i].pattern);
        cr_expect_eq(match.numbers[1], rows[i].second, "'%s'", rows[i].pattern);
    }
}

/* A '%' that means nothing, or stands at the end, would be a pattern that never matches. */
static void check_pattern(const char *tool, const char *pattern)
{
    for (; *pattern; pattern++)
        if (*pattern == '%')
            cr_assert(*++pattern && strchr("uxs%", *pattern), "%s", tool);
}

static const struct flash_tool *tool_of(const struct driver_base *driver)
{
    void *self = xcalloc(1, driver->self_size);
    const struct flash_tool *tool;

    driver->preset(self);
    tool = ((struct tool_conf *)self)->tool;
    free(self);
    return tool;
}

static bool is_tool(const struct flash_driver *driver)
{
    return driver->program == tool_flash;
}

Test(tool_judge, all_patterns_are_well_formed)
{
    size_t tools = 0;

    for (size_t d = 0; flash_drivers[d]; d++) {
        const char *name = flash_drivers[d]->base.name;
        if (!is_tool(flash_drivers[d]))
            continue;
        tools++;
        for (const struct tool_step *step = tool_of(&flash_drivers[d]->base)->steps; step->argv;
             step++) {
            const struct tool_rules *rules = &step->rules;
            for (const struct tool_failure *row = rules->failures; row && row->text; row++)
                check_pattern(name, row->text);
            for (const struct tool_progress *row = rules->progress; row && row->text; row++)
                check_pattern(name, row->text);
            for (size_t i = 0; i < TOOL_SAID_MAX && rules->said[i]; i++)
                check_pattern(name, rules->said[i]);
        }
    }
    cr_expect_eq(tools, 13);
}

/* ---- transcripts --------------------------------------------------------------------------- */

struct course {
    struct buf text;
    const char *step;
};

static void note(void *arg, const char *step, unsigned percent)
{
    struct course *course = arg;

    if (!str_eq(step, course->step))
        buf_addf(&course->text, "%s%s", course->step ? ", " : "", step);
    buf_addf(&course->text, " %u", percent);
    course->step = step;
}

/* The head of an .expected file: what the test is to do. */
struct order {
    char step[32], chip[64];
    int exit_code;
};

static struct order read_order(const char *expected, size_t *ret_size)
{
    struct order order = {.exit_code = -1};
    const char *at = expected;

    for (const char *end; (end = strchr(at, '\n')); at = end + 1) {
        if (sscanf(at, "step %31s", order.step) != 1 &&
            sscanf(at, "exit %d", &order.exit_code) != 1 &&
            sscanf(at, "chip %63s", order.chip) != 1)
            break;
    }
    *ret_size = (size_t)(at - expected);
    return order;
}

static const struct tool_rules *rules_in(const struct driver_base *driver, const char *name)
{
    for (const struct tool_step *step = tool_of(driver)->steps; step->argv; step++)
        if (!strcmp(step->name, name))
            return &step->rules;
    return NULL;
}

static const struct tool_rules *rules_of(const char *tool, const char *name)
{
    const struct tool_rules *rules = NULL;

    for (size_t d = 0; flash_drivers[d] && !rules; d++)
        if (!strcmp(flash_drivers[d]->base.name, tool))
            rules = rules_in(&flash_drivers[d]->base, name);
    if (!rules && !strcmp(reset_openocd.base.name, tool))
        rules = rules_in(&reset_openocd.base, name);
    cr_assert(rules, "no step '%s' of '%s'", name, tool);
    return rules;
}

/* What becomes of the transcript when it comes in pieces of `piece` bytes (0: line by line). */
static void judge(const struct tool_rules *rules, const struct order *order, const struct buf *log,
                  size_t piece, struct buf *out)
{
    struct course course = {.text = BUF_INIT(65536)};
    struct tool_judge judge;
    struct err err = {0};

    tool_judge_begin(&judge, rules);
    judge.tell = note;
    judge.arg = &course;
    for (size_t at = 0, n; at < log->size; at += n) {
        n = piece ? piece : strcspn(log->data + at, "\r\n") + 1;
        n = n < log->size - at ? n : log->size - at;
        tool_judge_feed(&judge, log->data + at, n);
    }
    tool_judge_end(&judge);
    if (tool_judge_verdict(&judge, order->exit_code, 0, "the last line", &err) == 0 &&
        order->chip[0])
        tool_judge_chip(&judge, order->chip, &err);
    if (!piece)
        buf_addf(out, "progress %s\n", course.text.data);
    buf_addf(out, "%s\n", err.code ? err.message : "good");
    buf_done(&course.text);
}

static void run_case(const char *tool, const char *log_name)
{
    cleanup_free char *log_path = xasprintf(ROOT "/%s/%s", tool, log_name);
    cleanup_free char *path =
        xasprintf(ROOT "/%s/%.*s.expected", tool, (int)strlen(log_name) - 4, log_name);
    cleanup_buf struct buf log = BUF_INIT(1 << 20), want = BUF_INIT(1 << 20);
    cleanup_buf struct buf got = BUF_INIT(1 << 20), pieces = BUF_INIT(1 << 20);
    size_t head;

    cr_assert_eq(fs_read(log_path, &log, NULL), 0, "%s", log_path);
    cr_assert_eq(fs_read(path, &want, NULL), 0, "%s", path);
    const struct order order = read_order(want.data, &head);
    const struct tool_rules *rules = rules_of(tool, order.step);
    buf_add(&got, want.data, head);
    judge(rules, &order, &log, 0, &got);
    if (getenv("HIL_WRITE_GOLDEN"))
        cr_assert_eq(fs_write(path, got.data, got.size, NULL), 0);
    else
        cr_expect_str_eq(got.data, want.data, "%s", log_path);
    for (size_t piece = 1; piece < 9; piece += 3) {
        const char *verdict = strrchr(got.data, '\n');
        buf_clear(&pieces);
        judge(rules, &order, &log, piece, &pieces);
        while (verdict > got.data && verdict[-1] != '\n')
            verdict--;
        cr_expect_str_eq(pieces.data, verdict, "%s in pieces of %zu", log_path, piece);
    }
}

static size_t run_folder(const char *tool)
{
    cleanup_free char *path = xasprintf(ROOT "/%s", tool);
    DIR *dir = opendir(path);
    size_t count = 0;

    cr_assert(dir, "%s: every tool has transcripts", path);
    for (const struct dirent *entry; (entry = readdir(dir));) {
        if (!str_ends(entry->d_name, ".log"))
            continue;
        run_case(tool, entry->d_name);
        count++;
    }
    closedir(dir);
    return count;
}

Test(tool_judge, transcripts)
{
    for (size_t d = 0; flash_drivers[d]; d++)
        if (is_tool(flash_drivers[d]))
            cr_expect_geq(run_folder(flash_drivers[d]->base.name), 3);
}

/* ---- what no transcript shows -------------------------------------------------------------- */

static const struct tool_failure two[] = {{"grave", TOOL_PROTECTED}, {"!small", TOOL_ERROR}, {0}};
static const struct tool_rules rules = {.failures = two, .said = {"done"}};

static void expect(const char *output, int exit_code, int signal, const char *message)
{
    struct tool_judge judge;
    struct err err = {0};

    tool_judge_begin(&judge, &rules);
    tool_judge_feed(&judge, output, strlen(output));
    tool_judge_end(&judge);
    int rc = tool_judge_verdict(&judge, exit_code, signal, "bye", &err);
    cr_expect_eq(rc, *message ? -ERR_TOOL : 0);
    cr_expect(!strncmp(err.message, message, strlen(message)), "%s", err.message);
}

Test(tool_judge, needs_code_and_words)
{
    expect("done", 0, 0, "");
    expect("done\n", 1, 0, "exit 1: bye");
    expect("done\n", -1, 11, "killed by SIGSEGV: bye");
    expect("", 0, 0, "it ended as if all were well (exit 0), but never said \"done\": bye");
    expect("a grave thing\nall done\n", 0, 0, "");
    expect("a small thing\nall done\n", 0, 0, "it reports an error: \"a small thing\"; ");
    expect("a small thing\na grave thing\n", 1, 0, "readout protection is on: \"a grave thing\"; ");
    expect("a grave thing\na small thing\ndone", 0, 0,
           "readout protection is on: \"a grave thing\"; ");
    expect("a gra\033[1mve\033[0m thing\n", 1, 0, "readout protection is on: \"a grave thing\"; ");
}

Test(tool_judge, long_lines_keep_their_beginning)
{
    cleanup_buf struct buf text = BUF_INIT(1 << 20);

    buf_adds(&text, "grave ");
    for (size_t i = 0; i < 100000; i++)
        buf_adds(&text, "x");
    buf_adds(&text, "done");
    expect(text.data, 1, 0, "readout protection is on: \"grave xxx");
    expect(text.data, 0, 0, "readout protection is on: \"grave xxx");
}
