/* SPDX-License-Identifier: MIT
 *
 * The driver over a unix socket, with the fake server behind it.
 */
#include "../scratch.h"
#include "board/flash/flash.h"
#include "board/reset/reset.h"
#include "fake_gdb.h"

#include <signal.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>

static void ignore_sigpipe(void)
{
    signal(SIGPIPE, SIG_IGN);
}

TestSuite(flash_gdb, .init = ignore_sigpipe);

/* Events, as lines. */
struct recorder {
    struct event_sink sink;
    struct buf text;
    uint64_t last;
    unsigned progress;
};

static void record(struct event_sink *sink, const struct event *event)
{
    struct recorder *recorder = (struct recorder *)sink;

    if (event->kind == EVENT_COMMAND)
        buf_addf(&recorder->text, "%s\n", event->text);
    if (event->kind != EVENT_PROGRESS)
        return;
    recorder->progress++;
    if (event->number == event->total)
        buf_addf(&recorder->text, "%s %d of %d\n", event->text, (int)event->number,
                 (int)event->total);
    cr_expect(event->number > recorder->last || recorder->last == event->total);
    recorder->last = event->number;
}

struct bench {
    char *dir, *socket;
    struct fake_gdb *fake;
    struct recorder recorder;
    struct events *events;
    struct driver_env env;
    struct err err;
};

static struct bench *bench_new(void)
{
    struct bench *bench = xcalloc(1, sizeof *bench);

    bench->dir = scratch_make();
    bench->socket = fs_join(bench->dir, "gdb");
    bench->fake = fake_gdb_new();
    bench->recorder = (struct recorder){.sink = {.take = record}, .text = BUF_INIT(1 << 16)};
    bench->events = events_new();
    events_add(bench->events, &bench->recorder.sink);
    bench->env = (struct driver_env){.board = "nucleo",
                                     .runtime_dir = bench->dir,
                                     .work_dir = bench->dir,
                                     .events = bench->events};
    return bench;
}

static void bench_free(struct bench *bench)
{
    fake_gdb_free(bench->fake);
    events_free(bench->events);
    buf_done(&bench->recorder.text);
    free(bench->socket);
    scratch_remove(&bench->dir);
    free(bench);
}

/* A driver, its options read from YAML as a board's are. */
static void *instance_new(const struct driver_base *base, const char *yaml, struct diags *diags)
{
    void *self = xcalloc(1, base->self_size);
    struct yaml_tree *tree = NULL;

    base->preset(self);
    cr_assert_eq(yaml_parse(yaml, strlen(yaml), "lab.yaml", &tree, diags, NULL), 0, "%s", yaml);
    fields_read(base->fields, yaml_root(tree), "gdb", self, diags);
    base->check(self, yaml_root(tree), diags);
    yaml_tree_free(tree);
    return self;
}

static void *driver_new(const char *yaml, struct diags *diags)
{
    return instance_new(&flash_gdb.base, yaml, diags);
}

static void driver_free(void *self)
{
    fields_done(flash_gdb.base.fields, self);
    free(self);
}

static int program(struct bench *bench, const char *options, const struct image *image)
{
    cleanup_free char *yaml = xasprintf("{unix: \"%s\"%s}", bench->socket, options);
    struct ctx ctx = scratch_patience();
    struct diags diags = {0};
    void *self = driver_new(yaml, &diags);
    int rc;

    cr_assert_eq(diags_check(&diags, &bench->err), 0, "%s", bench->err.message);
    rc = flash_gdb.program(self, &bench->env, image, &ctx, &bench->err);
    driver_free(self);
    diags_done(&diags);
    return rc;
}

/* Two segments in one flash block, one across two, one in RAM. */
static uint8_t bytes[4][6000];
static struct segment segments[] = {
    {FAKE_FLASH_AT, bytes[0], 100},
    {FAKE_FLASH_AT + 200, bytes[1], 300},
    {FAKE_FLASH_AT + 0x2ff0, bytes[2], 6000},
    {FAKE_RAM_AT + 8, bytes[3], 5000},
};
static const struct image image = {.name = (char[]){"fw.elf"},
                                   .format = "elf",
                                   .segments = segments,
                                   .count = ARRAY_SIZE(segments),
                                   .size_bytes = 100 + 300 + 6000 + 5000};

static void fill_image(void)
{
    for (size_t i = 0; i < sizeof bytes; i++)
        bytes[i / 6000][i % 6000] = (uint8_t)(i * 31 >> 3);
}

static void expect_image(const struct fake_gdb *fake, bool erased)
{
    for (size_t i = 0; i < 3; i++)
        cr_expect_arr_eq(fake->flash + (segments[i].address - FAKE_FLASH_AT), segments[i].bytes,
                         segments[i].size, "segment %zu", i);
    cr_expect_arr_eq(fake->ram + 8, bytes[3], 5000);
    cr_expect_eq(fake->flash[100], erased ? 0xff : 0x5a, "between the segments");
    cr_expect_eq(fake->flash[0x2fef], erased ? 0xff : 0x5a);
    cr_expect_eq(fake->flash[0x1000], 0x5a, "a block that holds no segment stays");
    cr_expect_eq(fake->flash[0x5000], 0x5a);
}

/* The steps in order, with repeats of one kind taken together. */
static char *steps_of(const struct fake_gdb *fake)
{
    struct buf steps = BUF_INIT(1 << 16);
    const char *last = "";

    for (size_t i = 0; i < fake->requests.count; i++) {
        const char *request = fake->requests.items[i];
        static const char *const kinds[] = {
            "qSupported", "QStart", "qRcmd,", "vAttach;", "qXfer", "vFlashErase", "vFlashWrite",
            "vFlashDone", "qCRC",   "?",      "X",        "M",     "m",           "D"};
        const char *kind = request;
        for (size_t k = 0; k < ARRAY_SIZE(kinds); k++) {
            if (str_starts(request, kinds[k])) {
                kind = kinds[k];
                break;
            }
        }
        if (strcmp(kind, last))
            buf_addf(&steps, "%s%s", steps.size ? " " : "", kind);
        last = kind;
    }
    return buf_steal(&steps);
}

Test(flash_gdb, erases_writes_and_compares)
{
    struct bench *bench = bench_new();

    fill_image();
    fake_gdb_listen(bench->fake, bench->socket);
    cr_expect_eq(program(bench, "", &image), 0, "%s", bench->err.message);
    fake_gdb_stop(bench->fake);
    cleanup_free char *steps = steps_of(bench->fake);
    cr_expect_str_eq(steps,
                     "qSupported QStart ? qXfer vFlashErase vFlashWrite vFlashDone X qCRC D");
    cr_expect_eq(fake_gdb_count(bench->fake, "vFlashErase:8000000,1000"), 1);
    cr_expect_eq(fake_gdb_count(bench->fake, "vFlashErase:8002000,3000"), 1);
    cr_expect_eq(fake_gdb_count(bench->fake, "vFlashErase"), 2);
    cr_expect_eq(fake_gdb_count(bench->fake, "vFlashDone"), 1);
    expect_image(bench->fake, true);
    bench_free(bench);
}

Test(flash_gdb, without_a_map_all_is_memory)
{
    struct bench *bench = bench_new();

    fill_image();
    bench->fake->map = bench->fake->x = bench->fake->crc = false;
    bench->fake->flat = true;
    fake_gdb_listen(bench->fake, bench->socket);
    cr_expect_eq(program(bench, "", &image), 0, "%s", bench->err.message);
    fake_gdb_stop(bench->fake);
    cleanup_free char *steps = steps_of(bench->fake);
    cr_expect_str_eq(steps, "qSupported QStart ? X M qCRC m D");
    expect_image(bench->fake, false);
    bench_free(bench);
}

Test(flash_gdb, commands_stand_before_and_after)
{
    struct bench *bench = bench_new();

    fill_image();
    bench->fake->packet_size = 77; /* hundreds of packets */
    bench->fake->answers[0] =
        (struct fake_answer){"qRcmd,68616c74", 0, "O68616c7465640a\x1fOK", false};
    fake_gdb_listen(bench->fake, bench->socket);
    cr_expect_eq(program(bench,
                         ", before: [halt, probe], attach: 18, after: [reset run], "
                         "detach: false, pipeline: 1",
                         &image),
                 0, "%s", bench->err.message);
    fake_gdb_stop(bench->fake);
    cleanup_free char *steps = steps_of(bench->fake);
    cr_expect_str_eq(steps, "qSupported QStart ? qRcmd, vAttach; qXfer vFlashErase vFlashWrite "
                            "vFlashDone X qCRC qRcmd,");
    cr_expect_eq(fake_gdb_count(bench->fake, "vAttach;12"), 1);
    cr_expect_eq(bench->fake->most_in_flight, 1);
    cleanup_free char *log_path = fs_join(bench->dir, "flash.log");
    cleanup_free char *log = scratch_text(log_path);
    cr_expect_str_eq(log, "monitor halt\nhalted\nmonitor probe\nmonitor reset run\n");
    cr_expect_str_eq(bench->recorder.text.data,
                     "monitor halt\nmonitor probe\nflash 11400 of 11400\n"
                     "verify 11400 of 11400\nmonitor reset run\n");
    cr_expect_leq(bench->recorder.progress, 2 * 51);
    bench_free(bench);
}

Test(flash_gdb, failures_say_what_and_where)
{
    static const struct {
        struct fake_answer answer;
        int rc;
        const char *message;
    } rows[] = {
        {{"vFlashErase", 0, "E.locked", false},
         -ERR_REFUSED,
         "erasing flash 0x08000000-0x08000fff: locked"},
        {{"vFlashWrite:8002ff0", 0, "E22", false},
         -ERR_REFUSED,
         "flash at 0x08002ff0 is write-protected or not memory: E22"},
        {{"vFlashDone", 0, "E01", false}, -ERR_REFUSED, "writing flash: E01"},
        {{"vFlashWrite", 2, FAKE_HANG_UP, false},
         -ERR_GONE,
         "the GDB server closed the connection"},
        {{"X2", 0, "OK", false}, -ERR_REFUSED, "verify: 0x20000008 holds 0x00, should be 0x"},
        {{"qRcmd,", 0, "E01", false}, -ERR_REFUSED, "monitor reset halt: E01"},
    };

    fill_image();
    for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
        struct bench *bench = bench_new();
        bench->fake->answers[0] = rows[i].answer;
        fake_gdb_listen(bench->fake, bench->socket);
        int rc = program(bench, ", before: [reset halt]", &image);
        fake_gdb_stop(bench->fake);
        cleanup_free char *want = xasprintf("%s: %s", bench->socket, rows[i].message);
        cr_expect_eq(rc, rows[i].rc, "%d", rc);
        cr_expect(str_starts(bench->err.message, want), "%s", bench->err.message);
        cr_expect_eq(fake_gdb_count(bench->fake, "D"), 0, "the core stays as the failure left it");
        bench_free(bench);
    }
}

static void *listen_late(void *arg)
{
    struct bench *bench = arg;
    struct ctx ctx = scratch_patience();

    ctx_sleep(&ctx, 60, NULL);
    fake_gdb_listen(bench->fake, bench->socket);
    return NULL;
}

Test(flash_gdb, waits_for_a_server_that_is_starting)
{
    struct bench *bench = bench_new();
    pthread_t thread;

    fill_image();
    cr_assert_eq(pthread_create(&thread, NULL, listen_late, bench), 0);
    cr_expect_eq(program(bench, "", &image), 0, "%s", bench->err.message);
    pthread_join(thread, NULL);
    fake_gdb_stop(bench->fake);
    bench_free(bench);
}

Test(flash_gdb, says_that_no_server_runs)
{
    static const char *const links[] = {"{unix: /nonexistent/gdb}", "{tcp: \"127.0.0.1:9\"}",
                                        "{serial: /nonexistent/tty}"};
    struct bench *bench = bench_new();
    struct ctx patience = scratch_patience();

    for (size_t i = 0; i < ARRAY_SIZE(links); i++) {
        struct ctx ctx = ctx_narrow(&patience, 50);
        struct diags diags = {0};
        void *self = driver_new(links[i], &diags);
        cr_expect_eq(flash_gdb.program(self, &bench->env, &image, &ctx, &bench->err),
                     -ERR_NOT_FOUND, "%s: %s", links[i], bench->err.message);
        driver_free(self);
        diags_done(&diags);
    }
    bench_free(bench);
}

Test(flash_gdb, checks_its_options)
{
    static const struct {
        const char *yaml, *message; /* NULL: good */
    } rows[] = {
        {"{tcp: \"localhost:3333\"}", NULL},
        {"{serial: /dev/ttyACM0, baud: 9600, attach: 1, before: [swdp_scan]}", NULL},
        {"{}", "needs exactly one of unix, tcp and serial"},
        {"{unix: /a, tcp: \"b:1\"}", "needs exactly one of unix, tcp and serial"},
        {"{unix: /a, pipeline: 17}", "pipeline"},
        {"{unix: /a, before_all: x}", "before_all"},
        {"{tcp: localhost}", "'localhost' is not host:port"},
    };

    for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
        struct diags diags = {0};
        struct err err = {0};
        void *self = driver_new(rows[i].yaml, &diags);
        int rc = diags_check(&diags, &err);
        cr_expect_eq(rc, rows[i].message ? -ERR_CONFIG : 0, "%s: %s", rows[i].yaml, err.message);
        cr_expect(!rows[i].message || strstr(err.message, rows[i].message), "%s", err.message);
        driver_free(self);
        diags_done(&diags);
    }
}

/* ---- reset gdb ------------------------------------------------------------------------------- */

static int run_reset(struct bench *bench, const char *options)
{
    cleanup_free char *yaml = xasprintf("{unix: \"%s\"%s}", bench->socket, options);
    struct ctx ctx = scratch_patience();
    struct diags diags = {0};
    void *self = instance_new(&reset_gdb.base, yaml, &diags);
    int rc = diags_check(&diags, &bench->err);

    if (rc == 0)
        rc = reset_gdb.reset(self, &bench->env, &ctx, &bench->err);
    fields_done(reset_gdb.base.fields, self);
    free(self);
    diags_done(&diags);
    return rc;
}

Test(reset_gdb, tells_the_server_and_detaches)
{
    static const char *const rows[][3] = {
        {"", "monitor reset run\n", "qRcmd,72657365742072756e"},
        {", run: [reset, go]", "monitor reset\nmonitor go\n", "qRcmd,676f"},
    };

    for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
        struct bench *bench = bench_new();
        cleanup_free char *log = fs_join(bench->dir, "reset.log");
        fake_gdb_listen(bench->fake, bench->socket);
        cr_expect_eq(run_reset(bench, rows[i][0]), 0, "%s", bench->err.message);
        fake_gdb_stop(bench->fake);
        cr_expect_str_eq(bench->recorder.text.data, rows[i][1]);
        cr_expect_eq(fake_gdb_count(bench->fake, rows[i][2]), 1);
        cr_expect_eq(fake_gdb_count(bench->fake, "D"), 1, "or the chip stays halted");
        cleanup_free char *said = scratch_text(log);
        cr_expect(str_starts(said, "monitor reset"), "%s", said);
        bench_free(bench);
    }
}

Test(reset_gdb, an_error_is_told)
{
    struct bench *bench = bench_new();

    bench->fake->answers[0] = (struct fake_answer){"qRcmd", 0, "E01", true};
    fake_gdb_listen(bench->fake, bench->socket);
    cr_expect_eq(run_reset(bench, ""), -ERR_REFUSED, "%s", bench->err.message);
    cr_expect(strstr(bench->err.message, "reset run"), "%s", bench->err.message);
    fake_gdb_stop(bench->fake);
    cr_expect_eq(run_reset(bench, ", run: []"), -ERR_CONFIG);
    cr_expect(strstr(bench->err.message, "'run' names no command"), "%s", bench->err.message);
    bench_free(bench);
}
