/* SPDX-License-Identifier: MIT
 *
 * Which image a board says that it runs, line by line and in the middle of a log.
 */
#include "base/str.h"
#include "parsed.h"

#include <criterion/criterion.h>
#include <inttypes.h>
#include <string.h>

#define SHA1 "3f2a9c0d4e5b6a7f8091a2b3c4d5e6f708192a3b"
#define UPPER "3F2A9C0D4E5B6A7F8091A2B3C4D5E6F708192A3B"
#define OTHER "ffffffff4e5b6a7f8091a2b3c4d5e6f708192a3b"
#define UUID "00112233445566778899aabbccddeeff"
#define XXHASH "0123456789abcdef"
#define NONCE "5b1c5b1c5b1c5b1c5b1c5b1c5b1c5b1c"
#define ONE "a.c:1:one:PASS\n"
#define TWO "a.c:2:two:FAIL: no\n"
#define END_ONE "\n1 Tests 0 Failures 0 Ignored\nOK\n"
#define END_TWO "\n1 Tests 1 Failures 0 Ignored\nFAIL\n"

/* ---- single lines -------------------------------------------------------------------------- */

static const struct {
    const char *expected, *line;
    enum identity_word word;
} id_lines[] = {
    {SHA1, "hil: build-id " SHA1, IDENTITY_PROOF},
    {SHA1, "hil: build-id " UPPER, IDENTITY_PROOF},
    {UPPER, "hil: build-id " SHA1, IDENTITY_PROOF},
    {SHA1, "[00:00:01.250] <inf> main: hil: build-id " SHA1, IDENTITY_PROOF},
    {SHA1, "# hil: build-id " SHA1 " (debug)", IDENTITY_PROOF},
    {SHA1, "stm32f405 rev A, build-id=" SHA1 ", 3.3 V", IDENTITY_PROOF},
    {SHA1, "(" SHA1 ")", IDENTITY_PROOF},
    {SHA1, SHA1, IDENTITY_PROOF},
    {UUID, "hil: build-id " UUID, IDENTITY_PROOF},
    {XXHASH, "hil: build-id " XXHASH, IDENTITY_PROOF},
    {"deadbeef", "id deadbeef.", IDENTITY_PROOF},
    /* no word of its own */
    {SHA1, "x" SHA1, IDENTITY_NOTHING},
    {SHA1, SHA1 "00", IDENTITY_NOTHING},
    {SHA1, SHA1 "_", IDENTITY_NOTHING},
    {"deadbeef", "0xdeadbeef", IDENTITY_NOTHING},
    /* cut short, or garbled */
    {SHA1, "hil: build-id 3f2a9c0d4e5b6a7f", IDENTITY_NOTHING},
    {SHA1, "hil: build-id ", IDENTITY_NOTHING},
    {SHA1, "hil: build-id", IDENTITY_NOTHING},
    {SHA1, "hil: build-id fff", IDENTITY_NOTHING},
    {SHA1, "hil: build-id fffffffff", IDENTITY_NOTHING},
    {SHA1, "hil: build-id " OTHER "_", IDENTITY_NOTHING},
    {SHA1, "hil: build-id unknown", IDENTITY_NOTHING},
    {SHA1, "hil: build-id 3f2ahil: build-id " SHA1, IDENTITY_PROOF},
    {SHA1, "", IDENTITY_NOTHING},
    /* only the defined form can say that it is another */
    {SHA1, "hil: build-id " OTHER, IDENTITY_OTHER},
    {SHA1, "[1.2] hil: build-id " OTHER " dirty", IDENTITY_OTHER},
    {SHA1, "hil: build-id " UUID, IDENTITY_OTHER},
    {SHA1, "hil: build-id " SHA1 "00", IDENTITY_OTHER},
    {SHA1, "build-id " OTHER, IDENTITY_NOTHING},
    {SHA1, "uphil: build-id " OTHER, IDENTITY_NOTHING},
    {SHA1, OTHER, IDENTITY_NOTHING},
};

Test(parse_identity, build_ids_line_by_line)
{
    for (size_t i = 0; i < ARRAY_SIZE(id_lines); i++) {
        struct identity_options options = {.build_id = id_lines[i].expected};
        struct job_result *job = job_result_new();
        struct identity_reader reader;
        size_t size = strlen(id_lines[i].line);
        char *copy = xstrndup(id_lines[i].line, size); /* the sanitizer sees a read past the end */
        identity_begin(&reader, &options, job);
        cr_expect_eq(identity_line(&reader, (struct text){copy, size}, job), id_lines[i].word, "%s",
                     id_lines[i].line);
        job_result_free(job);
        free(copy);
    }
}

static const struct {
    const char *line;
    enum identity_word word;
    enum proof nonce;
} nonce_lines[] = {
    {"hil: nonce?", IDENTITY_QUESTION, PROOF_ABSENT},
    {"[1] hil: nonce? ", IDENTITY_QUESTION, PROOF_ABSENT},
    {"hil: nonce " NONCE, IDENTITY_PROOF, PROOF_SEEN},
    {"hil: nonce " UUID, IDENTITY_NOTHING, PROOF_OTHER},
    {"hil: nonce 5b1c", IDENTITY_NOTHING, PROOF_OTHER},
    {"hil: nonce " NONCE "0", IDENTITY_NOTHING, PROOF_OTHER},
    {NONCE, IDENTITY_NOTHING, PROOF_ABSENT}, /* a console that echoes what is typed */
    {"nonce " NONCE, IDENTITY_NOTHING, PROOF_ABSENT},
};

Test(parse_identity, nonces_line_by_line)
{
    for (size_t i = 0; i < ARRAY_SIZE(nonce_lines); i++) {
        struct identity_options options = {.ask_nonce = true, .nonce = NONCE};
        struct job_result *job = job_result_new();
        struct identity_reader reader;
        identity_begin(&reader, &options, job);
        cr_expect_eq(identity_line(&reader, text_of(nonce_lines[i].line), job), nonce_lines[i].word,
                     "%s", nonce_lines[i].line);
        cr_expect_eq(job->identity.nonce, nonce_lines[i].nonce, "%s", nonce_lines[i].line);
        job_result_free(job);
    }
}

/* ---- logs ---------------------------------------------------------------------------------- */

static const struct {
    const char *text;
    enum proof proof;
    const char *cases; /* the first letter of each that counts */
    uint64_t ignored;
    enum parse_state state;
} logs[] = {
    {"hil: build-id " SHA1 "\n" ONE TWO END_TWO, PROOF_SEEN, "ot", 0, PARSE_DONE},
    {"hil: build-id " SHA1 "\r\n" ONE END_ONE, PROOF_SEEN, "o", 0, PARSE_DONE},
    {"\x1b[32mhil: build-id \x1b[1m" SHA1 "\x1b[0m\r\n" ONE END_ONE, PROOF_SEEN, "o", 0,
     PARSE_DONE},
    {TWO "hil: build-id " SHA1 "\n" ONE END_ONE, PROOF_SEEN, "o", 1, PARSE_DONE},
    {TWO END_TWO "hil: build-id " SHA1 "\n" ONE END_ONE, PROOF_SEEN, "o", 1, PARSE_DONE},
    {ONE TWO "hil: build-id " SHA1 "\n", PROOF_SEEN, "", 2, PARSE_MORE},
    /* seen again after a reset: what it proved stands */
    {"hil: build-id " SHA1 "\n" ONE "hil: build-id " SHA1 "\n" TWO, PROOF_SEEN, "ot", 0,
     PARSE_MORE},
    {"hil: build-id 3f2a9c0d\n" ONE "hil: build-id " SHA1 "\n" TWO, PROOF_SEEN, "t", 1, PARSE_MORE},
    {ONE END_ONE, PROOF_ABSENT, "o", 0, PARSE_MORE}, /* it may still come */
    {"hil: build-id " OTHER "\n" ONE END_ONE, PROOF_OTHER, "", 0, PARSE_OTHER},
    {ONE "hil: build-id " OTHER "\n" TWO, PROOF_OTHER, "", 1, PARSE_OTHER},
    {"hil: build-id " SHA1 "\n" ONE "hil: build-id " OTHER "\n", PROOF_OTHER, "", 1, PARSE_OTHER},
};

static void check_log(size_t i, const char *format, size_t step)
{
    struct parse_options options = {.format = format, .identity = {.build_id = SHA1}};
    cleanup_parsed struct parsed parsed =
        parse_bytes(&options, logs[i].text, strlen(logs[i].text), step, -1, END_EOF);
    const struct identity *identity = &parsed.job->identity;
    bool one = strchr(logs[i].cases, 'o'), two = strchr(logs[i].cases, 't');

    cr_expect_eq(identity->build_id, logs[i].proof, "log %zu %s in steps of %zu", i, format, step);
    cr_expect_eq(identity->ignored, logs[i].ignored, "log %zu %s in steps of %zu: %" PRIu64, i,
                 format, step, identity->ignored);
    cr_expect_eq(parsed.state, logs[i].state, "log %zu %s in steps of %zu", i, format, step);
    cr_expect_eq(parsed_count(&parsed), strlen(logs[i].cases), "log %zu %s", i, format);
    cr_expect_eq(parsed_case(&parsed, "one") != NULL, one, "log %zu %s", i, format);
    cr_expect_eq(parsed_case(&parsed, "two") != NULL, two, "log %zu %s", i, format);
}

Test(parse_identity, results_count_from_the_proof_on_however_the_bytes_come)
{
    static const size_t steps[] = {1, 2, 3, 7, 64, 4096};

    for (size_t i = 0; i < ARRAY_SIZE(logs); i++)
        for (size_t k = 0; k < ARRAY_SIZE(steps); k++) {
            check_log(i, "unity", steps[k]);
            check_log(i, "auto", steps[k]);
        }
}

Test(parse_identity, results_before_the_format_is_clear_are_seen_too)
{
    struct parse_options options = {.format = "auto", .identity = {.build_id = SHA1}};
    const char *text = "ok 1 - old\n# " SHA1 "\nok 1 - new\nok 2 - newer\n1..2\n";
    cleanup_parsed struct parsed parsed =
        parse_bytes(&options, text, strlen(text), 11, -1, END_EOF);
    cr_expect_str_eq(parsed.job->format, "tap");
    cr_expect_eq(parsed.job->identity.ignored, 1);
    cr_expect_eq(parsed_count(&parsed), 2);
    cr_expect_null(parsed_case(&parsed, "old"));
}

Test(parse_identity, header_lines_before_the_proof_are_kept)
{
    struct parse_options options = {.format = "tap", .identity = {.build_id = SHA1}};
    const char *text = "TAP version 14\n1..2\n# build " SHA1 "\nok 1 - one\n";
    cleanup_parsed struct parsed parsed = parse_bytes(&options, text, strlen(text), 5, -1, END_EOF);
    cr_expect_eq(parsed.job->identity.ignored, 0);
    cr_expect(strstr(parsed.trouble, "planned tests 1..2 these are missing: 2"), "%s",
              parsed.trouble);
}

Test(parse_identity, the_end_waits_a_second_for_the_proof)
{
    struct parse_options options = {.format = "unity", .identity = {.build_id = SHA1}};
    const char *text = ONE END_ONE "later\n";
    size_t size = strlen(text), last = size - strlen("later\n");
    cleanup_parsed struct parsed soon = parse_bytes(&options, text, last, last, -1, END_DONE);
    cr_expect_eq(soon.state, PARSE_MORE);
    cr_expect_eq(soon.patience_ms, 1000);
    cr_expect_eq(soon.silence, END_DONE);
    /* a board that never falls silent: one byte in 0.1 s */
    cleanup_parsed struct parsed late = parse_bytes(&options, text, size, 1, 100000, END_DONE);
    cr_expect_eq(late.state, PARSE_MORE);
    cleanup_parsed struct parsed later = parse_bytes(&options, text, size, 1, 250000, END_DONE);
    cr_expect_eq(later.state, PARSE_DONE);
    cr_expect_str_empty(later.trouble);
}

Test(parse_identity, what_is_required_and_missing_is_trouble)
{
    static const struct {
        struct identity_options asked;
        const char *text, *words;
    } rows[] = {
        {{.build_id = SHA1}, ONE END_ONE, ""},
        {{.build_id = SHA1, .required = true}, ONE END_ONE, "the image's build-id was not seen"},
        {{.build_id = SHA1, .required = true}, SHA1 "\n" ONE END_ONE, ""},
        {{.build_id = "auto"}, ONE END_ONE, ""},
        {{.build_id = "auto", .required = true}, ONE END_ONE, "has no build-id that could be seen"},
        {{.ask_nonce = true, .nonce = NONCE}, ONE END_ONE, ""},
        {{.ask_nonce = true, .nonce = NONCE, .required = true}, ONE END_ONE, "was not echoed"},
        {{.ask_nonce = true, .nonce = NONCE, .required = true},
         "hil: nonce?\nhil: nonce " UUID "\n" ONE END_ONE,
         "was not echoed"},
        {{.ask_nonce = true, .nonce = NONCE, .required = true},
         "hil: nonce?\nhil: nonce " NONCE "\n" ONE END_ONE,
         ""},
        {{SHA1, NONCE, true, true}, SHA1 "\nhil: nonce " NONCE "\n" ONE END_ONE, ""},
        {{SHA1, NONCE, true, true}, SHA1 "\n" ONE END_ONE, "was not echoed"},
        {{.build_id = SHA1}, ONE END_ONE SHA1 "\n", "1 before the proof of identity do not count"},
    };

    for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
        struct parse_options options = {.format = "unity", .identity = rows[i].asked};
        cleanup_parsed struct parsed parsed =
            parse_bytes(&options, rows[i].text, strlen(rows[i].text), 9, -1, END_DONE);
        cr_expect_eq(!*parsed.trouble, !*rows[i].words, "row %zu: %s", i, parsed.trouble);
        cr_expect(strstr(parsed.trouble, rows[i].words), "row %zu: %s", i, parsed.trouble);
    }
}

Test(parse_identity, a_question_is_to_be_answered_once)
{
    struct parse_options options = {.format = "unity", .identity = {.ask_nonce = true}};
    struct job_result *job = job_result_new();
    struct parser *parser;
    unsigned answers = 0;

    cr_assert_eq(parser_new(&options, NULL, job, &parser, NULL), 0);
    for (int i = 0; i < 100; i++) {
        parser_feed(parser, "hil: no", 7, 0, 0);
        cr_expect(!parser_take_question(parser));
        parser_feed(parser, "nce?\n", 5, 0, 7);
        answers += parser_take_question(parser);
        cr_expect(!parser_take_question(parser));
    }
    cr_expect_eq(answers, 16, "a board that asks for ever is not answered for ever");
    cr_expect(job->identity.nonce_asked);
    parser_free(parser);
    job_result_free(job);
}
