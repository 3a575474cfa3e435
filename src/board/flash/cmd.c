/* SPDX-License-Identifier: MIT
 *
 * flash cmd: any flashing program, as an argv template.
 *
 *     flash: {cmd: {run: [st-flash, --reset, write, "{file}", "{address}"], file: bin}}
 *
 * {file} is the firmware as a file of its own in the job's directory: the file as it came, or, with
 * `file: bin`, the segments as one raw binary whose first byte belongs at {address} (gaps are 0xFF,
 * what erased NOR flash reads as). The path is absolute, or, where the program runs on a server, a
 * name of ours in its working directory; so it can never pass for an option.
 */
#include "base/fs.h"
#include "board/flash/firmware.h"
#include "board/flash/flash.h"
#include "ssh/far.h"

#include <inttypes.h>
#include <stdio.h>

enum file_kind { FILE_AS_IT_CAME, FILE_BIN };
static const char *const file_kinds[] = {"original", "bin", NULL};

struct flash_cmd {
    struct argv_list run, verify;
    char *serial;
    int file;
};

static const struct field fields[] = {
    {"run", FIELD_ARGVS, offsetof(struct flash_cmd, run), FIELD_REQUIRED,
     .help =
         "argv that programs {file}, or a list of such; also {address} {size} {serial} {board}"},
    {"verify", FIELD_ARGVS, offsetof(struct flash_cmd, verify),
     .help = "argv that fails where the flash does not hold {file}"},
    {"serial", FIELD_STRING, offsetof(struct flash_cmd, serial),
     .help = "the probe's serial number, for {serial}"},
    {"file", FIELD_CHOICE, offsetof(struct flash_cmd, file), .choices = file_kinds,
     .help = "original: the firmware file as it came; bin: a raw binary made of its segments"},
    {0},
};

static int run_all(const struct flash_cmd *cmd, const struct argv_list *list,
                   const struct driver_env *env, const struct image *image, const struct ctx *ctx,
                   struct err *err)
{
    static const char *const names[] = {"file", "address", "size", "serial", "board", NULL};
    enum firmware_form form = cmd->file == FILE_BIN ? FIRMWARE_BINS : FIRMWARE_ORIGINAL;
    cleanup_firmware struct firmware firmware = {0};
    cleanup_free char *file = NULL;
    struct far_file there = {0};
    char address[32], size[32];
    int rc = firmware_write(image, form, 0, env, &firmware, err);

    if (rc < 0)
        return rc;
    file = fs_join(firmware.dir, firmware.files[0].name);
    snprintf(address, sizeof address, "0x%08" PRIx64, image->segments[0].address);
    snprintf(size, sizeof size, "%" PRIu64, image->size_bytes);
    there = (struct far_file){firmware.files[0].name, file};
    const char *const values[] = {env->far ? there.name : file, address, size, cmd->serial,
                                  env->board};
    for (size_t i = 0; i < list->count && rc == 0; i++) {
        cleanup_strv struct strv argv = {0};
        rc = driver_fill_argv(&list->items[i], names, values, &argv, err);
        if (rc == 0)
            rc = driver_run_with(env, &argv, "flash.log", &there, 1, ctx, err);
    }
    return rc;
}

static int program(void *self, const struct driver_env *env, const struct image *image,
                   const struct ctx *ctx, struct err *err)
{
    const struct flash_cmd *cmd = self;

    return run_all(cmd, &cmd->run, env, image, ctx, err);
}

static int verify(void *self, const struct driver_env *env, const struct image *image,
                  const struct ctx *ctx, struct err *err)
{
    const struct flash_cmd *cmd = self;

    return cmd->verify.count ? run_all(cmd, &cmd->verify, env, image, ctx, err) : 0;
}

/* What its `verify` says against the image is a difference. */
static int compare(void *self, const struct driver_env *env, const struct image *image,
                   const struct ctx *ctx, struct err *err)
{
    const struct flash_cmd *cmd = self;
    int rc = cmd->verify.count
                 ? run_all(cmd, &cmd->verify, env, image, ctx, err)
                 : err_set(err, ERR_CONFIG, "needs `verify` to tell what the board has");

    return rc == -ERR_TOOL ? -ERR_REFUSED : rc;
}

/* Placeholders are checked when the lab is read, not when the board is due. */
static void check(void *self, const struct yaml_node *node, struct diags *diags)
{
    static const char *const names[] = {"file", "address", "size", "serial", "board", NULL};
    static const char *const values[] = {"", "", "", "", ""};
    const struct flash_cmd *cmd = self;
    const struct argv_list *lists[] = {&cmd->run, &cmd->verify};

    for (size_t l = 0; l < ARRAY_SIZE(lists); l++) {
        for (size_t i = 0; i < lists[l]->count; i++) {
            cleanup_strv struct strv argv = {0};
            struct err err = {0};
            if (driver_fill_argv(&lists[l]->items[i], names, values, &argv, &err) < 0)
                diag_node(diags, node,
                          "flash cmd: %s; known: {file} {address} {size} {serial} {board}",
                          err.message);
        }
    }
}

const struct flash_driver flash_cmd = {
    .base = {.name = "cmd",
             .summary = "any flashing program",
             .fields = fields,
             .self_size = sizeof(struct flash_cmd),
             .check = check,
             .far = true},
    .program = program,
    .verify = verify,
    .compare = compare,
};
