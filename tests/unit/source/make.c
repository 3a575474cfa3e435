/* SPDX-License-Identifier: MIT */
#include "make.h"

#include "base/buf.h"
#include "base/fs.h"
#include "base/str.h"

#include <ftw.h>
#include <locale.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static int remove_one(const char *path, const struct stat *info, int type, struct FTW *place)
{
    (void)info, (void)type, (void)place;
    return remove(path);
}

void make_enter(void)
{
    char dir[] = "/tmp/hil-test-source-XXXXXX";

    cr_assert(mkdtemp(dir) && chdir(dir) == 0);
}

void make_leave(void)
{
    cleanup_free char *dir = getcwd(NULL, 0);

    cr_assert(chdir("/") == 0);
    nftw(dir, remove_one, 16, FTW_DEPTH | FTW_PHYS);
}

void make_file(const char *path, const void *bytes, size_t size)
{
    cleanup_free char *dir = fs_dirname(path);

    cr_assert_eq(fs_mkdirs(dir, 0777, NULL), 0);
    cr_assert_eq(fs_write(path, bytes, size, NULL), 0, "%s", path);
}

void make_text(const char *path, const char *text)
{
    make_file(path, text, strlen(text));
}

static void put_member(struct archive *archive, const struct member *member)
{
    static const char zeros[64 * 1024];
    struct archive_entry *entry = archive_entry_new();
    size_t size = member->bytes ? strlen(member->bytes) : member->zeros;

    archive_entry_set_pathname(entry, member->name);
    archive_entry_set_filetype(entry, member->type ? member->type : AE_IFREG);
    archive_entry_set_perm(entry, 0644);
    archive_entry_set_size(entry, (la_int64_t)size);
    if (member->type == AE_IFLNK)
        archive_entry_set_symlink(entry, member->link);
    else if (member->link)
        archive_entry_set_hardlink(entry, member->link);
    cr_assert_eq(archive_write_header(archive, entry), ARCHIVE_OK, "%s",
                 archive_error_string(archive));
    if (member->bytes)
        archive_write_data(archive, member->bytes, size);
    for (size_t at = 0; !member->bytes && at < size; at += sizeof zeros)
        archive_write_data(archive, zeros, size - at < sizeof zeros ? size - at : sizeof zeros);
    archive_entry_free(entry);
}

void make_archive(const char *path, int format, int filter, const char *options,
                  const struct member *members, size_t count)
{
    struct archive *archive = archive_write_new();

    setlocale(LC_CTYPE, "C.UTF-8"); /* so that the names given are known to be UTF-8 */
    archive_write_set_format(archive, format);
    archive_write_add_filter(archive, filter);
    cr_assert_eq(archive_write_set_options(archive, options), ARCHIVE_OK);
    if (options && strstr(options, "encryption"))
        archive_write_set_passphrase(archive, "secret");
    cr_assert_eq(archive_write_open_filename(archive, path), ARCHIVE_OK);
    for (size_t i = 0; i < count; i++)
        put_member(archive, &members[i]);
    cr_assert_eq(archive_write_close(archive), ARCHIVE_OK);
    archive_write_free(archive);
    setlocale(LC_CTYPE, "C");
}

void make_shorter(const char *path, off_t size)
{
    struct stat info;

    cr_assert_eq(stat(path, &info), 0);
    cr_assert_eq(truncate(path, size < 0 ? info.st_size + size : size), 0);
}

struct source_files expect_files(const char *spec, const char *names)
{
    struct ctx ctx = ctx_root(-1, NULL);
    struct source_files files;
    struct err err = {0};
    cleanup_buf struct buf got = BUF_INIT(4096);

    cr_assert_eq(source_load(spec, &ctx, &files, &err), 0, "%s", err.message);
    for (size_t i = 0; i < files.count; i++)
        buf_addf(&got, "%s%s", i ? " " : "", files.items[i].name);
    cr_expect_str_eq(got.data, names);
    return files;
}

void expect_error(const char *spec, enum err_code code, const char *message)
{
    struct ctx ctx = ctx_root(-1, NULL);
    struct source_files files;
    struct err err = {0};
    int rc = source_load(spec, &ctx, &files, &err);

    cr_expect_eq(rc, -(int)code, "%d for: %s", rc, message);
    cr_expect_str_eq(err.message, message);
    if (rc == 0)
        source_files_done(&files);
}
