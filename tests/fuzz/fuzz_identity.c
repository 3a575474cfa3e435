/* SPDX-License-Identifier: MIT
 *
 * The first line is what is asked for, "BUILD-ID NONCE"; the others are a board's. A proof is in
 * the line that gave it, another build-id is none that was asked for, and the parser says the same
 * in one piece and in many.
 */
#include "base/str.h"
#include "parse/parser.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t count);

static void require(bool holds)
{
    if (!holds)
        abort();
}

/* Slow, and plain enough to be right. */
static bool contains(struct text line, const char *what)
{
    size_t length = strlen(what);

    for (size_t at = 0; at + length <= line.size; at++) {
        size_t same = 0;
        while (same < length &&
               tolower((unsigned char)line.at[at + same]) == tolower((unsigned char)what[same]))
            same++;
        if (same == length)
            return true;
    }
    return false;
}

static void check_line(const struct identity_reader *reader, struct text line,
                       const struct identity_options *options, struct job_result *job)
{
    struct identity before = job->identity;
    enum identity_word word = identity_line(reader, line, job);
    const struct identity *now = &job->identity;

    if (before.build_id != PROOF_SEEN && now->build_id == PROOF_SEEN)
        require(contains(line, options->build_id));
    if (before.nonce != PROOF_SEEN && now->nonce == PROOF_SEEN)
        require(contains(line, options->nonce) && contains(line, "hil: nonce "));
    if (word == IDENTITY_OTHER) {
        require(build_id_valid(now->printed) && contains(line, now->printed));
        require(strncmp(now->printed, now->expected, strlen(now->printed)) != 0);
    }
    require(before.build_id != PROOF_OTHER || now->build_id == PROOF_OTHER);
    require(before.nonce != PROOF_SEEN || now->nonce == PROOF_SEEN);
}

static struct identity parse(const struct identity_options *options, const char *bytes,
                             size_t count, size_t step, struct test_counts *ret)
{
    struct parse_options parse = {.format = step % 2 ? "auto" : "unity", .identity = *options};
    struct job_result *job = job_result_new();
    struct parser *parser = NULL;

    require(parser_new(&parse, NULL, job, &parser, NULL) == 0);
    for (size_t at = 0; at < count; at += step) {
        parser_feed(parser, bytes + at, count - at < step ? count - at : step, 0, at);
        (void)parser_take_question(parser);
    }
    parser_finish(parser, END_EOF, 0);
    struct identity identity = job->identity;
    identity.expected = identity.printed = NULL; /* they go with the job */
    *ret = job_counts(job);
    require(identity.build_id != PROOF_OTHER || ret->total == 0);
    parser_free(parser);
    job_result_free(job);
    return identity;
}

static void check_pieces(const struct identity_options *options, const char *bytes, size_t count)
{
    struct test_counts whole_counts, piece_counts;
    struct identity whole = parse(options, bytes, count, count | 1, &whole_counts);
    struct identity pieces = parse(options, bytes, count, 3, &piece_counts);

    require(whole.build_id == pieces.build_id && whole.nonce == pieces.nonce);
    require(whole.ignored == pieces.ignored && whole.nonce_asked == pieces.nonce_asked);
    require(whole_counts.total == piece_counts.total && whole_counts.pass == piece_counts.pass);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t count)
{
    const char *at = (const char *)bytes, *end = at + count;
    const char *first = memchr(at, '\n', count);
    char *id = xstrndup(at, (size_t)((first ? first : end) - at));
    char *nonce = strchr(id, ' ');
    struct job_result *job = job_result_new();
    struct identity_reader reader;

    if (nonce)
        *nonce++ = '\0';
    struct identity_options options = {
        .build_id = id, .nonce = nonce, .ask_nonce = nonce && *nonce, .required = count % 2};
    at = first ? first + 1 : end;
    check_pieces(&options, at, (size_t)(end - at));
    identity_begin(&reader, &options, job);
    while (at < end) {
        const char *line_end = memchr(at, '\n', (size_t)(end - at));
        line_end = line_end ? line_end : end;
        check_line(&reader, (struct text){.at = at, .size = (size_t)(line_end - at)}, &options,
                   job);
        at = line_end + (line_end < end);
    }
    job_result_free(job);
    free(id);
    return 0;
}
