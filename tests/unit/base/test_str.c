/* SPDX-License-Identifier: MIT */
#include "base/str.h"

#include <criterion/criterion.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

Test(str, copies)
{
    char *copy = xstrndup("abcdef", 3), *whole = xstrndup("ab", 10);

    cr_assert_str_eq(copy, "abc");
    cr_assert_str_eq(whole, "ab");
    cr_assert_null(xstrdup(NULL));
    free(copy);
    free(whole);
}

Test(str, comparisons)
{
    cr_assert(str_eq("a", "a"));
    cr_assert(str_eq(NULL, NULL));
    cr_assert_not(str_eq("a", NULL));
    cr_assert_not(str_eq(NULL, ""));
    cr_assert(str_starts("hil-run", "hil-"));
    cr_assert_not(str_starts("hi", "hil"));
    cr_assert(str_ends("a.elf", ".elf"));
    cr_assert_not(str_ends("elf", ".elf"));
    cr_assert(str_ends("x", ""));
}

Test(str, glob_table)
{
    static const struct {
        const char *pattern, *path;
        bool match;
    } rows[] = {
        {"", "", true},
        {"", "a", false},
        {"a", "", false},
        {"*", "", true},
        {"*", "abc", true},
        {"*", "a/b", false},
        {"?", "a", true},
        {"?", "", false},
        {"?", "/", false},
        {"*.elf", "fw.elf", true},
        {"*.elf", "out/fw.elf", false},
        {"**.elf", "out/fw.elf", true},
        {"**/*.elf", "fw.elf", true},
        {"**/*.elf", "a/b/c.elf", true},
        {"**/*.elf", "a/b/c.elf/d", false},
        {"**/b", "ab", false},
        {"a/**/b", "a/xb", false},
        {"a/**/b", "a/b", true},
        {"a/**/b", "a/x/y/b", true},
        {"a/**/b", "ab", false},
        {"a/**", "a/b/c", true},
        {"a/**", "a", false},
        {"**/test/*.bin", "x/test/y/test/z.bin", true},
        {"*a*b*c", "xxaybzzc", true},
        {"*a*b*c", "xxaybzz", false},
        {"*ab", "aab", true},
        {"a?c", "abc", true},
        {"build*/**/fw-*.hex", "build-1/x/y/fw-2.hex", true},
        {"build*/**/fw-*.hex", "build-1/x/y/xfw-2.hex", false},
        {"**", "a/b/c", true},
        {"**/", "a/b/", true},
        {"***", "a/b", true},
        {"suite.*", "suite.case", true},
        {"[a]", "a", false},
        {"[a]", "[a]", true},
    };

    for (size_t i = 0; i < ARRAY_SIZE(rows); i++)
        cr_assert_eq(str_glob(rows[i].pattern, rows[i].path), rows[i].match, "%s on %s",
                     rows[i].pattern, rows[i].path);
}

/* The definition, plainly and slowly. */
static bool slow_glob(const char *begin, const char *pattern, const char *path)
{
    if (!strncmp(pattern, "**/", 3) && (pattern == begin || pattern[-1] == '/')) {
        for (const char *at = path; at; at = strchr(at, '/') ? strchr(at, '/') + 1 : NULL)
            if (slow_glob(begin, pattern + 3, at))
                return true;
        return false;
    }
    if (!strncmp(pattern, "**", 2)) {
        for (const char *at = path;; at++) {
            if (slow_glob(begin, pattern + 2, at))
                return true;
            if (!*at)
                return false;
        }
    }
    if (*pattern == '*')
        return slow_glob(begin, pattern + 1, path) ||
               (*path && *path != '/' && slow_glob(begin, pattern, path + 1));
    if (!*pattern || !*path)
        return !*pattern && !*path;
    return (*pattern == *path || (*pattern == '?' && *path != '/')) &&
           slow_glob(begin, pattern + 1, path + 1);
}

static void spell(size_t number, const char *letters, char out[8])
{
    size_t base = strlen(letters) + 1;

    for (; number; number /= base)
        if (number % base)
            *out++ = letters[number % base - 1];
    *out = '\0';
}

Test(str, glob_agrees_with_the_definition_on_all_short_inputs)
{
    char pattern[8], path[8];

    for (size_t i = 0; i < 15625; i++) { /* every pattern of up to six characters of "a*?/" */
        spell(i, "a*?/", pattern);
        for (size_t j = 0; j < 256; j++) {
            spell(j, "ab/", path);
            cr_assert_eq(str_glob(pattern, path), slow_glob(pattern, pattern, path), "'%s' on '%s'",
                         pattern, path);
        }
    }
}

Test(str, glob_is_never_exponential, .timeout = 5)
{
    char pattern[201], path[4001];

    for (size_t i = 0; i < 200; i++)
        pattern[i] = i % 2 ? '*' : 'a';
    pattern[199] = 'b';
    pattern[200] = '\0';
    memset(path, 'a', 4000);
    path[4000] = '\0';
    cr_assert_not(str_glob(pattern, path));
    for (size_t i = 0; i + 2 < 200; i += 3)
        memcpy(pattern + i, "a**", 3);
    cr_assert_not(str_glob(pattern, path));
}

Test(str, nearest_table)
{
    static const char *const names[] = {"board", "format", "lab", "out", "timeout", "junit"};
    static const struct {
        const char *word, *nearest;
    } rows[] = {
        {"bord", "board"},     {"boards", "board"}, {"fromat", "format"}, {"lba", "lab"},
        {"timout", "timeout"}, {"zzz", NULL},       {"", NULL},           {"out", "out"},
        {"xyzlab", NULL},      {"juint", "junit"},  {"tuo", NULL},
    };

    for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
        const char *nearest = str_nearest(rows[i].word, names, ARRAY_SIZE(names));
        cr_assert(str_eq(nearest, rows[i].nearest), "%s: %s", rows[i].word, nearest);
    }
}

Test(str, nearest_takes_long_words)
{
    char word[300];
    const char *const names[] = {"board", word};

    memset(word, 'x', sizeof word - 1);
    word[sizeof word - 1] = '\0';
    cr_assert_null(str_nearest(word, names, 1));
    cr_assert_null(str_nearest("board2", names + 1, 1));
}

Test(str, numbers)
{
    static const struct {
        const char *text;
        uint64_t max, value;
        bool good;
    } rows[] = {
        {"0", 10, 0, true},
        {"10", 10, 10, true},
        {"11", 10, 0, false},
        {"0x10", 100, 16, true},
        {"0XfF", 255, 255, true},
        {"010", 100, 10, true},
        {"18446744073709551615", UINT64_MAX, UINT64_MAX, true},
        {"18446744073709551616", UINT64_MAX, 0, false},
        {"0xffffffffffffffff", UINT64_MAX, UINT64_MAX, true},
        {"0x1ffffffffffffffff", UINT64_MAX, 0, false},
        {"", 10, 0, false},
        {"-1", 10, 0, false},
        {"+1", 10, 0, false},
        {" 1", 10, 0, false},
        {"1 ", 10, 0, false},
        {"0x", 10, 0, false},
        {"0x-1", 10, 0, false},
        {"1e3", 10000, 0, false},
        {"x", 10, 0, false},
    };

    for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
        uint64_t value = 99;
        struct err err;
        int rc = str_to_u64(rows[i].text, rows[i].max, "--at", &value, &err);
        cr_assert_eq(rc, rows[i].good ? 0 : -ERR_USAGE, "%s", rows[i].text);
        cr_assert_eq(value, rows[i].good ? rows[i].value : 99, "%s", rows[i].text);
        if (rc < 0)
            cr_assert(str_starts(err.message, "--at: "), "%s", err.message);
    }
}

Test(str, sizes)
{
    static const struct {
        const char *text;
        uint64_t value;
        bool good;
    } rows[] = {
        {"65536", 65536, true},
        {"512K", 524288, true},
        {"512k", 524288, true},
        {"1M", 1048576, true},
        {"1MiB", 1048576, true},
        {"1.5K", 1536, true},
        {"2g", 2147483648, true},
        {"0x20000", 131072, true},
        {"0x10K", 16384, true},
        {"0", 0, true},
        {"1.5", 0, false},
        {"0.0001K", 0, false},
        {"-1K", 0, false},
        {"", 0, false},
        {"K", 0, false},
        {"1KB", 0, false},
        {"1 K", 0, false},
        {"1e300", 0, false},
        {"1e400", 0, false},
        {"nan", 0, false},
        {"inf", 0, false},
        {"99999999G", 0, false},
        {"0xffffffffffffffffff", 0, false},
        {"1,5K", 0, false},
    };

    for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
        uint64_t value = 99;
        struct err err;
        int rc = str_to_size(rows[i].text, "size", &value, &err);
        cr_assert_eq(rc, rows[i].good ? 0 : -ERR_USAGE, "%s", rows[i].text);
        cr_assert_eq(value, rows[i].good ? rows[i].value : 99, "%s", rows[i].text);
    }
}

Test(str, durations)
{
    static const struct {
        const char *text;
        int64_t value;
        bool good;
    } rows[] = {
        {"250ms", 250, true},    {"30s", 30000, true},
        {"1.5s", 1500, true},    {"10m", 600000, true},
        {"10min", 600000, true}, {"1h", 3600000, true},
        {"0s", 0, true},         {"1000h", 3600000000, true},
        {"7d", 604800000, true}, {"3650d", 315360000000, true},
        {"4000d", 0, false},     {"30", 0, false},
        {"s", 0, false},         {"-1s", 0, false},
        {"1w", 0, false},        {"1e99h", 0, false},
    };

    for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
        int64_t value = 99;
        struct err err;
        int rc = str_to_ms(rows[i].text, "timeout", &value, &err);
        cr_assert_eq(rc, rows[i].good ? 0 : -ERR_USAGE, "%s", rows[i].text);
        cr_assert_eq(value, rows[i].good ? rows[i].value : 99, "%s", rows[i].text);
    }
}

Test(str, time_for_people)
{
    static const struct {
        int64_t us;
        const char *text;
    } rows[] = {
        {0, "0 us"},
        {999, "999 us"},
        {1000, "1 ms"},
        {250000, "250 ms"},
        {999999, "999 ms"},
        {1500000, "1.5 s"},
        {59499999, "59.5 s"},
        {59600000, "1 min 0 s"},
        {125000000, "2 min 5 s"},
        {3599600000, "1 h 0 min"},
        {7380000000, "2 h 3 min"},
        {-1, "-1 us"},
        {INT64_MAX, "2562047788 h 0 min"},
    };
    char out[32];

    for (size_t i = 0; i < ARRAY_SIZE(rows); i++)
        cr_assert_str_eq(str_from_us(rows[i].us, out), rows[i].text);
}

Test(str, lists)
{
    cleanup_strv struct strv list = {0};

    cr_assert_not(strv_has(&list, "a"));
    strv_split(&list, ",a,,bc,", ',');
    strv_add(&list, "d");
    strv_addf(&list, "e%d", 5);
    strv_add_owned(&list, xstrdup("f"));
    cr_assert_eq(list.count, 5);
    cr_assert_str_eq(list.items[0], "a");
    cr_assert_str_eq(list.items[1], "bc");
    cr_assert_str_eq(list.items[3], "e5");
    cr_assert_null(list.items[5]);
    cr_assert(strv_has(&list, "bc"));
    cr_assert_not(strv_has(&list, "b"));
    strv_split(&list, "", ',');
    strv_split(&list, ",", ',');
    cr_assert_eq(list.count, 5);
    strv_done(&list);
    cr_assert_eq(list.count, 0);
    cr_assert_null(list.items);
}

/* A number that stayed would be closed again, and by then be another's file. */
Test(str, a_closed_descriptor_is_none)
{
    int ends[2], other;

    cr_assert_eq(pipe(ends), 0);
    close_fd(&ends[0]);
    cr_assert_eq(ends[0], -1);
    other = dup(ends[1]);
    close_fd(&ends[0]);
    cr_assert_geq(fcntl(other, F_GETFD), 0);
    close_fd(&other);
    close_fd(&ends[1]);
}
