/* SPDX-License-Identifier: MIT */
#include "image/layout.h"

#include "base/fs.h"
#include "base/str.h"

#include <errno.h>
#include <fcntl.h>
#include <sodium.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>
#include <unistd.h>

#define COLUMNS 7
#define LOOK_MAX ((size_t)64 * 1024) /* bytes in which the first row must begin */
#define TEXT_MAX ((size_t)1 << 20)
#define READ_SIZE ((size_t)1 << 16)

/* ---- the text -------------------------------------------------------------------------------- */

struct row {
    const char *columns[COLUMNS];
    size_t lengths[COLUMNS];
    size_t count; /* of columns; more than there may be: COLUMNS + 1 */
};

/* Several tabs in a row are one: they align what a person sees. */
static struct row split(const char *line, size_t size)
{
    struct row row = {.count = 0};

    for (size_t at = 0; at < size;) {
        size_t length = 0;
        while (at < size && line[at] == '\t')
            at++;
        while (at + length < size && line[at + length] != '\t')
            length++;
        if (!length)
            break;
        if (row.count == COLUMNS) {
            row.count++;
            break;
        }
        row.columns[row.count] = line + at;
        row.lengths[row.count++] = length;
        at += length;
    }
    return row;
}

struct lines {
    const char *text;
    size_t size, at, number;
};

/* The next row: comments and empty lines are none. */
static bool next_row(struct lines *lines, struct row *ret)
{
    while (lines->at < lines->size) {
        const char *line = lines->text + lines->at;
        size_t left = lines->size - lines->at;
        const char *end = memchr(line, '\n', left);
        size_t length = end ? (size_t)(end - line) : left;
        lines->at += length + !!end;
        lines->number++;
        if (length && line[length - 1] == '\r')
            length--;
        *ret = split(line, length);
        if (ret->count && ret->columns[0][0] != '#')
            return true;
    }
    return false;
}

static bool is_number(const struct row *row, size_t column)
{
    return row->lengths[column] > 2 && !strncasecmp(row->columns[column], "0x", 2);
}

bool layout_detect(const uint8_t *bytes, size_t size)
{
    struct lines lines = {.text = (const char *)bytes, .size = size < LOOK_MAX ? size : LOOK_MAX};
    struct row row;

    return (bytes[0] == '#' || bytes[0] == '-' || bytes[0] == 'P') && next_row(&lines, &row) &&
           row.count >= 2 && is_number(&row, 1) && strspn(row.columns[0], "-PEDBS") >= 1 &&
           !memchr(bytes, '\0', lines.size);
}

static char *file_name(const struct row *row)
{
    const char *name = row->columns[COLUMNS - 1];
    size_t length = row->lengths[COLUMNS - 1];

    return length == 4 && !strncmp(name, "none", 4) ? NULL : xstrndup(name, length);
}

int layout_read(struct image *image, struct err *err)
{
    struct lines lines = {.text = (const char *)image->file_bytes, .size = image->file_size};
    struct layout *layout = image->layout = xcalloc(1, sizeof *layout);
    struct row row;

    image->format = "tsv";
    if (image->file_size > TEXT_MAX || memchr(image->file_bytes, '\0', image->file_size))
        return err_set(err, ERR_DATA, "%s: is too large for a flash layout, or no text",
                       image->name);
    while (next_row(&lines, &row)) {
        if (row.count != COLUMNS)
            return err_set(
                err, ERR_DATA,
                "%s:%zu: %zu columns of a flash layout, there must be %d, parted by tabs",
                image->name, lines.number, row.count, COLUMNS);
        if (layout->count == LAYOUT_LINES_MAX)
            return err_set(err, ERR_LIMIT, "%s:%zu: more than %d rows", image->name, lines.number,
                           LAYOUT_LINES_MAX);
        layout->files = xrealloc(layout->files, layout->count + 1, sizeof *layout->files);
        layout->files[layout->count++] =
            (struct layout_file){.line = lines.number, .name = file_name(&row)};
    }
    return layout->count ? 0 : err_set(err, ERR_DATA, "%s: names no partition", image->name);
}

void layout_free(struct layout *layout)
{
    for (size_t i = 0; layout && i < layout->count; i++) {
        free(layout->files[i].name);
        free(layout->files[i].path);
    }
    if (layout)
        free(layout->files);
    free(layout);
}

int layout_write(const struct image *image, struct buf *ret, struct err *err)
{
    struct lines lines = {.text = (const char *)image->file_bytes, .size = image->file_size};
    struct row row;
    int rc = 0;

    for (size_t i = 0; i < image->layout->count && next_row(&lines, &row) && rc == 0; i++) {
        const char *path = image->layout->files[i].path;
        for (size_t c = 0; c + 1 < COLUMNS && rc == 0; c++)
            rc = buf_addf(ret, "%.*s\t", (int)row.lengths[c], row.columns[c]);
        if (rc == 0)
            rc = buf_addf(ret, "%s\n", path ? path : "none");
    }
    return rc < 0 ? err_set(err, ERR_LIMIT, "%s: too large with absolute paths", image->name) : 0;
}

/* ---- the files ------------------------------------------------------------------------------- */

static char *find(const char *dir, const char *name)
{
    cleanup_free char *path = fs_join(dir, name);
    char *real = realpath(path, NULL);
    struct stat status;

    /* A tab or line end would be another column or row. */
    if (real && stat(real, &status) == 0 && S_ISREG(status.st_mode) && !strpbrk(real, "\t\r\n"))
        return real;
    free(real);
    return NULL;
}

static int read_file(struct layout_file *file, const struct ctx *ctx, struct err *err)
{
    cleanup_close int fd = open(file->path, O_RDONLY | O_CLOEXEC);
    cleanup_free unsigned char *bytes = xmalloc(READ_SIZE);
    unsigned char digest[crypto_hash_sha256_BYTES];
    crypto_hash_sha256_state state;
    ssize_t n = fd < 0 ? -1 : 1;

    crypto_hash_sha256_init(&state);
    while (n > 0) {
        int rc = ctx_check(ctx, err);
        if (rc < 0)
            return rc;
        n = read(fd, bytes, READ_SIZE);
        if (n > 0)
            crypto_hash_sha256_update(&state, bytes, (unsigned long long)n);
        file->size += n > 0 ? (uint64_t)n : 0;
    }
    if (n < 0)
        return err_sys(err, errno, "%s", file->path);
    crypto_hash_sha256_final(&state, digest);
    hex_encode(digest, sizeof digest, file->sha256);
    return 0;
}

/* The layout's own and its files' digests, in its order. */
static void set_digest(struct image *image)
{
    cleanup_buf struct buf all = BUF_INIT((size_t)LAYOUT_LINES_MAX * 128);

    sha256_hex(image->file_bytes, image->file_size, image->sha256);
    buf_addf(&all, "%s\n", image->sha256);
    image->size_bytes = 0;
    for (size_t i = 0; i < image->layout->count; i++) {
        const struct layout_file *file = &image->layout->files[i];
        buf_addf(&all, "%s\n", file->sha256);
        image->size_bytes += file->size;
    }
    sha256_hex(all.data, all.size, image->sha256);
}

int layout_resolve(struct image *image, const struct ctx *ctx, struct err *err)
{
    cleanup_free char *dir = fs_dirname(image->name);

    for (size_t i = 0; image->layout && i < image->layout->count; i++) {
        struct layout_file *file = &image->layout->files[i];
        int rc;
        if (!file->name)
            continue;
        file->path = find(dir, file->name);
        if (!file->path)
            file->path = find(".", file->name);
        if (!file->path)
            return err_set(err, ERR_NOT_FOUND,
                           "%s:%zu: '%s' is no file, neither beside the layout nor in the current "
                           "directory",
                           image->name, file->line, file->name);
        rc = read_file(file, ctx, err);
        if (rc < 0)
            return err_wrap(err, "%s:%zu", image->name, file->line);
    }
    if (image->layout)
        set_digest(image);
    return 0;
}
