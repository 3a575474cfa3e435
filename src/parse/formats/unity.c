/* SPDX-License-Identifier: MIT
 *
 * Unity (ThrowTheSwitch), https://github.com/ThrowTheSwitch/Unity: its own output, its fixture's,
 * and the layouts that UNITY_OUTPUT_FOR_ECLIPSE, _QT_CREATOR and _IAR_WORKBENCH choose:
 *
 *     file:line:name:PASS           file:line:name:FAIL: message (3 ms)      file:line:name:IGNORE
 *     (file:line) name:PASS         file://file:line name:PASS
 *     <SRCREF line=N file="file">name</SRCREF> PASS
 *     TEST(group, name) PASS        TEST(group, name)file:line::FAIL: message
 *     IGNORE_TEST(group, name)
 *     5 Tests 1 Failures 0 Ignored
 *     FAIL
 *
 * A FAIL gets its line end only after tearDown, so that other text may be glued to it. The fixture
 * without -v prints a dot a test and names only those that failed.
 */
#include "parse/formats/unity.h"
#include "parse/format.h"

#include <ctype.h>
#include <string.h>

#define FILE_MAX_BYTES 512
#define IAR_PLACE "<SRCREF line="
#define TRIES_MAX 64 /* places in a line where a status may stand */

struct unity {
    bool summary;   /* the counts have been seen, OK or FAIL comes next */
    bool maybe;     /* the open fixture test may have passed: its output ends like it */
    bool quiet;     /* the fixture without -v */
    uint64_t marks; /* dots and exclamation marks of this run */
    uint64_t repeat, repeats;
    struct unity_counts counts;
    size_t file_size;
    char file[FILE_MAX_BYTES]; /* of the last result */
};

struct status {
    const char *word;
    enum case_result result;
};

static const struct status statuses[] = {
    {"PASS", CASE_PASS},
    {"FAIL", CASE_FAIL},
    {"IGNORE", CASE_SKIP},
};

/* ---- what stands before the status --------------------------------------------------------- */

/* "x.c", "dir/x.cpp", "C:\x.c": something with a suffix. */
static bool is_source_file(struct text file)
{
    size_t suffix = 0;
    while (suffix < file.size && isalpha((unsigned char)file.at[file.size - 1 - suffix]))
        suffix++;
    return suffix >= 1 && suffix <= 4 && file.size > suffix + 1 &&
           file.at[file.size - 1 - suffix] == '.';
}

static bool is_word(struct text text)
{
    for (size_t i = 0; i < text.size; i++) {
        unsigned char c = (unsigned char)text.at[i];
        if (!isalnum(c) && c != '_' && c != '-' && c != '/' && c != '\\')
            return false;
    }
    return text.size > 0 && !isdigit((unsigned char)*text.at);
}

/* "file:line:name": the first number between colons that follows what looks like a source file; a
 * path, a time stamp before the file and the name may have colons and numbers, too. */
static bool read_plain_place(struct text before, struct finding *ret)
{
    struct scan scan = scan_begin(before);
    struct text skipped;
    bool found = false;
    while (scan_until(&scan, ":", &skipped)) {
        struct text file = {.at = before.at, .size = (size_t)(scan.at - 1 - before.at)};
        struct scan rest = scan;
        uint64_t line;
        if (!scan_number(&rest, &line) || !scan_word(&rest, ":") || line > UINT32_MAX)
            continue;
        bool sure = is_source_file(file);
        if (!sure && (found || !is_word(file)))
            continue;
        found = true;
        ret->file = file;
        ret->line = (uint32_t)line;
        ret->name = scan_rest(&rest);
        if (sure)
            break;
    }
    return found;
}

/* The place as the IDE layouts have it: "FILE:LINE" up to `after`, then the name. */
static bool read_ide_place(struct scan scan, const char *after, struct finding *ret)
{
    struct text place;
    if (!scan_until(&scan, after, &place))
        return false;
    const char *colon = memrchr(place.at, ':', place.size);
    if (!colon)
        return false;
    struct scan number = {.at = colon + 1, .end = place.at + place.size};
    uint64_t line;
    if (!scan_number(&number, &line) || !scan_done(&number) || line > UINT32_MAX)
        return false;
    ret->file = (struct text){.at = place.at, .size = (size_t)(colon - place.at)};
    ret->line = (uint32_t)line;
    ret->name = scan_rest(&scan);
    return true;
}

static bool read_iar_place(struct scan scan, struct finding *ret)
{
    uint64_t line;
    struct text name;
    if (!scan_number(&scan, &line) || line > UINT32_MAX || !scan_word(&scan, " file=\"") ||
        !scan_until(&scan, "\">", &ret->file) || !scan_until(&scan, "</SRCREF>", &name))
        return false;
    ret->line = (uint32_t)line;
    ret->name = text_trim(name);
    return true;
}

static bool read_place(struct text before, struct finding *ret)
{
    struct scan scan = scan_begin(before);
    if (scan_word(&scan, IAR_PLACE))
        return read_iar_place(scan, ret);
    if (scan_word(&scan, "(") && read_ide_place(scan, ") ", ret))
        return true;
    scan = scan_begin(before);
    if (scan_word(&scan, "file://"))
        return read_ide_place(scan, " ", ret);
    return read_plain_place(before, ret);
}

/* "TEST(group, name)" at the scan. */
static bool read_test_macro(struct scan *scan, struct text *ret_group, struct text *ret_name)
{
    struct scan try = *scan;
    if (!scan_word(&try, "TEST(") || !scan_until(&try, ", ", ret_group) ||
        !scan_until(&try, ")", ret_name))
        return false;
    *scan = try;
    return true;
}

/* ---- result lines -------------------------------------------------------------------------- */

static bool read_status(struct scan *scan, enum case_result *ret)
{
    for (size_t i = 0; i < sizeof(statuses) / sizeof(statuses[0]); i++) {
        struct scan try = *scan;
        if (!scan_word(&try, statuses[i].word))
            continue;
        char next = scan_done(&try) ? ' ' : *try.at;
        struct scan words = try;
        /* Only a failure may be followed by other words, and words of the same stem are no status.
         */
        bool prose =
            scan_word(&words, "ED") || scan_word(&words, "URE") || scan_word(&words, "ING");
        if (prose ||
            (statuses[i].result != CASE_FAIL && (isalnum((unsigned char)next) || next == '_')))
            return false;
        *scan = try;
        *ret = statuses[i].result;
        return true;
    }
    return false;
}

/* ": message (12 ms)" behind the status; glued text is no message. */
static struct text read_message(struct scan *scan, struct finding *ret)
{
    bool has_message = scan_word(scan, ":");
    struct text rest = scan_rest(scan);
    struct text timed = rest;
    const char *open = timed.size ? memrchr(timed.at, '(', timed.size) : NULL;
    if (open && text_cut_end(&timed, " ms)")) {
        struct scan number = {.at = open + 1, .end = timed.at + timed.size};
        if (scan_decimal(&number, 1000, &ret->duration_us) && scan_done(&number))
            rest = text_trim((struct text){.at = rest.at, .size = (size_t)(open - rest.at)});
        else
            ret->duration_us = -1;
    }
    if (!has_message)
        return rest;
    ret->message = rest;
    return (struct text){.at = rest.at};
}

/* Finds ":STATUS" (IAR: " STATUS") with a place before it. */
bool unity_read_result(struct text line, struct finding *ret, struct text *ret_glued)
{
    const char separator = text_starts(line, IAR_PLACE) ? ' ' : ':';
    const char *end = line.at + line.size, *at = line.at;
    for (int tries = 0; tries < TRIES_MAX && (at = memchr(at, separator, (size_t)(end - at)));) {
        at++;
        struct scan scan = {.at = at, .end = end};
        if (at == end || (*at != 'P' && *at != 'F' && *at != 'I'))
            continue;
        tries++;
        *ret = (struct finding){.duration_us = -1};
        struct text before = {.at = line.at, .size = (size_t)(at - 1 - line.at)};
        if (!read_status(&scan, &ret->result) || !read_place(before, ret))
            continue;
        *ret_glued = read_message(&scan, ret);
        return true;
    }
    return false;
}

/* The file's name where unterminated output is glued before it: as it was in the result before. */
static void clean_file(struct unity *unity, struct text *file)
{
    if (file->size > FILE_MAX_BYTES) {
        file->at += file->size - FILE_MAX_BYTES;
        file->size = FILE_MAX_BYTES;
    }
    if (unity->file_size > 0 && file->size > unity->file_size &&
        memcmp(file->at + file->size - unity->file_size, unity->file, unity->file_size) == 0) {
        file->at += file->size - unity->file_size;
        file->size = unity->file_size;
        return;
    }
    if (file->size > 0) {
        memcpy(unity->file, file->at, file->size);
        unity->file_size = file->size;
    }
}

static bool take_result(struct unity *unity, struct text line, struct collector *collector)
{
    struct finding finding;
    struct text glued, open;
    if (!unity_read_result(line, &finding, &glued))
        return false;
    struct scan name = scan_begin(finding.name);
    if (read_test_macro(&name, &finding.suite, &finding.name) &&
        !collector_open_test(collector, &open))
        unity->quiet = true;
    clean_file(unity, &finding.file);
    if (finding.name.size == 0 && !collector_open_test(collector, &open))
        finding.name = text_trim(finding.file); /* a fixture's result whose start was not seen */
    unity->maybe = unity->summary = unity->counts.known = false;
    collector_result(collector, &finding);
    if (glued.size > 0)
        collector_detail(collector, glued);
    return true;
}

/* ---- the fixture --------------------------------------------------------------------------- */

static void pass_open_test(struct unity *unity, struct collector *collector, int64_t duration_us)
{
    unity->maybe = false;
    collector_result(collector, &(struct finding){.result = CASE_PASS, .duration_us = duration_us});
}

/* " PASS" or " PASS (3 ms)" ends the open test where nothing else stands in the line. Where it only
 * ends the line, it may be the test's own words: what follows decides. */
static bool take_fixture_pass(struct unity *unity, struct text line, struct collector *collector)
{
    struct text open;
    struct finding finding = {.duration_us = -1};
    if (line.size < 5 || !collector_open_test(collector, &open))
        return false;
    struct scan scan = scan_begin(line);
    bool whole = scan_word(&scan, " PASS");
    if (whole)
        whole = read_message(&scan, &finding).size == 0;
    if (whole)
        pass_open_test(unity, collector, finding.duration_us);
    else
        unity->maybe = unity->maybe || text_ends(line, " PASS");
    return whole;
}

static bool take_fixture_test(struct unity *unity, struct text line, struct collector *collector)
{
    struct scan scan = scan_begin(line);
    struct text group, name;
    bool ignored = scan_word(&scan, "IGNORE_");
    if (!read_test_macro(&scan, &group, &name))
        return false;
    if (unity->maybe)
        pass_open_test(unity, collector, -1);
    unity->summary = unity->counts.known = false;
    if (ignored) {
        collector_result(collector,
                         &(struct finding){
                             .suite = group, .name = name, .result = CASE_SKIP, .duration_us = -1});
        return true;
    }
    collector_start(collector, group, name);
    struct text rest = {.at = scan.at, .size = (size_t)(scan.end - scan.at)};
    if (rest.size > 0 && !take_result(unity, rest, collector))
        take_fixture_pass(unity, rest, collector);
    return true;
}

/* "Unity test run 1 of 2" */
static bool take_fixture_run(struct unity *unity, struct text line, struct collector *collector)
{
    struct scan scan = scan_begin(line);
    if (!scan_word(&scan, "Unity test run ") || !scan_number(&scan, &unity->repeat) ||
        !scan_word(&scan, " of ") || !scan_number(&scan, &unity->repeats))
        return false;
    collector_run_start(collector);
    unity->marks = 0;
    unity->quiet = true;
    return true;
}

/* Takes the dots off the start of a line: one a test, but those of "./x.c" and "../x.c". */
static bool take_marks(struct unity *unity, struct text *line)
{
    size_t count = 0;
    while (count < line->size && (line->at[count] == '.' || line->at[count] == '!'))
        count++;
    bool path = count < line->size && (line->at[count] == '/' || line->at[count] == '\\');
    if (path)
        count -= count > 2 ? 2 : count > 0;
    unity->marks += count;
    unity->counts.known = unity->counts.known && count == 0;
    line->at += count;
    line->size -= count;
    return line->size == 0 && count > 0;
}

/* The tests that a quiet fixture did not name: there was a mark for each, and the counts say what
 * became of them. */
static void add_unnamed(struct unity *unity, uint64_t total, uint64_t ignored,
                        struct collector *collector)
{
    uint64_t named = collector_seen(collector);
    uint64_t unnamed = total > named ? total - named : 0;
    if (!unity->quiet || unnamed > unity->marks)
        return;
    for (uint64_t i = 0; i < unnamed; i++) {
        enum case_result result = i < ignored ? CASE_SKIP : CASE_PASS;
        collector_result(
            collector,
            &(struct finding){.name = text_of("(unnamed)"), .result = result, .duration_us = -1});
    }
}

/* ---- the end ------------------------------------------------------------------------------- */

/* The rule above the counts. */
static bool is_rule(struct text line)
{
    struct scan scan = scan_begin(line);
    while (scan_word(&scan, "-"))
        ;
    return line.size >= 10 && scan_done(&scan);
}

bool unity_read_summary(struct text line, uint64_t *ret_total, uint64_t *ret_failed,
                        uint64_t *ret_ignored)
{
    struct scan scan = scan_begin(line);
    while (scan_word(&scan, "-"))
        ;
    return scan_number(&scan, ret_total) && scan_word(&scan, " Tests ") &&
           scan_number(&scan, ret_failed) && scan_word(&scan, " Failures ") &&
           scan_number(&scan, ret_ignored) && scan_word(&scan, " Ignored");
}

void unity_counts_again(const struct unity_counts *last, uint64_t total, uint64_t failed,
                        struct collector *collector)
{
    if (last->known && (total != last->total || failed != last->failed))
        collector_complain(collector,
                           "the firmware counted %llu tests more, %llu of them failed, of which "
                           "nothing was seen",
                           (unsigned long long)total, (unsigned long long)failed);
}

static void take_counts(struct unity *unity, uint64_t total, uint64_t failed, uint64_t ignored,
                        struct collector *collector)
{
    if (unity->maybe)
        pass_open_test(unity, collector, -1);
    add_unnamed(unity, total, ignored, collector);
    unity_counts_again(&unity->counts, total, failed, collector);
    unity->counts = (struct unity_counts){.total = total, .failed = failed};
    collector_totals(collector, (int64_t)total, (int64_t)failed);
    collector_patience(collector, 500); /* the word that follows may lack its line end */
    unity->summary = true;
}

static bool take_end(struct unity *unity, struct text line, struct collector *collector)
{
    uint64_t total, failed, ignored;
    if (unity_read_summary(line, &total, &failed, &ignored)) {
        take_counts(unity, total, failed, ignored, collector);
        return true;
    }
    if (!unity->summary)
        return false;
    bool ok = text_is(line, "OK");
    if (!ok && !text_is(line, "FAIL") && !text_is(line, "FAILED"))
        return false;
    unity->summary = false;
    unity->counts.known = true;
    unity->marks = 0;
    collector_run_end(collector, ok, unity->repeat < unity->repeats);
    return true;
}

static bool unity_line(void *state, struct text line, struct collector *collector)
{
    struct unity *unity = state;
    if (line.size == 0)
        return false;
    if (unity->quiet && take_marks(unity, &line))
        return true;
    if (take_fixture_test(unity, line, collector) || take_result(unity, line, collector) ||
        take_fixture_pass(unity, line, collector))
        return true;
    struct text words = text_trim(line);
    return is_rule(words) || take_end(unity, words, collector) ||
           take_fixture_run(unity, words, collector);
}

static void unity_end(void *state, struct collector *collector)
{
    struct unity *unity = state;
    if (unity->maybe)
        pass_open_test(unity, collector, -1);
}

static int unity_detect(struct text line)
{
    struct finding finding;
    struct text glued;
    uint64_t number;
    struct scan scan = scan_begin(line);
    if (unity_read_result(line, &finding, &glued))
        return DETECT_STRONG;
    line = text_trim(line);
    if (line.size == 0)
        return DETECT_NO;
    if (unity_read_summary(line, &number, &number, &number) || text_starts(line, "Unity test run "))
        return DETECT_STRONG;
    scan_word(&scan, "IGNORE_");
    return read_test_macro(&scan, &finding.suite, &finding.name) ? DETECT_LIKELY : DETECT_NO;
}

static const char *const signs[] = {":PASS",   ":FAIL",           ":IGNORE", IAR_PLACE,
                                    " Tests ", "Unity test run ", "TEST(",   NULL};

const struct format format_unity = {
    .name = "unity",
    .summary = "Unity (ThrowTheSwitch), plain and with the fixture",
    .example = "test/test_uart.c:42:test_loopback:FAIL: Expected 3 Was 4",
    .state_size = sizeof(struct unity),
    .signs = signs,
    .detect = unity_detect,
    .line = unity_line,
    .end = unity_end,
};
