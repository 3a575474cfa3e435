/* SPDX-License-Identifier: MIT */
#include "remote/kept.h"

#include "base/fs.h"
#include "base/str.h"

#include <criterion/criterion.h>
#include <dirent.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

static const char *const bad_keys[] = {"",
                                       "..",
                                       "0123456789abcdef0123456789abcde",
                                       "0123456789abcdef0123456789abcdef0",
                                       "0123456789abcdef0123456789abcdeF",
                                       "../3456789abcdef0123456789abcdef"};

Test(kept, no_other_key_is_a_name)
{
    char key[KEPT_KEY_SIZE];

    for (size_t i = 0; i < sizeof bad_keys / sizeof *bad_keys; i++)
        cr_expect(!kept_key_valid(bad_keys[i]), "%s", bad_keys[i]);
    cr_assert_eq(kept_key_make(key, NULL), 0);
    cr_expect(kept_key_valid(key));
}

Test(kept, is_held_opened_and_forgotten)
{
    char *base = NULL, *dir = NULL, *again = NULL, key[KEPT_KEY_SIZE];
    int fd = -1, other = -1;
    struct err err = {0};

    cr_assert_eq(fs_temp_dir(&base, &err), 0);
    cr_assert_eq(kept_key_make(key, &err), 0);
    cr_expect_eq(kept_open(base, key, &again, &other, &err), -ERR_NOT_FOUND);
    cr_expect_eq(kept_begin(base, "../x", &dir, &fd, &err), -ERR_PROTOCOL);
    cr_assert_eq(kept_begin(base, key, &dir, &fd, &err), 0);
    cr_expect_eq(kept_open(base, key, &again, &other, &err), -ERR_BUSY);
    kept_forget(base, key);
    close(fd);
    cr_assert_eq(kept_open(base, key, &again, &other, &err), 0, "what is at work is not forgotten");
    cr_expect_str_eq(again, dir);
    close(other);
    kept_forget(base, key);
    free(again);
    cr_expect_eq(kept_open(base, key, &again, &other, &err), -ERR_NOT_FOUND);
    free(dir);
    fs_remove_tree(base);
    free(base);
}

static size_t count_in(const char *base)
{
    DIR *dir = opendir(base);
    size_t count = 0;

    for (struct dirent *entry; dir && (entry = readdir(dir));)
        count += entry->d_name[0] != '.';
    if (dir)
        closedir(dir);
    return count;
}

Test(kept, no_more_than_a_number)
{
    char *base = NULL, key[KEPT_KEY_SIZE];
    struct err err = {0};
    size_t left = 0;

    cr_assert_eq(fs_temp_dir(&base, &err), 0);
    for (size_t i = 0; i < KEPT_MAX + 3; i++) {
        char *dir = NULL;
        int fd = -1;
        cr_assert_eq(kept_key_make(key, &err), 0);
        cr_assert_eq(kept_begin(base, key, &dir, &fd, &err), 0);
        close(fd);
        free(dir);
        dir = fs_join(base, key);
        left += fs_exists(dir);
        free(dir);
    }
    cr_expect_eq(left, KEPT_MAX + 3);
    cr_expect_eq(count_in(base), KEPT_MAX);
    fs_remove_tree(base);
    free(base);
}

/* One with a file of so many KiB, `age_s` old; *ret_fd holds it. */
static char *make(const char *base, size_t kib, time_t age_s, int *ret_fd)
{
    struct timespec times[2] = {{.tv_nsec = UTIME_OMIT}, {.tv_sec = time(NULL) - age_s}};
    cleanup_free char *bytes = xcalloc(kib, 1024), *dir = NULL, *below = NULL, *file = NULL;
    char key[KEPT_KEY_SIZE];
    struct err err = {0};

    cr_assert_eq(kept_key_make(key, &err), 0);
    cr_assert_eq(kept_begin(base, key, &dir, ret_fd, &err), 0, "%s", err.message);
    below = fs_join(dir, "board-a");
    file = fs_join(below, "uart.log");
    cr_assert_eq(fs_mkdirs(below, 0700, &err), 0);
    memset(bytes, 'x', kib * 1024);
    cr_assert_eq(fs_write(file, bytes, kib * 1024, &err), 0);
    cr_assert_eq(futimens(*ret_fd, times), 0);
    return fs_join(base, key);
}

Test(kept, what_is_old_or_too_much_goes_and_what_is_at_work_stays)
{
    static const struct {
        size_t kib;
        time_t age_s;
        bool held;
        bool stays;
    } rows[] = {
        {64, KEPT_MAX_S + 900, true, true},
        {64, KEPT_MAX_S + 600, false, false},
        {128, KEPT_MAX_S - 600, false, false},
        {128, 3600, false, true},
        {64, 60, false, true},
    };
    char *base = NULL, *dirs[sizeof rows / sizeof *rows];
    int fds[sizeof rows / sizeof *rows];
    struct err err = {0};

    cr_assert_eq(fs_temp_dir(&base, &err), 0);
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
        dirs[i] = make(base, rows[i].kib, 0, &fds[i]);
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct timespec times[2] = {{.tv_nsec = UTIME_OMIT},
                                    {.tv_sec = time(NULL) - rows[i].age_s}};
        cr_assert_eq(futimens(fds[i], times), 0);
        if (!rows[i].held)
            close(fds[i]);
    }
    kept_sweep(base, KEPT_MAX, (64 + 128 + 64 + 64) * 1024);
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        cr_expect_eq(fs_exists(dirs[i]), rows[i].stays, "row %zu", i);
        if (rows[i].held)
            close(fds[i]);
        free(dirs[i]);
    }
    fs_remove_tree(base);
    free(base);
}

Test(kept, ages_from_its_end)
{
    char *base = NULL;
    struct err err = {0};
    int fd;

    cr_assert_eq(fs_temp_dir(&base, &err), 0);
    cleanup_free char *dir = make(base, 1, KEPT_MAX_S + 600, &fd);
    kept_end(fd); /* at work for so long, or the clock was wrong when it began */
    close(fd);
    kept_sweep(base, KEPT_MAX, KEPT_BYTES_MAX);
    cr_expect(fs_exists(dir));
    fs_remove_tree(base);
    free(base);
}
