/* SPDX-License-Identifier: MIT */
#include "base/str.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <time.h>
#include <unistd.h>

void free_pointer(void *pointer_to_pointer)
{
    free(*(void **)pointer_to_pointer);
}

void close_fd(int *fd)
{
    if (*fd >= 0)
        close(*fd);
    *fd = -1; /* the number is somebody else's from here on */
}

int take_fd(int *fd)
{
    int taken = *fd;

    *fd = -1;
    return taken;
}

static void *or_abort(void *memory)
{
    if (memory)
        return memory;
    static const char words[] = "hil: out of memory\n";
    (void)!write(STDERR_FILENO, words, sizeof words - 1);
    abort();
}

void *xmalloc(size_t size)
{
    return or_abort(malloc(size ? size : 1));
}

void *xcalloc(size_t count, size_t size)
{
    return or_abort(calloc(count ? count : 1, size ? size : 1));
}

void *xrealloc(void *old, size_t count, size_t size)
{
    return or_abort(reallocarray(old, count ? count : 1, size ? size : 1));
}

char *xstrdup(const char *text)
{
    return text ? or_abort(strdup(text)) : NULL;
}

char *xstrndup(const char *text, size_t length)
{
    return or_abort(strndup(text, length));
}

static char *vformat(const char *format, va_list args) __attribute__((format(printf, 1, 0)));
static char *vformat(const char *format, va_list args)
{
    char *text = NULL;

    if (vasprintf(&text, format, args) < 0)
        or_abort(NULL);
    return text;
}

char *xasprintf(const char *format, ...)
{
    va_list args;
    char *text;

    va_start(args, format);
    text = vformat(format, args);
    va_end(args);
    return text;
}

bool str_eq(const char *a, const char *b)
{
    return a == b || (a && b && strcmp(a, b) == 0);
}

bool str_starts(const char *text, const char *prefix)
{
    return strncmp(text, prefix, strlen(prefix)) == 0;
}

bool str_ends(const char *text, const char *suffix)
{
    size_t length = strlen(text), tail = strlen(suffix);

    return length >= tail && strcmp(text + length - tail, suffix) == 0;
}

/* Greedy matching with one point of return for '*' and one for "**": linear in practice and never
 * exponential, whatever the pattern. */
bool str_glob(const char *pattern, const char *path)
{
    const char *star = NULL, *star_path = NULL, *deep = NULL, *deep_path = NULL;
    const char *begin = pattern;
    bool whole_components = false;

    for (;;) {
        if (pattern[0] == '*' && pattern[1] == '*') {
            whole_components = pattern[2] == '/' && (pattern == begin || pattern[-1] == '/');
            pattern += whole_components ? 3 : 2;
            deep = pattern;
            deep_path = path;
            star = NULL;
        } else if (*pattern == '*') {
            star = ++pattern;
            star_path = path;
        } else if (*path && (*pattern == *path || (*pattern == '?' && *path != '/'))) {
            pattern++;
            path++;
        } else if (!*path && !*pattern) {
            return true;
        } else if (star && *star_path && *star_path != '/') {
            pattern = star;
            path = ++star_path;
        } else if (deep && *deep_path) {
            pattern = deep;
            deep_path = whole_components ? strchrnul(deep_path, '/') : deep_path;
            if (!*deep_path)
                return false;
            path = ++deep_path;
            star = NULL;
        } else {
            return false;
        }
    }
}

/* Insertions, deletions, replacements and swaps of neighbours that lead from a to b. */
static size_t edit_distance(const char *a, const char *b)
{
    size_t row[64], row_before[64];
    size_t la = strlen(a), lb = strlen(b);

    if (la >= ARRAY_SIZE(row) || lb >= ARRAY_SIZE(row))
        return SIZE_MAX;
    for (size_t j = 0; j <= lb; j++)
        row[j] = row_before[j] = j;
    for (size_t i = 1; i <= la; i++) {
        size_t diagonal = row[0]; /* one row up, one column back */
        size_t swapped = 0;       /* two rows up, two columns back */
        row[0] = i;
        for (size_t j = 1; j <= lb; j++) {
            size_t best = diagonal + (a[i - 1] != b[j - 1]);
            if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1] &&
                swapped + 1 < best)
                best = swapped + 1;
            swapped = row_before[j - 1];
            row_before[j - 1] = diagonal;
            diagonal = row[j];
            if (row[j] + 1 < best)
                best = row[j] + 1;
            if (row[j - 1] + 1 < best)
                best = row[j - 1] + 1;
            row[j] = best;
        }
    }
    return row[lb];
}

const char *str_nearest(const char *word, const char *const *candidates, size_t count)
{
    const char *best = NULL;
    size_t limit = (strlen(word) + 2) / 3;

    for (size_t i = 0; i < count; i++) {
        size_t distance = edit_distance(word, candidates[i]);
        if (distance <= limit) {
            limit = distance;
            best = candidates[i];
            if (!limit)
                break;
            limit--; /* a later one must be strictly nearer */
        }
    }
    return best;
}

int str_hint_nearest(const char *word, const char *const *candidates, size_t count,
                     const char *otherwise, struct err *err)
{
    const char *nearest = str_nearest(word, candidates, count);

    return nearest ? err_hint(err, " (did you mean '%s'?)", nearest)
                   : err_hint(err, "%s", otherwise ? otherwise : "");
}

int str_to_u64(const char *text, uint64_t max, const char *what, uint64_t *ret, struct err *err)
{
    char *end = NULL;
    unsigned long long value;

    errno = 0;
    value = strtoull(text, &end, str_starts(text, "0x") || str_starts(text, "0X") ? 16 : 10);
    if (text[0] < '0' || text[0] > '9' || *end)
        return err_set(err, ERR_USAGE, "%s: '%s' is not a number", what, text);
    if (errno || value > max)
        return err_set(err, ERR_USAGE, "%s: %s is above %" PRIu64, what, text, max);
    *ret = value;
    return 0;
}

struct unit {
    const char *suffix;
    double factor;
};

static int scaled(const char *text, const struct unit *units, size_t count, double max,
                  const char *what, const char *kind, double *ret, struct err *err)
{
    char *end = NULL;
    double value;

    if (str_starts(text, "0x") || str_starts(text, "0X")) {
        value = (double)strtoull(text, &end, 16);
    } else {
        value = strtod(text, &end);
    }
    if (text[0] < '0' || text[0] > '9' || end == text)
        return err_set(err, ERR_USAGE, "%s: '%s' is not %s", what, text, kind);
    for (size_t i = 0; i < count; i++) {
        if (strcasecmp(end, units[i].suffix) != 0)
            continue;
        value *= units[i].factor;
        if (!(value <= max))
            return err_set(err, ERR_USAGE, "%s: %s is too large", what, text);
        *ret = value;
        return 0;
    }
    return err_set(err, ERR_USAGE, "%s: '%s' is not %s", what, text, kind);
}

int str_to_size(const char *text, const char *what, uint64_t *ret, struct err *err)
{
    static const struct unit units[] = {
        {"", 1},          {"k", 1024},         {"KiB", 1024},        {"m", 1048576.0},
        {"MiB", 1048576}, {"g", 1073741824.0}, {"GiB", 1073741824.0}};
    double bytes;
    int rc = scaled(text, units, ARRAY_SIZE(units), 9007199254740992.0, what,
                    "a size such as 65536, 512K or 1M", &bytes, err);

    if (rc < 0)
        return rc;
    if (bytes != (double)(uint64_t)bytes)
        return err_set(err, ERR_USAGE, "%s: %s is no whole number of bytes", what, text);
    *ret = (uint64_t)bytes;
    return 0;
}

int str_to_ms(const char *text, const char *what, int64_t *ret, struct err *err)
{
    static const struct unit units[] = {{"s", 1e3},   {"ms", 1},    {"m", 6e4},
                                        {"min", 6e4}, {"h", 3.6e6}, {"d", 8.64e7}};
    double ms = 0;
    int rc = !strcmp(text, "0") ? 0
                                : scaled(text, units, ARRAY_SIZE(units), 3.2e11, what,
                                         "a duration such as 250ms, 30s, 10m, 1h or 7d", &ms, err);

    if (rc == 0)
        *ret = (int64_t)(ms + 0.5);
    return rc;
}

const char *str_from_us(int64_t microseconds, char out[32])
{
    int64_t seconds = microseconds / 1000000 + (microseconds % 1000000 >= 500000);

    if (microseconds < 1000)
        snprintf(out, 32, "%" PRId64 " us", microseconds);
    else if (microseconds < 1000000)
        snprintf(out, 32, "%" PRId64 " ms", microseconds / 1000);
    else if (seconds < 60)
        snprintf(out, 32, "%.1f s", (double)microseconds / 1e6);
    else if (seconds < 3600)
        snprintf(out, 32, "%" PRId64 " min %" PRId64 " s", seconds / 60, seconds % 60);
    else
        snprintf(out, 32, "%" PRId64 " h %" PRId64 " min", seconds / 3600, seconds / 60 % 60);
    return out;
}

const char *str_local_time(int64_t unix_s, char out[STR_TIME_SIZE])
{
    time_t at = (time_t)unix_s;
    struct tm local;

    if (!localtime_r(&at, &local) || !strftime(out, STR_TIME_SIZE, "%Y-%m-%d %H:%M", &local))
        snprintf(out, STR_TIME_SIZE, "%" PRId64, unix_s);
    return out;
}

void strv_add_owned(struct strv *list, char *text)
{
    list->items = xrealloc(list->items, list->count + 2, sizeof *list->items);
    list->items[list->count++] = text;
    list->items[list->count] = NULL;
}

void strv_add(struct strv *list, const char *text)
{
    strv_add_owned(list, xstrdup(text));
}

void strv_addf(struct strv *list, const char *format, ...)
{
    va_list args;

    va_start(args, format);
    strv_add_owned(list, vformat(format, args));
    va_end(args);
}

void strv_split(struct strv *list, const char *text, char sep)
{
    while (*text) {
        const char *end = strchrnul(text, sep);
        if (end > text)
            strv_add_owned(list, xstrndup(text, (size_t)(end - text)));
        text = *end ? end + 1 : end;
    }
}

bool strv_equal(const struct strv *a, const struct strv *b)
{
    if (a->count != b->count)
        return false;
    for (size_t i = 0; i < a->count; i++)
        if (strcmp(a->items[i], b->items[i]) != 0)
            return false;
    return true;
}

bool strv_has(const struct strv *list, const char *text)
{
    for (size_t i = 0; i < list->count; i++)
        if (!strcmp(list->items[i], text))
            return true;
    return false;
}

void strv_done(struct strv *list)
{
    for (size_t i = 0; i < list->count; i++)
        free(list->items[i]);
    free(list->items);
    *list = (struct strv){0};
}
