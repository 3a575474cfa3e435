/* SPDX-License-Identifier: MIT */
#include "remote/kept.h"

#include "base/fs.h"
#include "base/str.h"

#include <criterion/criterion.h>
#include <dirent.h>
#include <stdlib.h>
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
