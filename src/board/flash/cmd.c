/* SPDX-License-Identifier: MIT
 *
 * flash cmd: any flashing program, as an argv template.
 *
 *     flash: {cmd: {run: [st-flash, --reset, write, "{file}", "{address}"], file: bin}}
 *
 * {file} is the firmware as a file of its own in the job's directory: the file as it came, or, with
 * `file: bin`, the segments as one raw binary whose first byte belongs at {address} (gaps are 0xFF,
 * what erased NOR flash reads as). The path is absolute, so a name can never pass for an option.
 */
#include "base/fs.h"
#include "board/flash/flash.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define GAP_MAX (16u * 1024 * 1024) /* bytes of padding in a raw binary */

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

static int write_bin(const struct image *image, const char *path, struct err *err)
{
    const struct segment *last = &image->segments[image->count - 1];
    uint64_t base = image->segments[0].address;
    uint64_t size = last->address + last->size - base;
    cleanup_free uint8_t *bytes = NULL;

    if (size > image->size_bytes + GAP_MAX)
        return err_set(err, ERR_LIMIT,
                       "%s: its segments lie too far apart for one raw binary; use file: original",
                       image->name);
    bytes = xmalloc(size);
    memset(bytes, 0xFF, size);
    for (size_t i = 0; i < image->count; i++)
        memcpy(bytes + (image->segments[i].address - base), image->segments[i].bytes,
               image->segments[i].size);
    return fs_write(path, bytes, size, err);
}

/* Writes the firmware file and returns its absolute path; NULL with err. The caller frees. */
static char *firmware_file(const struct flash_cmd *cmd, const struct driver_env *env,
                           const struct image *image, struct err *err)
{
    const char *suffix = cmd->file == FILE_BIN || !strcmp(image->format, "bin") ? "bin"
                         : !strcmp(image->format, "ihex")                       ? "hex"
                                                                                : image->format;
    cleanup_free char *dir = realpath(env->work_dir ? env->work_dir : ".", NULL);
    cleanup_free char *path = dir ? xasprintf("%s/firmware.%s", dir, suffix) : NULL;
    int rc;

    if (!path) {
        err_sys(err, errno, "%s", env->work_dir ? env->work_dir : ".");
        return NULL;
    }
    rc = cmd->file == FILE_BIN ? write_bin(image, path, err)
                               : fs_write(path, image->file_bytes, image->file_size, err);
    return rc < 0 ? NULL : xstrdup(path);
}

static int run_all(const struct flash_cmd *cmd, const struct argv_list *list,
                   const struct driver_env *env, const struct image *image, const struct ctx *ctx,
                   struct err *err)
{
    cleanup_free char *file = firmware_file(cmd, env, image, err);
    static const char *const names[] = {"file", "address", "size", "serial", "board", NULL};
    char address[32], size[32];
    int rc = 0;

    if (!file)
        return -(int)err->code;
    snprintf(address, sizeof address, "0x%08" PRIx64, image->segments[0].address);
    snprintf(size, sizeof size, "%" PRIu64, image->size_bytes);
    const char *const values[] = {file, address, size, cmd->serial, env->board};
    for (size_t i = 0; i < list->count && rc == 0; i++) {
        cleanup_strv struct strv argv = {0};
        rc = driver_fill_argv(&list->items[i], names, values, &argv, err);
        if (rc == 0)
            rc = driver_run(env, &argv, "flash.log", ctx, err);
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
             .check = check},
    .program = program,
    .verify = verify,
};
