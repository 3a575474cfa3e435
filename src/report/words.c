/* SPDX-License-Identifier: MIT */
#include "report/words.h"

#include "base/str.h"
#include "base/term.h"
#include "base/text.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#define REPLACEMENT "\xEF\xBF\xBD" /* U+FFFD */
#define CUT_NOTE_MAX 48            /* room for the words about a cut */
#define ESCAPE_MAX 32              /* an escape sequence longer than this is none */

/* The last place at or before `at` where a character starts. */
static size_t character_start(const char *text, size_t at)
{
    for (int steps = 0; steps < 3 && at && ((unsigned char)text[at] & 0xC0) == 0x80; steps++)
        at--;
    return at;
}

static void shorten(struct buf *text, size_t size)
{
    text->size = size;
    text->data[size] = '\0';
}

const char *words_clean(struct buf *out, const char *text, size_t max, unsigned flags)
{
    size_t room = max - CUT_NOTE_MAX;
    size_t length = strnlen(text, max + 1);
    size_t take = length > max ? character_start(text, room) : length;

    buf_clear(out);
    text_clean(out, text, take, flags);
    if (take == length && out->size <= max)
        return out->data;
    if (out->size > room) /* a replaced byte becomes three */
        shorten(out, character_start(out->data, room));
    buf_addf(out, " [cut, %zu bytes in all]", strlen(text));
    return out->data;
}

/* Length of the escape sequence (ECMA-48, section 5.4) at `text`: ESC [ parameters final. */
static size_t escape_length(const char *text, size_t size)
{
    if (size < 3 || text[0] != '\033' || text[1] != '[')
        return 0;
    for (size_t at = 2; at < size && at < ESCAPE_MAX; at++) {
        if (text[at] >= '@' && text[at] <= '~')
            return at + 1;
        if (text[at] < ' ')
            return 0;
    }
    return 0;
}

/* Characters outside ASCII that steer a terminal or turn the direction of what follows. */
static bool steers(const char *text, size_t length)
{
    const unsigned char *b = (const unsigned char *)text;

    if (length == 2)
        return (b[0] == 0xC2 && b[1] < 0xA0) || /* U+0080..9F, C1 controls */
               (b[0] == 0xD8 && b[1] == 0x9C);  /* U+061C */
    if (length != 3 || b[0] != 0xE2)
        return false;
    return (b[1] == 0x80 && (b[2] == 0x8E || b[2] == 0x8F ||     /* U+200E, U+200F */
                             (b[2] >= 0xA8 && b[2] <= 0xAE))) || /* U+2028..202E */
           (b[1] == 0x81 && b[2] >= 0xA6 && b[2] <= 0xA9);       /* U+2066..2069 */
}

/* The runner compares culture-sensitively, so it overlooks zero-width characters: a command is one
 * with such between its letters, too. That is why only ASCII counts as "before", and why a command
 * is broken with a blank and not with something that nobody sees. */
struct before {
    char last, last_but_one;
};

static bool makes_command(const struct before *before, char byte, bool in_actions)
{
    if (byte == '[')
        return before->last == '#' && before->last_but_one == '#';
    return in_actions && byte == ':' && before->last == ':';
}

static void add_ascii(struct buf *out, struct before *before, char byte, bool in_actions)
{
    if (byte == '\t' || byte == '\n' || byte == '\r')
        byte = ' ';
    if (byte < ' ' || byte == 0x7F)
        return;
    if (makes_command(before, byte, in_actions))
        buf_adds(out, " ");
    buf_add(out, &byte, 1);
    *before = (struct before){.last = byte, .last_but_one = before->last};
}

const char *words_screen(struct buf *out, const char *text, size_t size, bool in_actions)
{
    struct before before = {0};

    buf_clear(out);
    for (size_t at = 0; at < size;) {
        size_t length = text_utf8_length(text + at, size - at);
        size_t escape = escape_length(text + at, size - at);
        if (escape) {
            at += escape;
            continue;
        }
        if (length == 1)
            add_ascii(out, &before, text[at], in_actions);
        else if (!length)
            buf_adds(out, REPLACEMENT);
        else if (!steers(text + at, length))
            buf_add(out, text + at, length);
        at += length ? length : 1;
    }
    return out->data;
}

/* Only blanks, and what nobody sees, may stand before a command. */
static bool may_command(const char *line)
{
    while (*line && (*line <= ' ' || (unsigned char)*line >= 0x7F))
        line++;
    return *line == ':';
}

const char *words_line(struct buf *out, const char *text, size_t size)
{
    return may_command(words_screen(out, text, size, false)) ? words_screen(out, text, size, true)
                                                             : out->data;
}

const char *words_fit(struct buf *text, size_t columns)
{
    size_t width = 0, kept = 0;

    if (text->size <= columns || term_width_of(text->data) <= columns)
        return text->data;
    if (columns < 3)
        columns = 3;
    for (size_t at = 0; at < text->size;) {
        char one[5] = "";
        size_t length = text_utf8_length(text->data + at, text->size - at);
        if (!length)
            break;
        memcpy(one, text->data + at, length);
        width += term_width_of(one);
        if (width > columns - 3)
            break;
        kept = at += length;
    }
    shorten(text, kept);
    buf_adds(text, "...");
    return text->data;
}

const char *words_fit_board(struct buf *text, size_t columns)
{
    size_t tail = columns > 3 ? (columns - 3) * 2 / 3 : 0,
           head = columns > 3 ? columns - 3 - tail : 0;
    cleanup_buf struct buf cut = BUF_INIT(SIZE_MAX / 4);

    if (text->size <= columns || !tail)
        return words_fit(text, columns);
    for (size_t i = 0; i < text->size; i++)
        if (text->data[i] < ' ' || text->data[i] == 0x7F) /* no name of lab.yaml's */
            return words_fit(text, columns);
    buf_addf(&cut, "%.*s...%s", (int)head, text->data, text->data + text->size - tail);
    buf_clear(text);
    buf_add(text, cut.data, cut.size);
    return text->data;
}

const char *words_server(struct buf *out, const char *board)
{
    const char *slash = board ? strchr(board, '/') : NULL;

    buf_clear(out);
    if (!slash || buf_add(out, board, (size_t)(slash - board)) < 0)
        return NULL;
    return out->data;
}

const char *words_counts(struct buf *out, const struct test_counts *counts)
{
    size_t failed = counts->fail + counts->error;

    buf_clear(out);
    if (counts->total)
        buf_addf(out, "%zu test%s", counts->total, counts->total == 1 ? "" : "s");
    else
        buf_adds(out, "no tests");
    if (failed)
        buf_addf(out, ", %zu failed", failed);
    if (counts->skip)
        buf_addf(out, ", %zu skipped", counts->skip);
    if (counts->flaky)
        buf_addf(out, ", %zu flaky", counts->flaky);
    return out->data;
}

const char *words_attempts(struct buf *out, const struct job_result *job)
{
    static const char *const words[] = {"passed", "failed", "the lab failed"};
    enum verdict verdict = job->flaky_red ? VERDICT_PASS : job->verdict;

    buf_clear(out);
    if (!job->earlier_count)
        return NULL;
    buf_addf(out, "%s at attempt %zu", words[verdict], job->earlier_count + 1);
    for (size_t i = 0; i < job->earlier_count; i++) {
        const struct job_result *was = job->earlier[i];
        buf_addf(out, "; attempt %zu: %s on %s%s%s", i + 1, verdict_name(was->verdict), was->board,
                 *was->reason ? ": " : "", was->reason);
    }
    return out->data;
}

const char *words_blame(struct buf *out, const struct job_result *job)
{
    buf_clear(out);
    if (!job->blame_why)
        return NULL;
    buf_addf(out, "%s: %s", blame_name(job->blame), job->blame_why);
    return out->data;
}

const char *words_earlier(struct buf *out, const struct earlier *earlier)
{
    const struct test_case *failed = earlier->failed;

    buf_clear(out);
    buf_addf(out, "failed in attempt %u on %s: ", earlier->attempt, earlier->board);
    if (failed->file && failed->line)
        buf_addf(out, "%s:%" PRIu32 ": ", case_file(failed), failed->line);
    buf_adds(out, words_message(failed));
    return out->data;
}

const char *words_plural(uint64_t count)
{
    return count == 1 ? "" : "s";
}

static size_t count_boards(const struct run_result *run)
{
    struct name_map boards = {0};
    size_t count;

    for (size_t i = 0; i < run->count; i++)
        name_map_at(&boards, run->jobs[i]->board, strlen(run->jobs[i]->board))->value = 1;
    count = boards.count;
    name_map_done(&boards);
    return count;
}

const char *words_run(struct buf *out, const struct run_result *run)
{
    struct test_counts counts = run_counts(run);
    cleanup_buf struct buf tests = BUF_INIT(SIZE_MAX / 4);
    size_t boards = count_boards(run);
    char took[32];

    buf_clear(out);
    if (!run->count)
        buf_adds(out, "nothing was tested");
    else
        buf_addf(out, "%zu board%s, %s", boards, words_plural(boards),
                 words_counts(&tests, &counts));
    if (run->count && run->took_us > 0)
        buf_addf(out, " in %s", str_from_us(run->took_us, took));
    return out->data;
}

const char *words_took(int64_t took_us, char out[32])
{
    return took_us > 0 ? str_from_us(took_us, out) : "-";
}

static const char *const build_id_words[] = {
    [PROOF_NONE] = NULL,
    [PROOF_UNKNOWN] = "the image has no build-id that could be seen",
    [PROOF_ABSENT] = "the image's build-id was not seen",
    [PROOF_OTHER] = "another image's build-id was seen",
    [PROOF_SEEN] = "the image's build-id was seen",
};

static const char *nonce_words(const struct identity *identity)
{
    switch (identity->nonce) {
    case PROOF_SEEN:
        return "the nonce was echoed";
    case PROOF_OTHER:
        return "what was echoed is not the nonce";
    case PROOF_ABSENT:
        return identity->nonce_asked ? "the nonce was asked for and not echoed"
                                     : "the firmware never asked for the nonce";
    default:
        return NULL;
    }
}

const char *words_identity(struct buf *out, const struct job_result *job)
{
    const struct identity *identity = &job->identity;
    const char *words[] = {build_id_words[identity->build_id], nonce_words(identity)};

    buf_clear(out);
    for (size_t i = 0; i < ARRAY_SIZE(words) && job->end != END_NONE; i++)
        if (words[i])
            buf_addf(out, "%s%s", out->size ? ", " : "", words[i]);
    if (out->size && identity->ignored)
        buf_addf(out, "; %" PRIu64 " result%s before it do%s not count", identity->ignored,
                 words_plural(identity->ignored), identity->ignored == 1 ? "es" : "");
    return out->size ? out->data : NULL;
}

static void add_count(struct buf *out, uint64_t count, const char *what)
{
    if (count)
        buf_addf(out, "%s%" PRIu64 " %s%s", out->size ? ", " : "", count, what,
                 words_plural(count));
}

const char *words_line_errors(struct buf *out, const struct job_result *job)
{
    const struct line_errors *line = &job->capture.line;

    buf_clear(out);
    if (!job->capture.line_known || !line_errors_any(line))
        return NULL;
    add_count(out, line->overrun, "overrun");
    add_count(out, line->buffer, "buffer overrun");
    add_count(out, line->framing, "framing error");
    add_count(out, line->parity, "parity error");
    buf_adds(out, " on the line");
    if (job->capture.gap_count)
        buf_addf(out, " (the first before byte %" PRIu64 ")", job->capture.gaps[0].at);
    return out->data;
}

const char *words_honesty(struct buf *out, const struct job_result *job)
{
    uint64_t replaced = job->capture.replaced_bytes, cut = job->capture.cut_lines;

    words_line_errors(out, job);
    if (replaced)
        buf_addf(out, "%s%" PRIu64 " byte%s of the console %s not text", out->size ? ", " : "",
                 replaced, words_plural(replaced), replaced == 1 ? "was" : "were");
    if (cut)
        buf_addf(out, "%s%" PRIu64 " line%s too long and cut", out->size ? ", " : "", cut,
                 words_plural(cut));
    if (job->recovery_count && !job->recovery[job->recovery_count - 1].why)
        buf_addf(out, "%sit could be flashed only after %s", out->size ? ", " : "",
                 job->recovery[job->recovery_count - 1].step);
    return out->size ? out->data : NULL;
}

const char *words_trouble(const struct job_result *job)
{
    struct test_counts counts;

    if (job->verdict == VERDICT_INFRA)
        return job->reason && *job->reason ? job->reason : "the lab failed, and nothing says why";
    if (job->trouble)
        return job->trouble;
    counts = job_counts(job);
    if (job->verdict == VERDICT_PASS || counts.fail || counts.error)
        return NULL;
    return job->reason && *job->reason ? job->reason : "failed without a failing test";
}

const char *words_message(const struct test_case *test_case)
{
    if (test_case->message && *test_case->message)
        return test_case->message;
    if (test_case->result == CASE_FAIL)
        return "failed";
    if (test_case->result == CASE_ERROR)
        return test_case->error_type ? test_case->error_type : "unfinished";
    return NULL;
}

const char *words_iso_time(int64_t unix_us, char out[ISO_TIME_SIZE])
{
    time_t seconds = unix_us / 1000000;
    struct tm utc;

    if (unix_us <= 0 || !gmtime_r(&seconds, &utc))
        return NULL;
    strftime(out, ISO_TIME_SIZE, "%Y-%m-%dT%H:%M:%SZ", &utc);
    return out;
}
