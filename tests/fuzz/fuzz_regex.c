/* SPDX-License-Identifier: MIT
 *
 * The first three lines are the patterns for pass, fail and end; the rest is the log.
 */
#include "fuzz_parse.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t count);

static char *take_line(const uint8_t **bytes, size_t *count)
{
    const uint8_t *end = *count ? memchr(*bytes, '\n', *count) : NULL;
    size_t length = end ? (size_t)(end - *bytes) : *count, past = length + (end ? 1 : 0);
    char *line = xstrndup((const char *)*bytes, length < 60 ? length : 60);
    *bytes += past;
    *count -= past;
    return line;
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t count)
{
    if (!count)
        return 0;
    cleanup_free char *pass = take_line(&bytes, &count), *fail = take_line(&bytes, &count);
    cleanup_free char *end = take_line(&bytes, &count);
    /* the limits bound each match, so that few lines are work enough */
    fuzz_log(&(struct parse_options){.format = "regex", .pass = pass, .fail = fail, .end = end},
             bytes, count < 512 ? count : 512);
    return 0;
}
