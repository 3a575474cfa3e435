/* SPDX-License-Identifier: MIT
 *
 * parts: what the files of this room share.
 */
#ifndef HIL_SOURCE_PARTS_H
#define HIL_SOURCE_PARTS_H

#include "base/buf.h"
#include "base/str.h"
#include "source/conveyor.h"
#include "source/source.h"

#include <stdbool.h>

#define cleanup_listing __attribute__((cleanup(listing_done)))

/* "fw.elf", "FW.HEX": a file that is taken as it is, never looked into as an archive. */
bool source_is_firmware_name(const char *name);
bool source_has_glob(const char *text);
/* Takes over what `bytes` holds. */
void source_files_add(struct source_files *files, const char *name, const char *base,
                      struct buf *bytes);

/* A path that exists, or not: then the message says what is there. */
int path_load(const char *path, const struct ctx *ctx, struct source_files *files, struct err *err);
int path_glob(const char *pattern, const struct ctx *ctx, struct source_files *files,
              struct err *err);

/* Who takes files one by one: begin, bytes as often as it needs, end. Each may refuse. A file that
 * was begun and not ended is no file. `name` is relative, without ".." and control characters. */
struct source_taker {
    int (*begin)(void *arg, const char *name, struct err *err);
    int (*bytes)(void *arg, const void *bytes, size_t count, struct err *err);
    int (*end)(void *arg, struct err *err);
    void *arg;
    uint64_t file_max; /* bytes of one file */
};

/* Reads an archive from `fd`, a file or a pipe. Errors begin with the wish's name; what the taker
 * has until then stays. Returns ARCHIVE_NONE, with nothing said, where the bytes are no archive. */
enum { ARCHIVE_NONE = 1 };
struct archive_wish {
    const char *name;        /* of the archive */
    const char *glob;        /* members wanted; NULL: its one firmware file */
    const char *choose;      /* what is typed before a member's name to choose it; NULL: "NAME:" */
    struct conveyor *source; /* bytes come from here, `fd` is -1; NULL: from fd */
};
int archive_read_members(int fd, const struct archive_wish *wish, const struct source_taker *taker,
                         const struct ctx *ctx, struct err *err);
/* The same into memory. */
int archive_load(int fd, const char *name, const char *glob, const struct ctx *ctx,
                 struct source_files *files, struct err *err);

/* A taker that adds to `files`, in memory, under names that begin with `prefix`. */
struct files_taker {
    struct source_files *files;
    const char *archive; /* "out.zip" */
    char *name;
    struct buf bytes;
};
struct source_taker files_taker_init(struct files_taker *taker, const char *archive,
                                     struct source_files *files);
void files_taker_done(struct files_taker *taker);

/* The first few names of many, for a message. */
struct listing {
    struct strv names;
    size_t total;
};
void listing_add(struct listing *listing, const char *name);
/* "a.elf, b.hex and 12 more", cleaned; the caller frees. */
char *listing_text(const struct listing *listing);
void listing_done(struct listing *listing);

#endif
