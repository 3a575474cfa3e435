/* SPDX-License-Identifier: MIT */
#include "serve/service_lock.h"

#include "base/fs.h"
#include "base/str.h"

#include <criterion/criterion.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

static char dir[] = "/tmp/hil-lock-XXXXXX";

static void make_dir(void)
{
    cr_assert(mkdtemp(dir));
}

static void remove_dir(void)
{
    fs_remove_tree(dir);
}

static int lock(int64_t ms, int *fd, struct err *err)
{
    struct ctx root = ctx_root(-1, NULL), ctx = ctx_narrow(&root, ms);

    *err = (struct err){0};
    return service_lock(dir, "rig", "bench", &ctx, fd, err);
}

/* A service with a worker that ends when `hold` is closed. The service has the lock when this
 * returns, and goes on until it is killed. */
static pid_t start_service(int hold[2], pid_t *ret_worker)
{
    int ready[2];
    pid_t pid;

    cr_assert_eq(pipe(ready), 0);
    pid = fork();
    if (pid == 0) {
        struct err err;
        pid_t worker;
        int fd;
        char byte;
        prctl(PR_SET_PDEATHSIG, SIGKILL); /* a test that fails leaves nobody behind */
        if (lock(10000, &fd, &err) < 0)
            _exit(1);
        close(hold[1]);
        worker = fork();
        if (worker == 0) {
            close(ready[1]);
            while (read(hold[0], &byte, 1) > 0)
                ;
            _exit(0);
        }
        if (write(ready[1], &worker, sizeof worker) != sizeof worker)
            _exit(1);
        pause();
    }
    close(ready[1]);
    cr_assert_eq(read(ready[0], ret_worker, sizeof *ret_worker), (ssize_t)sizeof *ret_worker);
    close(ready[0]);
    return pid;
}

Test(service_lock, a_second_one_is_refused_and_what_one_left_is_waited_for, .init = make_dir,
     .fini = remove_dir)
{
    struct err err;
    pid_t service, worker;
    int fd = -1, hold[2];

    cr_assert_eq(pipe(hold), 0);
    service = start_service(hold, &worker);
    int64_t began = ctx_now_ns();
    cr_assert_eq(lock(50000, &fd, &err), -ERR_BUSY);
    cr_assert_str_eq(err.message, "another hil rig is at work in lab bench");
    cr_assert_lt(ctx_now_ns() - began, INT64_C(25000000000), "it is not waited for");
    close(fd);

    kill(service, SIGKILL);
    waitpid(service, NULL, 0);
    cr_assert_eq(lock(50, &fd, &err), -ERR_BUSY);
    cr_assert(strstr(err.message, "has left behind in lab bench does not end"), "%s", err.message);
    close(fd);

    close(hold[1]); /* the worker ends */
    cr_assert_eq(lock(50000, &fd, &err), 0, "%s", err.message);
    close(fd);
    close(hold[0]);
}
