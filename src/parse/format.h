/* SPDX-License-Identifier: MIT
 *
 * format: one dialect of test output: one file, one row in format.c's table.
 *
 * A format sees clean lines (no escape sequences, no line end) one by one and tells the collector
 * what they mean. It keeps its state in a zeroed block of `state_size`. It never sees raw bytes,
 * files or drivers, and never decides a verdict.
 */
#ifndef HIL_PARSE_FORMAT_H
#define HIL_PARSE_FORMAT_H

#include "base/err.h"
#include "parse/collector.h"
#include "parse/lines.h"
#include "parse/parser.h"

/* How sure a line makes `auto` that this is its format. What the lines of a log give adds up. */
enum { DETECT_NO = 0, DETECT_WEAK = 1, DETECT_LIKELY = 5, DETECT_STRONG = 10 };

struct format {
    const char *name;    /* "unity" */
    const char *summary; /* "Unity (ThrowTheSwitch)" */
    const char *example; /* one line as firmware prints it */
    size_t state_size;
    bool repeats; /* the firmware may run a test several times and count it once */
    bool resets;  /* the board is reset between tests: that is no trouble */
    /* detect() is asked of lines whose first byte but blanks is in `first`, and that have one of
     * the signs: words of at least NEEDLE_MIN bytes; NULL: of all lines, which costs auto its
     * speed. */
    const char *first;
    const char *const *signs;        /* NULL-terminated */
    const struct format *variant_of; /* detect() is asked of the lines that this one knows, too */
    int (*detect)(struct text line); /* DETECT_*; NULL: never chosen by auto */
    int (*open)(void *state, const struct parse_options *options,
                struct err *err); /* may be NULL */
    /* True where the line is the format's own; others belong to the test that is open. */
    bool (*line)(void *state, struct text line, struct collector *collector);
    /* The stream is over: report what is still open in the format's own terms; may be NULL. */
    void (*end)(void *state, struct collector *collector);
    void (*done)(void *state); /* may be NULL; frees what open() and line() made */
};

extern const struct format *const formats[]; /* NULL-terminated */
extern const struct format format_esp_idf_unity, format_ktap, format_googletest, format_cmocka;
extern const struct format format_subunit, format_cpputest, format_check, format_criterion;
extern const struct format format_catch2;
extern const struct format format_greentea;
extern const struct format format_nuttx_ostest;
extern const struct format format_chibios;
extern const struct format format_embunit;
extern const struct format format_arduinounit;
extern const struct format format_aunit;
extern const struct format format_embedded_test;
extern const struct format format_libtest_json;
extern const struct format format_defmt_test;
extern const struct format format_libtest;
extern const struct format format_unity, format_ztest, format_tap, format_regex;
const struct format *format_find(const char *name, struct err *err); /* NULL: -ERR_USAGE in err */

#endif
