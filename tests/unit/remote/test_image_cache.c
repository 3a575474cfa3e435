/* SPDX-License-Identifier: MIT */
#include "remote/image_cache.h"

#include "../scratch.h"
#include "base/hash.h"

#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>

static void put(const char *dir, const char *text, char digest[SHA256_HEX_SIZE])
{
    struct err err = {0};

    sha256_hex(text, strlen(text), digest);
    cr_assert_eq(image_cache_put(dir, digest, text, strlen(text), &err), 0, "%s", err.message);
}

Test(image_cache, lends_what_was_put_there)
{
    cleanup_scratch char *dir = scratch_make();
    cleanup_free char *cache = fs_join(dir, "images"), *lent = fs_join(dir, "fw.elf");
    cleanup_buf struct buf bytes = BUF_INIT(100);
    char digest[SHA256_HEX_SIZE];

    put(cache, "firmware", digest);
    cr_expect(image_cache_has(cache, digest));
    cr_assert_eq(image_cache_lend(cache, digest, lent, NULL), 0);
    image_cache_trim(cache, 0);
    cr_expect_not(image_cache_has(cache, digest));
    cr_assert_eq(fs_read(lent, &bytes, NULL), 0, "it stays for who has it");
    cr_expect_str_eq(bytes.data, "firmware");
    unlink(lent);
    cr_expect_eq(image_cache_lend(cache, digest, lent, NULL), -ERR_NOT_FOUND);
}

Test(image_cache, believes_no_digest)
{
    cleanup_scratch char *dir = scratch_make();
    cleanup_free char *lent = fs_join(dir, "x");
    char digest[SHA256_HEX_SIZE];
    struct err err = {0};

    sha256_hex("other", 5, digest);
    cr_expect_eq(image_cache_put(dir, digest, "firmware", 8, &err), -ERR_DATA);
    cr_expect_not(image_cache_has(dir, digest));
    cr_expect_not(image_cache_has(dir, "../../etc/passwd"));
    cr_expect_eq(image_cache_lend(dir, "../../etc/passwd", lent, &err), -ERR_PROTOCOL);
}

Test(image_cache, lets_the_oldest_go)
{
    cleanup_scratch char *dir = scratch_make();
    static const char *const texts[] = {"first", "second", "third"};
    char digests[3][SHA256_HEX_SIZE];

    for (size_t i = 0; i < ARRAY_SIZE(texts); i++) {
        put(dir, texts[i], digests[i]);
        cleanup_free char *path = fs_join(dir, digests[i]);
        struct timespec times[2] = {{.tv_sec = 100 - (time_t)i}, {.tv_sec = 100 - (time_t)i}};
        utimensat(AT_FDCWD, path, times, 0);
    }
    image_cache_trim(dir, strlen("first") + strlen("second"));
    cr_expect(image_cache_has(dir, digests[0]));
    cr_expect(image_cache_has(dir, digests[1]));
    cr_expect_not(image_cache_has(dir, digests[2]), "it was used least lately");
}

Test(image_cache, keeps_what_was_asked_for)
{
    cleanup_scratch char *dir = scratch_make();
    char asked[SHA256_HEX_SIZE], other[SHA256_HEX_SIZE];
    static const struct timespec long_ago[2] = {{.tv_sec = 100}, {.tv_sec = 100}};
    static const struct timespec later[2] = {{.tv_sec = 200}, {.tv_sec = 200}};

    put(dir, "asked", asked);
    put(dir, "other", other);
    cleanup_free char *one = fs_join(dir, asked), *two = fs_join(dir, other);
    utimensat(AT_FDCWD, one, long_ago, 0);
    utimensat(AT_FDCWD, two, later, 0);
    cr_expect(image_cache_has(dir, asked));
    image_cache_trim(dir, strlen("asked"));
    cr_expect(image_cache_has(dir, asked), "it is about to be lent");
    cr_expect_not(image_cache_has(dir, other));
}
