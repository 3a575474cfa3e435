/* SPDX-License-Identifier: MIT */
#include "parse/formats/tap_line.h"

static bool at_word_end(const struct scan *scan)
{
    return scan_done(scan) || *scan->at == ' ' || *scan->at == '\t';
}

/* "# SKIP reason", "# TODO: reason", "# time=12.5ms"; other words after a '#' are description. */
static bool read_directive(struct scan scan, struct tap_point *ret)
{
    scan_blanks(&scan);
    if (scan_word(&scan, "time="))
        return scan_decimal(&scan, 1000, &ret->duration_us) && scan_word(&scan, "ms");
    bool skip = scan_word_any_case(&scan, "skip");
    bool todo = !skip && scan_word_any_case(&scan, "todo");
    while ((skip || todo) && !at_word_end(&scan))
        scan.at++; /* "SKIPPED", "TODO:" */
    ret->skip = ret->skip || skip;
    ret->todo = ret->todo || todo;
    if (skip || todo)
        ret->reason = scan_rest(&scan);
    return skip || todo;
}

static void read_description(struct scan scan, struct tap_point *ret)
{
    ret->description = (struct text){.at = scan.at, .size = (size_t)(scan.end - scan.at)};
    for (const char *at = scan.at; at < scan.end; at++) {
        if (*at == '\\') {
            at++; /* "\#" and "\\" stand for themselves */
        } else if (*at == '#' &&
                   read_directive((struct scan){.at = at + 1, .end = scan.end}, ret)) {
            ret->description.size = (size_t)(at - scan.at);
            break;
        }
    }
    ret->description = text_trim(ret->description);
}

bool tap_read_point(struct text line, struct tap_point *ret)
{
    struct scan scan = scan_begin(line);
    *ret = (struct tap_point){.ok = !scan_word(&scan, "not "), .duration_us = -1};
    if (!scan_word(&scan, "ok") || !at_word_end(&scan))
        return false;
    scan_blanks(&scan);
    struct scan number = scan;
    if (scan_number(&number, &ret->number) && at_word_end(&number))
        scan = number;
    else
        ret->number = 0;
    scan_blanks(&scan);
    if (scan_word(&scan, "- "))
        scan_blanks(&scan);
    else if (scan.end - scan.at == 1 && *scan.at == '-')
        scan.at++;
    read_description(scan, ret);
    return true;
}

/* Takes the escapes out of the description. */
struct text tap_plain_name(struct text escaped, char *out, size_t room)
{
    size_t size = 0;
    for (size_t i = 0; i < escaped.size && size < room; i++) {
        bool escape = escaped.at[i] == '\\' && i + 1 < escaped.size &&
                      (escaped.at[i + 1] == '#' || escaped.at[i + 1] == '\\');
        i += escape;
        out[size++] = escaped.at[i];
    }
    return (struct text){.at = out, .size = size};
}

bool tap_read_plan(struct text line, uint64_t *ret_last, struct tap_point *ret_directive)
{
    struct scan scan = scan_begin(line);
    *ret_directive = (struct tap_point){.duration_us = -1};
    if (!scan_word(&scan, "1..") || !scan_number(&scan, ret_last))
        return false;
    scan_blanks(&scan);
    if (scan_word(&scan, "#"))
        read_directive(scan, ret_directive);
    else if (!scan_done(&scan))
        return false;
    return true;
}

bool tap_read_version(struct text line)
{
    struct scan scan = scan_begin(line);
    uint64_t version;
    return scan_word(&scan, "TAP version ") && scan_number(&scan, &version) && version >= 12 &&
           version <= 14 && scan_done(&scan);
}

/* "key: 'value'" */
bool tap_read_pair(struct text line, const char *key, struct text *ret)
{
    struct scan scan = scan_begin(line);
    if (!scan_word(&scan, key) || !scan_word(&scan, ":"))
        return false;
    struct text value = scan_rest(&scan);
    bool quoted = value.size >= 2 && (*value.at == '\'' || *value.at == '"') &&
                  value.at[value.size - 1] == *value.at;
    if (quoted)
        value = (struct text){.at = value.at + 1, .size = value.size - 2};
    *ret = value;
    return value.size > 0 && !text_is(value, "|") && !text_is(value, "|-") && !text_is(value, ">");
}

/* Blanks before the line; a tab is one subtest deeper. */
size_t tap_indent(struct text line)
{
    size_t indent = 0;
    for (size_t i = 0; i < line.size && (line.at[i] == ' ' || line.at[i] == '\t'); i++)
        indent =
            line.at[i] == ' ' ? indent + 1 : (indent / TAP_SUBTEST_INDENT + 1) * TAP_SUBTEST_INDENT;
    return indent;
}
