/* SPDX-License-Identifier: MIT */
#include "source/source.h"

#include "base/fs.h"
#include "base/text.h"
#include "source/parts.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>

#define LISTED_MAX 8

bool source_is_firmware_name(const char *name)
{
    static const char *const endings[] = {".elf", ".axf", ".out", ".hex", ".ihex", ".srec",
                                          ".s19", ".s28", ".s37", ".mot", ".uf2",  ".bin"};
    const char *dot = strrchr(fs_basename(name), '.');

    for (size_t i = 0; dot && i < ARRAY_SIZE(endings); i++)
        if (!strcasecmp(dot, endings[i]))
            return true;
    return false;
}

bool source_has_glob(const char *text)
{
    return strpbrk(text, "*?");
}

void source_files_add(struct source_files *files, const char *name, const char *base,
                      struct buf *bytes)
{
    struct source_file *file;

    files->items = xrealloc(files->items, files->count + 1, sizeof *files->items);
    file = &files->items[files->count++];
    file->name = xstrdup(name);
    file->base = xstrdup(base);
    file->size = bytes->size;
    file->bytes = xrealloc(buf_steal(bytes), file->size, 1);
}

/* Where "ARCHIVE:GLOB" is to be cut: the first ':' behind the name of a regular file. */
static char *archive_of(const char *spec)
{
    for (const char *colon = strchr(spec, ':'); colon; colon = strchr(colon + 1, ':')) {
        char *path = xstrndup(spec, (size_t)(colon - spec));
        struct stat info;
        if (stat(path, &info) == 0 && S_ISREG(info.st_mode))
            return path;
        free(path);
    }
    return NULL;
}

static int load_members(const char *path, const char *glob, const struct ctx *ctx,
                        struct source_files *files, struct err *err)
{
    cleanup_close int fd = open(path, O_RDONLY | O_CLOEXEC);
    int rc;

    if (fd < 0)
        return err_sys(err, errno, "%s", path);
    if (!*glob)
        return err_set(err, ERR_USAGE, "%s: no member named after the ':'", path);
    rc = archive_load(fd, path, glob, ctx, files, err);
    if (rc == ARCHIVE_NONE)
        return err_set(err, ERR_DATA, "%s: is no archive, so it has no member '%s'", path, glob);
    return rc;
}

static int load(const char *spec, const struct ctx *ctx, struct source_files *files,
                struct err *err)
{
    cleanup_free char *archive = NULL;

    if (fs_exists(spec))
        return path_load(spec, ctx, files, err);
    archive = archive_of(spec);
    if (archive)
        return load_members(archive, spec + strlen(archive) + 1, ctx, files, err);
    if (source_has_glob(spec))
        return path_glob(spec, ctx, files, err);
    return path_load(spec, ctx, files, err);
}

static int by_name(const void *a, const void *b)
{
    return strcmp(((const struct source_file *)a)->name, ((const struct source_file *)b)->name);
}

static int sort(struct source_files *files, struct err *err)
{
    qsort(files->items, files->count, sizeof *files->items, by_name);
    for (size_t i = 1; i < files->count; i++)
        if (!by_name(&files->items[i - 1], &files->items[i]))
            return err_set(err, ERR_DATA, "%s: is in the archive twice", files->items[i].name);
    return 0;
}

int source_load(const char *spec, const struct ctx *ctx, struct source_files *ret, struct err *err)
{
    int rc;

    *ret = (struct source_files){0};
    rc = load(spec, ctx, ret, err);
    if (rc == 0)
        rc = sort(ret, err);
    if (rc < 0)
        source_files_done(ret);
    return rc;
}

void source_files_done(struct source_files *files)
{
    for (size_t i = 0; i < files->count; i++) {
        free(files->items[i].name);
        free(files->items[i].base);
        free(files->items[i].bytes);
    }
    free(files->items);
    *files = (struct source_files){0};
}

void listing_add(struct listing *listing, const char *name)
{
    if (listing->total++ < LISTED_MAX)
        strv_add_owned(&listing->names, text_clean_dup(name, 80, TEXT_ONE_LINE));
}

char *listing_text(const struct listing *listing)
{
    struct buf text = BUF_INIT(ERR_MESSAGE_MAX);

    for (size_t i = 0; i < listing->names.count; i++)
        buf_addf(&text, "%s%s", i ? ", " : "", listing->names.items[i]);
    if (listing->total > listing->names.count)
        buf_addf(&text, " and %zu more", listing->total - listing->names.count);
    return buf_steal(&text);
}

void listing_done(struct listing *listing)
{
    strv_done(&listing->names);
}
