/* SPDX-License-Identifier: MIT */
#include "run/rundir.h"

#include "base/fs.h"
#include "run/decode.h"
#include "run/detached.h"
#include "run/rundir_parts.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

/* ---- the directory ----------------------------------------------------------------------- */

static const char *const run_files[] = {"run.json",    "junit.xml",    "report.json", "summary.md",
                                        "report.html", "events.jsonl", "build.log",   NULL};
const char *const rundir_job_files[] = {
    DECODE_FILE,    "job.json",      "uart.log",     "uart.timing",  "flash.log",
    "power.log",    "reset.log",     "rtt.log",      "firmware.bin", "firmware.hex",
    "firmware.elf", "firmware.srec", "firmware.uf2", "firmware.tsv", NULL};

/* Of this host alone: no server may send one. */
static const char *const own_files[] = {DETACHED_FILE, DETACHED_BROKEN, "job.json.broken", NULL};

const char *const rundir_growing_files[] = {"uart.log", "uart.timing", NULL};

static void remove_files(const char *dir, const char *const *names)
{
    for (; *names; names++) {
        cleanup_free char *path = fs_join(dir, *names);
        unlink(path);
    }
}

static bool is_job(const char *dir)
{
    cleanup_free char *marker = fs_join(dir, "job.json");

    return fs_exists(marker);
}

/* Those in `below`, a directory's name relative to `path` or "", and `depth` levels further down:
 * BOARD, BOARD/TEST, SERVER/BOARD/TEST. */
static void find_jobs(const char *path, const char *below, int depth, struct strv *ret)
{
    cleanup_free char *dir = fs_join(path, below);
    struct dirent **entries;
    int count = scandir(dir, &entries, NULL, alphasort);

    for (int i = 0; i < count; i++) {
        const char *name = entries[i]->d_name;
        cleanup_free char *relative = below[0] ? fs_join(below, name) : xstrdup(name);
        cleanup_free char *full = fs_join(path, relative);
        struct stat info;
        if (name[0] != '.' && lstat(full, &info) == 0 && S_ISDIR(info.st_mode)) {
            if (is_job(full))
                strv_add(ret, relative);
            else if (depth)
                find_jobs(path, relative, depth - 1, ret);
        }
        free(entries[i]);
    }
    if (count >= 0)
        free(entries);
}

void rundir_find_jobs(const char *path, struct strv *ret)
{
    find_jobs(path, "", 2, ret);
}

/* Removes what an earlier run left there, finished or not, and nothing else. */
static void remove_earlier(const char *path)
{
    cleanup_strv struct strv jobs = {0};

    rundir_find_jobs(path, &jobs);
    for (size_t i = 0; i < jobs.count; i++) {
        cleanup_free char *dir = fs_join(path, jobs.items[i]);
        char *above = jobs.items[i], *slash;
        remove_files(dir, rundir_job_files);
        remove_files(dir, own_files);
        rmdir(dir); /* stays where somebody put a file of their own into it */
        while ((slash = strrchr(above, '/'))) {
            *slash = '\0';
            cleanup_free char *parent = fs_join(path, above);
            rmdir(parent);
        }
    }
    remove_files(path, run_files);
}

static bool is_empty(const char *path)
{
    DIR *dir = opendir(path);
    struct dirent *entry;
    bool empty = true;

    while (dir && empty && (entry = readdir(dir)))
        empty = !strcmp(entry->d_name, ".") || !strcmp(entry->d_name, "..");
    if (dir)
        closedir(dir);
    return empty;
}

/* Keeps a second run out of the directory for as long as the descriptor is open. A file system
 * without locks is no reason not to run. */
static int lock(const char *path, int *ret_fd, struct err *err)
{
    int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

    if (fd < 0)
        return err_sys(err, errno, "%s", path);
    if (flock(fd, LOCK_EX | LOCK_NB) < 0 && errno == EWOULDBLOCK) {
        close(fd);
        return err_set(err, ERR_USAGE,
                       "%s: another hil run is writing there; name another with --out", path);
    }
    *ret_fd = fd;
    return 0;
}

int rundir_check_ended(const char *path, struct err *err)
{
    cleanup_close int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    bool held = fd >= 0 && flock(fd, LOCK_SH | LOCK_NB) < 0 && errno == EWOULDBLOCK;

    return held ? err_set(err, ERR_BUSY, "%s: its hil run is still at work", path) : 0;
}

/* Makes room where an earlier run of ours was, and refuses what is anybody else's. */
static int make_room(const char *path, struct err *err)
{
    cleanup_free char *marker = fs_join(path, "run.json");
    cJSON *json = NULL;

    if (!fs_exists(marker) && is_empty(path))
        return 0;
    if (rundir_read_marker(marker, &json, NULL) < 0)
        return err_set(err, ERR_USAGE,
                       "%s: is not empty and was not written by hil run; name another with --out",
                       path);
    cJSON_Delete(json);
    remove_earlier(path);
    return 0;
}

int rundir_prepare(const char *path, int *ret_lock_fd, struct err *err)
{
    struct run_result begun = {0};
    int rc = fs_mkdirs(path, 0777, err);

    *ret_lock_fd = -1;
    if (rc == 0)
        rc = lock(path, ret_lock_fd, err);
    if (rc == 0)
        rc = make_room(path, err);
    if (rc == 0)
        rc = rundir_write_run(path, &begun, err);
    if (rc < 0) {
        close_fd(ret_lock_fd);
        *ret_lock_fd = -1;
    }
    return rc;
}

/* ---- names of directories ---------------------------------------------------------------- */

static bool has_several_tests(const struct job *jobs, size_t count)
{
    for (size_t i = 1; i < count; i++)
        if (strcmp(jobs[i].name, jobs[0].name))
            return true;
    return false;
}

/* A directory's name for the test: a safe one that no other test has. */
static char *unused_dir(struct name_map *taken, const char *test)
{
    char *dir = fs_safe_name(test);
    struct name_slot *slot = name_map_at(taken, dir, strlen(dir));

    while (slot->value) {
        char *next = xasprintf("%s-%zu", dir, ++slot->value);
        struct name_slot *other = name_map_at(taken, next, strlen(next));
        if (!other->value) {
            free(dir);
            dir = next;
            slot = other;
        } else {
            free(next);
            slot = name_map_at(taken, dir, strlen(dir));
        }
    }
    slot->value = 1;
    return dir;
}

void rundir_test_dirs(const struct job *jobs, size_t count, struct strv *ret)
{
    struct name_map tests = {0}, dirs = {0}; /* where in `ret`, from 1; how often wanted */
    bool several = has_several_tests(jobs, count);

    for (size_t i = 0; i < count; i++) {
        struct name_slot *slot = name_map_at(&tests, jobs[i].name, strlen(jobs[i].name));
        if (!several) {
            strv_add(ret, "");
        } else if (slot->value) {
            strv_add(ret, ret->items[slot->value - 1]);
        } else {
            slot->value = i + 1;
            strv_add_owned(ret, unused_dir(&dirs, jobs[i].name));
        }
    }
    name_map_done(&tests);
    name_map_done(&dirs);
}

/* That of a board on a server is in the server's. */
static char *board_dir(const char *board)
{
    const char *slash = strchr(board, '/');
    cleanup_free char *server = slash ? xstrndup(board, (size_t)(slash - board)) : NULL;
    cleanup_free char *above = server ? fs_safe_name(server) : NULL;
    cleanup_free char *name = fs_safe_name(slash ? slash + 1 : board);

    return above ? fs_join(above, name) : xstrdup(name);
}

char *rundir_job_dir(const char *board, const char *test_dir, size_t attempt)
{
    cleanup_free char *name = board_dir(board);
    cleanup_free char *dir = *test_dir ? fs_join(name, test_dir) : xstrdup(name);

    return attempt > 1 ? xasprintf("%s@%zu", dir, attempt)
                       : xstrdup(dir); /* no safe name has an @ */
}
