/* SPDX-License-Identifier: MIT */
#include "base/fs.h"

#include "base/str.h"

#include <criterion/criterion.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* Each test works in a directory of its own, which is the current one. */
static char work[64];

static void enter(void)
{
    snprintf(work, sizeof work, "/tmp/hil-test-fs-XXXXXX");
    cr_assert_not_null(mkdtemp(work));
    cr_assert_eq(chdir(work), 0);
    umask(022);
}

static void leave(void)
{
    char command[128];

    snprintf(command, sizeof command, "rm -rf '%s'", work);
    cr_assert_eq(chdir("/"), 0);
    cr_assert_eq(system(command), 0);
}

TestSuite(fs, .init = enter, .fini = leave);

static void write_text(const char *path, const char *text)
{
    struct err err;

    cr_assert_eq(fs_write(path, text, strlen(text), &err), 0, "%s", err.message);
}

static void expect_text(const char *path, const char *text)
{
    cleanup_buf struct buf buf = BUF_INIT(1 << 20);
    struct err err;

    cr_assert_eq(fs_read(path, &buf, &err), 0, "%s", err.message);
    cr_assert_str_eq(buf.data, text);
}

static mode_t mode_of(const char *path)
{
    struct stat info;

    cr_assert_eq(stat(path, &info), 0);
    return info.st_mode & 07777;
}

static size_t files_here(void)
{
    size_t count = 0;
    DIR *dir = opendir(".");

    for (const struct dirent *entry; (entry = readdir(dir));)
        count += !str_eq(entry->d_name, ".") && !str_eq(entry->d_name, "..");
    closedir(dir);
    return count;
}

Test(fs, reads_what_was_written)
{
    write_text("a", "hello\n");
    expect_text("a", "hello\n");
    write_text("a", "");
    expect_text("a", "");
    cr_assert_eq(files_here(), 1);
}

Test(fs, reading_appends)
{
    cleanup_buf struct buf buf = BUF_INIT(100);

    write_text("a", "world");
    buf_adds(&buf, "hello ");
    cr_assert_eq(fs_read("a", &buf, NULL), 0);
    cr_assert_str_eq(buf.data, "hello world");
}

Test(fs, the_ceiling_of_a_read_holds_to_the_byte)
{
    write_text("a", "0123456789");
    for (size_t ceiling = 0; ceiling < 20; ceiling++) {
        cleanup_buf struct buf buf = BUF_INIT(ceiling);
        struct err err;
        cr_assert_eq(fs_read("a", &buf, &err), ceiling < 10 ? -ERR_LIMIT : 0, "%zu", ceiling);
        cr_assert_leq(buf.size, ceiling);
    }
}

Test(fs, an_endless_file_ends_at_the_ceiling)
{
    cleanup_buf struct buf buf = BUF_INIT(100000);

    cr_assert_eq(fs_read("/dev/zero", &buf, NULL), -ERR_LIMIT);
}

Test(fs, errors_name_the_path)
{
    cleanup_buf struct buf buf = BUF_INIT(100);
    struct err err;

    cr_assert_eq(fs_read("nowhere/x", &buf, &err), -ERR_NOT_FOUND);
    cr_assert_str_eq(err.message, "nowhere/x: No such file or directory");
    cr_assert_eq(fs_read(".", &buf, &err), -ERR_IO);
    cr_assert_str_eq(err.message, ".: Is a directory");
    cr_assert_eq(fs_write("nowhere/x", "a", 1, &err), -ERR_NOT_FOUND);
    cr_assert_str_eq(err.message, "nowhere/x: No such file or directory");
    cr_assert_eq(fs_write(".", "a", 1, &err), -ERR_IO);
    cr_assert_eq(err.sys_errno, EISDIR);
    cr_assert_eq(files_here(), 0);
}

Test(fs, a_new_file_follows_the_umask_and_an_old_one_keeps_its_mode)
{
    umask(027);
    write_text("new", "x");
    cr_assert_eq(mode_of("new"), 0640);
    chmod("new", 0600);
    write_text("new", "y");
    cr_assert_eq(mode_of("new"), 0600);
    cr_assert_eq(umask(0), 027);
}

Test(fs, a_link_is_followed)
{
    write_text("real", "old");
    cr_assert_eq(symlink("real", "link"), 0);
    write_text("link", "new");
    expect_text("real", "new");
    cr_assert_eq(readlink("link", (char[10]){0}, 10), 4);
}

/* A FIFO stands for all that is no regular file: root's test must not be able to harm /dev. */
Test(fs, what_is_no_regular_file_is_written_to_and_not_replaced)
{
    struct stat info;
    struct err err;
    char byte;

    cr_assert_eq(mkfifo("fifo", 0600), 0);
    cleanup_close int reader = open("fifo", O_RDONLY | O_NONBLOCK | O_CLOEXEC);
    cr_assert_eq(fs_write("fifo", "x", 1, &err), 0, "%s", err.message);
    cr_assert_eq(lstat("fifo", &info), 0);
    cr_assert(S_ISFIFO(info.st_mode));
    cr_assert_eq(read(reader, &byte, 1), 1);
    cr_assert_eq(files_here(), 1);
}

Test(fs, a_full_disk_is_told)
{
    cleanup_close int full = open("/dev/full", O_WRONLY | O_CLOEXEC);
    struct err err;

    cr_assert_eq(fs_write_all(full, "x", 1, "report.xml", &err), -ERR_IO);
    cr_assert_str_eq(err.message, "report.xml: No space left on device");
}

Test(fs, room_is_held_without_a_name)
{
    int fd = fs_hold_room(".", 100000);
    struct stat info;

    cr_assert_geq(fd, 0);
    cr_assert_eq(files_here(), 0);
    cr_assert_eq(fstat(fd, &info), 0);
    cr_expect_geq(info.st_blocks * 512, 100000);
    close_fd(&fd);
    cr_expect_eq(fs_hold_room("nowhere", 100000), -1);
}

Test(fs, a_draft_is_seen_only_when_committed)
{
    struct fs_draft draft;
    struct err err;

    write_text("a", "old");
    cr_assert_eq(fs_draft_open(&draft, "a", &err), 0);
    cr_assert_eq(fs_write_all(draft.fd, "new", 3, "a", &err), 0);
    expect_text("a", "old");
    cr_assert_eq(fs_draft_commit(&draft, &err), 0);
    fs_draft_abort(&draft);
    expect_text("a", "new");
    cr_assert_eq(files_here(), 1);
}

Test(fs, an_aborted_draft_leaves_nothing)
{
    struct fs_draft draft;

    cr_assert_eq(fs_draft_open(&draft, "a", NULL), 0);
    fs_draft_abort(&draft);
    fs_draft_abort(&draft);
    cr_assert_eq(files_here(), 0);
    cr_assert_lt(fs_draft_open(&draft, "no/a", NULL), 0);
    fs_draft_abort(&draft);
}

Test(fs, a_commit_that_fails_says_so_and_leaves_nothing)
{
    struct fs_draft draft;
    struct err err;

    cr_assert_eq(fs_draft_open(&draft, "a", NULL), 0);
    cr_assert_eq(mkdir("a", 0755), 0); /* rename onto a directory fails */
    cr_assert_eq(fs_draft_commit(&draft, &err), -ERR_IO);
    cr_assert_eq(files_here(), 1);
}

static void *write_many(void *arg)
{
    for (int i = 0; i < 200; i++) {
        char path[32];
        snprintf(path, sizeof path, "%s-%d", (const char *)arg, i);
        fs_write(path, "x", 1, NULL);
    }
    return NULL;
}

Test(fs, threads_do_not_disturb_the_umask)
{
    pthread_t a, b;

    umask(0);
    pthread_create(&a, NULL, write_many, (char[]){"a"});
    pthread_create(&b, NULL, write_many, (char[]){"b"});
    pthread_join(a, NULL);
    pthread_join(b, NULL);
    cr_assert_eq(umask(022), 0);
    cr_assert_eq(mode_of("a-0"), 0666);
    cr_assert_eq(mode_of("b-199"), 0666);
}

static void *read_slowly(void *arg)
{
    size_t total = 0;
    char bytes[4096];
    ssize_t n;

    while ((n = read(*(int *)arg, bytes, sizeof bytes)) > 0)
        total += (size_t)n;
    return (void *)total;
}

Test(fs, a_non_blocking_pipe_gets_everything)
{
    size_t count = 1 << 20;
    char *bytes = xcalloc(1, count);
    pthread_t reader;
    void *total;
    int fds[2];

    cr_assert_eq(pipe(fds), 0);
    cr_assert_eq(fcntl(fds[1], F_SETFL, O_NONBLOCK), 0);
    pthread_create(&reader, NULL, read_slowly, &fds[0]);
    cr_assert_eq(fs_write_all(fds[1], bytes, count, "pipe", NULL), 0);
    close(fds[1]);
    pthread_join(reader, &total);
    cr_assert_eq((size_t)total, count);
    close(fds[0]);
    free(bytes);
}

Test(fs, mkdirs_makes_the_whole_way)
{
    struct err err;

    cr_assert_eq(fs_mkdirs("a/b//c/", 0750, &err), 0, "%s", err.message);
    cr_assert_eq(mode_of("a/b/c"), 0750);
    cr_assert_eq(fs_mkdirs("a/b/c", 0750, &err), 0);
    cr_assert_eq(fs_mkdirs("/", 0750, &err), 0);
    cr_assert_eq(fs_mkdirs(".", 0750, &err), 0);
    cr_assert_eq(fs_mkdirs("", 0750, &err), -ERR_NOT_FOUND);
    write_text("file", "");
    cr_assert_eq(fs_mkdirs("file", 0750, &err), -ERR_IO);
    cr_assert_eq(err.sys_errno, ENOTDIR);
    cr_assert_eq(fs_mkdirs("file/x", 0750, &err), -ERR_IO);
    cr_assert(str_starts(err.message, "file/x: "), "%s", err.message);
}

Test(fs, paths_are_joined_and_parted)
{
    static const struct {
        const char *dir, *name, *joined;
    } joins[] = {{"a", "b", "a/b"}, {"a/", "b", "a/b"}, {"a", "/b", "/b"},
                 {"", "b", "b"},    {"/", "b", "/b"},   {"a", "", "a/"}};
    static const struct {
        const char *path, *dir, *base;
    } parts[] = {{"a/b", "a", "b"}, {"/a", "/", "a"}, {"a", ".", "a"},
                 {"/", "/", ""},    {"a/", "a", ""},  {"/a/b.c", "/a", "b.c"}};

    for (size_t i = 0; i < ARRAY_SIZE(joins); i++) {
        cleanup_free char *joined = fs_join(joins[i].dir, joins[i].name);
        cr_assert_str_eq(joined, joins[i].joined);
    }
    for (size_t i = 0; i < ARRAY_SIZE(parts); i++) {
        cleanup_free char *dir = fs_dirname(parts[i].path);
        cr_assert_str_eq(dir, parts[i].dir);
        cr_assert_str_eq(fs_basename(parts[i].path), parts[i].base);
    }
}

Test(fs, safe_names)
{
    static const struct {
        const char *name, *safe;
    } rows[] = {
        {"nucleo-3", "nucleo-3"},
        {"", "_"},
        {".", "_"},
        {"..", "_."},
        {"-rf", "_rf"},
        {"a/b", "a_b"},
        {"a b\n", "a_b_"},
        {"\xC3\xBC", "__"},
        {"../../etc", "_._.._etc"},
        {"a+b_c.d", "a+b_c.d"},
    };
    char long_name[300];

    for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
        cleanup_free char *safe = fs_safe_name(rows[i].name);
        cr_assert_str_eq(safe, rows[i].safe);
    }
    memset(long_name, 'x', sizeof long_name - 1);
    long_name[sizeof long_name - 1] = '\0';
    cleanup_free char *safe = fs_safe_name(long_name);
    cr_assert_eq(strlen(safe), 100);
}

Test(fs, runtime_dir_can_be_chosen)
{
    char *dir = NULL;
    struct err err;

    setenv("HIL_RUNTIME_DIR", "run/here", 1);
    cr_assert_eq(fs_runtime_dir(&dir, &err), 0);
    cr_assert_str_eq(dir, "run/here");
    cr_assert(fs_exists("run/here"));
    free(dir);
    setenv("HIL_RUNTIME_DIR", "/dev/null/x", 1);
    cr_assert_lt(fs_runtime_dir(&dir, &err), 0);
    unsetenv("HIL_RUNTIME_DIR");
    cr_assert_eq(fs_runtime_dir(&dir, &err), 0);
    cr_assert(fs_exists(dir));
    free(dir);
}

Test(fs, state_dir_follows_the_environment)
{
    static const struct {
        const char *own, *xdg, *home, *dir;
    } rows[] = {
        {"/own", "/xdg", "/home/x", "/own"},
        {NULL, "/xdg", "/home/x", "/xdg/hil"},
        {NULL, "not/absolute", "/home/x", "/home/x/.local/state/hil"},
        {NULL, NULL, "/home/x", "/home/x/.local/state/hil"},
        {NULL, NULL, "/", "/var/lib/hil"},
        {"", "", "", "/var/lib/hil"},
        {NULL, NULL, NULL, "/var/lib/hil"},
    };

    for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
        const char *const pairs[][2] = {{"HIL_STATE_DIR", rows[i].own},
                                        {"XDG_STATE_HOME", rows[i].xdg},
                                        {"HOME", rows[i].home}};
        for (size_t j = 0; j < ARRAY_SIZE(pairs); j++) {
            if (pairs[j][1])
                setenv(pairs[j][0], pairs[j][1], 1);
            else
                unsetenv(pairs[j][0]);
        }
        cleanup_free char *dir = fs_state_dir();
        cr_assert_str_eq(dir, rows[i].dir);
    }
}
