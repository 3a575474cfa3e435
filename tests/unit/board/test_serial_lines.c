/* SPDX-License-Identifier: MIT
 *
 * reset serial and power serial: their patterns, and what becomes of a tty's lines. ci/usb-lab has
 * a real adapter's driver.
 */
#include "../scratch.h"
#include "board/console/serial.h"
#include "board/console_tty.h"
#include "board/flash/flash.h"
#include "board/modem_lines.h"
#include "board/power/power.h"
#include "board/reset/reset.h"
#include "board/reset/serial_pattern.h"
#include "fake_kernel.h"

#include <asm/termbits.h>
#include <criterion/criterion.h>
#include <fcntl.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/ioctl.h>

/* ---- patterns -------------------------------------------------------------------------------- */

static void print_pattern(const struct serial_pattern *pattern, struct buf *out)
{
    for (size_t i = 0; i < pattern->count; i++) {
        const struct serial_step *step = &pattern->steps[i];
        const unsigned all = step->set | step->clear;
        buf_addf(out, "%s%s%s%s", i ? "; " : "", step->set & MODEM_DTR ? "DTR" : "",
                 step->clear & MODEM_DTR ? "dtr" : "", all == 3 ? "+" : "");
        buf_addf(out, "%s%s", step->set & MODEM_RTS ? "RTS" : "",
                 step->clear & MODEM_RTS ? "rts" : "");
        if (step->wait_ms)
            buf_addf(out, " %d", (int)step->wait_ms);
    }
}

/* Words between blanks. */
static int read_pattern(const char *text, struct serial_pattern *ret, size_t *ret_bad,
                        struct err *err)
{
    cleanup_strv struct strv words = {0};

    strv_split(&words, text, ' ');
    return serial_pattern_read(&words, ret, ret_bad, err);
}

Test(serial_pattern, is_read)
{
    /* a line in capitals is set, in small letters cleared */
    static const char *const rows[][2] = {
        {"nrst-dtr", "DTR 100; dtr"},
        {"nrst-rts", "RTS 100; rts"},
        {"arduino", "dtr+rts 250; DTR+RTS"},
        {"esptool", "dtr+RTS 100; rts"},
        {"esptool-boot", "dtr+RTS 100; DTR+rts 50; dtr"},
        {"dtr=1 rts=0 100ms dtr=0", "DTR+rts 100; dtr"},
        {"dtr=1", "DTR"},
        {"100ms dtr=1 1s 5ms dtr=0", " 100; DTR 1005; dtr"},
        {"rts=1 10s rts=0", "RTS 10000; rts"},
    };

    for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
        cleanup_buf struct buf got = BUF_INIT(4096);
        struct serial_pattern pattern;
        struct err err = {0};
        size_t bad;
        cr_assert_eq(read_pattern(rows[i][0], &pattern, &bad, &err), 0, "%s", err.message);
        print_pattern(&pattern, &got);
        cr_expect_str_eq(got.data, rows[i][1], "%s", rows[i][0]);
    }
}

Test(serial_pattern, mistakes_are_told_where_they_are)
{
    static const struct {
        const char *text;
        size_t bad;
        const char *message;
    } rows[] = {
        {"", 0, "moves no line"},
        {"esptol", 0, "unknown pattern 'esptol' (did you mean 'esptool'?)"},
        {"x", 0,
         "unknown pattern 'x'; there are: nrst-dtr, nrst-rts, arduino, esptool, esptool-boot, "
         "dtr-rts, rts-dtr"},
        {"dtr=1 100ms rst=0", 2, "unknown line 'rst' (did you mean 'rts'?)"},
        {"dtr=1 100ms reset=0", 2, "unknown line 'reset'; there are: dtr, rts"},
        {"dtr=2", 0, "'dtr=2': a line becomes 0 or 1"},
        {"dtr=1 rts=", 1, "'rts=': a line becomes 0 or 1"},
        {"dtr=1 100 dtr=0", 1, "'100' is no step: steps are such as dtr=1, rts=0 and 100ms"},
        {"dtr=1 esptool", 1, "'esptool' is no step: steps are such as dtr=1, rts=0 and 100ms"},
        {"dtr=1 0 dtr=0", 1, "'0' is no step: steps are such as dtr=1, rts=0 and 100ms"},
        {"dtr=1 rts=0 dtr=0", 2,
         "'dtr=0': dtr was moved already, and what stands without a wait between happens at once"},
        {"dtr=1 6s dtr=0 5s", 3, "'5s': it may wait for 10 s in all"},
        {"100ms", 0, "moves no line"},
        {"rts=1 1ms rts=0 1ms rts=1 1ms rts=0 1ms rts=1 1ms rts=0 1ms rts=1 1ms rts=0 1ms "
         "rts=1 1ms rts=0 1ms rts=1 1ms rts=0 1ms rts=1 1ms rts=0 1ms rts=1 1ms rts=0 1ms rts=1",
         32, "is longer than 16 steps"},
    };

    for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
        struct serial_pattern pattern;
        struct err err = {0};
        size_t bad = 99;
        cr_expect_eq(read_pattern(rows[i].text, &pattern, &bad, &err), -ERR_CONFIG, "%s",
                     rows[i].text);
        cr_expect_str_eq(err.message, rows[i].message);
        cr_expect_eq(bad, rows[i].bad, "%s: %zu", rows[i].text, bad);
    }
}

struct mover {
    struct buf log;
    int cancel_at, cancel_fd; /* after so many changes */
    int changes;
};

static int note(void *arg, unsigned set, unsigned clear, struct err *err)
{
    struct mover *mover = arg;

    (void)err;
    buf_addf(&mover->log, "+%u-%u ", set, clear);
    if (++mover->changes == mover->cancel_at)
        eventfd_write(mover->cancel_fd, 1);
    return 0;
}

Test(serial_pattern, a_run_that_is_cancelled_leaves_no_board_in_reset)
{
    int cancel = eventfd(0, EFD_CLOEXEC);
    struct ctx ctx = ctx_root(cancel, NULL);
    struct mover mover = {.log = BUF_INIT(4096), .cancel_at = 1, .cancel_fd = cancel};
    struct serial_pattern pattern;
    struct err err = {0};
    int64_t began = ctx_now_ns();
    size_t bad;

    cr_assert_eq(read_pattern("dtr=0 rts=1 9s dtr=1 rts=0 1s dtr=0", &pattern, &bad, NULL), 0);
    cr_expect_eq(serial_pattern_run(&pattern, note, &mover, &ctx, &err), -ERR_CANCELLED);
    cr_expect_str_eq(mover.log.data, "+2-1 +0-3 ");
    cr_expect_lt(ctx_now_ns() - began, (int64_t)5000000000);
    buf_done(&mover.log);
    close(cancel);
}

Test(serial_pattern, a_deadline_ends_a_wait)
{
    struct ctx root = ctx_root(-1, NULL), ctx = ctx_narrow(&root, 30);
    struct mover mover = {.log = BUF_INIT(4096)};
    struct serial_pattern pattern;
    size_t bad;

    cr_assert_eq(read_pattern("rts=1 9s rts=0", &pattern, &bad, NULL), 0);
    cr_expect_eq(serial_pattern_run(&pattern, note, &mover, &ctx, NULL), -ERR_TIMEOUT);
    cr_expect_str_eq(mover.log.data, "+2-0 +0-2 ");
    buf_done(&mover.log);
}

Test(serial_pattern, waits_are_kept)
{
    struct ctx ctx = scratch_patience();
    struct mover mover = {.log = BUF_INIT(4096)};
    struct serial_pattern pattern;
    int64_t began = ctx_now_ns();
    size_t bad;

    cr_assert_eq(read_pattern("rts=1 20ms rts=0 20ms", &pattern, &bad, NULL), 0);
    cr_expect_eq(serial_pattern_run(&pattern, note, &mover, &ctx, NULL), 0);
    cr_expect_geq(ctx_now_ns() - began, 40000000);
    buf_done(&mover.log);
}

/* ---- drivers --------------------------------------------------------------------------------- */

struct bench {
    int board; /* the board's end */
    char tty[64];
    struct tty_target console_target;
    struct console_tty console;
    int console_fd;
    struct driver_env env;
    struct ctx ctx;
};

static void set_up(struct bench *bench)
{
    *bench = (struct bench){.env = {.board = "b"}, .ctx = scratch_patience()};
    bench->board = posix_openpt(O_RDWR | O_NOCTTY | O_CLOEXEC);
    cr_assert(bench->board >= 0 && grantpt(bench->board) == 0 && unlockpt(bench->board) == 0);
    cr_assert_eq(ptsname_r(bench->board, bench->tty, sizeof bench->tty), 0);
    bench->console_target.path = bench->tty;
    console_tty_init(&bench->console, &bench->console_target);
    bench->env.console = &bench->console;
    fake_modem(bench->tty);
}

static void open_console(struct bench *bench)
{
    struct err err = {0};

    cr_assert_eq(serial_open(bench->tty, 115200, &bench->console_fd, &err), 0, "%s", err.message);
    console_tty_set(&bench->console, bench->console_fd);
}

static void *make(const struct driver_base *base, const char *options)
{
    void *self = xcalloc(1, base->self_size);
    struct diags diags = {0};
    struct yaml_tree *tree;

    cr_assert_eq(yaml_parse(options, strlen(options), "t", &tree, &diags, NULL), 0, "%s", options);
    if (base->preset)
        base->preset(self);
    fields_read(base->fields, yaml_root(tree), base->name, self, &diags);
    if (!diags.messages.count)
        base->check(self, yaml_root(tree), &diags);
    cr_assert_eq(diags.messages.count, 0, "%s", diags.messages.items[0]);
    yaml_tree_free(tree);
    return self;
}

static void unmake(const struct driver_base *base, void *self)
{
    fields_done(base->fields, self);
    free(self);
}

static int run_reset(struct bench *bench, const char *options, struct err *err)
{
    void *self = make(&reset_serial.base, options);
    int rc = reset_serial.reset(self, &bench->env, &bench->ctx, err);

    unmake(&reset_serial.base, self);
    return rc;
}

Test(reset_serial, borrows_the_open_console)
{
    struct bench bench;
    struct err err = {0};

    set_up(&bench);
    open_console(&bench);
    cr_expect_eq(run_reset(&bench, "{pattern: esptool-boot}", &err), 0, "%s", err.message);
    cr_expect_str_eq(fake_log(), "dtr0 rts1\ndtr1 rts0\ndtr0 rts0\n");
    cr_expect_geq(fcntl(bench.console_fd, F_GETFD), 0, "it is the console's to close");
    serial_close(bench.console_fd);
    close(bench.board);
}

Test(reset_serial, knows_the_consoles_tty_by_another_name)
{
    cleanup_scratch char *dir = scratch_make();
    cleanup_free char *link = fs_join(dir, "by-id");
    cleanup_free char *options = xasprintf("{path: %s, pattern: [rts=1, 1ms, rts=0]}", link);
    struct bench bench;
    struct err err = {0};

    set_up(&bench);
    open_console(&bench);
    cr_assert_eq(symlink(bench.tty, link), 0);
    cr_expect_eq(run_reset(&bench, options, &err), 0, "%s", err.message);
    cr_expect_str_eq(fake_log(), "dtr1 rts1\ndtr1 rts0\n");
    serial_close(bench.console_fd);
    close(bench.board);
}

Test(reset_serial, another_tty_is_not_the_consoles)
{
    int other = posix_openpt(O_RDWR | O_NOCTTY | O_CLOEXEC);
    cleanup_free char *options = NULL;
    struct bench bench;
    struct err err = {0};
    char name[64];

    set_up(&bench);
    open_console(&bench);
    cr_assert(other >= 0 && grantpt(other) == 0 && unlockpt(other) == 0);
    cr_assert_eq(ptsname_r(other, name, sizeof name), 0);
    options = xasprintf("{path: %s, pattern: esptool}", name);
    cr_expect_eq(run_reset(&bench, options, &err), -ERR_CONFIG, "that one has no lines");
    cr_expect(str_starts(err.message, name), "%s", err.message);
    cr_expect_str_eq(fake_log(), "");
    serial_close(bench.console_fd);
    close(bench.board);
    close(other);
}

Test(reset_serial, opens_what_is_closed_and_lets_the_lines_stay)
{
    struct bench bench;
    struct termios2 tty;
    struct err err = {0};

    set_up(&bench);
    cr_assert_eq(ioctl(bench.board, TCGETS2, &tty), 0);
    tty.c_cflag |= HUPCL;
    cr_assert_eq(ioctl(bench.board, TCSETS2, &tty), 0);
    cr_expect_eq(run_reset(&bench, "{pattern: [dtr=1, 1ms, dtr=0]}", &err), 0, "%s", err.message);
    cr_expect_str_eq(fake_log(), "dtr1 rts1\ndtr0 rts1\n");
    cr_assert_eq(ioctl(bench.board, TCGETS2, &tty), 0);
    cr_expect_eq(tty.c_cflag & HUPCL, 0, "closing would drop DTR");
    cr_expect_eq(tty.c_lflag & ECHO, 0, "the board would hear itself");
    open_console(&bench); /* nobody has it any more */
    serial_close(bench.console_fd);
    close(bench.board);
}

Test(reset_serial, a_tty_of_somebody_else_is_busy)
{
    struct bench bench;
    struct err err = {0};
    int theirs = -1;

    set_up(&bench);
    cr_assert_eq(serial_open(bench.tty, 115200, &theirs, NULL), 0);
    cr_expect_eq(run_reset(&bench, "{pattern: esptool}", &err), -ERR_BUSY, "%s", err.message);
    cr_expect_str_eq(fake_log(), "");
    serial_close(theirs);
    close(bench.board);
}

Test(reset_serial, a_tty_without_lines_is_told)
{
    struct bench bench;
    struct err err = {0};

    set_up(&bench);
    fake_modem("/dev/null");
    cr_expect_eq(run_reset(&bench, "{pattern: esptool}", &err), -ERR_CONFIG);
    cr_expect(strstr(err.message, "has no modem lines"), "%s", err.message);
    cr_expect(str_starts(err.message, bench.tty), "%s", err.message);
    close(bench.board);
}

Test(power_serial, switches_and_tells_by_the_open_console)
{
    static const struct {
        const char *options, *log;
    } rows[] = {
        {"{line: rts}", "dtr1 rts0\ndtr1 rts1\n"},
        {"{line: dtr, inverted: true}", "dtr1 rts1\ndtr0 rts1\n"},
    };

    for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
        void *self = make(&power_serial.base, rows[i].options);
        size_t before = strlen(fake_log());
        struct bench bench;
        struct err err = {0};
        bool is_on = true;
        set_up(&bench);
        cr_expect_eq(power_serial.is_on(self, &bench.env, &bench.ctx, &is_on, &err), -ERR_CONFIG);
        cr_expect(strstr(err.message, "opening it would set its lines"), "%s", err.message);
        open_console(&bench);
        cr_assert_eq(power_serial.off(self, &bench.env, &bench.ctx, &err), 0, "%s", err.message);
        cr_assert_eq(power_serial.is_on(self, &bench.env, &bench.ctx, &is_on, &err), 0);
        cr_expect_not(is_on);
        cr_assert_eq(power_serial.on(self, &bench.env, &bench.ctx, &err), 0, "%s", err.message);
        cr_assert_eq(power_serial.is_on(self, &bench.env, &bench.ctx, &is_on, &err), 0);
        cr_expect(is_on);
        cr_expect_str_eq(fake_log() + before, rows[i].log);
        serial_close(bench.console_fd);
        close(bench.board);
        unmake(&power_serial.base, self);
    }
}

/* ---- into a bootloader ----------------------------------------------------------------------- */

/* The chip's own words come after that: with a board's end that says nothing it is not reached. */
Test(flash_stm32_uart, dtr_and_rts_bring_the_chip_into_its_bootloader)
{
    static const struct {
        const char *options, *log;
    } cases[] = {
        {"{enter: dtr-rts}", "dtr1 rts0\ndtr0 rts0\n"},
        {"{enter: rts-dtr}", "dtr0 rts1\ndtr0 rts0\n"},
        {"{enter: [dtr=0, rts=1, 1ms, rts=0]}", "dtr0 rts1\ndtr0 rts0\n"},
        {"{}", ""},
    };
    struct image_options options = {.has_at = true, .at = 0x08000000};
    struct image *image = NULL;
    struct bench bench;

    cr_assert_eq(image_load("fw", "x", 1, &options, &image, NULL), 0);
    set_up(&bench);
    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        void *self = make(&flash_stm32_uart.base, cases[i].options);
        struct ctx moment = ctx_narrow(&bench.ctx, 1000);
        size_t before = strlen(fake_log());
        struct err err = {0};
        fake_modem(bench.tty); /* opening sets both */
        cr_expect_lt(flash_stm32_uart.program(self, &bench.env, image, &moment, &err), 0);
        cr_expect_str_eq(fake_log() + before, cases[i].log, "%s", cases[i].options);
        unmake(&flash_stm32_uart.base, self);
    }
    image_free(image);
    close(bench.board);
}
