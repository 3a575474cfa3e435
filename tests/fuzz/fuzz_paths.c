/* SPDX-License-Identifier: MIT
 *
 * The first line is what firmware printed, the others are tracked paths. What is found is one of
 * them and ends like it, and the same is found in a list that says everything twice.
 */
#include "base/str.h"
#include "git/paths.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t count);

static void check(const struct strv *lines, const char *path)
{
    const char *name = strrchr(path, '/') ? strrchr(path, '/') + 1 : path;
    bool tracked = false;

    for (size_t i = 1; i < lines->count; i++)
        tracked = tracked || str_eq(lines->items[i], path);
    if (!tracked || !strstr(lines->items[0], name))
        abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t count)
{
    cleanup_free char *text = xstrndup((const char *)bytes, count);
    cleanup_strv struct strv lines = {0};
    const char *path, *again;

    strv_split(&lines, text, '\n');
    if (lines.count < 2)
        return 0;
    size_t files = lines.count - 1;
    struct git_paths *paths =
        git_paths_new("/work/proj", (const char *const *)lines.items + 1, files);
    enum git_match match = git_paths_resolve(paths, lines.items[0], &path);
    if ((match == GIT_PATH_FOUND) != (path != NULL))
        abort();
    if (path)
        check(&lines, path);
    for (size_t i = 0; i < files; i++)
        strv_add(&lines, lines.items[i + 1]);
    struct git_paths *twice =
        git_paths_new("/work/proj", (const char *const *)lines.items + 1, 2 * files);
    if (git_paths_resolve(twice, lines.items[0], &again) != match || !path != !again ||
        (path && strcmp(path, again) != 0))
        abort();
    git_paths_free(twice);
    git_paths_free(paths);
    return 0;
}
