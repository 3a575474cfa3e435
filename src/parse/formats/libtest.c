/* SPDX-License-Identifier: MIT
 *
 * Rust's libtest, the harness that `cargo test` builds:
 *
 *     running 4 tests
 *     test ring::wraps ... ok
 *     test ring::refuses - should panic ... ok <0.012s>
 *     test ring::on_board ... ignored, needs the board
 *     test ring::keeps_order ... FAILED
 *
 *     ---- ring::keeps_order stdout ----
 *     thread 'ring::keeps_order' (12) panicked at src/ring.rs:29:9:
 *     assertion `left == right` failed
 *       left: 2
 *      right: 3
 *
 *     test result: FAILED. 2 passed; 1 failed; 1 ignored; 0 measured; 0 filtered out; ...
 *
 * With --nocapture and one thread the test's own output stands between "... " and the result, which
 * may be glued to the end of a line: what the last such line said counts.
 */
#include "parse/format.h"
#include "parse/formats/panic.h"

#include <string.h>

#define ERROR_BYTES 1024

struct libtest {
    bool cargo; /* cargo ran it: more programs may follow */
    bool block; /* inside "---- NAME stdout ----" */
    struct panic panic;
    struct buf error; /* that the open test returned, perhaps */
    bool maybe;       /* the open test may have ended: */
    enum case_result maybe_result;
};

static int libtest_open(void *state, const struct parse_options *options, struct err *err)
{
    (void)options;
    (void)err;
    struct libtest *libtest = state;
    libtest->panic = panic_init();
    libtest->error = (struct buf)BUF_INIT(ERROR_BYTES);
    return 0;
}

static void libtest_done(void *state)
{
    struct libtest *libtest = state;
    panic_done(&libtest->panic);
    buf_done(&libtest->error);
}

/* ---- panics -------------------------------------------------------------------------------- */

/* What is known of the panic goes to the open test, or to the case that the block is about. */
static void end_panic(struct libtest *libtest, struct collector *collector)
{
    if (libtest->panic.state == PANIC_NONE)
        return;
    struct finding finding = panic_take(&libtest->panic);
    if (libtest->block)
        collector_amend(collector, &finding);
    else
        collector_note_failure(collector, finding.message, finding.file, finding.line);
    buf_clear(&libtest->error);
}

/* True where the line is about a panic. */
static bool take_panic(struct libtest *libtest, struct text line, struct collector *collector)
{
    if (libtest->panic.state != PANIC_NONE) {
        if (!panic_goes_on(&libtest->panic, line))
            end_panic(libtest, collector);
        return true;
    }
    bool maybe = text_starts(line, "thread '") || text_starts(line, "note: ");
    return maybe && panic_begins(&libtest->panic, line);
}

/* ---- results ------------------------------------------------------------------------------- */

static bool read_status(struct text text, struct finding *ret)
{
    struct scan scan = scan_begin(text);
    ret->duration_us = -1;
    ret->message = (struct text){0};
    if (scan_word(&scan, "ok") || scan_word(&scan, "bench: ")) {
        ret->result = CASE_PASS;
        if (scan.at[-1] == ' ')
            return true;
    } else if (scan_word(&scan, "FAILED")) {
        ret->result = CASE_FAIL;
    } else if (scan_word(&scan, "ignored")) {
        ret->result = CASE_SKIP;
        if (scan_word(&scan, ", ")) {
            ret->message = scan_rest(&scan);
            return true;
        }
    } else {
        return false;
    }
    scan_word(&scan, " (time limit exceeded)");
    if (scan_word(&scan, " <") &&
        (!scan_decimal(&scan, 1000000, &ret->duration_us) || !scan_word(&scan, "s>")))
        return false;
    return scan_done(&scan);
}

/* The end of a line that the test's own output begins. */
static void look_for_status(struct libtest *libtest, struct text text)
{
    bool ok = text_ends(text, "ok");
    if (!ok && !text_ends(text, "FAILED"))
        return;
    libtest->maybe = true;
    libtest->maybe_result = ok ? CASE_PASS : CASE_FAIL;
}

static void end_open_test(struct libtest *libtest, struct collector *collector)
{
    struct text open;
    end_panic(libtest, collector);
    if (libtest->error.size > 0)
        collector_note_failure(collector, text_of_buf(&libtest->error), (struct text){0}, 0);
    if (libtest->maybe && collector_open_test(collector, &open))
        collector_result(
            collector,
            &(struct finding){.result = libtest->maybe_result, .before = true, .duration_us = -1});
    libtest->maybe = false;
    buf_clear(&libtest->error);
}

/* A line of the open test. */
static void read_output(struct libtest *libtest, struct text line, struct collector *collector)
{
    if (!take_panic(libtest, line, collector) && text_starts(line, "Error: "))
        text_store(line, &libtest->error);
    look_for_status(libtest, line);
}

/* "NAME ... " and the rest. */
static bool read_test(struct scan scan, struct text *ret_name, struct text *ret_rest)
{
    if (!scan_until(&scan, " ... ", ret_name))
        return false;
    text_cut_end(ret_name, " - should panic");
    *ret_rest = scan_rest(&scan);
    return ret_name->size > 0;
}

static bool take_test(struct libtest *libtest, struct text line, struct collector *collector)
{
    struct scan scan = scan_begin(line);
    struct finding finding = {0};
    struct text name, rest;
    if (!scan_word(&scan, "test "))
        return false;
    if (!read_test(scan, &name, &rest))
        return memmem(line.at, line.size, " has been running for over ", 27) != NULL;
    libtest->block = false;
    end_open_test(libtest, collector);
    if (read_status(rest, &finding)) {
        finding.name = name;
        collector_result(collector, &finding);
        return true;
    }
    collector_start(collector, (struct text){0}, name);
    read_output(libtest, rest, collector);
    return rest.size == 0;
}

/* "outputtest NAME ... ok": of a test that another thread ran. */
static bool take_glued_test(struct text line, struct collector *collector)
{
    struct finding finding = {0};
    struct scan scan = scan_begin(line);
    struct text before, rest, open;
    if (!memmem(line.at, line.size, " ... ", 5) || collector_open_test(collector, &open) ||
        !scan_until(&scan, "test ", &before) || !read_test(scan, &finding.name, &rest) ||
        memchr(finding.name.at, ' ', finding.name.size))
        return false;
    struct text name = finding.name;
    if (!read_status(rest, &finding))
        return false;
    finding.name = name;
    collector_result(collector, &finding);
    return true;
}

/* ---- runs ---------------------------------------------------------------------------------- */

static bool read_running(struct text line, uint64_t *ret)
{
    struct scan scan = scan_begin(line);
    if (!scan_word(&scan, "running ") || !scan_number(&scan, ret) || !scan_word(&scan, " test"))
        return false;
    scan_word(&scan, "s");
    return scan_done(&scan);
}

static bool read_result(struct text line, bool *ret_ok, int64_t *ret_total, int64_t *ret_failed)
{
    static const char *const words[] = {" passed; ", " failed; ", " ignored; ", " measured; "};
    struct scan scan = scan_begin(line);
    uint64_t counts[4];
    if (!scan_word(&scan, "test result: "))
        return false;
    *ret_ok = scan_word(&scan, "ok. ");
    if (!*ret_ok && !scan_word(&scan, "FAILED. "))
        return false;
    *ret_total = 0;
    for (size_t i = 0; i < 4; i++) {
        if (!scan_number(&scan, &counts[i]) || !scan_word(&scan, words[i]))
            return false;
        *ret_total += (int64_t)counts[i];
    }
    *ret_failed = (int64_t)counts[1];
    return true;
}

static bool take_run(struct libtest *libtest, struct text line, struct collector *collector)
{
    uint64_t number;
    bool ok;
    int64_t total, failed;
    if (read_running(line, &number)) {
        libtest->maybe = libtest->block = false;
        libtest->panic.state = PANIC_NONE;
        collector_run_start(collector);
        return true;
    }
    if (!read_result(line, &ok, &total, &failed))
        return false;
    end_open_test(libtest, collector);
    libtest->block = false;
    collector_totals(collector, total, failed);
    collector_run_end(collector, ok, libtest->cargo);
    return true;
}

/* "     Running unittests src/lib.rs (target/...)", "   Doc-tests NAME": which program it is; and
 * cargo's other words. */
static bool take_program(struct libtest *libtest, struct text line, struct collector *collector)
{
    struct scan scan = scan_begin(line);
    struct text program;
    if (scan_blanks(&scan) < 3)
        return false;
    if (scan_word(&scan, "Finished ") || scan_word(&scan, "Compiling "))
        return true;
    if (scan_word(&scan, "Running ")) {
        scan_word(&scan, "unittests ");
        if (!scan_until(&scan, " (", &program))
            return false;
    } else if (text_starts(text_trim(line), "Doc-tests ")) {
        program = text_trim(line);
    } else {
        return false;
    }
    libtest->cargo = true;
    collector_suite(collector, program);
    return true;
}

/* ---- lines --------------------------------------------------------------------------------- */

/* "---- NAME stdout ----" */
static bool take_block(struct libtest *libtest, struct text line, struct collector *collector)
{
    struct scan scan = scan_begin(line);
    struct text name;
    if (!scan_word(&scan, "---- ") || !scan_until(&scan, " stdout ----", &name))
        return false;
    end_open_test(libtest, collector);
    libtest->block = collector_recall(collector, (struct text){0}, name);
    return true;
}

static void read_block(struct libtest *libtest, struct text line, struct collector *collector)
{
    if (text_is(line, "failures:")) {
        end_panic(libtest, collector);
        libtest->block = false;
        return;
    }
    collector_detail(collector, line);
    if (!take_panic(libtest, line, collector) && text_starts(line, "Error: "))
        collector_amend(collector, &(struct finding){.message = line, .duration_us = -1});
}

static bool libtest_line(void *state, struct text line, struct collector *collector)
{
    struct libtest *libtest = state;
    struct text open;
    if (line.size == 0)
        return false;
    const char first = *line.at;
    if ((first == 't' || first == 'r') &&
        (take_run(libtest, line, collector) || take_test(libtest, line, collector)))
        return true;
    if (first == '-' && take_block(libtest, line, collector))
        return true;
    if (libtest->block) {
        read_block(libtest, line, collector);
        return true;
    }
    if (first == ' ' && take_program(libtest, line, collector))
        return true;
    if (!collector_open_test(collector, &open))
        return take_glued_test(line, collector);
    read_output(libtest, line, collector);
    return false;
}

static void libtest_end(void *state, struct collector *collector)
{
    end_open_test(state, collector);
}

static int libtest_detect(struct text line)
{
    struct finding finding;
    struct text name, rest;
    uint64_t number;
    bool ok;
    int64_t total, failed;
    struct scan scan = scan_begin(line);
    if (!text_starts(line, "test ") && !text_starts(line, "running "))
        return DETECT_NO;
    if (read_running(line, &number) || read_result(line, &ok, &total, &failed))
        return DETECT_STRONG;
    scan_word(&scan, "test ");
    if (!read_test(scan, &name, &rest))
        return DETECT_NO;
    return read_status(rest, &finding) ? DETECT_STRONG : DETECT_LIKELY;
}

const struct format format_libtest = {
    .name = "libtest",
    .summary = "Rust's libtest, as cargo test prints it",
    .example = "test ring::wraps ... ok",
    .state_size = sizeof(struct libtest),
    .first = "tr",
    .detect = libtest_detect,
    .open = libtest_open,
    .line = libtest_line,
    .end = libtest_end,
    .done = libtest_done,
};
