/* SPDX-License-Identifier: MIT */
/* Whatever a board prints, Markdown finds nothing in summary.md but what hil wrote: outside of
 * fenced blocks and code spans there are only hil's own words, its tags, and links to the commit.
 */
#include "run_from_bytes.h"

#define SUMMARY_BYTES_MAX (1024 * 1024)

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size);

static size_t backticks(const char *at, const char *end)
{
    size_t count = 0;

    while (at + count < end && at[count] == '`')
        count++;
    return count;
}

static bool is_own_tag(const char *at)
{
    static const char *const tags[] = {"<table>",
                                       "</table>",
                                       "<tr>",
                                       "</tr>",
                                       "<td>",
                                       "<td align=\"right\">",
                                       "</td>",
                                       "<code>",
                                       "</code>",
                                       "<details>",
                                       "</details>",
                                       "<summary>",
                                       "</summary>",
                                       "</th>",
                                       "<th align=\"left\">",
                                       "<th align=\"right\">"};

    for (size_t i = 0; i < ARRAY_SIZE(tags); i++)
        if (str_starts(at, tags[i]))
            return true;
    return false;
}

/* HTML blocks end at an empty line, which none of them has. */
static void check_html(const char *line, const char *end)
{
    for (; line < end; line++)
        check(*line != '<' || is_own_tag(line));
}

/* CommonMark 0.31, 6.1: a code span ends at the next run of as many backticks. */
static const char *after_span(const char *at, const char *end)
{
    size_t fence = backticks(at, end);

    for (at += fence; at < end;) {
        size_t run = backticks(at, end);
        if (run == fence)
            return at + run;
        at += run ? run : 1;
    }
    check(!"a code span without an end");
    return end;
}

static void check_words(const char *line, const char *end)
{
    while (line < end) {
        if (*line == '`') {
            line = after_span(line, end);
            continue;
        }
        check(!strchr("<!\\~|>@", *line));
        if (*line == ']') {
            check(str_starts(line, "](https://example.org/a/b/"));
            line = memchr(line, ')', (size_t)(end - line));
            check(line);
        }
        line++;
    }
}

/* 4.5: a closing fence is at least as long as the opening one, with nothing but blanks around. */
static const char *after_block(const char *line, const char *stop)
{
    const char *end = memchr(line, '\n', (size_t)(stop - line));
    size_t fence = backticks(line, end);

    check(fence >= 3 && str_starts(line + fence, "text\n"));
    while (end + 1 < stop) {
        line = end + 1;
        end = memchr(line, '\n', (size_t)(stop - line));
        check(end);
        while (*line == ' ')
            line++;
        if (backticks(line, end) >= fence && (size_t)(end - line) == strspn(line, "` ")) {
            check((size_t)(end - line) == fence);
            return end + 1;
        }
    }
    check(!"a fenced block without an end");
    return stop;
}

static void check_page(const char *at, const char *stop)
{
    while (at < stop) {
        const char *end = memchr(at, '\n', (size_t)(stop - at));
        check(end);
        if (str_starts(at, "```")) {
            at = after_block(at, stop);
            check(*at == '\n'); /* what follows is not part of another block */
            continue;
        }
        if (*at == '<')
            check_html(at, end);
        else
            check_words(at, end);
        at = end + 1;
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
    cleanup_buf struct buf text = BUF_INIT(REPORT_MAX);
    struct run_result run = run_from_bytes(bytes, size);
    cleanup_close int log = log_from_bytes(run.jobs[0], bytes, size);

    run.origin = (struct run_origin){
        .server_url = "https://example.org", .repository = "a/b", .sha = "0123456789abcdef"};
    report_of(&report_summary, &run, &text);
    check(text.size <= SUMMARY_BYTES_MAX);
    check_utf8(&text);
    check_page(text.data, text.data + text.size);
    run_result_done(&run);
    return 0;
}
