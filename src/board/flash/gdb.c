/* SPDX-License-Identifier: MIT
 *
 * flash gdb: writes firmware through any GDB server.
 *
 *     flash: {gdb: {tcp: "localhost:3333", before: [reset halt], after: [reset run]}}   # OpenOCD
 *     flash: {gdb: {serial: /dev/ttyBmpGdb, before: [swdp_scan], attach: 1}}            # Black
 * Magic
 *
 * What the server's memory map calls flash is erased and written with vFlash packets; everything
 * else, and all memory of a server without a map, is written as memory. One connection does it all:
 * connect, `before`, attach, write, compare, `after`, detach. The comparison is part of
 * programming, because `after` may start the firmware, which may then write to flash itself.
 */
#include "base/fs.h"
#include "board/connect.h"
#include "board/flash/flash.h"
#include "board/flash/gdb_link.h"
#include "board/flash/gdb_remote.h"

#include <fcntl.h>

#define UNIX_WINDOW 8 /* packets under way: 32 KiB for QEMU, well inside a socket's buffer */

struct flash_gdb {
    struct gdb_link link;
    struct strv before, after;
    uint64_t attach, pipeline; /* 0: not given */
    bool detach;
};

static const struct field fields[] = {
    {"unix", FIELD_STRING, offsetof(struct flash_gdb, link.unix_path),
     .help = "the server's unix socket"},
    {"tcp", FIELD_STRING, offsetof(struct flash_gdb, link.tcp),
     .help = "the server's \"host:port\": localhost:3333 for OpenOCD"},
    {"serial", FIELD_STRING, offsetof(struct flash_gdb, link.serial),
     .help = "the server's tty, for a Black Magic Probe"},
    {"baud", FIELD_UINT, offsetof(struct flash_gdb, link.baud), .min = 50, .max = 12000000,
     .help = "bits a second on `serial`; 115200 where not given"},
    {"before", FIELD_STRINGS, offsetof(struct flash_gdb, before),
     .help = "monitor commands before writing, such as \"reset halt\""},
    {"attach", FIELD_UINT, offsetof(struct flash_gdb, attach), .min = 1, .max = 0xffff,
     .help = "the target to attach to after `before`; a Black Magic Probe needs it, usually 1"},
    {"after", FIELD_STRINGS, offsetof(struct flash_gdb, after),
     .help = "monitor commands after writing, such as \"reset run\""},
    {"detach", FIELD_BOOL, offsetof(struct flash_gdb, detach),
     .help = "false: hang up without a word, so that the core stays halted; true where not given"},
    {"pipeline", FIELD_UINT, offsetof(struct flash_gdb, pipeline), .min = 1, .max = GDB_WINDOW_MAX,
     .help = "packets sent before the first answer; 8 for `unix`, else 1, where not given"},
    {0},
};

static void preset(void *self)
{
    struct flash_gdb *conf = self;

    conf->detach = true;
    conf->link.baud = 115200;
}

static void check(void *self, const struct yaml_node *node, struct diags *diags)
{
    const struct gdb_link *link = &((struct flash_gdb *)self)->link;
    struct err err = {0};

    if (!!link->unix_path + !!link->tcp + !!link->serial != 1)
        diag_node(diags, node, "flash gdb: needs exactly one of unix, tcp and serial");
    else if (link->unix_path && connect_unix_check(link->unix_path, &err) < 0)
        diag_node(diags, yaml_get(node, "unix"), "%s", err.message);
    else if (link->tcp && connect_tcp_check(link->tcp, &err) < 0)
        diag_node(diags, yaml_get(node, "tcp"), "%s", err.message);
}

/* One programming, from connect to hang-up. */
struct session {
    const struct flash_gdb *conf;
    const struct driver_env *env;
    const struct image *image;
    const struct ctx *ctx;
    struct gdb_remote gdb;
    bool compare;     /* only: nothing is written */
    const char *step; /* "flash" or "verify" */
    uint64_t before;  /* bytes of earlier segments */
    uint64_t told;
};

/* A packet is 2 KiB or less; what watches gets fifty events, not thousands. */
static void tell_progress(void *arg, uint64_t done)
{
    struct session *session = arg;
    uint64_t now = session->before + done, total = session->image->size_bytes;

    if (now < total && now - session->told < total / 50 + 1)
        return;
    session->told = now;
    driver_tell_progress(session->env, session->step, now, total);
}

static void start_step(struct session *session, const char *step)
{
    session->step = step;
    session->before = session->told = 0;
}

/* What the server's monitor said belongs into the job's flash.log, beside what other tools said. */
static void log_monitor(const struct session *session, const char *command)
{
    cleanup_buf struct buf text = BUF_INIT(128 * 1024);
    cleanup_free char *path = NULL;
    cleanup_close int fd = -1;

    if (!session->env->work_dir)
        return;
    path = fs_join(session->env->work_dir, "flash.log");
    fd = open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0666);
    if (fd < 0)
        return;
    buf_addf(&text, "monitor %s\n", command);
    buf_add(&text, session->gdb.console.data, session->gdb.console.size);
    fs_write_all(fd, text.data, text.size, path, NULL);
}

static int run_monitor(struct session *session, const struct strv *commands, struct err *err)
{
    int rc = 0;

    for (size_t i = 0; i < commands->count && rc == 0; i++) {
        driver_tell_command(session->env,
                            (const char *const[]){"monitor", commands->items[i], NULL});
        rc = gdb_monitor(&session->gdb, commands->items[i], session->ctx, err);
        log_monitor(session, commands->items[i]);
    }
    return rc;
}

enum pass { PASS_ERASE, PASS_FLASH, PASS_MEMORY };

/* The part of a segment that lies in one region (NULL: in none). */
static int write_piece(struct session *session, enum pass pass, const struct gdb_region *region,
                       uint64_t at, const uint8_t *bytes, size_t size, uint64_t *erased_to,
                       struct err *err)
{
    bool flash = region && region->type == GDB_FLASH;

    if (pass == PASS_ERASE)
        return flash
                   ? gdb_flash_erase(&session->gdb, region, at, size, erased_to, session->ctx, err)
                   : 0;
    if (flash != (pass == PASS_FLASH))
        return 0;
    int rc = flash ? gdb_flash_write(&session->gdb, at, bytes, size, tell_progress, session,
                                     session->ctx, err)
                   : gdb_memory_write(&session->gdb, at, bytes, size, tell_progress, session,
                                      session->ctx, err);
    session->before += size;
    return rc;
}

static int write_pass(struct session *session, enum pass pass, uint64_t *erased_to, struct err *err)
{
    int rc = 0;

    for (size_t i = 0; i < session->image->count; i++) {
        const struct segment *segment = &session->image->segments[i];
        for (size_t done = 0; done < segment->size && rc == 0;) {
            const struct gdb_region *region;
            uint64_t at = segment->address + done;
            size_t n = gdb_region_at(&session->gdb, at, segment->size - done, &region);
            rc = write_piece(session, pass, region, at, segment->bytes + done, n, erased_to, err);
            done += n;
        }
    }
    return rc;
}

static int write_image(struct session *session, struct err *err)
{
    uint64_t erased_to = 0;
    int rc;

    start_step(session, "flash");
    rc = write_pass(session, PASS_ERASE, &erased_to, err);
    if (rc == 0 && erased_to)
        rc = write_pass(session, PASS_FLASH, &erased_to, err);
    if (rc == 0 && erased_to)
        rc = gdb_flash_done(&session->gdb, session->ctx, err);
    return rc < 0 ? rc : write_pass(session, PASS_MEMORY, &erased_to, err);
}

static int compare_image(struct session *session, struct err *err)
{
    start_step(session, "verify");
    for (size_t i = 0; i < session->image->count; i++) {
        const struct segment *segment = &session->image->segments[i];
        int rc = gdb_memory_compare(&session->gdb, segment->address, segment->bytes, segment->size,
                                    tell_progress, session, session->ctx, err);
        if (rc < 0)
            return err_wrap(err, "verify");
        session->before += segment->size;
    }
    return 0;
}

static int run_session(struct session *session, struct err *err)
{
    const struct flash_gdb *conf = session->conf;
    int rc = run_monitor(session, &conf->before, err);

    if (rc == 0 && conf->attach)
        rc = gdb_attach(&session->gdb, conf->attach, session->ctx, err);
    if (rc == 0)
        rc = gdb_explore(&session->gdb, session->ctx, err);
    if (rc == 0 && !session->compare)
        rc = write_image(session, err);
    if (rc == 0)
        rc = compare_image(session, err);
    if (rc == 0)
        rc = run_monitor(session, &conf->after, err);
    if (rc == 0 && conf->detach)
        rc = gdb_detach(&session->gdb, session->ctx, err);
    return rc;
}

static int work(const struct flash_gdb *conf, const struct driver_env *env,
                const struct image *image, bool compare, const struct ctx *ctx, struct err *err)
{
    struct session session = {
        .conf = conf, .env = env, .image = image, .ctx = ctx, .compare = compare};
    int fd = -1;
    int rc = gdb_link_open(&conf->link, ctx, &fd, err);

    if (rc < 0)
        return rc;
    rc = gdb_open(&session.gdb, fd, ctx, err);
    session.gdb.window = conf->pipeline         ? (unsigned)conf->pipeline
                         : conf->link.unix_path ? UNIX_WINDOW
                                                : 1;
    if (rc == 0)
        rc = run_session(&session, err);
    gdb_done(&session.gdb);
    gdb_link_close(&conf->link, fd);
    return rc < 0 ? err_wrap(err, "%s", gdb_link_name(&conf->link)) : 0;
}

static int program(void *self, const struct driver_env *env, const struct image *image,
                   const struct ctx *ctx, struct err *err)
{
    return work(self, env, image, false, ctx, err);
}

static int compare(void *self, const struct driver_env *env, const struct image *image,
                   const struct ctx *ctx, struct err *err)
{
    return work(self, env, image, true, ctx, err);
}

const struct flash_driver flash_gdb = {
    .base = {.name = "gdb",
             .summary = "a GDB server: OpenOCD, pyOCD, J-Link, st-util, Black Magic Probe, QEMU",
             .fields = fields,
             .self_size = sizeof(struct flash_gdb),
             .preset = preset,
             .check = check},
    .program = program,
    .compare = compare,
};
