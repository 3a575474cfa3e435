/* SPDX-License-Identifier: MIT */
#include "board/flash/tool_match.h"

#include <ctype.h>
#include <string.h>

static bool is_blank(char byte)
{
    return byte == ' ' || byte == '\t';
}

static unsigned digit(char byte)
{
    return isdigit((unsigned char)byte) ? (unsigned)(byte - '0')
                                        : (unsigned)(tolower((unsigned char)byte) - 'a') + 10;
}

/* A number at `at`, which moves behind it; one that is too large keeps its low bits. */
static bool take_number(const char *line, size_t size, size_t *at, bool hex, struct tool_match *ret)
{
    size_t start, i = *at;
    uint64_t value = 0;

    if (hex && size - i > 2 && line[i] == '0' && (line[i + 1] == 'x' || line[i + 1] == 'X'))
        i += 2;
    for (start = i; i < size; i++) {
        unsigned char byte = (unsigned char)line[i];
        if (hex ? !isxdigit(byte) : !isdigit(byte))
            break;
        value = value * (hex ? 16 : 10) + digit(line[i]);
    }
    if (i == start)
        return false;
    if (ret->count < 2) {
        if (!ret->count)
            ret->has_hex = hex;
        ret->numbers[ret->count++] = value;
    }
    ret->text = start;
    ret->text_size = i - start;
    *at = i;
    return true;
}

/* What stands behind a '%'. */
static bool take_capture(char kind, const char *line, size_t size, size_t *at,
                         struct tool_match *ret)
{
    switch (kind) {
    case 'u':
    case 'x':
        return take_number(line, size, at, kind == 'x', ret);
    case 's':
        ret->text = *at;
        ret->text_size = size - *at;
        *at = size;
        return true;
    default: /* "%%" */
        return *at < size && line[(*at)++] == kind;
    }
}

/* The pattern up to its next '*' or end, at `at` and nowhere else; `at` moves behind it. */
static bool match_here(const char **pattern, const char *line, size_t size, size_t *at,
                       struct tool_match *ret)
{
    for (; **pattern && **pattern != '*'; ++*pattern) {
        if (**pattern == '%') {
            if (!take_capture(*++*pattern, line, size, at, ret))
                return false;
        } else if (**pattern == ' ') {
            if (*at >= size || !is_blank(line[*at]))
                return false;
            while (*at < size && is_blank(line[*at]))
                ++*at;
        } else if (*at >= size || line[(*at)++] != **pattern) {
            return false;
        }
    }
    return true;
}

/* The first place where the part matches, from `at` on; `tied`: only there. */
static bool match_part(const char **pattern, const char *line, size_t size, size_t *at, bool tied,
                       size_t *start, struct tool_match *ret)
{
    bool literal = !strchr("% *", **pattern); /* the NUL is none, either */

    for (size_t from = *at; from <= size; from++) {
        const char *part = *pattern;
        struct tool_match trial = *ret;
        size_t end;
        if (literal && !tied) { /* most of what tools print begins no pattern */
            const char *next = memchr(line + from, **pattern, size - from);
            if (!next)
                return false;
            from = (size_t)(next - line);
        }
        end = from;
        if (match_here(&part, line, size, &end, &trial)) {
            *pattern = part;
            *ret = trial;
            *start = from;
            *at = end;
            return true;
        }
        if (tied)
            return false;
    }
    return false;
}

bool tool_match(const char *pattern, const char *line, size_t size, struct tool_match *ret)
{
    bool tied = *pattern == '^', first = true;
    size_t at = 0, start = 0;

    memset(ret, 0, sizeof *ret);
    pattern += tied;
    while (*pattern || first) {
        if (*pattern == '*') { /* what no '^' ties any more */
            pattern++;
            tied = false;
        }
        if (!match_part(&pattern, line, size, &at, tied, &start, ret))
            return false;
        if (first)
            ret->start = start;
        first = false;
    }
    ret->end = at;
    return true;
}
