/* SPDX-License-Identifier: MIT
 *
 * The paths are sorted by their bytes from the end to the front, with '/' before any other byte.
 * So all that end with the same directories and name stand side by side, the shortest first.
 */
#include "git/paths.h"

#include "base/arena.h"
#include "base/pathname.h"
#include "base/str.h"

#include <stdlib.h>
#include <string.h>

#define PRINTED_MAX 4096 /* bytes; PATH_MAX of Linux, and no compiler prints more */

struct path {
    const char *text;
    size_t size;
};

struct git_paths {
    struct arena arena;
    struct path root; /* without a slash at its end */
    struct path *items;
    size_t count;
};

static struct path path_of(const char *text)
{
    return (struct path){.text = text, .size = strlen(text)};
}

static unsigned rank(char byte)
{
    return byte == '/' ? 0 : (unsigned char)byte;
}

static int compare(const struct path *a, const struct path *b)
{
    size_t common = a->size < b->size ? a->size : b->size;

    for (size_t i = 1; i <= common; i++) {
        unsigned x = rank(a->text[a->size - i]), y = rank(b->text[b->size - i]);
        if (x != y)
            return x < y ? -1 : 1;
    }
    return a->size == b->size ? 0 : a->size < b->size ? -1 : 1;
}

static int compare_items(const void *a, const void *b)
{
    return compare(a, b);
}

struct git_paths *git_paths_new(const char *root, const char *const *tracked, size_t count)
{
    struct git_paths *paths = xcalloc(1, sizeof *paths);
    size_t kept = 0;

    char *root_copy = arena_strdup(&paths->arena, root ? root : "");
    pathname_normalize(root_copy);
    paths->root = path_of(root_copy);
    paths->items = xcalloc(count + !count, sizeof *paths->items);
    for (size_t i = 0; i < count; i++)
        paths->items[i] = path_of(arena_strdup(&paths->arena, tracked[i]));
    qsort(paths->items, count, sizeof *paths->items, compare_items);
    for (size_t i = 0; i < count; i++) /* a merge conflict has the same path several times */
        if (kept == 0 || compare(&paths->items[kept - 1], &paths->items[i]) != 0)
            paths->items[kept++] = paths->items[i];
    paths->count = kept;
    return paths;
}

void git_paths_free(struct git_paths *paths)
{
    if (!paths)
        return;
    arena_done(&paths->arena);
    free(paths->items);
    free(paths);
}

size_t git_paths_count(const struct git_paths *paths)
{
    return paths ? paths->count : 0;
}

/* The first item that is not before `wanted`. */
static size_t lower_bound(const struct git_paths *paths, const struct path *wanted)
{
    size_t low = 0, high = paths->count;

    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (compare(&paths->items[middle], wanted) < 0)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

static const char *find_exact(const struct git_paths *paths, struct path wanted)
{
    size_t at = lower_bound(paths, &wanted);

    return at < paths->count && compare(&paths->items[at], &wanted) == 0 ? paths->items[at].text
                                                                         : NULL;
}

static bool ends_with(const struct git_paths *paths, size_t at, struct path end)
{
    if (at >= paths->count || paths->items[at].size < end.size)
        return false;
    const char *from = paths->items[at].text + paths->items[at].size - end.size;
    return !memcmp(from, end.text, end.size) && (from == paths->items[at].text || from[-1] == '/');
}

static enum git_match found(const char *path, const char **ret_path)
{
    *ret_path = path;
    return path ? GIT_PATH_FOUND : GIT_PATH_NONE;
}

/* Files that end with all that was printed. Of several, the one that has nothing before it is meant
 * where a directory was printed and the build did not go up first. */
static enum git_match find_longer(const struct git_paths *paths, struct path printed,
                                  bool from_root, const char **ret_path)
{
    size_t at = lower_bound(paths, &printed);

    if (!ends_with(paths, at, printed))
        return GIT_PATH_NONE;
    bool exact = paths->items[at].size == printed.size;
    bool placed = from_root && memchr(printed.text, '/', printed.size);
    if (ends_with(paths, at + 1, printed) && !(exact && placed))
        return GIT_PATH_AMBIGUOUS;
    return found(paths->items[at].text, ret_path);
}

static bool has_name_of_root(const struct git_paths *paths, const char *part, size_t size)
{
    const struct path *root = &paths->root;

    return size > 0 && root->size > size && root->text[root->size - size - 1] == '/' &&
           !memcmp(root->text + root->size - size, part, size);
}

/* The longest file that what was printed ends with. */
static enum git_match find_shorter(const struct git_paths *paths, struct path printed,
                                   const char **ret_path)
{
    const char *slash, *part = printed.text;

    while ((slash = strchr(part, '/'))) {
        struct path rest = path_of(slash + 1);
        bool bare = !strchr(rest.text, '/');
        if (!bare || has_name_of_root(paths, part, (size_t)(slash - part))) {
            const char *path = find_exact(paths, rest);
            if (path)
                return found(path, ret_path);
        }
        part = slash + 1;
    }
    return GIT_PATH_NONE;
}

/* The part behind the root; NULL: not below it. */
static const char *below_root(const struct git_paths *paths, const char *path)
{
    size_t size = paths->root.size;

    return size > 0 && !strncmp(path, paths->root.text, size) && path[size] == '/' ? path + size + 1
                                                                                   : NULL;
}

enum git_match git_paths_resolve(const struct git_paths *paths, const char *printed,
                                 const char **ret_path)
{
    char path[PRINTED_MAX + 1];
    size_t size = strnlen(printed, sizeof path);

    *ret_path = NULL;
    if (!paths || size > PRINTED_MAX)
        return GIT_PATH_NONE;
    memcpy(path, printed, size);
    path[size] = '\0';
    pathname_normalize(path);

    const char *below = below_root(paths, path);
    if (below)
        return found(find_exact(paths, path_of(below)), ret_path);
    const char *rest = path + (path[0] == '/');
    if (path[0] && path[1] == ':' && path[2] == '/') /* a drive */
        rest = path + 3;
    while (str_starts(rest, "../"))
        rest += 3;
    if (!*rest)
        return GIT_PATH_NONE;
    enum git_match match = find_longer(paths, path_of(rest), rest == path, ret_path);
    return match == GIT_PATH_NONE ? find_shorter(paths, path_of(rest), ret_path) : match;
}
