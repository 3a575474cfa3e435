/* SPDX-License-Identifier: MIT
 *
 * make: what this room's tests share: a directory of its own for each test, and archives made there
 * with libarchive's writer, which asks no questions about names, links and devices.
 */
#ifndef HIL_TEST_SOURCE_MAKE_H
#define HIL_TEST_SOURCE_MAKE_H

#include "source/source.h"

#include <archive.h>
#include <archive_entry.h>
#include <criterion/criterion.h>
#include <sys/stat.h>

struct member {
    const char *name;
    const char *bytes; /* NULL: `zeros` */
    size_t zeros;
    mode_t type;      /* 0: a regular file; AE_IFLNK, AE_IFDIR, AE_IFCHR, ... */
    const char *link; /* hard link, or with AE_IFLNK a symbolic one */
};

/* Fixtures: the test runs in an empty directory, which is gone afterwards. */
void make_enter(void);
void make_leave(void);

void make_file(const char *path, const void *bytes, size_t size);
void make_text(const char *path, const char *text);
/* `options` as archive_write_set_options() takes them, or NULL. A passphrase encrypts. */
void make_archive(const char *path, int format, int filter, const char *options,
                  const struct member *members, size_t count);
/* Keeps only the first `size` bytes; negative: cuts as many off the end. */
void make_shorter(const char *path, off_t size);

/* Loads and expects these names in this order, separated by blanks; the files are handed over. */
struct source_files expect_files(const char *spec, const char *names);
/* The load must fail with this code and message. */
void expect_error(const char *spec, enum err_code code, const char *message);

#endif
