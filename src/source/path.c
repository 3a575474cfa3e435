/* SPDX-License-Identifier: MIT */
#include "base/fs.h"
#include "source/parts.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <fts.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

/* Says what the directory holds instead. */
static void hint_neighbours(const char *path, struct err *err)
{
    cleanup_free char *dir = fs_dirname(path), *text = NULL;
    cleanup_listing struct listing listing = {0};
    cleanup_strv struct strv names = {0};
    struct dirent **entries = NULL;
    int count = scandir(dir, &entries, NULL, alphasort);
    const char *nearest;

    for (int i = 0; i < count; i++) {
        if (entries[i]->d_name[0] != '.') {
            strv_add(&names, entries[i]->d_name);
            listing_add(&listing, entries[i]->d_name);
        }
        free(entries[i]);
    }
    free(entries);
    nearest = str_nearest(fs_basename(path), (const char *const *)names.items, names.count);
    text = listing_text(&listing);
    if (nearest)
        err_hint(err, "; did you mean '%s'?", nearest);
    else if (listing.total)
        err_hint(err, "; %s has %s", dir, text);
}

static int load_plain(const char *path, off_t size, struct source_files *files, struct err *err)
{
    cleanup_buf struct buf bytes = BUF_INIT(SOURCE_FILE_MAX);
    int rc = size > (off_t)SOURCE_FILE_MAX
                 ? err_set(err, ERR_LIMIT, "%s: larger than %zu MiB", path, SOURCE_FILE_MAX >> 20)
                 : fs_read(path, &bytes, err);

    if (rc == 0)
        source_files_add(files, path, fs_basename(path), &bytes);
    return rc;
}

/* "/dev/stdin" and what a shell makes of <(...): somebody is writing there. Of a pipe in a
 * directory nobody knows that. */
static bool is_stream(const char *path, mode_t mode)
{
    return (str_eq(path, SOURCE_STDIN) || str_starts(path, "/dev/fd/") ||
            str_starts(path, "/proc/self/fd/")) &&
           S_ISFIFO(mode);
}

static int load_stream(const char *path, const struct ctx *ctx, struct source_files *files,
                       struct err *err)
{
    cleanup_buf struct buf bytes = BUF_INIT(SOURCE_FILE_MAX);
    cleanup_close int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    ssize_t n = fd < 0 ? err_sys(err, errno, "%s", path) : 1;

    while (n > 0) {
        char piece[65536];
        n = ctx_read(ctx, fd, piece, sizeof piece, err);
        if (n > 0 && (size_t)n > SOURCE_FILE_MAX - bytes.size)
            n = err_set(err, ERR_LIMIT, "%s: larger than %zu MiB", path, SOURCE_FILE_MAX >> 20);
        if (n > 0)
            buf_add(&bytes, piece, (size_t)n);
    }
    if (n < 0)
        return (int)n;
    source_files_add(files, path, fs_basename(path), &bytes);
    return 0;
}

int path_load(const char *path, const struct ctx *ctx, struct source_files *files, struct err *err)
{
    cleanup_close int fd = -1;
    struct stat info;
    int rc = ctx_check(ctx, err);

    if (rc < 0)
        return rc;
    if (stat(path, &info) < 0) {
        rc = err_sys(err, errno, "%s", path);
        if (rc == -ERR_NOT_FOUND)
            hint_neighbours(path, err);
        return rc;
    }
    if (S_ISDIR(info.st_mode))
        return err_set(err, ERR_USAGE, "%s: is a directory; name a file, or try '%s/**/*.elf'",
                       path, path);
    if (is_stream(path, info.st_mode))
        return load_stream(path, ctx, files, err);
    if (!S_ISREG(info.st_mode))
        return err_set(err, ERR_USAGE, "%s: is not a regular file%s", path,
                       str_eq(path, SOURCE_STDIN) ? ", nor a pipe" : "");
    if (source_is_firmware_name(path))
        return load_plain(path, info.st_size, files, err);
    fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return err_sys(err, errno, "%s", path);
    rc = archive_load(fd, path, NULL, ctx, files, err);
    return rc == ARCHIVE_NONE ? load_plain(path, info.st_size, files, err) : rc;
}

/* ---- globs ----------------------------------------------------------------------------------- */

struct walk {
    const char *pattern; /* relative to `dir` */
    const char *dir;
    size_t dir_length; /* of what fts puts before the names below `dir` */
    int depth_max;     /* no deeper entry can match */
    bool hidden;       /* the pattern asks for names with a leading dot */
    size_t visited;
    struct strv matches;
};

static void plan_walk(struct walk *walk, const char *pattern, char *dir)
{
    const char *deep = strstr(pattern, "**"), *at = pattern;

    walk->pattern = pattern;
    walk->dir = *dir ? dir : ".";
    walk->dir_length = strlen(walk->dir) + !str_ends(walk->dir, "/");
    walk->hidden = *pattern == '.' || strstr(pattern, "/.");
    walk->depth_max = 1;
    while (*at)
        walk->depth_max += *at++ == '/';
    if (deep)
        walk->depth_max = INT_MAX;
}

/* Takes one entry of the tree; says whether fts is to go below it. */
static bool visit(struct walk *walk, const FTSENT *entry)
{
    bool is_dir = entry->fts_info == FTS_D;
    const char *below = entry->fts_path + walk->dir_length;

    if (entry->fts_level == 0)
        return true;
    if (entry->fts_name[0] == '.' && !walk->hidden)
        return false;
    if (entry->fts_info == FTS_F && str_glob(walk->pattern, below))
        strv_add(&walk->matches, str_eq(walk->dir, ".") ? below : entry->fts_path);
    return is_dir && entry->fts_level < walk->depth_max;
}

static int walk_tree(struct walk *walk, const struct ctx *ctx, struct err *err)
{
    char *const roots[] = {(char *)walk->dir, NULL};
    FTS *tree = fts_open(roots, FTS_LOGICAL | FTS_NOCHDIR, NULL);
    FTSENT *entry;
    int rc = tree ? 0 : err_sys(err, errno, "%s", walk->dir);

    while (rc == 0 && (entry = fts_read(tree))) {
        if (entry->fts_info == FTS_DP)
            continue;
        if (entry->fts_level == 0 && entry->fts_info == FTS_NS)
            rc = err_sys(err, entry->fts_errno, "%s", walk->dir);
        if (!visit(walk, entry))
            fts_set(tree, entry, FTS_SKIP);
        if (rc == 0)
            rc = ctx_check(ctx, err);
        if (++walk->visited > SOURCE_MEMBERS_MAX)
            rc = err_set(err, ERR_LIMIT, "%s: more than %d files to look at below it", walk->dir,
                         SOURCE_MEMBERS_MAX);
    }
    if (tree)
        fts_close(tree);
    return rc;
}

static int load_matches(const char *pattern, const struct walk *walk, const struct ctx *ctx,
                        struct source_files *files, struct err *err)
{
    uint64_t total = 0;
    int rc = 0;

    if (!walk->matches.count) {
        cleanup_free char *first = fs_join(walk->dir, "*");
        rc = err_set(err, ERR_NOT_FOUND, "%s: no file matches", pattern);
        hint_neighbours(first, err);
    }
    for (size_t i = 0; rc == 0 && i < walk->matches.count; i++) {
        size_t from = files->count;
        rc = path_load(walk->matches.items[i], ctx, files, err);
        for (; from < files->count; from++)
            total += files->items[from].size;
        if (rc == 0 && total > SOURCE_TOTAL_MAX)
            rc = err_set(err, ERR_LIMIT, "%s: matches more than %u GiB", pattern,
                         (unsigned)(SOURCE_TOTAL_MAX >> 30));
    }
    return rc;
}

int path_glob(const char *pattern, const struct ctx *ctx, struct source_files *files,
              struct err *err)
{
    size_t plain = strcspn(pattern, "*?");
    cleanup_free char *dir = NULL;
    struct walk walk = {0};
    int rc;

    while (plain && pattern[plain - 1] != '/')
        plain--;
    dir = xstrndup(pattern, plain);
    if (plain > 1)
        dir[plain - 1] = '\0';
    plan_walk(&walk, pattern + plain, dir);
    rc = walk_tree(&walk, ctx, err);
    if (rc == 0)
        rc = load_matches(pattern, &walk, ctx, files, err);
    strv_done(&walk.matches);
    return rc;
}
