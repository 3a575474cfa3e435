/* SPDX-License-Identifier: MIT
 *
 * parts: what the files of this room share.
 */
#ifndef HIL_SOURCE_PARTS_H
#define HIL_SOURCE_PARTS_H

#include "base/buf.h"
#include "base/str.h"
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

/* Reads an archive from `fd`, a file or a pipe. `glob` NULL: its one firmware file. Errors begin
 * with `name`; what was loaded until then stays in `files`. Returns ARCHIVE_NONE, with nothing
 * said, where the bytes are no archive at all. */
enum { ARCHIVE_NONE = 1 };
int archive_load(int fd, const char *name, const char *glob, const struct ctx *ctx,
                 struct source_files *files, struct err *err);

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
