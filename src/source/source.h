/* SPDX-License-Identifier: MIT
 *
 * source: where firmware comes from, as a stream of named files.
 *
 * A spec is one of
 *   fw.elf               a path; a name that exists is always taken as it is
 *   build/app-?.hex      a glob: "*" and "?" stop at '/', "**" does not
 *   out.zip              an archive: its one firmware file (.elf .hex .s19 .uf2 .bin ...)
 *   out.zip:fw/app.elf   a member of it, or by glob every member that matches
 *   fw.hex.gz            one compressed file
 *   /dev/stdin           a pipe that holds one firmware file; also /dev/fd/N, as of <(...)
 * Archives are streamed through libarchive: only the members wanted are ever held in memory, and
 * nothing is unpacked to disk.
 *
 * Archives are hostile: names with "..", absolute names, control characters, links, devices,
 * encrypted members and unreasonable ratios are refused, each with its own words. Blocks as long as
 * the disk does; the deadline is looked at between blocks. May be called from any thread.
 */
#ifndef HIL_SOURCE_SOURCE_H
#define HIL_SOURCE_SOURCE_H

#include "base/ctx.h"
#include "base/err.h"

#include <stddef.h>
#include <stdint.h>

#define SOURCE_STDIN "/dev/stdin"
#define SOURCE_FILE_MAX ((size_t)256 << 20)    /* bytes of one file */
#define SOURCE_TOTAL_MAX (UINT64_C(2) << 30)   /* bytes that one archive may unpack to */
#define SOURCE_RATIO_MAX 1000                  /* unpacked to packed, once there are */
#define SOURCE_RATIO_FROM (UINT64_C(16) << 20) /* this many bytes unpacked */
#define SOURCE_MEMBERS_MAX 100000              /* members of an archive, files of a glob */

struct source_file {
    char *name;     /* "out.zip:fw/a.elf": what messages and reports call it */
    char *base;     /* "a.elf" */
    uint8_t *bytes; /* owned */
    size_t size;
};

struct source_files {
    struct source_file *items;
    size_t count;
};

/* Every file that `spec` stands for, sorted by name, at least one. -ERR_NOT_FOUND: no such file or
 * no member matches (the message lists what is there); -ERR_USAGE: a directory, or an archive with
 * several firmware files and none chosen; -ERR_DATA: damaged or refused; -ERR_LIMIT: too large. */
int source_load(const char *spec, const struct ctx *ctx, struct source_files *ret, struct err *err);
void source_files_done(struct source_files *files);

#endif
