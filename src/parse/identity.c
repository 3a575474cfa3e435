/* SPDX-License-Identifier: MIT */
#include "parse/identity.h"

#include "base/str.h"

#include <string.h>
#include <strings.h>

static const char build_id_mark[] = "hil: build-id ";
static const char question_mark[] = "hil: nonce?";
static const char nonce_mark[] = "hil: nonce ";

static bool is_digit(char c)
{
    return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F');
}

/* Of a word: a digit's neighbour must not be one of these. */
static bool is_word(char c)
{
    return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_' ||
           (unsigned char)c >= 0x80;
}

static const char *lower_case(struct arena *arena, struct text text)
{
    char *copy = arena_strndup(arena, text.at, text.size);

    for (char *at = copy; *at; at++)
        if (*at >= 'A' && *at <= 'F')
            *at = (char)(*at - 'A' + 'a');
    return copy;
}

void identity_begin(struct identity_reader *reader, const struct identity_options *options,
                    struct job_result *job)
{
    bool known = build_id_valid(options->build_id);

    *reader = (struct identity_reader){.nonce = options->nonce,
                                       .digits = known ? strlen(options->build_id) : 0};
    job->identity = (struct identity){
        .expected = known ? lower_case(&job->arena, text_of(options->build_id)) : NULL,
        .required = options->required,
        .nonce = options->ask_nonce ? PROOF_ABSENT : PROOF_NONE,
    };
    if (options->build_id)
        job->identity.build_id = known ? PROOF_ABSENT : PROOF_UNKNOWN;
}

/* The hexadecimal word that begins at `at`; empty where it is none. */
static struct text hex_word(const char *at, const char *end)
{
    struct text word = {.at = at};

    while (at < end && is_digit(*at))
        at++;
    if (at == end || !is_word(*at))
        word.size = (size_t)(at - word.at);
    return word;
}

/* What stands behind the first `mark` that begins a word; NULL: there is none. */
static const char *behind(struct text line, const char *mark)
{
    size_t length = strlen(mark);
    const char *at = line.at, *end = line.at + line.size;

    while ((at = memmem(at, (size_t)(end - at), mark, length))) {
        if (at == line.at || !is_word(at[-1]))
            return at + length;
        at++;
    }
    return NULL;
}

static bool same_hex(struct text word, const char *hex)
{
    return word.size == strlen(hex) && strncasecmp(word.at, hex, word.size) == 0;
}

/* The expected build-id as a word of its own, wherever it stands. */
static bool has_expected(const struct identity_reader *reader, struct text line,
                         const struct identity *identity)
{
    const char *at = line.at, *end = line.at + line.size;

    while (line.size >= reader->digits && at < end) {
        if (!is_word(*at)) {
            at++;
            continue;
        }
        if (same_hex(hex_word(at, end), identity->expected))
            return true;
        while (at < end && is_word(*at))
            at++;
    }
    return false;
}

/* An id that is a part of the expected one was cut short; and one of an odd number of digits. */
static bool is_other(struct text word, const struct identity *identity)
{
    bool is_id =
        word.size >= BUILD_ID_DIGITS_MIN && word.size <= BUILD_ID_DIGITS_MAX && word.size % 2 == 0;
    bool is_part = word.size <= strlen(identity->expected) &&
                   strncasecmp(word.at, identity->expected, word.size) == 0;

    return is_id && !is_part;
}

static enum identity_word read_build_id(const struct identity_reader *reader, struct text line,
                                        struct job_result *job)
{
    struct identity *identity = &job->identity;
    const char *at = behind(line, build_id_mark);
    struct text word = at ? hex_word(at, line.at + line.size) : (struct text){0};

    if (at && is_other(word, identity)) {
        identity->build_id = PROOF_OTHER;
        identity->printed = lower_case(&job->arena, word);
        return IDENTITY_OTHER;
    }
    if (identity->build_id == PROOF_SEEN || !has_expected(reader, line, identity))
        return IDENTITY_NOTHING;
    identity->build_id = PROOF_SEEN;
    return IDENTITY_PROOF;
}

static enum identity_word read_nonce(const struct identity_reader *reader, struct text line,
                                     struct identity *identity)
{
    const char *at = behind(line, nonce_mark);

    if (behind(line, question_mark)) {
        identity->nonce_asked = true;
        return IDENTITY_QUESTION;
    }
    if (!at || identity->nonce == PROOF_SEEN || !reader->nonce)
        return IDENTITY_NOTHING;
    identity->nonce =
        same_hex(hex_word(at, line.at + line.size), reader->nonce) ? PROOF_SEEN : PROOF_OTHER;
    return identity->nonce == PROOF_SEEN ? IDENTITY_PROOF : IDENTITY_NOTHING;
}

enum identity_word identity_line(const struct identity_reader *reader, struct text line,
                                 struct job_result *job)
{
    enum identity_word id = IDENTITY_NOTHING, nonce = IDENTITY_NOTHING;

    if (reader->digits && job->identity.build_id != PROOF_OTHER)
        id = read_build_id(reader, line, job);
    if (job->identity.nonce != PROOF_NONE)
        nonce = read_nonce(reader, line, &job->identity);
    return id > nonce ? id : nonce;
}
