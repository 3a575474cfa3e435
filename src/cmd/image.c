/* SPDX-License-Identifier: MIT */
#include "image/image.h"

#include "base/ctx.h"
#include "base/json.h"
#include "base/str.h"
#include "base/term.h"
#include "base/text.h"
#include "cmd/cmd.h"
#include "image/layout.h"
#include "image/uf2.h"
#include "source/source.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#define SHORT_SHA 12 /* digits that a table shows */

struct options {
    struct image_options image;
    bool json;
};

static int take(void *arg, const struct opt_row *row, const char *value, struct err *err)
{
    struct options *options = arg;

    if (str_eq(row->name, "json")) {
        options->json = true;
        return 0;
    }
    options->image.has_at = true;
    return str_to_u64(value, UINT64_MAX, "--at", &options->image.at, err);
}

/* JSON knows no 64-bit integers; what does not fit a signed one is written as the nearest double.
 */
static void kv_address(struct json_out *out, const char *name, uint64_t address)
{
    if (address <= INT64_MAX) {
        json_kv_int(out, name, (int64_t)address);
        return;
    }
    json_key(out, name);
    json_double(out, (double)address, 0);
}

static void print_files(struct json_out *out, const struct layout *layout)
{
    json_key(out, "files");
    json_array(out);
    for (size_t i = 0; i < layout->count; i++) {
        const struct layout_file *file = &layout->files[i];
        if (!file->name)
            continue;
        json_object(out);
        json_kv_string(out, "name", file->name);
        json_kv_string(out, "path", file->path);
        json_kv_int(out, "size", (int64_t)file->size);
        json_kv_string(out, "sha256", file->sha256);
        json_object_end(out);
    }
    json_array_end(out);
}

static int print_json(const struct image *image, struct err *err)
{
    struct json_out out;
    char sha256[SHA256_HEX_SIZE];
    uint32_t family = 0;

    cmd_json_begin(&out);
    json_kv_string(&out, "file", image->name);
    json_kv_string(&out, "format", image->format);
    json_kv_int(&out, "size", (int64_t)image->file_size);
    json_kv_string(&out, "sha256", image->sha256);
    if (image->has_entry)
        kv_address(&out, "entry", image->entry);
    else
        json_kv_string(&out, "entry", NULL);
    json_kv_string(&out, "build_id", image->build_id);
    if (image_uf2_family(image, &family))
        json_kv_int(&out, "family", family);
    json_key(&out, "segments");
    json_array(&out);
    for (size_t i = 0; i < image->count; i++) {
        const struct segment *segment = &image->segments[i];
        sha256_hex(segment->bytes, segment->size, sha256);
        json_object(&out);
        kv_address(&out, "address", segment->address);
        json_kv_int(&out, "size", (int64_t)segment->size);
        json_kv_string(&out, "sha256", sha256);
        json_object_end(&out);
    }
    json_array_end(&out);
    if (image->layout)
        print_files(&out, image->layout);
    return cmd_json_end(&out, err);
}

static void print_segments(const struct image *image, const struct term *term)
{
    struct term_table *table = term_table_new(4);

    term_table_row(table, TERM_BOLD, (const char *[]){"ADDRESS", "END", "SIZE", "SHA256"});
    for (size_t i = 0; i < image->count; i++) {
        const struct segment *segment = &image->segments[i];
        char address[24], end[24], size[24], sha256[SHA256_HEX_SIZE];
        snprintf(address, sizeof address, "0x%08" PRIx64, segment->address);
        snprintf(end, sizeof end, "0x%08" PRIx64, segment->address + segment->size);
        snprintf(size, sizeof size, "%zu", segment->size);
        sha256_hex(segment->bytes, segment->size, sha256);
        sha256[SHORT_SHA] = '\0';
        term_table_row(table, TERM_PLAIN, (const char *[]){address, end, size, sha256});
    }
    term_table_print(table, term);
    term_table_free(table);
}

static void print_layout(const struct layout *layout, const struct term *term)
{
    struct term_table *table = term_table_new(3);

    term_table_row(table, TERM_BOLD, (const char *[]){"FILE", "SIZE", "SHA256"});
    for (size_t i = 0; i < layout->count; i++) {
        const struct layout_file *file = &layout->files[i];
        cleanup_free char *name =
            file->name ? text_clean_dup(file->name, SIZE_MAX, TEXT_ONE_LINE) : NULL;
        char size[24], sha256[SHA256_HEX_SIZE];
        if (!name)
            continue;
        snprintf(size, sizeof size, "%" PRIu64, file->size);
        memcpy(sha256, file->sha256, sizeof sha256);
        sha256[SHORT_SHA] = '\0';
        term_table_row(table, TERM_PLAIN, (const char *[]){name, size, sha256});
    }
    term_table_print(table, term);
    term_table_free(table);
}

static void print_text(const struct image *image)
{
    struct term term = term_open(stdout);
    cleanup_free char *name = text_clean_dup(image->name, SIZE_MAX, TEXT_ONE_LINE);
    char text[UF2_FAMILY_TEXT];
    uint32_t family = 0;

    printf("%s%s%s\n", term_style(&term, TERM_BOLD), name, term_style(&term, TERM_PLAIN));
    printf("format    %s\n", image->format);
    if (image_uf2_family(image, &family))
        printf("family    %s\n", uf2_family_text(family, text));
    if (image->has_entry)
        printf("entry     0x%08" PRIx64 "\n", image->entry);
    else
        printf("entry     none\n");
    printf("build-id  %s\n", image->build_id ? image->build_id : "none");
    printf("sha256    %s\n", image->sha256);
    printf("loads     %" PRIu64 " bytes of %zu\n\n", image->size_bytes, image->file_size);
    if (image->layout)
        print_layout(image->layout, &term);
    else
        print_segments(image, &term);
}

static int show(const struct source_file *file, const struct options *options,
                const struct ctx *ctx, struct err *err)
{
    struct image *image = NULL;
    int rc = image_load(file->name, file->bytes, file->size, &options->image, &image, err);

    if (rc == 0)
        rc = layout_resolve(image, ctx, err);
    if (rc < 0) {
        image_free(image);
        return rc;
    }
    if (options->json)
        rc = print_json(image, err);
    else
        print_text(image);
    image_free(image);
    return rc;
}

static int show_all(const struct app *app, const char *spec, const struct options *options,
                    struct err *err)
{
    struct ctx ctx = ctx_root(app->cancel_fd, NULL);
    struct source_files files;
    int rc = source_load(str_eq(spec, "-") ? SOURCE_STDIN : spec, &ctx, &files, err);

    if (rc < 0)
        return err_named(rc, err);
    for (size_t i = 0; i < files.count && rc == 0; i++) {
        if (i && !options->json)
            putchar('\n');
        rc = show(&files.items[i], options, &ctx, err);
    }
    source_files_done(&files);
    return rc;
}

static int run(const struct app *app, int argc, char **argv)
{
    struct options options = {0};
    struct err err = {0};
    int first, exit_code;

    if (!cmd_parse(&verb_image, argc, argv, take, &options, &first, &exit_code))
        return exit_code;
    if (argc - first != 1) {
        err_set(&err, ERR_USAGE, "one firmware FILE is needed, %d given", argc - first);
        return cmd_fail(&verb_image, &err);
    }
    if (show_all(app, argv[first], &options, &err) == 0)
        return 0;
    return cmd_exit(app, cmd_fail(&verb_image, &err));
}

static const struct opt_row rows[] = {
    {"at", 'a', "ADDRESS", "Take the file as a raw binary that belongs at this address.", NULL},
    CMD_ROW_JSON,
    {0},
};

static const char *const examples[] = {
    "What would be flashed",
    "hil image build/app.elf",
    "A raw binary for the start of an STM32's flash",
    "hil image --at 0x08000000 app.bin",
    "A member of the archive that CI made, for a program",
    "hil image --json out.zip:fw/app.hex",
    NULL,
};

const struct opt_verb verb_image = {
    .name = "image",
    .operands = "FILE",
    .summary = "show what a firmware file holds",
    .description =
        "Reads firmware and prints its format, entry point, GNU build-id, SHA-256 and the segments "
        "that would be flashed. The format is told from the contents: ELF, Intel HEX, Motorola "
        "S-record or UF2; a raw binary needs --at.\n\n"
        "FILE is a path, a quoted glob ('build/**/*.hex'), an archive that holds one firmware "
        "file, a member of an archive, or - for a file that comes through a pipe:\n\n"
        "  out.zip:fw/app.elf\n\n"
        "Several matches are shown one after the other. Damaged files (checksums, truncation, "
        "overlap) are refused with the line or offset. With --json, each file is one object: file, "
        "format, size, sha256, entry and build_id (null where there is none), the chip's family of "
        "a UF2 file, and segments with address, size and sha256; of a flash layout (.tsv) the "
        "files that it names, and sha256 is of all of them.",
    .rows = rows,
    .examples = examples,
    .see_also = (const char *const[]){"run", "formats", NULL},
    .run = run,
};
