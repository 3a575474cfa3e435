/* SPDX-License-Identifier: MIT */
#include "make.h"

#include "base/fs.h"
#include "base/str.h"
#include "source/parts.h"

#include <fcntl.h>
#include <string.h>
#include <unistd.h>

TestSuite(archive, .init = make_enter, .fini = make_leave);

#define ZIP ARCHIVE_FORMAT_ZIP, ARCHIVE_FILTER_NONE, NULL
#define TAR ARCHIVE_FORMAT_TAR_USTAR, ARCHIVE_FILTER_NONE, NULL
#define TGZ ARCHIVE_FORMAT_TAR_USTAR, ARCHIVE_FILTER_GZIP, NULL

static const struct member usual[] = {
    {.name = "fw/", .type = AE_IFDIR},
    {.name = "fw/readme.txt", .bytes = "hello"},
    {.name = "fw/b.elf", .bytes = "content of b"},
    {.name = "fw/deep/a.hex", .bytes = ":00000001FF\n"},
};

static const struct kind {
    const char *name;
    int format, filter;
} kinds[] = {
    {"a.zip", ARCHIVE_FORMAT_ZIP, ARCHIVE_FILTER_NONE},
    {"a.tar", ARCHIVE_FORMAT_TAR_USTAR, ARCHIVE_FILTER_NONE},
    {"a.tar.gz", ARCHIVE_FORMAT_TAR_PAX_INTERCHANGE, ARCHIVE_FILTER_GZIP},
    {"a.tar.xz", ARCHIVE_FORMAT_TAR_GNUTAR, ARCHIVE_FILTER_XZ},
    {"a.tar.zst", ARCHIVE_FORMAT_TAR_USTAR, ARCHIVE_FILTER_ZSTD},
    {"a.tar.bz2", ARCHIVE_FORMAT_TAR_USTAR, ARCHIVE_FILTER_BZIP2},
    {"a.tar.lz4", ARCHIVE_FORMAT_TAR_USTAR, ARCHIVE_FILTER_LZ4},
    {"a.7z", ARCHIVE_FORMAT_7ZIP, ARCHIVE_FILTER_NONE},
    {"a.cpio", ARCHIVE_FORMAT_CPIO_SVR4_NOCRC, ARCHIVE_FILTER_NONE},
    {"artifact", ARCHIVE_FORMAT_ZIP, ARCHIVE_FILTER_NONE},
};

static void check(const char *spec, const char *names)
{
    struct source_files files = expect_files(spec, names);

    source_files_done(&files);
}

static void check_kind(const struct kind *kind)
{
    cleanup_free char *all = xasprintf("%s:**", kind->name);
    cleanup_free char *names = xasprintf("%s:fw/b.elf %s:fw/deep/a.hex %s:fw/readme.txt",
                                         kind->name, kind->name, kind->name);
    struct source_files files;

    make_archive(kind->name, kind->format, kind->filter, NULL, usual, ARRAY_SIZE(usual));
    files = expect_files(all, names);
    cr_expect_str_eq(files.items[0].base, "b.elf");
    cr_assert_eq(files.items[0].size, 12);
    cr_expect_arr_eq(files.items[0].bytes, "content of b", 12);
    source_files_done(&files);
}

Test(archive, reads_members_of_every_kind)
{
    for (size_t i = 0; i < ARRAY_SIZE(kinds); i++)
        check_kind(&kinds[i]);
}

Test(archive, chooses_members_by_name_or_glob)
{
    make_archive("a.zip", ZIP, usual, ARRAY_SIZE(usual));
    check("a.zip:fw/b.elf", "a.zip:fw/b.elf");
    check("a.zip:./fw/b.elf", "a.zip:fw/b.elf");
    check("a.zip:**/*.hex", "a.zip:fw/deep/a.hex");
    check("a.zip:fw/*.?l?", "a.zip:fw/b.elf");
    expect_error("a.zip:*.elf", ERR_NOT_FOUND,
                 "a.zip: no member matches '*.elf'; there is fw/b.elf, fw/deep/a.hex");
    expect_error("a.zip:", ERR_USAGE, "a.zip: no member named after the ':'");
}

Test(archive, a_bare_one_stands_for_its_firmware_file)
{
    static const struct member one[] = {{.name = "map.txt", .bytes = "m"},
                                        {.name = "./out/FW.HEX", .bytes = "h"}};
    static const struct member none[] = {{.name = "map.txt", .bytes = "m"}};

    make_archive("one.tar", TAR, one, 2);
    check("one.tar", "one.tar:out/FW.HEX");
    make_archive("none.tar", TAR, none, 1);
    expect_error(
        "none.tar", ERR_NOT_FOUND,
        "none.tar: no firmware file by name; there is map.txt; choose with 'none.tar:NAME'");
    make_archive("many.zip", ZIP, usual, ARRAY_SIZE(usual));
    expect_error("many.zip", ERR_USAGE,
                 "many.zip: has 2 firmware files: fw/b.elf, fw/deep/a.hex; "
                 "choose, as in 'many.zip:fw/b.elf'");
    make_archive("empty.tar", TAR, NULL, 0);
    expect_error("empty.tar", ERR_NOT_FOUND, "empty.tar: the archive is empty");
}

Test(archive, a_colon_parts_only_where_a_file_ends)
{
    make_archive("a:b.zip", ZIP, usual, ARRAY_SIZE(usual));
    check("a:b.zip:fw/b.elf", "a:b.zip:fw/b.elf");
}

Test(archive, one_compressed_file_is_named_without_its_last_ending)
{
    static const struct member hex[] = {{.name = "x", .bytes = ":00000001FF\n"}};
    struct source_files files;

    make_archive("fw.hex.gz", ARCHIVE_FORMAT_RAW, ARCHIVE_FILTER_GZIP, NULL, hex, 1);
    files = expect_files("fw.hex.gz", "fw.hex.gz:fw.hex");
    cr_expect_str_eq(files.items[0].base, "fw.hex");
    cr_expect_eq(files.items[0].size, 12);
    source_files_done(&files);
    expect_error("fw.hex.gz:x", ERR_DATA,
                 "fw.hex.gz: is one compressed file, so it has no member 'x'; leave that out");
}

/* In the "C" locale, in which a program starts. */
Test(archive, names_beyond_ascii_survive)
{
    static const struct member members[] = {{.name = "gr\xC3\xB6\xC3\x9F/fw.hex", .bytes = "h"}};

    make_archive("a.tar", TAR, members, 1);
    check("a.tar", "a.tar:gr\xC3\xB6\xC3\x9F/fw.hex");
    make_archive("a.zip", ZIP, members, 1);
    check("a.zip", "a.zip:gr\xC3\xB6\xC3\x9F/fw.hex");
    make_archive("p.tar", ARCHIVE_FORMAT_TAR_PAX_INTERCHANGE, ARCHIVE_FILTER_NONE, NULL, members,
                 1);
    check("p.tar", "p.tar:gr\xC3\xB6\xC3\x9F/fw.hex");
}

Test(archive, refuses_names_that_only_an_attacker_chooses)
{
    static const struct {
        const char *name, *message;
    } cases[] = {
        {"../x.txt", "a.tar: refused: member '../x.txt' has '..' in its name"},
        {"a/../../x.txt", "a.tar: refused: member 'a/../../x.txt' has '..' in its name"},
        {"a/..", "a.tar: refused: member 'a/..' has '..' in its name"},
        {"a\\..\\x", "a.tar: refused: member 'a\\..\\x' has '..' in its name"},
        {"/etc/passwd", "a.tar: refused: member '/etc/passwd' has an absolute name"},
        {"a\x1B[2J.txt", "a.tar: refused: member 'a\xEF\xBF\xBD[2J.txt' has control characters in "
                         "its name"},
    };

    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        const struct member members[] = {{.name = "fw.elf", .bytes = "e"},
                                         {.name = cases[i].name, .bytes = "x"}};
        make_archive("a.tar", TAR, members, 2);
        expect_error("a.tar:fw.elf", ERR_DATA, cases[i].message);
    }
}

Test(archive, two_dots_within_a_name_are_harmless)
{
    static const struct member members[] = {{.name = "..a/b..c/fw..elf", .bytes = "e"}};

    make_archive("a.tar", TAR, members, 1);
    check("a.tar:**", "a.tar:..a/b..c/fw..elf");
}

Test(archive, refuses_links_and_devices_that_are_asked_for)
{
    static const struct member members[] = {
        {.name = "real.elf", .bytes = "e"},
        {.name = "soft.elf", .type = AE_IFLNK, .link = "/etc/passwd"},
        {.name = "hard.elf", .link = "real.elf"},
        {.name = "tty.elf", .type = AE_IFCHR},
    };

    make_archive("a.tar", TAR, members, ARRAY_SIZE(members));
    make_archive("a.zip", ZIP, members, 2);
    check("a.tar:real.elf", "a.tar:real.elf");
    expect_error("a.tar:soft.elf", ERR_DATA,
                 "a.tar: member 'soft.elf': refused: is a link to '/etc/passwd'; "
                 "name that file itself");
    expect_error("a.zip:soft.elf", ERR_DATA,
                 "a.zip: member 'soft.elf': refused: is a link to '/etc/passwd'; "
                 "name that file itself");
    expect_error(
        "a.tar:hard.elf", ERR_DATA,
        "a.tar: member 'hard.elf': refused: is a link to 'real.elf'; name that file itself");
    expect_error("a.tar:tty.elf", ERR_DATA,
                 "a.tar: member 'tty.elf': refused: is a device or the like, not a file");
}

Test(archive, refuses_encrypted_members)
{
    make_archive("a.zip", ARCHIVE_FORMAT_ZIP, ARCHIVE_FILTER_NONE, "zip:encryption=zipcrypt", usual,
                 ARRAY_SIZE(usual));
    expect_error("a.zip:fw/b.elf", ERR_DATA, "a.zip: member 'fw/b.elf': refused: is encrypted");
}

Test(archive, refuses_the_same_name_twice)
{
    static const struct member members[] = {{.name = "fw.elf", .bytes = "1"},
                                            {.name = "fw.elf", .bytes = "2"}};

    make_archive("a.tar", TAR, members, 2);
    expect_error("a.tar:fw.elf", ERR_DATA, "a.tar:fw.elf: is in the archive twice");
}

static const struct member trap[] = {{.name = "fw.bin", .zeros = 20 << 20},
                                     {.name = "b.elf", .bytes = "b"}};

Test(archive, a_trap_that_grows_is_refused)
{
    make_archive("a.7z", ARCHIVE_FORMAT_7ZIP, ARCHIVE_FILTER_NONE, "7zip:compression=bzip2", trap,
                 2);
    expect_error("a.7z:fw.bin", ERR_DATA,
                 "a.7z: member 'fw.bin': refused: unpacks to more than 1000 times its size, "
                 "as only a trap does");
}

/* Passed over, not held: the decompressor is watched as well. */
Test(archive, a_trap_beside_the_member_is_refused)
{
    static const int filters[] = {ARCHIVE_FILTER_BZIP2, ARCHIVE_FILTER_ZSTD};

    for (size_t i = 0; i < ARRAY_SIZE(filters); i++) {
        make_archive("a.tar", ARCHIVE_FORMAT_TAR_USTAR, filters[i], NULL, trap, 2);
        expect_error(
            "a.tar:b.elf", ERR_DATA,
            "a.tar: refused: unpacks to more than 1000 times its size, as only a trap does");
    }
}

Test(archive, refuses_a_member_beyond_the_ceiling)
{
    static const struct member members[] = {{.name = "fw.bin", .zeros = (256 << 20) + 1}};

    make_archive("a.tar", ARCHIVE_FORMAT_TAR_USTAR, ARCHIVE_FILTER_ZSTD, NULL, members, 1);
    expect_error("a.tar", ERR_LIMIT, "a.tar: member 'fw.bin': larger than 256 MiB");
}

Test(archive, refuses_too_many_members)
{
    struct member *members = xcalloc(SOURCE_MEMBERS_MAX + 1, sizeof *members);

    for (size_t i = 0; i <= SOURCE_MEMBERS_MAX; i++)
        members[i] = (struct member){.name = "x", .bytes = ""};
    make_archive("a.cpio", ARCHIVE_FORMAT_CPIO_POSIX, ARCHIVE_FILTER_NONE, NULL, members,
                 SOURCE_MEMBERS_MAX + 1);
    expect_error("a.cpio", ERR_LIMIT, "a.cpio: more than 100000 members");
    free(members);
}

/* Up to where an archive may be cut and must not pass for a whole one: a member might be missing.
 * Behind the end marks of a plain tar and a cpio is padding that nobody needs, and libarchive does
 * without the end mark and checksum of lz4. */
static off_t size_needed(const struct kind *kind)
{
    struct stat info;

    if (kind->filter == ARCHIVE_FILTER_NONE && kind->format == ARCHIVE_FORMAT_TAR_USTAR)
        return 3 * 1024;
    if (kind->format == ARCHIVE_FORMAT_CPIO_SVR4_NOCRC)
        return 300;
    cr_assert_eq(stat(kind->name, &info), 0);
    return kind->filter == ARCHIVE_FILTER_LZ4 ? info.st_size - 10 : info.st_size;
}

static void expect_cut(const char *path, off_t size)
{
    struct ctx ctx = ctx_root(-1, NULL);
    cleanup_free char *spec = xasprintf("%s:b.elf", path);
    struct source_files files;
    struct err err = {0};
    int rc;

    make_shorter(path, size);
    rc = source_load(spec, &ctx, &files, &err);
    cr_expect(rc == -ERR_DATA, "%s cut at %jd: %d %s", path, (intmax_t)size, rc, err.message);
    if (rc == 0)
        source_files_done(&files);
}

Test(archive, every_truncation_is_told)
{
    static const struct member members[] = {{.name = "a.txt", .bytes = "a"},
                                            {.name = "b.elf", .bytes = "content of b"},
                                            {.name = "c.txt", .bytes = "c"}};

    for (size_t i = 0; i < ARRAY_SIZE(kinds); i++) {
        make_archive(kinds[i].name, kinds[i].format, kinds[i].filter, NULL, members, 3);
        for (off_t size = size_needed(&kinds[i]) - 1; size > 0; size -= 1 + size / 40)
            expect_cut(kinds[i].name, size);
    }
}

Test(archive, says_how_it_is_truncated)
{
    make_archive("a.zip", ZIP, usual, ARRAY_SIZE(usual));
    make_shorter("a.zip", -30);
    expect_error("a.zip:fw/b.elf", ERR_DATA,
                 "a.zip: truncated: the zip file has no directory at its end");
    make_archive("a.tar", TAR, usual, ARRAY_SIZE(usual));
    make_shorter("a.tar", 7 * 512); /* a directory and three files of one block each */
    expect_error("a.tar:fw/b.elf", ERR_DATA, "a.tar: truncated: the tar file has no end mark");
    make_archive("a.tgz", TGZ, usual, ARRAY_SIZE(usual));
    make_shorter("a.tgz", -40);
    expect_error("a.tgz:fw/b.elf", ERR_DATA, "a.tgz: damaged or truncated: truncated gzip input");
}

/* Members passed over are sought past, and that must not reach beyond the end. */
Test(archive, a_cut_in_a_member_passed_over_is_told)
{
    make_text("a.ar", "!<arch>\n"
                      "b.elf/          0           0     0     100644  2         `\nbb"
                      "big/            0           0     0     100644  1048576   `\n");
    cr_assert_eq(truncate("a.ar", 512 * 1024), 0);
    expect_error("a.ar:b.elf", ERR_DATA,
                 "a.ar: damaged or truncated: Truncated input file (needed 1048576 bytes, "
                 "only 524158 available)");
}

/* The other end of a pipe whose writer has sent the whole file and goes on to hold it open. */
static int open_pipe(const char *path, int *ret_writer)
{
    cleanup_buf struct buf bytes = BUF_INIT(32 * 1024);
    int ends[2];

    cr_assert_eq(fs_read(path, &bytes, NULL), 0);
    cr_assert_eq(pipe(ends), 0);
    cr_assert_eq(write(ends[1], bytes.data, bytes.size), (ssize_t)bytes.size);
    *ret_writer = ends[1];
    return ends[0];
}

Test(archive, reads_from_a_pipe)
{
    struct ctx ctx = ctx_root(-1, NULL);
    struct source_files files = {0};
    struct err err = {0};
    int writer, fd;

    make_archive("a.zip", ZIP, usual, ARRAY_SIZE(usual));
    fd = open_pipe("a.zip", &writer);
    close(writer);
    cr_assert_eq(archive_load(fd, "a.zip", "fw/*.elf", &ctx, &files, &err), 0, "%s", err.message);
    cr_assert_eq(files.count, 1);
    cr_expect_arr_eq(files.items[0].bytes, "content of b", 12);
    source_files_done(&files);
    close(fd);
}

/* Not even where all that matters has come: some of libarchive's filters take a failure for the
 * end. */
Test(archive, a_silent_pipe_ends_with_the_deadline)
{
    static const struct {
        int format;
        const char *glob;
    } cases[] = {{ARCHIVE_FORMAT_RAW, NULL}, {ARCHIVE_FORMAT_TAR_USTAR, "**"}};
    struct ctx root = ctx_root(-1, NULL);

    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        struct ctx ctx = ctx_narrow(&root, 10);
        struct source_files files = {0};
        struct err err = {0};
        int writer, fd;
        make_archive("a", cases[i].format, ARCHIVE_FILTER_BZIP2, NULL, &usual[3], 1);
        fd = open_pipe("a", &writer);
        cr_expect_eq(archive_load(fd, "a", cases[i].glob, &ctx, &files, &err), -ERR_TIMEOUT,
                     "%zu %s", i, err.message);
        source_files_done(&files);
        close(fd);
        close(writer);
    }
}

/* At the header behind it, not only when more bytes come. */
Test(archive, a_trap_in_a_pipe_is_refused_at_once)
{
    struct ctx root = ctx_root(-1, NULL), ctx = ctx_narrow(&root, 5000);
    struct source_files files = {0};
    struct err err = {0};
    int writer, fd;

    make_archive("a.tar", ARCHIVE_FORMAT_TAR_USTAR, ARCHIVE_FILTER_BZIP2, NULL, trap, 2);
    fd = open_pipe("a.tar", &writer);
    cr_expect_eq(archive_load(fd, "a.tar", "b.elf", &ctx, &files, &err), -ERR_DATA, "%s",
                 err.message);
    source_files_done(&files);
    close(fd);
    close(writer);
}
