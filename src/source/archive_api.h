/* SPDX-License-Identifier: MIT
 *
 * archive_api: libarchive, loaded when the first archive is opened.
 *
 * Linked as usual it would bring some ten libraries along, and cost every verb milliseconds at its
 * start. Members are called as their functions, less "archive_". May be called from any thread;
 * what was loaded stays until the program ends.
 */
#ifndef HIL_SOURCE_ARCHIVE_API_H
#define HIL_SOURCE_ARCHIVE_API_H

#include "base/err.h"

#include <archive.h>
#include <archive_entry.h>

/* What CI packs firmware in. Not here: mtree (no data of its own, may name files of this host), and
 * lrzip, grzip and lzop, for which libarchive would start programs, and .Z, whose end cannot be
 * told from a cut. Raw comes last and matches what nothing else does: one compressed file, or none.
 * Zip is chosen by whether the file can seek. */
#define ARCHIVE_KINDS(X)           \
    X(read_support_filter_gzip)    \
    X(read_support_filter_bzip2)   \
    X(read_support_filter_xz)      \
    X(read_support_filter_lzma)    \
    X(read_support_filter_lzip)    \
    X(read_support_filter_zstd)    \
    X(read_support_filter_lz4)     \
    X(read_support_format_tar)     \
    X(read_support_format_7zip)    \
    X(read_support_format_cpio)    \
    X(read_support_format_ar)      \
    X(read_support_format_cab)     \
    X(read_support_format_rar)     \
    X(read_support_format_rar5)    \
    X(read_support_format_iso9660) \
    X(read_support_format_raw)

#define ARCHIVE_API_NAMES(X)              \
    ARCHIVE_KINDS(X)                      \
    X(entry_filetype)                     \
    X(entry_hardlink)                     \
    X(entry_is_encrypted)                 \
    X(entry_pathname)                     \
    X(entry_pathname_utf8)                \
    X(entry_size)                         \
    X(entry_symlink)                      \
    X(error_string)                       \
    X(filter_bytes)                       \
    X(filter_count)                       \
    X(format)                             \
    X(read_data)                          \
    X(read_free)                          \
    X(read_header_position)               \
    X(read_new)                           \
    X(read_next_header)                   \
    X(read_open1)                         \
    X(read_set_callback_data)             \
    X(read_set_read_callback)             \
    X(read_set_seek_callback)             \
    X(read_set_skip_callback)             \
    X(read_support_format_zip_seekable)   \
    X(read_support_format_zip_streamable) \
    X(set_error)

struct archive_api {
#define X(name) __typeof__(archive_##name) *(name);
    ARCHIVE_API_NAMES(X)
#undef X
};

/* -ERR_TOOL: libarchive is not installed. */
int archive_api_load(struct archive_api *ret, struct err *err);

#endif
