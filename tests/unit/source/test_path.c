/* SPDX-License-Identifier: MIT */
#include "make.h"

#include <string.h>
#include <unistd.h>

TestSuite(path, .init = make_enter, .fini = make_leave);

/* Loads, compares the names, frees. */
static void check(const char *spec, const char *names)
{
    struct source_files files = expect_files(spec, names);

    source_files_done(&files);
}

Test(path, loads_a_file_with_name_base_and_bytes)
{
    struct source_files files;

    make_text("out/fw.elf", "content");
    files = expect_files("out/fw.elf", "out/fw.elf");
    cr_expect_str_eq(files.items[0].base, "fw.elf");
    cr_assert_eq(files.items[0].size, 7);
    cr_expect_arr_eq(files.items[0].bytes, "content", 7);
    source_files_done(&files);
}

Test(path, loads_an_empty_file_and_one_without_ending)
{
    make_text("empty", "");
    make_text("zephyr", "\x7F"
                        "ELF and so on");
    check("empty", "empty");
    check("zephyr", "zephyr");
}

Test(path, globs_stop_at_slashes_unless_doubled)
{
    make_text("out/b.hex", "b");
    make_text("out/a.hex", "a");
    make_text("out/a.elf", "a");
    make_text("out/sub/deep/c.hex", "c");
    make_text("out/.hidden/d.hex", "d");
    check("out/*.hex", "out/a.hex out/b.hex");
    check("out/?.elf", "out/a.elf");
    check("out/**/*.hex", "out/a.hex out/b.hex out/sub/deep/c.hex");
    check("**/c.hex", "out/sub/deep/c.hex");
    check("out/*/*/*.hex", "out/sub/deep/c.hex");
    check("out/.*/*.hex", "out/.hidden/d.hex");
    check("./out/*.elf", "./out/a.elf");
}

Test(path, a_glob_follows_links_but_not_in_circles)
{
    make_text("v2/fw.elf", "2");
    cr_assert_eq(symlink("v2", "latest"), 0);
    cr_assert_eq(symlink("..", "v2/up"), 0);
    check("latest/*.elf", "latest/fw.elf");
    check("v2/**/fw.elf", "v2/fw.elf");
}

Test(path, a_name_that_exists_is_no_pattern)
{
    make_text("a*.hex", "star");
    make_text("ab.hex", "b");
    make_text("C:fw.hex", "colon");
    check("a*.hex", "a*.hex");
    check("C:fw.hex", "C:fw.hex");
}

Test(path, says_what_is_there_instead)
{
    make_text("out/firmware.elf", "");
    make_text("out/map.txt", "");
    expect_error("out/firmwear.elf", ERR_NOT_FOUND,
                 "out/firmwear.elf: No such file or directory; did you mean 'firmware.elf'?");
    expect_error("out/x", ERR_NOT_FOUND,
                 "out/x: No such file or directory; out has firmware.elf, map.txt");
    expect_error("out/*.hex", ERR_NOT_FOUND,
                 "out/*.hex: no file matches; out has firmware.elf, map.txt");
    expect_error("none/*.hex", ERR_NOT_FOUND, "none: No such file or directory");
    expect_error("out", ERR_USAGE, "out: is a directory; name a file, or try 'out/**/*.elf'");
    expect_error("out/firmware.elf:x", ERR_DATA,
                 "out/firmware.elf: is no archive, so it has no member 'x'");
}

Test(path, refuses_what_would_block)
{
    cr_assert_eq(mkfifo("pipe.elf", 0600), 0);
    expect_error("pipe.elf", ERR_USAGE, "pipe.elf: is not a regular file");
}

Test(path, refuses_a_file_beyond_the_ceiling)
{
    make_text("huge.bin", "");
    cr_assert_eq(truncate("huge.bin", (off_t)SOURCE_FILE_MAX + 1), 0);
    expect_error("huge.bin", ERR_LIMIT, "huge.bin: larger than 256 MiB");
}

Test(path, stops_when_cancelled)
{
    struct source_files files;
    struct ctx ctx;
    struct err err = {0};
    int ends[2];

    make_text("a.elf", "a");
    cr_assert_eq(pipe(ends), 0);
    cr_assert_eq(write(ends[1], "x", 1), 1);
    ctx = ctx_root(ends[0], NULL);
    cr_expect_eq(source_load("a.elf", &ctx, &files, &err), -ERR_CANCELLED);
    cr_expect_eq(source_load("*.elf", &ctx, &files, &err), -ERR_CANCELLED);
    close(ends[0]);
    close(ends[1]);
}
