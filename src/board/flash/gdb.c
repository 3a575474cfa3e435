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
#include "board/flash/flash.h"
#include "board/flash/gdb_link.h"
#include "board/flash/gdb_monitor.h"
#include "board/flash/gdb_remote.h"

#define UNIX_WINDOW 8 /* packets under way: 32 KiB for QEMU, well inside a socket's buffer */

struct flash_gdb {
    struct gdb_link link;
    struct strv before, after;
    uint64_t attach, pipeline; /* 0: not given */
    bool detach;
};

static const struct field fields[] = {
    GDB_LINK_ROWS,
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
    conf->link.baud = GDB_LINK_BAUD;
}

static void check(void *self, const struct yaml_node *node, struct diags *diags)
{
    gdb_link_check(&((struct flash_gdb *)self)->link, "flash gdb", node, diags);
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

static int run_monitor(struct session *session, const struct strv *commands, struct err *err)
{
    return gdb_monitor_all(&session->gdb, session->env, commands, "flash.log", session->ctx, err);
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
