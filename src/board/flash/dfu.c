/* SPDX-License-Identifier: MIT
 *
 * flash dfu: writes firmware through a USB bootloader: ST's (DfuSe) or any DFU 1.1.
 *
 *     flash: {dfu: {path: 1-1.4}}
 *     flash: {dfu: {serial: 357B31563235, leave: false}}
 *
 * With DfuSe, memory that can be erased and written is chosen by address; anything else (option
 * bytes, OTP) only by `alt`. Sectors that the firmware touches are erased, blocks that are blank
 * anyway are not sent, and all of it is read back. Plain DFU has neither addresses nor erase: one
 * segment goes as it is, and is read back where the bootloader can.
 */
#include "base/fs.h"
#include "board/dfu_target.h"
#include "board/flash/dfu_plan.h"
#include "board/flash/flash.h"
#include "board/flash/flash_log.h"

#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define PROTECTED_HINT                                                               \
    "; read protection is on (RDP): removing it erases the chip, 'dfu-util -a 0 -s " \
    ":unprotect:force' does"

struct flash_dfu {
    struct dfu_target target;
    char *alt; /* NULL: by address */
    bool leave;
};

static const struct field fields[] = {
    DFU_TARGET_ROWS,
    {"alt", FIELD_STRING, offsetof(struct flash_dfu, alt),
     .help = "the alternate setting to write to, by number or name; the one whose flash the "
             "firmware's addresses are in, where not given"},
    {"leave", FIELD_BOOL, offsetof(struct flash_dfu, leave),
     .help = "false: stay in the bootloader; true where not given"},
    {0},
};

static void preset(void *self)
{
    ((struct flash_dfu *)self)->leave = true;
}

static void check(void *self, const struct yaml_node *node, struct diags *diags)
{
    dfu_target_check(self, "flash dfu", node, diags);
}

/* One programming, from finding the device to leaving it. */
struct session {
    const struct flash_dfu *conf;
    const struct driver_env *env;
    const struct image *image;
    const struct ctx *ctx;
    bool compare; /* only: nothing is erased or written */
    struct dfu *dfu;
    char *path;
    size_t setting;
    struct flash_log log;
};

/* ---- which setting --------------------------------------------------------------------------- */

static int named_setting(struct session *session, struct err *err)
{
    const char *alt = session->conf->alt;
    cleanup_buf struct buf list = BUF_INIT(1024);

    for (size_t i = 0; i < session->dfu->count; i++) {
        const struct dfu_setting *setting = &session->dfu->settings[i];
        char number[8];
        snprintf(number, sizeof number, "%u", setting->alternate);
        session->setting = i;
        if (!strcmp(alt, number) || str_eq(setting->name, alt) || str_eq(setting->map.name, alt))
            return 0;
        buf_addf(&list, "%s%s '%s'", i ? ", " : "", number, setting->name ? setting->name : "");
    }
    return err_set(err, ERR_CONFIG, "the bootloader has no alternate setting '%s'; it has: %s", alt,
                   list.data);
}

static bool holds_image(const struct dfu_setting *setting, const struct image *image)
{
    for (size_t i = 0; i < image->count; i++)
        if (!dfuse_map_allows(&setting->map, image->segments[i].address, image->segments[i].size,
                              DFUSE_ERASE | DFUSE_WRITE))
            return false;
    return true;
}

static void list_memory(const struct dfu *dfu, struct buf *out)
{
    for (size_t i = 0; i < dfu->count; i++) {
        const struct dfuse_map *map = &dfu->settings[i].map;
        if (!map->count)
            buf_addf(out, "%s'%s' (not understood)", out->size ? ", " : "",
                     dfu->settings[i].name ? dfu->settings[i].name : "");
        for (size_t r = 0; r < map->count; r++)
            if ((map->runs[r].access & (DFUSE_ERASE | DFUSE_WRITE)) == (DFUSE_ERASE | DFUSE_WRITE))
                buf_addf(out, "%s%s 0x%08" PRIx64 "-0x%08" PRIx64, out->size ? ", " : "", map->name,
                         map->runs[r].at,
                         map->runs[r].at + map->runs[r].sector_size * map->runs[r].count - 1);
    }
}

static int choose_setting(struct session *session, struct err *err)
{
    const struct image *image = session->image;
    cleanup_buf struct buf memory = BUF_INIT(1024);

    if (session->conf->alt)
        return named_setting(session, err);
    if (!session->dfu->st)
        return 0;
    for (size_t i = 0; i < session->dfu->count; i++) {
        session->setting = i;
        if (holds_image(&session->dfu->settings[i], image))
            return 0;
    }
    list_memory(session->dfu, &memory);
    return err_set(err, ERR_CONFIG,
                   "%s (0x%08" PRIx64 "-0x%08" PRIx64
                   ") does not lie in flash that the bootloader can write; it has: %s",
                   image->name, image->segments[0].address,
                   image->segments[image->count - 1].address +
                       image->segments[image->count - 1].size - 1,
                   memory.size ? memory.data : "none");
}

/* ---- DfuSe ----------------------------------------------------------------------------------- */

static int explain(struct session *session, int rc, struct err *err)
{
    if (rc == -ERR_REFUSED && session->dfu->status == DFU_STATUS_VENDOR)
        return err_hint(err, PROTECTED_HINT);
    return rc;
}

/* A protected chip refuses to be read: that is known before anything is erased. */
static int check_readable(struct session *session, const struct dfu_plan *plan, struct err *err)
{
    const struct dfuse_map *map = &session->dfu->settings[session->setting].map;
    uint8_t byte[2];
    int rc;

    if (!dfuse_map_allows(map, plan->runs[0].at, 1, DFUSE_READ))
        return 0;
    rc = dfuse_point(session->dfu, plan->runs[0].at, session->ctx, err);
    if (rc == 0)
        rc = dfu_abort(session->dfu, session->ctx, err);
    if (rc == 0)
        rc = dfu_read(session->dfu, DFUSE_FIRST_BLOCK, byte, sizeof byte, session->ctx, err);
    if (rc >= 0)
        rc = dfu_abort(session->dfu, session->ctx, err);
    return rc < 0 ? explain(session, err_wrap(err, "reading before erasing"), err) : 0;
}

static uint64_t sector_size(const struct session *session, uint64_t at)
{
    return dfuse_map_at(&session->dfu->settings[session->setting].map, at)->sector_size;
}

static int erase(struct session *session, const struct dfu_plan *plan, struct err *err)
{
    uint64_t total = 0;

    flash_log_step(&session->log);
    for (size_t i = 0; i < plan->sector_count; i++)
        total += sector_size(session, plan->sectors[i]);
    for (size_t i = 0; i < plan->sector_count; i++) {
        int rc = dfuse_erase(session->dfu, plan->sectors[i], session->ctx, err);
        if (rc < 0)
            return explain(session, rc, err);
        flash_log_done(&session->log, "erase", sector_size(session, plan->sectors[i]), total);
    }
    flash_log_line(&session->log, "erased %zu sectors, %" PRIu64 " bytes\n", plan->sector_count,
                   total);
    return 0;
}

static bool is_blank(const uint8_t *bytes, size_t size)
{
    return bytes[0] == 0xFF && !memcmp(bytes, bytes + 1, size - 1);
}

typedef int block_fn(struct session *session, uint16_t block, uint64_t at, const uint8_t *bytes,
                     size_t size, struct err *err);

static int write_block(struct session *session, uint16_t block, uint64_t at, const uint8_t *bytes,
                       size_t size, struct err *err)
{
    int rc = dfu_write(session->dfu, block, bytes, size, session->ctx, err);

    return rc < 0 ? explain(session, err_wrap(err, "writing at 0x%08" PRIx64, at), err) : 0;
}

static int differs(uint64_t at, uint8_t is, uint8_t should, struct err *err)
{
    return err_set(err, ERR_REFUSED,
                   "0x%08" PRIx64 " holds 0x%02x, and 0x%02x was written; is the flash worn out?",
                   at, is, should);
}

static int compare_block(struct session *session, uint16_t block, uint64_t at, const uint8_t *bytes,
                         size_t size, struct err *err)
{
    cleanup_free uint8_t *is = xmalloc(size + 1);
    int rc = dfu_read(session->dfu, block, is, size, session->ctx, err);

    if (rc >= 0 && (size_t)rc != size)
        rc = err_set(err, ERR_PROTOCOL, "%d bytes of %zu", rc, size);
    if (rc < 0)
        return explain(session, err_wrap(err, "reading back at 0x%08" PRIx64, at), err);
    for (size_t i = 0; i < size; i++)
        if (is[i] != bytes[i])
            return differs(at + i, is[i], bytes[i], err);
    return 0;
}

/* The address is sent once, and again where the block numbers would run out: the device counts on
 * by itself (AN3156, "Write memory"). */
static int point(struct session *session, uint64_t at, bool reading, struct err *err)
{
    int rc = reading ? dfu_abort(session->dfu, session->ctx, err) : 0;

    if (rc == 0)
        rc = dfuse_point(session->dfu, at, session->ctx, err);
    return rc == 0 && reading ? dfu_abort(session->dfu, session->ctx, err) : rc;
}

static int each_block(struct session *session, const struct dfu_run *run, const char *step,
                      uint64_t total, bool reading, struct err *err)
{
    size_t block_size = session->dfu->block_size, sent = 0;
    block_fn *work = reading ? compare_block : write_block;

    for (size_t done = 0, number = 0; done < run->size; number++) {
        size_t size = run->size - done < block_size ? run->size - done : block_size;
        const uint8_t *bytes = run->bytes + done;
        uint16_t block = (uint16_t)(DFUSE_FIRST_BLOCK + number % DFU_BLOCKS_MAX);
        int rc = 0;
        if (number % DFU_BLOCKS_MAX == 0)
            rc = point(session, run->at + done, reading, err);
        if (rc == 0 && (reading || !run->erased || !is_blank(bytes, size))) {
            rc = work(session, block, run->at + done, bytes, size, err);
            sent++;
        }
        if (rc < 0)
            return rc;
        done += size;
        flash_log_done(&session->log, step, size, total);
    }
    flash_log_line(&session->log, "%s 0x%08" PRIx64 "-0x%08" PRIx64 ": %zu blocks of %zu bytes\n",
                   step, run->at, run->at + run->size - 1, sent, block_size);
    return reading ? dfu_abort(session->dfu, session->ctx, err) : 0;
}

static int all_blocks(struct session *session, const struct dfu_plan *plan, bool reading,
                      struct err *err)
{
    const struct dfuse_map *map = &session->dfu->settings[session->setting].map;

    flash_log_step(&session->log);
    for (size_t i = 0; i < plan->run_count; i++) {
        const struct dfu_run *run = &plan->runs[i];
        if (reading && !dfuse_map_allows(map, run->at, run->size, DFUSE_READ))
            continue;
        int rc = each_block(session, run, reading ? "verify" : "flash", plan->bytes, reading, err);
        if (rc < 0)
            return rc;
    }
    return 0;
}

static int program_st(struct session *session, struct err *err)
{
    struct dfu_plan plan;
    int rc =
        dfu_plan_make(&session->dfu->settings[session->setting].map, session->image, &plan, err);

    if (rc == 0)
        rc = check_readable(session, &plan, err);
    if (rc == 0 && !session->compare)
        rc = erase(session, &plan, err);
    if (rc == 0 && !session->compare)
        rc = all_blocks(session, &plan, false, err);
    if (rc == 0) {
        rc = all_blocks(session, &plan, true, err);
        if (rc < 0)
            err_wrap(err, "verify");
    }
    dfu_plan_done(&plan);
    return rc;
}

/* ---- plain DFU ------------------------------------------------------------------------------- */

static int compare_plain(struct session *session, struct err *err)
{
    const struct segment *segment = &session->image->segments[0];
    size_t block_size = session->dfu->block_size;

    flash_log_step(&session->log);
    for (size_t done = 0, block = 0; done < segment->size; block++) {
        size_t size = segment->size - done < block_size ? segment->size - done : block_size;
        int rc = compare_block(session, (uint16_t)block, segment->address + done,
                               segment->bytes + done, size, err);
        if (rc < 0)
            return err_wrap(err, "verify");
        done += size;
        flash_log_done(&session->log, "verify", size, segment->size);
    }
    return dfu_abort(session->dfu, session->ctx, err);
}

static int send_plain(struct session *session, struct err *err)
{
    const struct segment *segment = &session->image->segments[0];
    size_t block_size = session->dfu->block_size;

    flash_log_step(&session->log);
    for (size_t done = 0, block = 0; done < segment->size; block++) {
        size_t size = segment->size - done < block_size ? segment->size - done : block_size;
        int rc = dfu_write(session->dfu, (uint16_t)block, segment->bytes + done, size, session->ctx,
                           err);
        if (rc < 0)
            return err_wrap(err, "block %zu", block);
        done += size;
        flash_log_done(&session->log, "flash", size, segment->size);
    }
    return 0;
}

static int program_plain(struct session *session, bool *ret_wants_reset, struct err *err)
{
    struct dfu *dfu = session->dfu;
    int rc;

    if (session->image->count != 1)
        return err_set(err, ERR_CONFIG,
                       "%s has %zu segments; this bootloader takes one, as it knows no addresses",
                       session->image->name, session->image->count);
    if (session->compare)
        return dfu->can_upload ? compare_plain(session, err)
                               : err_set(err, ERR_CONFIG, "the bootloader cannot be read back");
    rc = send_plain(session, err);
    if (rc == 0)
        rc = dfu_manifest(dfu, ret_wants_reset, session->ctx, err);
    if (rc < 0)
        return rc;
    if (dfu->can_upload && dfu->survives)
        return compare_plain(session, err);
    driver_tell_warning(session->env,
                        "the bootloader at %s cannot be read back: the firmware is not verified",
                        session->path);
    return 0;
}

/* ---- all of it ------------------------------------------------------------------------------- */

static int run_session(struct session *session, struct err *err)
{
    struct dfu *dfu = session->dfu;
    bool wants_reset = false;
    int rc = choose_setting(session, err);

    if (rc == 0)
        rc = dfu_select(dfu, session->setting, session->ctx, err);
    if (rc < 0)
        return rc;
    flash_log_line(&session->log, "%s: %s, alternate setting %u '%s', blocks of %u bytes\n",
                   session->path, dfu->st ? "DfuSe" : "DFU",
                   dfu->settings[session->setting].alternate,
                   dfu->settings[session->setting].name ? dfu->settings[session->setting].name : "",
                   dfu->block_size);
    rc = dfu->st ? program_st(session, err) : program_plain(session, &wants_reset, err);
    if (rc < 0 || (!session->conf->leave && !wants_reset))
        return rc;
    rc = dfu_target_leave(&session->conf->target, &session->dfu, session->path,
                          session->image->segments[0].address, session->ctx, err);
    if (rc == 0)
        flash_log_line(&session->log, "%s: left\n", session->path);
    return rc;
}

static int work(const struct flash_dfu *conf, const struct driver_env *env,
                const struct image *image, bool compare, const struct ctx *ctx, struct err *err)
{
    struct session session = {
        .conf = conf, .env = env, .image = image, .ctx = ctx, .compare = compare};
    int rc = dfu_target_open(&session.conf->target, &session.dfu, &session.path, ctx, err);

    flash_log_open(&session.log, env);
    if (rc == 0) {
        rc = run_session(&session, err);
        if (rc < 0)
            err_wrap(err, "%s", session.path);
    }
    dfu_close(session.dfu);
    flash_log_close(&session.log);
    free(session.path);
    return rc;
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

const struct flash_driver flash_dfu = {
    .base = {.name = "dfu",
             .summary = "a USB bootloader: an STM32's own (DfuSe), or any DFU 1.1",
             .fields = fields,
             .self_size = sizeof(struct flash_dfu),
             .preset = preset,
             .check = check},
    .program = program,
    .compare = compare,
};
