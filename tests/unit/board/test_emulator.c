/* SPDX-License-Identifier: MIT
 *
 * Real QEMUs: what is flashed runs, survives power cycles, and nothing is left behind.
 */
#include "board/emulator.h"

#include "../scratch.h"
#include "base/guard.h"
#include "base/proc.h"
#include "board/connect.h"
#include "board/flash/flash.h"
#include "board/power/power.h"
#include "board/reset/reset.h"

#include <inttypes.h>
#include <signal.h>
#include <string.h>
#include <sys/syscall.h>

static void ignore_sigpipe(void)
{
    signal(SIGPIPE, SIG_IGN);
}

TestSuite(emulator, .init = ignore_sigpipe);

/* Prints `text` on USART1 and stops:
 *
 *         .word 0x20000400, start + 1
 *     start: ldr r0, =UART; movw r2, #0x200c; strh r2, [r0, #12]    @ CR1: UE TE RE
 *         adr r1, text
 *     1:  ldrb.w r2, [r1], #1; cbz r2, 2f; str r2, [r0, #4]; b 1b   @ DR
 *     2:  b 2b
 */
#define FIRMWARE_SIZE 40
static const uint8_t firmware[FIRMWARE_SIZE] = {
    0x00, 0x04, 0x00, 0x20, 0x09, 0x00, 0x00, 0x08, 0x06, 0x48, 0x42, 0xf2, 0x0c, 0x02,
    0x82, 0x81, 0x03, 0xa1, 0x11, 0xf8, 0x01, 0x2b, 0x0a, 0xb1, 0x42, 0x60, 0xfa, 0xe7,
    0xfe, 0xe7, 0x00, 0xbf, 'h',  'i',  '\n', 0x00, 0x00, 0x10, 0x01, 0x40};
#define TEXT_AT 32
#define UART_AT 37 /* the second byte of the UART's address */

struct bench {
    char *dir, *gdb, *uart;
    struct emulator emulator;
    struct driver_env env;
    struct guard *guard; /* a test that fails leaves no QEMU either */
    struct ctx ctx;
    struct err err;
    int console;
};

static bool no_qemu(void)
{
    struct ctx ctx = scratch_patience();
    const char *const argv[] = {"qemu-system-arm", "--version", NULL};

    return proc_run_ok(&(struct proc_spec){.argv = argv}, &ctx, NULL) < 0;
}

static struct bench *bench_new(const char *machine)
{
    struct bench *bench = xcalloc(1, sizeof *bench);

    bench->dir = scratch_make();
    bench->env = (struct driver_env){.board = "virtual-1", .runtime_dir = bench->dir};
    bench->gdb = emulator_socket(&bench->env, "gdb");
    bench->uart = emulator_socket(&bench->env, "uart");
    bench->emulator.conf.machine = xstrdup(machine);
    cr_assert_eq(guard_start(&bench->guard, &bench->err), 0, "%s", bench->err.message);
    bench->ctx = scratch_patience();
    bench->ctx.guard = bench->guard;
    bench->console = -1;
    return bench;
}

static void bench_free(struct bench *bench)
{
    power_qemu.base.done(&bench->emulator);
    guard_stop(bench->guard);
    fields_done(emulator_fields, &bench->emulator);
    close_fd(&bench->console);
    free(bench->gdb);
    free(bench->uart);
    scratch_remove(&bench->dir);
    free(bench);
}

static void power_on(struct bench *bench)
{
    cr_assert_eq(power_qemu.on(&bench->emulator, &bench->env, &bench->ctx, &bench->err), 0, "%s",
                 bench->err.message);
    close_fd(&bench->console);
    cr_assert_eq(connect_unix(bench->uart, &bench->ctx, &bench->console, &bench->err), 0, "%s",
                 bench->err.message);
}

static void power_off(struct bench *bench)
{
    cr_assert_eq(power_qemu.off(&bench->emulator, &bench->env, &bench->ctx, &bench->err), 0);
}

static int flash(struct bench *bench, uint64_t at, const void *bytes, size_t size)
{
    cleanup_free uint8_t *copy = xmalloc(size);
    struct segment segment = {at, copy, size};
    struct image image = {
        .name = (char[]){"fw"}, .segments = &segment, .count = 1, .size_bytes = size};
    cleanup_free char *yaml = xasprintf("{unix: \"%s\", detach: false}", bench->gdb);
    void *self = xcalloc(1, flash_gdb.base.self_size);
    struct yaml_tree *tree = NULL;
    struct diags diags = {0};

    memcpy(copy, bytes, size);
    flash_gdb.base.preset(self);
    cr_assert_eq(yaml_parse(yaml, strlen(yaml), "lab", &tree, &diags, NULL), 0);
    fields_read(flash_gdb.base.fields, yaml_root(tree), "flash gdb", self, &diags);
    yaml_tree_free(tree);
    power_qemu.expect(&bench->emulator, &image);
    int rc = flash_gdb.program(self, &bench->env, &image, &bench->ctx, &bench->err);
    fields_done(flash_gdb.base.fields, self);
    free(self);
    diags_done(&diags);
    return rc;
}

/* Firmware that says three bytes, padded with rubbish to `size`. */
static void flash_text(struct bench *bench, const char *text, size_t size)
{
    cleanup_free uint8_t *bytes = xmalloc(size);

    for (size_t i = 0; i < size; i++)
        bytes[i] = (uint8_t)(i * 2654435761u >> 13);
    memcpy(bytes, firmware, FIRMWARE_SIZE);
    memcpy(bytes + TEXT_AT, text, 3);
    if (str_eq(bench->emulator.conf.machine, "stm32vldiscovery"))
        bytes[UART_AT] = 0x38;
    cr_assert_eq(flash(bench, 0x08000000, bytes, size), 0, "%s", bench->err.message);
}

static void expect_says(struct bench *bench, const char *text)
{
    char said[4] = "";
    size_t count = 0;

    cr_assert_eq(reset_qemu.reset(NULL, &bench->env, &bench->ctx, &bench->err), 0, "%s",
                 bench->err.message);
    while (count < 3) {
        ssize_t n = ctx_read(&bench->ctx, bench->console, said + count, 3 - count, &bench->err);
        cr_assert_gt(n, 0, "%s", bench->err.message);
        count += (size_t)n;
    }
    cr_expect_str_eq(said, text, "%s instead of %s", said, text);
}

static void keeps_what_was_flashed(const char *machine)
{
    struct bench *bench;

    if (no_qemu())
        cr_skip_test("qemu-system-arm is not installed");
    bench = bench_new(machine);
    power_on(bench);
    flash_text(bench, "A1\n", emulator_machine(machine)->flash_size);
    expect_says(bench, "A1\n");
    expect_says(bench, "A1\n");
    power_off(bench);
    power_on(bench);
    expect_says(bench, "A1\n");
    /* What power on loaded must not come back at a reset. */
    flash_text(bench, "B2\n", 4096);
    expect_says(bench, "B2\n");
    expect_says(bench, "B2\n");
    power_off(bench);
    power_on(bench);
    expect_says(bench, "B2\n");
    bench_free(bench);
}

Test(emulator, netduinoplus2_keeps_what_was_flashed)
{
    keeps_what_was_flashed("netduinoplus2");
}

Test(emulator, netduino2_keeps_what_was_flashed)
{
    keeps_what_was_flashed("netduino2");
}

Test(emulator, stm32vldiscovery_keeps_what_was_flashed)
{
    keeps_what_was_flashed("stm32vldiscovery");
}

Test(emulator, knows_how_much_of_its_flash_is_used)
{
    static const struct {
        struct segment segments[2];
        uint64_t used;
    } rows[] = {
        {{{0x08000000, NULL, 100}, {0x08000400, NULL, 8}}, 0x408},
        {{{0x20000000, NULL, 4096}, {0x08000000, NULL, 8}}, 8},         /* RAM is not kept */
        {{{0x07fffff0, NULL, 32}, {0x08100000, NULL, 8}}, 0},           /* before it, and behind */
        {{{0x080ffff0, NULL, 64}, {0x08000000, NULL, 8}}, 1024 * 1024}, /* over its end */
    };

    for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
        struct emulator emulator = {.conf = {.machine = (char[]){"netduino2"}}};
        struct segment segments[2] = {rows[i].segments[0], rows[i].segments[1]};
        emulator_expect(&emulator, &(struct image){.segments = segments, .count = 2});
        cr_expect(emulator.written);
        cr_expect_eq(emulator.used, rows[i].used, "%zu: %" PRIu64, i, emulator.used);
        emulator_expect(&emulator, &(struct image){.segments = segments, .count = 1});
        cr_expect_eq(emulator.used, rows[i].used, "%zu: what is there stays", i);
    }
}

Test(emulator, off_leaves_no_process_and_no_socket)
{
    static const char *const names[] = {"gdb", "uart", "qmp"};
    struct bench *bench;

    if (no_qemu())
        cr_skip_test("qemu-system-arm is not installed");
    bench = bench_new("netduino2");
    power_on(bench);
    cleanup_close int pidfd = dup(proc_pidfd(bench->emulator.process));
    struct proc *process = bench->emulator.process;
    power_on(bench);
    cr_expect_eq(bench->emulator.process, process, "on twice is on");
    power_off(bench);
    cr_expect_null(bench->emulator.process);
    struct pollfd ended = {.fd = pidfd, .events = POLLIN};
    cr_expect_eq(poll(&ended, 1, 0), 1, "the process has ended");
    for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
        cleanup_free char *path = emulator_socket(&bench->env, names[i]);
        cr_expect_not(fs_exists(path), "%s", path);
    }
    power_off(bench);
    cr_expect_eq(reset_qemu.reset(NULL, &bench->env, &bench->ctx, &bench->err), -ERR_NOT_FOUND);
    cr_expect_str_eq(bench->err.message, "the emulator is off; switch its power on first");
    bench_free(bench);
}

/* QEMU does not refuse such a write: only reading back shows that nothing was there. */
Test(emulator, what_is_written_beside_memory_is_found_out)
{
    struct bench *bench;

    if (no_qemu())
        cr_skip_test("qemu-system-arm is not installed");
    bench = bench_new("netduino2");
    power_on(bench);
    cr_expect_eq(flash(bench, 0x60000000, firmware, FIRMWARE_SIZE), -ERR_REFUSED);
    cr_expect(strstr(bench->err.message, ": verify: memory at 0x60000000 cannot be read: E14"),
              "%s", bench->err.message);
    bench_free(bench);
}

Test(emulator, a_killed_emulator_starts_again_with_what_was_saved)
{
    struct bench *bench;

    if (no_qemu())
        cr_skip_test("qemu-system-arm is not installed");
    bench = bench_new("netduino2");
    power_on(bench);
    flash_text(bench, "A1\n", 4096);
    power_off(bench);
    power_on(bench);
    flash_text(bench, "B2\n", 4096);
    proc_stop(bench->emulator.process);
    bench->emulator.process = NULL;
    power_on(bench);
    expect_says(bench, "A1\n");
    bench_free(bench);
}

struct warning {
    struct event_sink sink;
    char *text;
};

static void record_warning(struct event_sink *sink, const struct event *event)
{
    if (event->kind == EVENT_WARNING)
        ((struct warning *)sink)->text = xstrdup(event->text);
}

Test(emulator, a_failed_save_is_a_warning)
{
    struct warning warning = {.sink = {.take = record_warning}};
    struct events *events = events_new();
    struct bench *bench;

    if (no_qemu())
        cr_skip_test("qemu-system-arm is not installed");
    events_add(events, &warning.sink);
    bench = bench_new("netduino2");
    bench->env.events = events;
    power_on(bench);
    flash_text(bench, "A1\n", 4096);
    cleanup_free char *in_the_way = xasprintf("%s/virtual-1.qemu/flash.new", bench->dir);
    cr_assert_eq(fs_mkdirs(in_the_way, 0700, &bench->err), 0);
    power_off(bench);
    cr_expect_null(bench->emulator.process);
    cr_assert_not_null(warning.text);
    cr_expect(str_starts(warning.text, "flash of the emulated board was not saved: pmemsave: "),
              "%s", warning.text);
    free(warning.text);
    events_free(events);
    bench_free(bench);
}

Test(emulator, a_stuck_emulator_is_ended_all_the_same)
{
    struct bench *bench;

    if (no_qemu())
        cr_skip_test("qemu-system-arm is not installed");
    bench = bench_new("netduino2");
    power_on(bench);
    flash_text(bench, "A1\n", 4096); /* so that it is asked for its flash */
    cleanup_close int pidfd = dup(proc_pidfd(bench->emulator.process));
    cr_assert_eq(syscall(SYS_pidfd_send_signal, pidfd, SIGSTOP, NULL, 0), 0);
    power_off(bench);
    struct pollfd ended = {.fd = pidfd, .events = POLLIN};
    cr_expect_eq(poll(&ended, 1, 0), 1, "the process has ended");
    cr_expect_not(fs_exists(bench->gdb));
    cr_expect_not(fs_exists(bench->uart));
    bench_free(bench);
}

Test(emulator, says_why_it_does_not_start)
{
    static const struct {
        const char *binary, *arg, *message;
    } rows[] = {
        {NULL, "-bogus",
         "emulator netduino2: QEMU ended at once: qemu-system-arm: -bogus: "
         "invalid option"},
        {"sh", "-x", "emulator netduino2: QEMU ended at once: sh: 0: "},
        {"no-such-qemu", NULL, "apt install qemu-system-arm"},
    };

    if (no_qemu())
        cr_skip_test("qemu-system-arm is not installed");
    for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
        struct bench *bench = bench_new("netduino2");
        bench->emulator.conf.binary = xstrdup(rows[i].binary);
        if (rows[i].arg)
            strv_add(&bench->emulator.conf.args, rows[i].arg);
        cr_expect_eq(power_qemu.on(&bench->emulator, &bench->env, &bench->ctx, &bench->err),
                     -ERR_TOOL);
        cr_expect(strstr(bench->err.message, rows[i].message), "%s", bench->err.message);
        cr_expect_null(bench->emulator.process);
        bench_free(bench);
    }
}

Test(emulator, a_path_too_long_for_a_socket_is_said)
{
    struct bench *bench = bench_new("netduino2");
    cleanup_free char *deep = xasprintf("%s/%0100d", bench->dir, 0);

    bench->env.runtime_dir = deep;
    cr_expect_eq(power_qemu.on(&bench->emulator, &bench->env, &bench->ctx, &bench->err),
                 -ERR_CONFIG);
    cr_expect(strstr(bench->err.message, "may have 107 bytes"), "%s", bench->err.message);
    bench_free(bench);
}

Test(emulator, a_comma_in_the_path_is_no_option)
{
    struct bench *bench;

    if (no_qemu())
        cr_skip_test("qemu-system-arm is not installed");
    bench = bench_new("netduino2");
    cleanup_free char *odd = xasprintf("%s/a,path=b", bench->dir);
    bench->env.runtime_dir = odd;
    for (int i = 0; i < 2; i++) { /* the second time with flash to load */
        cr_assert_eq(power_qemu.on(&bench->emulator, &bench->env, &bench->ctx, &bench->err), 0,
                     "%s", bench->err.message);
        power_off(bench);
    }
    bench_free(bench);
}

Test(emulator, is_cancelled_while_it_starts)
{
    struct bench *bench;
    int cancel[2];

    if (no_qemu())
        cr_skip_test("qemu-system-arm is not installed");
    bench = bench_new("netduino2");
    cr_assert_eq(pipe(cancel), 0);
    cr_assert_eq(write(cancel[1], "x", 1), 1);
    bench->ctx.cancel_fd = cancel[0];
    cr_expect_eq(power_qemu.on(&bench->emulator, &bench->env, &bench->ctx, &bench->err),
                 -ERR_CANCELLED);
    cr_expect_null(bench->emulator.process);
    close(cancel[0]);
    close(cancel[1]);
    bench_free(bench);
}

Test(emulator, unknown_machines_are_a_mistake_of_the_lab)
{
    struct diags diags = {0};
    struct yaml_tree *tree = NULL;
    static const char yaml[] = "{machine: netduino3}";
    struct emulator emulator = {0};
    struct err err = {0};

    cr_assert_eq(yaml_parse(yaml, strlen(yaml), "lab.yaml", &tree, &diags, NULL), 0);
    fields_read(emulator_fields, yaml_root(tree), "power qemu", &emulator, &diags);
    power_qemu.base.check(&emulator, yaml_root(tree), &diags);
    cr_expect_eq(diags_check(&diags, &err), -ERR_CONFIG);
    cr_expect(strstr(err.message, "unknown machine 'netduino3'"), "%s", err.message);
    fields_done(emulator_fields, &emulator);
    yaml_tree_free(tree);
    diags_done(&diags);
}
