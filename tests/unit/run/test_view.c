/* SPDX-License-Identifier: MIT
 *
 * Looking on, where the lease's record or the run's directory is not what a run leaves.
 */
#include "run/view.h"

#include "base/fs.h"
#include "base/str.h"
#include "board/lease.h"

#include <criterion/criterion.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

struct bench {
    char *dir;
    struct lease *lease;
    int out[2];
    struct ctx ctx;
};

static void put(const struct bench *bench, const char *name, const char *text)
{
    cleanup_free char *path = fs_join(bench->dir, name);
    cleanup_free char *dir = fs_dirname(path);

    cr_assert_eq(fs_mkdirs(dir, 0700, NULL), 0);
    cr_assert_eq(fs_write(path, text, strlen(text), NULL), 0);
}

static void take(struct bench *bench, const char *out)
{
    struct holder self = {.pid = getpid(), .out = (char *)(uintptr_t)out};
    const char *board = "uno";
    size_t which;

    cr_assert_eq(lease_take(bench->dir, "lab", &board, 1, &self, false, &bench->ctx, NULL, NULL,
                            &bench->lease, &which, NULL),
                 0);
}

/* What is shown within a moment, and how it ended. */
static int view(struct bench *bench, const char *until, char shown[4096])
{
    struct screen screen = SCREEN_INIT(bench->out[1], -1, until, false);
    struct view view = {bench->dir, "lab", "uno", &screen};
    struct ctx moment = ctx_narrow(&bench->ctx, until ? 20000 : 120);
    struct err err = {0};
    int rc = view_run(&view, &moment, &err);
    ssize_t n;

    screen_done(&screen);
    n = read(bench->out[0], shown, 4095);
    shown[n > 0 ? n : 0] = '\0';
    if (rc < 0 && rc != -ERR_TIMEOUT)
        strncat(shown, err.message, 4095 - strlen(shown));
    return rc;
}

static struct bench begin(void)
{
    struct bench bench = {.ctx = ctx_root(-1, NULL)};

    cr_assert_eq(fs_temp_dir(&bench.dir, NULL), 0);
    cr_assert_eq(pipe2(bench.out, O_NONBLOCK | O_CLOEXEC), 0);
    return bench;
}

static void end(struct bench *bench)
{
    lease_drop(bench->lease);
    fs_remove_tree(bench->dir);
    free_pointer(&bench->dir);
    close(bench->out[0]);
    close(bench->out[1]);
}

Test(view, the_newest_log_of_the_board_is_shown)
{
    struct bench bench = begin();
    cleanup_free char *out = fs_join(bench.dir, "out");
    cleanup_free char *old = fs_join(out, "uno/smoke/uart.log");
    const struct timespec long_ago[2] = {{1000, 0}, {1000, 0}};
    char shown[4096];

    put(&bench, "out/uno/smoke/uart.log", "old\n");
    put(&bench, "out/uno/smoke@2/uart.log", "new\n");
    put(&bench, "out/uno-2/uart.log", "another board's\n");
    put(&bench, "out/due/uart.log", "another board's\n");
    cr_assert_eq(utimensat(AT_FDCWD, old, long_ago, 0), 0);
    take(&bench, out);
    cr_expect_eq(view(&bench, "new", shown), 0);
    cr_expect(strstr(shown, "[hil: uno/smoke@2]\nnew\n"), "%s", shown);
    cr_expect_not(strstr(shown, "another"), "%s", shown);
    cr_expect_not(strstr(shown, "old"), "%s", shown);
    end(&bench);
}

Test(view, who_comes_late_sees_the_end)
{
    struct bench bench = begin();
    cleanup_free char *out = fs_join(bench.dir, "out");
    cleanup_buf struct buf log = BUF_INIT(1 << 20);
    cleanup_free char *until = xstrdup("the end");
    char shown[4096];

    for (int i = 0; i < 3000; i++)
        buf_addf(&log, "line %d\n", i);
    buf_adds(&log, "the end\n");
    put(&bench, "out/uno/uart.log", log.data);
    take(&bench, out);
    cr_expect_eq(view(&bench, until, shown), 0);
    cr_expect(strstr(shown, "[hil: uno, without its first "), "%s", shown);
    cr_expect_not(strstr(shown, "line 0\n"), "%s", shown);
    end(&bench);
}

Test(view, nothing_but_a_plain_file_is_read)
{
    struct bench bench = begin();
    cleanup_free char *out = fs_join(bench.dir, "out");
    cleanup_free char *secret = fs_join(bench.dir, "secret");
    cleanup_free char *link = fs_join(bench.dir, "out/uno/uart.log");
    cleanup_free char *fifo = fs_join(bench.dir, "out/uno@2/uart.log");
    char shown[4096];

    put(&bench, "secret", "a secret\n");
    put(&bench, "out/uno/x", "");
    put(&bench, "out/uno@2/x", "");
    cr_assert_eq(symlink(secret, link), 0);
    cr_assert_eq(mkfifo(fifo, 0600), 0);
    take(&bench, out);
    cr_expect_eq(view(&bench, NULL, shown), -ERR_TIMEOUT);
    cr_expect(str_starts(shown, "[hil: uno is held by somebody"), "%s", shown);
    cr_expect_not(strstr(shown, "secret"), "%s", shown);
    end(&bench);
}

Test(view, says_why_there_is_nothing)
{
    struct bench bench = begin();
    cleanup_free char *nowhere = fs_join(bench.dir, "nowhere");
    char shown[4096];

    cr_expect_eq(view(&bench, NULL, shown), -ERR_NOT_FOUND);
    cr_expect_str_eq(shown, "nobody holds uno: there is nothing to be seen");
    take(&bench, NULL);
    cr_expect_eq(view(&bench, NULL, shown), -ERR_NOT_FOUND);
    cr_expect(strstr(shown, "who runs no test"), "%s", shown);
    lease_drop(bench.lease);
    take(&bench, nowhere);
    cr_expect_eq(view(&bench, NULL, shown), -ERR_NOT_FOUND);
    cr_expect(strstr(shown, "nowhere: No such file"), "%s", shown);
    end(&bench);
}
