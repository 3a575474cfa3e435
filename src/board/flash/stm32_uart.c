/* SPDX-License-Identifier: MIT
 *
 * flash stm32-uart: writes firmware through an STM32's own UART bootloader (AN3155).
 *
 *     flash: {stm32-uart: {port: /dev/ttyUSB0, chip: 0x413}}
 *     flash: {stm32-uart: {enter: dtr-rts}}          # on the console's tty
 *     flash: {stm32-uart: {usb-serial: A50285BI, baud: 460800, leave: true}}
 *
 * The board waits in its bootloader when this begins (BOOT0 high at its reset), or DTR and RTS
 * bring it there. What chip it is, and whether it can be read, is known before anything is erased;
 * then the sectors that the firmware touches are erased, blocks that are blank anyway are not sent,
 * and all of it is read back.
 */
#include "base/fs.h"
#include "base/str.h"
#include "board/console/serial.h"
#include "board/console_tty.h"
#include "board/flash/dfu_plan.h"
#include "board/flash/flash.h"
#include "board/flash/flash_log.h"
#include "board/flash/stm32_uart_boot.h"
#include "board/flash/stm32_uart_chips.h"
#include "board/modem_lines.h"
#include "board/reset/serial_pattern.h"
#include "board/tty_target.h"

#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#define READS 3                    /* read data have no checksum: a difference is looked at again */
#define ERASE_AT_ONCE (32u * 1024) /* bytes: an answer that does not take long to come */
#define PAGE_MIN 64
#define PAGE_MAX (256u * 1024)

struct flash_stm32_uart {
    struct tty_target port;
    struct serial_line line;
    uint64_t chip, page_size; /* 0: not given */
    bool leave;
    struct strv enter;
    struct serial_pattern pattern; /* none: it waits in its bootloader */
};

#define AT(member) offsetof(struct flash_stm32_uart, member)

static const char *const parities[] = {[SERIAL_PARITY_NONE] = "none",
                                       [SERIAL_PARITY_EVEN] = "even",
                                       [SERIAL_PARITY_ODD] = "odd",
                                       NULL};

static const struct field fields[] = {
    {"port", FIELD_STRING, AT(port.path),
     .help = "the board's tty, best a link in /dev/serial/by-id; the console's where neither this "
             "nor a USB device is given"},
    TTY_USB_ROWS,
    {"enter", FIELD_STRINGS, AT(enter),
     .help = "how DTR and RTS bring the chip into its bootloader: dtr-rts (NRST on DTR, BOOT0 on "
             "RTS), rts-dtr, or steps as in reset: serial; where not given it is there already"},
    {"baud", FIELD_UINT, AT(line.baud), .min = 1200, .max = 12000000,
     .help = "bits a second, which the bootloader finds out by itself; 115200 where not given"},
    {"parity", FIELD_CHOICE, AT(line.parity), .choices = parities,
     .help = "even where not given: bootloaders in the chip's ROM want that"},
    {"chip", FIELD_UINT, AT(chip), .min = 1, .max = 0xfff,
     .help = "the chip's id, 0x413 for an STM32F407 (AN2606); checked before anything is erased"},
    {"page-size", FIELD_SIZE, AT(page_size),
     .help = "bytes that are erased at once, for a chip whose sectors hil does not know"},
    {"leave", FIELD_BOOL, AT(leave),
     .help = "true: start the firmware when it is written; false where not given: reset does"},
    {0},
};

static void preset(void *self)
{
    struct flash_stm32_uart *conf = self;

    conf->line = SERIAL_LINE_8N1(115200);
    conf->line.parity = SERIAL_PARITY_EVEN;
}

static void check(void *self, const struct yaml_node *node, struct diags *diags)
{
    struct flash_stm32_uart *conf = self;
    uint64_t page = conf->page_size;
    struct err err = {0};
    size_t bad;

    tty_target_check(&conf->port, "flash stm32-uart", "port", false, node, diags);
    if (conf->enter.count && serial_pattern_read(&conf->enter, &conf->pattern, &bad, &err) < 0)
        diag_node(diags, yaml_get(node, "enter"), "flash stm32-uart: enter: %s", err.message);
    if (yaml_get(node, "page-size") && (page < PAGE_MIN || page > PAGE_MAX || (page & (page - 1))))
        diag_node(diags, yaml_get(node, "page-size"),
                  "flash stm32-uart: a page is a power of two from %u bytes to %uK", PAGE_MIN,
                  PAGE_MAX / 1024);
}

static bool borrows_tty(const void *self)
{
    return !tty_target_given(&((const struct flash_stm32_uart *)self)->port);
}

static int present(const void *self, struct err *err)
{
    return borrows_tty(self)
               ? 0
               : tty_target_present(&((const struct flash_stm32_uart *)self)->port, err);
}

/* One programming, from the first byte to the last. */
struct session {
    const struct flash_stm32_uart *conf;
    const struct driver_env *env;
    const struct image *image;
    const struct ctx *ctx;
    bool compare; /* only: nothing is erased or written */
    struct stm32_boot boot;
    struct dfuse_map map;
    struct dfu_plan plan;
    struct flash_log log;
};

/* ---- before anything is erased --------------------------------------------------------------- */

static int identify(struct session *session, struct err *err)
{
    const struct flash_stm32_uart *conf = session->conf;
    const struct stm32_chip *chip;
    uint16_t id = 0;
    int rc = stm32_boot_id(&session->boot, &id, session->ctx, err);

    if (rc < 0)
        return rc;
    chip = stm32_chip_find(id);
    flash_log_line(&session->log, "chip 0x%03x (%s), bootloader %u.%u\n", id,
                   chip ? chip->name : "not known", session->boot.version >> 4,
                   session->boot.version & 15);
    if (conf->chip && conf->chip != id)
        return err_set(err, ERR_NOT_FOUND,
                       "this chip is 0x%03x%s%s%s, not the 0x%03x that lab.yaml names; nothing was "
                       "erased; is this the right board and firmware?",
                       id, chip ? " (" : "", chip ? chip->name : "", chip ? ")" : "",
                       (unsigned)conf->chip);
    if (chip)
        session->boot.blank = chip->blank;
    return stm32_chip_map(chip, id, conf->page_size, &session->map, err);
}

static uint64_t sector_size(const struct session *session, uint64_t at)
{
    return dfuse_map_at(&session->map, at)->sector_size;
}

/* Padding and whole sectors may reach beyond what lab.yaml says is the board's. */
static int check_memory(const struct session *session, struct err *err)
{
    const struct dfu_plan *plan = &session->plan;
    int rc = 0;

    for (size_t i = 0; i < plan->sector_count && rc == 0; i++)
        rc = driver_accepts(session->env, "the sector to be erased at", plan->sectors[i],
                            sector_size(session, plan->sectors[i]), err);
    return rc;
}

/* A protected chip refuses to be read. */
static int check_readable(struct session *session, struct err *err)
{
    uint8_t bytes[4];

    return stm32_boot_read(&session->boot, (uint32_t)session->plan.runs[0].at, bytes, sizeof bytes,
                           session->ctx, err);
}

/* ---- the steps ------------------------------------------------------------------------------- */

/* As many sectors from `first` on as one command is to erase. */
static size_t batch(const struct session *session, size_t first, uint16_t *numbers,
                    uint64_t *ret_bytes)
{
    const struct dfu_plan *plan = &session->plan;
    size_t count = 0;

    *ret_bytes = 0;
    while (first + count < plan->sector_count && count < STM32_ERASE_MAX) {
        uint64_t at = plan->sectors[first + count], size = sector_size(session, at);
        if (count && *ret_bytes + size > ERASE_AT_ONCE)
            break;
        numbers[count++] = (uint16_t)stm32_sector_number(&session->map, at);
        *ret_bytes += size;
    }
    return count;
}

static int erase(struct session *session, struct err *err)
{
    const struct dfu_plan *plan = &session->plan;
    uint16_t numbers[STM32_ERASE_MAX];
    uint64_t total = 0, bytes;

    flash_log_step(&session->log);
    for (size_t i = 0; i < plan->sector_count; i++)
        total += sector_size(session, plan->sectors[i]);
    for (size_t i = 0, count; i < plan->sector_count; i += count) {
        count = batch(session, i, numbers, &bytes);
        int rc = stm32_boot_erase(&session->boot, numbers, count, bytes, session->ctx, err);
        if (rc < 0)
            return err_wrap(err, "erasing at 0x%08" PRIx64, plan->sectors[i]);
        flash_log_done(&session->log, "erase", bytes, total);
    }
    flash_log_line(&session->log, "erased %zu sectors, %" PRIu64 " bytes\n", plan->sector_count,
                   total);
    return 0;
}

static bool is_blank(const struct session *session, const uint8_t *bytes, size_t size)
{
    return bytes[0] == session->boot.blank && !memcmp(bytes, bytes + 1, size - 1);
}

/* 1: sent; 0: it did not have to be. */
static int write_block(struct session *session, uint64_t at, const uint8_t *bytes, size_t size,
                       struct err *err)
{
    int rc;

    if (is_blank(session, bytes, size))
        return 0;
    rc = stm32_boot_write(&session->boot, (uint32_t)at, bytes, size, session->ctx, err);
    return rc < 0 ? err_wrap(err, "writing at 0x%08" PRIx64, at) : 1;
}

static size_t first_difference(const uint8_t *a, const uint8_t *b, size_t size)
{
    size_t i = 0;

    while (i < size && a[i] == b[i])
        i++;
    return i;
}

static int compare_block(struct session *session, uint64_t at, const uint8_t *bytes, size_t size,
                         struct err *err)
{
    uint8_t is[STM32_BLOCK] = {0};
    size_t same = 0;

    for (int reads = 0; reads < READS; reads++) {
        int rc = stm32_boot_read(&session->boot, (uint32_t)at, is, size, session->ctx, err);
        if (rc < 0)
            return err_wrap(err, "reading back at 0x%08" PRIx64, at);
        same = first_difference(is, bytes, size);
        if (same == size)
            return 1;
        session->boot.mended++;
    }
    return err_set(err, ERR_REFUSED,
                   "0x%08" PRIx64 " holds 0x%02x, and 0x%02x was written; is the flash write "
                   "protected, or worn out?",
                   at + same, is[same], bytes[same]);
}

typedef int block_fn(struct session *session, uint64_t at, const uint8_t *bytes, size_t size,
                     struct err *err);

/* Blocks end where 256 bytes do, counted from address 0, and so never span two sectors. */
static int each_block(struct session *session, const struct dfu_run *run, const char *step,
                      block_fn *work, struct err *err)
{
    size_t sent = 0;

    for (size_t done = 0, size; done < run->size; done += size) {
        uint64_t at = run->at + done;
        int rc;
        size = STM32_BLOCK - at % STM32_BLOCK;
        size = run->size - done < size ? run->size - done : size;
        rc = work(session, at, run->bytes + done, size, err);
        if (rc < 0)
            return rc;
        sent += (size_t)rc;
        flash_log_done(&session->log, step, size, session->plan.bytes);
    }
    flash_log_line(&session->log, "%s 0x%08" PRIx64 "-0x%08" PRIx64 ": %zu blocks\n", step, run->at,
                   run->at + run->size - 1, sent);
    return 0;
}

static int all_blocks(struct session *session, const char *step, block_fn *work, struct err *err)
{
    int rc = 0;

    flash_log_step(&session->log);
    for (size_t i = 0; i < session->plan.run_count && rc == 0; i++)
        rc = each_block(session, &session->plan.runs[i], step, work, err);
    return rc;
}

/* ---- all of it ------------------------------------------------------------------------------- */

static int write_image(struct session *session, struct err *err)
{
    int rc = check_memory(session, err);

    if (rc == 0)
        rc = erase(session, err);
    return rc == 0 ? all_blocks(session, "flash", write_block, err) : rc;
}

static int run_session(struct session *session, struct err *err)
{
    int rc = identify(session, err);

    if (rc == 0)
        rc = dfu_plan_make(&session->map, session->image, &session->plan, err);
    if (rc == 0)
        rc = check_readable(session, err);
    if (rc == 0 && !session->compare)
        rc = write_image(session, err);
    if (rc == 0) {
        rc = all_blocks(session, "verify", compare_block, err);
        if (rc < 0)
            err_wrap(err, "verify");
    }
    if (session->boot.mended)
        flash_log_line(&session->log, "tried again %u times: is the line noisy?\n",
                       session->boot.mended);
    if (rc == 0 && session->conf->leave)
        rc = stm32_boot_go(&session->boot, (uint32_t)session->image->segments[0].address,
                           session->ctx, err);
    return rc;
}

static int open_line(const char *path, const void *line, int *ret_fd, struct err *err)
{
    return serial_open_line(path, line, ret_fd, err);
}

static int change(void *arg, unsigned set, unsigned clear, struct err *err)
{
    return modem_lines_change(arg, set, clear, err);
}

/* Opening the tty has set both lines. What the chip said until then was its firmware's. */
static int enter(const struct session *session, int fd, const char *name, struct err *err)
{
    struct modem_lines lines = {.fd = fd, .name = name};
    int rc;

    if (!session->conf->pattern.count)
        return 0;
    rc = serial_pattern_run(&session->conf->pattern, change, &lines, session->ctx, err);
    serial_flush(fd);
    return rc < 0 ? err_wrap(err, "into its bootloader") : 0;
}

static int on_port(struct session *session, int fd, struct err *err)
{
    int rc = stm32_boot_open(&session->boot, fd, session->conf->line.baud, session->ctx, err);

    if (rc == 0)
        rc = run_session(session, err);
    dfu_plan_done(&session->plan);
    return rc;
}

static int work(const struct flash_stm32_uart *conf, const struct driver_env *env,
                const struct image *image, bool compare, const struct ctx *ctx, struct err *err)
{
    struct session session = {
        .conf = conf, .env = env, .image = image, .ctx = ctx, .compare = compare};
    const struct tty_target *port = borrows_tty(conf) ? env->console->target : &conf->port;
    int fd = -1;
    int rc = tty_target_open(port, open_line, &conf->line, ctx, &fd, err);

    if (rc < 0)
        return rc;
    flash_log_open(&session.log, env);
    rc = enter(&session, fd, tty_target_name(port), err);
    if (rc == 0)
        rc = on_port(&session, fd, err);
    serial_close(fd);
    flash_log_close(&session.log);
    return rc < 0 ? err_wrap(err, "%s", tty_target_name(port)) : 0;
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

const struct flash_driver flash_stm32_uart = {
    .base = {.name = "stm32-uart",
             .summary = "an STM32's own UART bootloader (AN3155)",
             .fields = fields,
             .self_size = sizeof(struct flash_stm32_uart),
             .preset = preset,
             .check = check,
             .present = present,
             .borrows_tty = borrows_tty},
    .needs_console_port = true,
    .program = program,
    .compare = compare,
};
