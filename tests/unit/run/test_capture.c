/* SPDX-License-Identifier: MIT
 *
 * What the kernel counts of lost bytes, in a capture. A pty counts nothing, so its TIOCGICOUNT is
 * answered here.
 */
#include "run/capture.h"

#include "base/fs.h"
#include "base/str.h"
#include "conf/lab.h"

#include <criterion/criterion.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/serial.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/ioctl.h>
#include <unistd.h>

int __real_ioctl(int fd, unsigned long request, void *arg);
int __wrap_ioctl(int fd, unsigned long request, ...);

static struct {
    bool counts;
    struct serial_icounter_struct now;
    struct capture *capture; /* which asks */
    uint64_t expected;       /* bytes; once they are there... */
    int enough_fd;           /* ...the capture is cancelled: eventfd */
} tty = {.enough_fd = -1};

int __wrap_ioctl(int fd, unsigned long request, ...)
{
    va_list args;
    void *arg;

    va_start(args, request);
    arg = va_arg(args, void *);
    va_end(args);
    if (request != TIOCGICOUNT)
        return __real_ioctl(fd, request, arg);
    if (tty.capture && capture_marks(tty.capture).bytes >= tty.expected)
        cr_assert_eq(write(tty.enough_fd, &(uint64_t){1}, sizeof(uint64_t)), 8);
    if (!tty.counts) {
        errno = ENOTTY;
        return -1;
    }
    *(struct serial_icounter_struct *)arg = tty.now;
    return 0;
}

/* ---- a board on a pty ------------------------------------------------------------------------ */

struct bench {
    char *dir;
    int master;
    struct lab *lab;
    struct board *board;
    struct job_result *result;
    struct parser *parser;
    struct capture *capture;
    struct ctx ctx;
};

static struct bench *bench_new(void)
{
    struct bench *bench = xcalloc(1, sizeof *bench);
    struct parse_options options = {.format = "unity"};
    struct diags diags = {0};

    tty.enough_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    bench->ctx = ctx_root(tty.enough_fd, NULL);
    bench->master = posix_openpt(O_RDWR | O_NOCTTY | O_CLOEXEC);
    cr_assert(bench->master >= 0 && grantpt(bench->master) == 0 && unlockpt(bench->master) == 0);
    cr_assert_eq(fs_temp_dir(&bench->dir, NULL), 0);
    cleanup_free char *path = fs_join(bench->dir, "lab.yaml");
    cleanup_free char *text = xasprintf("boards: {b: {flash: {cmd: {run: [no]}}, reset: {cmd: "
                                        "{run: [no]}}, console: {serial: {path: %s}}}}\n",
                                        ptsname(bench->master));
    cr_assert_eq(fs_write(path, text, strlen(text), NULL), 0);
    cr_assert_eq(lab_load(path, &bench->lab, &diags, NULL), 0);
    bench->board = board_open(bench->lab, &bench->lab->boards[0], bench->dir, &diags);
    cr_assert_not_null(bench->board);
    cr_assert_eq(board_console_open(bench->board, &bench->ctx, NULL), 0);
    bench->result = job_result_new();
    cr_assert_eq(parser_new(&options, NULL, bench->result, &bench->parser, NULL), 0);
    cr_assert_eq(capture_open(bench->dir, NULL, &bench->capture, NULL), 0);
    return bench;
}

static void bench_free(struct bench *bench)
{
    capture_close(bench->capture, NULL);
    parser_free(bench->parser);
    job_result_free(bench->result);
    board_close(bench->board);
    lab_free(bench->lab);
    fs_remove_tree(bench->dir);
    free(bench->dir);
    close(bench->master);
    close_fd(&tty.enough_fd);
    free(bench);
}

/* The board says something, and the capture goes on until it has all of it. */
static struct capture_marks say(const struct bench *bench, const char *text)
{
    struct timeouts timeouts = {.boot = 60000, .idle = 60000, .total = 60000};
    enum capture_end end;
    uint64_t count;

    tty.capture = bench->capture;
    tty.expected += strlen(text);
    cr_assert_eq(write(bench->master, text, strlen(text)), (ssize_t)strlen(text));
    capture_run(bench->capture, bench->board, bench->parser, &timeouts, &bench->ctx, &end, NULL);
    cr_assert_eq(end, END_CANCELLED);
    tty.capture = NULL;
    cr_assert_eq(read(tty.enough_fd, &count, sizeof count), 8);
    return capture_marks(bench->capture);
}

Test(capture, errors_of_the_line_are_counted_from_the_reset)
{
    struct bench *bench;
    struct capture_marks marks;

    tty.counts = true;
    tty.now = (struct serial_icounter_struct){.overrun = 40, .frame = 7, .brk = -1};
    bench = bench_new();
    capture_mark_reset(bench->capture, bench->board);
    marks = say(bench, "a.c:1:t:PASS\n");
    cr_expect(marks.line_known);
    cr_expect_not(line_errors_any(&marks.line));
    cr_expect_eq(marks.gap_count, 0);
    tty.now.overrun += 2;
    tty.now.buf_overrun += 1;
    tty.now.frame += 1;
    tty.now.parity += 3;
    tty.now.brk += 2; /* -1 and two more: it wraps */
    marks = say(bench, "a.c:2:u:PA");
    tty.now.overrun += 5;
    marks = say(bench, "SS\n");
    cr_expect_eq(marks.line.overrun, 7);
    cr_expect_eq(marks.line.buffer, 1);
    cr_expect_eq(marks.line.framing, 1);
    cr_expect_eq(marks.line.parity, 3);
    cr_expect_eq(marks.line.breaks, 2);
    cr_assert_eq(marks.gap_count, 2);
    cr_expect_eq(marks.gaps[0].at, 23);
    cr_expect_eq(marks.gaps[0].errors.overrun, 2);
    cr_expect_eq(marks.gaps[1].at, 26);
    cr_expect_eq(marks.gaps[1].errors.overrun, 5);
    cr_expect_eq(marks.gaps[1].errors.framing, 0);
    bench_free(bench);
}

Test(capture, a_break_is_no_gap)
{
    struct bench *bench;
    struct capture_marks marks;

    tty.counts = true;
    bench = bench_new();
    capture_mark_reset(bench->capture, bench->board);
    tty.now.brk++;
    marks = say(bench, "x\n");
    cr_expect_eq(marks.line.breaks, 1);
    cr_expect_eq(marks.gap_count, 0);
    bench_free(bench);
}

Test(capture, sums_go_on_where_gaps_are_too_many)
{
    struct bench *bench;
    struct capture_marks marks = {0};

    tty.counts = true;
    bench = bench_new();
    capture_mark_reset(bench->capture, bench->board);
    for (size_t i = 0; i < LINE_GAPS_MAX + 5; i++) {
        tty.now.overrun++;
        marks = say(bench, "x");
    }
    cr_expect_eq(marks.line.overrun, LINE_GAPS_MAX + 5);
    cr_expect_eq(marks.gap_count, LINE_GAPS_MAX);
    bench_free(bench);
}

Test(capture, a_tty_that_does_not_count_is_not_said_to_be_clean)
{
    struct timeouts timeouts = {.boot = 60000, .idle = 1, .total = 60000};
    struct bench *bench = bench_new();
    enum capture_end end;

    capture_mark_reset(bench->capture, bench->board);
    cr_assert_eq(write(bench->master, "x\n", 2), 2);
    capture_run(bench->capture, bench->board, bench->parser, &timeouts, &bench->ctx, &end, NULL);
    cr_expect_eq(end, END_IDLE);
    cr_expect_not(capture_marks(bench->capture).line_known);
    bench_free(bench);
}
