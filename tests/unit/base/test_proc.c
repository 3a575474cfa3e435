/* SPDX-License-Identifier: MIT */
#include "base/proc.h"

#include "../scratch.h"
#include "base/group.h"
#include "fork_as.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <string.h>
#include <sys/stat.h>

#define SHELL(script) ((const char *const[]){"sh", "-c", (script), NULL})
#define NOT_LONG_US 5000000

static const struct ctx forever = {.deadline_ns = CTX_NEVER, .cancel_fd = -1};

/* Runs a shell script that is to work; its output is in ret->tail. */
static void run(const char *script, struct proc_result *ret)
{
    struct proc_spec spec = {.argv = SHELL(script)};
    struct err err = {0};

    cr_assert_eq(proc_run(&spec, &forever, ret, &err), 0, "%s: %s", script, err.message);
}

/* ---- how it ended -------------------------------------------------------------------------- */

Test(proc, says_how_a_program_ended)
{
    static const struct {
        const char *script;
        int exit_code, signal;
    } rows[] = {{"exit 0", 0, 0},
                {"exit 7", 7, 0},
                {"kill -SEGV $$", -1, SIGSEGV},
                {"kill -KILL $$", -1, SIGKILL}};

    for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
        struct proc_result result;
        run(rows[i].script, &result);
        cr_expect_eq(result.exit_code, rows[i].exit_code, "%s: %d", rows[i].script,
                     result.exit_code);
        cr_expect_eq(result.signal, rows[i].signal, "%s: %d", rows[i].script, result.signal);
        cr_expect(result.took_us > 0 && result.took_us < NOT_LONG_US);
    }
}

Test(proc, run_ok_says_the_last_line)
{
    static const struct {
        const char *script, *message;
    } rows[] = {
        {"echo first; echo 'no device found' >&2; exit 1", "sh: exit 1: no device found"},
        {"printf 'Erasing 10%%\\rErasing 20%%\\r\\n \\n\\n'; exit 3", "sh: exit 3: Erasing 20%"},
        {"exit 4", "sh: exit 4"},
        {"printf '\\n \\n'; exit 4", "sh: exit 4"},
        {"echo dying; kill -SEGV $$", "sh: killed by SIGSEGV: dying"},
        {"printf 'a\\tb\\033[31mred\\377\\n'; exit 1",
         "sh: exit 1: a b\xEF\xBF\xBD[31mred\xEF\xBF\xBD"},
        {"printf 'before\\0after'; exit 1", "sh: exit 1: before\xEF\xBF\xBD"
                                            "after"},
    };

    for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
        struct proc_spec spec = {.argv = SHELL(rows[i].script)};
        struct err err = {0};
        cr_expect_eq(proc_run_ok(&spec, &forever, &err), -ERR_TOOL);
        cr_expect_str_eq(err.message, rows[i].message);
    }
    cr_expect_eq(proc_run_ok(&(struct proc_spec){.argv = SHELL("true")}, &forever, NULL), 0);
}

Test(proc, a_program_that_cannot_start_is_an_error)
{
    cleanup_scratch char *dir = scratch_make();
    cleanup_free char *plain = fs_join(dir, "plain");
    cleanup_free char *denied = xasprintf("%s: cannot be started: Permission denied", plain);
    const struct {
        const char *program, *dir, *hint, *message;
    } rows[] = {
        {"no-such-program", NULL, NULL, "no-such-program: program not found in PATH"},
        {"no-such-program", NULL, "try: apt install x",
         "no-such-program: program not found in PATH; try: apt install x"},
        {"/no/such", NULL, "install it",
         "/no/such: cannot be started: No such file or directory; install it"},
        {plain, NULL, NULL, denied},
        {"true", "/no/such", "unused",
         "true: working directory /no/such: No such file or directory"},
    };

    cr_assert_eq(fs_write(plain, "x", 1, NULL), 0);
    for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
        const char *const argv[] = {rows[i].program, NULL};
        struct proc_spec spec = {.argv = argv, .dir = rows[i].dir, .hint = rows[i].hint};
        struct proc_result result;
        struct proc *proc = NULL;
        struct err err = {0};
        cr_expect_eq(proc_run(&spec, &forever, &result, &err), -ERR_TOOL);
        cr_expect_str_eq(err.message, rows[i].message);
        cr_expect_eq(proc_start(&spec, &forever, &proc, NULL), -ERR_TOOL);
        cr_expect_null(proc);
    }
}

/* ---- what it inherits ---------------------------------------------------------------------- */

Test(proc, knows_nothing_of_our_descriptors_and_signals)
{
    struct proc_result result;
    int null_fd = open("/dev/null", O_RDONLY);
    int leaky = fcntl(null_fd, F_DUPFD, 57); /* as a library might: without O_CLOEXEC */
    sigset_t term;

    sigemptyset(&term);
    sigaddset(&term, SIGTERM);
    pthread_sigmask(SIG_BLOCK, &term, NULL);
    signal(SIGPIPE, SIG_IGN);
    signal(SIGINT, SIG_IGN);
    cr_assert_eq(leaky, 57);
    run("test -e /proc/$$/fd/57 && echo leaked; readlink /proc/$$/fd/0; "
        "grep -E '^Sig(Blk|Ign)' /proc/$$/status | cut -f2",
        &result);
    cr_expect_str_eq(result.tail, "/dev/null\n0000000000000000\n0000000000000000\n");
    close(null_fd);
    close(leaky);
}

Test(proc, leads_a_group_of_its_own)
{
    struct proc_result result;
    int pid, group;

    run("cut -d' ' -f1,5 /proc/$$/stat", &result);
    cr_assert_eq(sscanf(result.tail, "%d %d", &pid, &group), 2);
    cr_expect_eq(pid, group);
    cr_expect_neq(group, getpgrp());
}

Test(proc, gets_its_directory_and_variables)
{
    const char *const env[] = {"HIL_TEST_A=new", "HIL_TEST_C=c", NULL};
    struct proc_spec spec = {
        .argv = SHELL("pwd; echo $HIL_TEST_A $HIL_TEST_AB $HIL_TEST_C"), .dir = "/usr", .env = env};
    struct proc_result result;

    setenv("HIL_TEST_A", "old", 1);
    setenv("HIL_TEST_AB", "kept", 1);
    cr_assert_eq(proc_run(&spec, &forever, &result, NULL), 0);
    cr_expect_str_eq(result.tail, "/usr\nnew kept c\n");
}

/* ---- output -------------------------------------------------------------------------------- */

Test(proc, leaves_a_variable_out_of_the_environment)
{
    const char *const env[] = {"HIL_TEST_SECRET", "HIL_TEST_B=", NULL};
    struct proc_spec spec = {
        .argv = SHELL("echo ${HIL_TEST_SECRET-none} ${HIL_TEST_B-none} $HIL_TEST_SECRET_TOO"),
        .env = env};
    struct proc_result result;
    struct err err = {0};

    setenv("HIL_TEST_SECRET", "told", 1);
    setenv("HIL_TEST_SECRET_TOO", "kept", 1);
    cr_assert_eq(proc_run(&spec, &forever, &result, &err), 0, "%s", err.message);
    cr_assert_str_eq(result.tail, "none kept\n");
    spec.argv = (const char *const[]){"cat", "/proc/self/environ", NULL}; /* no shell tidied it */
    cr_assert_eq(proc_run(&spec, &forever, &result, &err), 0, "%s", err.message);
    cr_assert_not_null(memmem(result.tail, result.tail_size, "HIL_TEST_SECRET_TOO=", 20));
    cr_assert_null(memmem(result.tail, result.tail_size, "HIL_TEST_SECRET\0", 16));
}

Test(proc, finds_programs)
{
    cleanup_scratch char *dir = scratch_make();
    cleanup_free char *path = fs_join(dir, "hil-test-tool"), *found = NULL;

    setenv("PATH", dir, 1);
    cr_assert_null(proc_find("hil-test-tool"));
    cr_assert_eq(fs_write(path, "#!/bin/sh\n", 10, NULL), 0);
    cr_assert_null(proc_find("hil-test-tool"), "it may not be executed");
    cr_assert_eq(chmod(path, 0755), 0);
    found = proc_find("hil-test-tool");
    cr_assert_str_eq(found, path);
    cr_assert_null(proc_find(dir), "a directory");
    cr_assert_null(proc_find("./no-such-tool"));
}

Test(proc, output_goes_where_it_is_told_and_the_exit_code_is_kept)
{
    struct proc *proc = NULL;
    struct err err = {0};
    char text[32];
    int pipe_fds[2];

    cr_assert_eq(pipe2(pipe_fds, O_CLOEXEC), 0);
    struct proc_spec spec = {.argv = SHELL("echo hello; exit 3"), .out_fd = pipe_fds[1]};
    cr_assert_eq(proc_start(&spec, &forever, &proc, &err), 0, "%s", err.message);
    cr_assert(ctx_wait(&forever, proc_pidfd(proc), POLLIN, &err) > 0);
    cr_assert_eq(proc_exit_code(proc), 3);
    proc_stop(proc);
    close(pipe_fds[1]);
    cr_assert_eq(read(pipe_fds[0], text, sizeof text), 6);
    close(pipe_fds[0]);
}

Test(proc, output_is_appended_to_the_log)
{
    cleanup_scratch char *dir = scratch_make();
    cleanup_free char *log = fs_join(dir, "flash.log");
    struct proc_spec spec = {.argv = SHELL("echo out; echo err >&2"), .log_path = log};
    struct proc_result result;

    cr_assert_eq(proc_run(&spec, &forever, &result, NULL), 0);
    cr_assert_eq(proc_run(&spec, &forever, &result, NULL), 0);
    cleanup_free char *text = scratch_text(log);
    cr_expect_str_eq(text, "out\nerr\nout\nerr\n");
    cr_expect_str_eq(result.tail, "out\nerr\n");
    cr_expect_eq(result.tail_size, 8);
}

Test(proc, the_tail_is_the_end_and_the_log_is_all)
{
    cleanup_scratch char *dir = scratch_make();
    cleanup_free char *log = fs_join(dir, "log");
    struct proc_spec spec = {.argv = SHELL("seq 1 100000"), .log_path = log};
    struct proc_result result;

    cr_assert_eq(proc_run(&spec, &forever, &result, NULL), 0);
    cleanup_free char *text = scratch_text(log);
    size_t size = strlen(text);
    cr_expect_eq(size, 588895);
    cr_expect_eq(result.tail_size, PROC_TAIL_MAX);
    cr_expect_str_eq(result.tail, text + size - PROC_TAIL_MAX);
}

Test(proc, a_log_that_cannot_be_written_ends_the_program)
{
    struct proc_spec spec = {.argv = SHELL("echo $$; exec sleep 60"), .log_path = "/dev/full"};
    struct proc_result result;
    struct err err = {0};

    cr_expect_eq(proc_run(&spec, &forever, &result, &err), -ERR_IO);
    cr_expect_str_eq(err.message, "sh: /dev/full: No space left on device");
    cr_expect_eq(result.signal, SIGTERM);
    cr_expect_eq(kill(atoi(result.tail), 0), -1);

    spec.log_path = "/no/such/log";
    cr_expect_lt(proc_run(&spec, &forever, &result, &err), 0);
    cr_expect(strstr(err.message, "/no/such/log"), "%s", err.message);
}

/* ---- the end ------------------------------------------------------------------------------- */

Test(proc, a_flood_ends_at_the_deadline)
{
    struct proc_spec spec = {.argv = SHELL("exec yes flood")};
    struct ctx ctx = ctx_narrow(&forever, 100);
    struct proc_result result;
    struct err err = {0};

    cr_expect_eq(proc_run(&spec, &ctx, &result, &err), -ERR_TIMEOUT);
    cr_expect_eq(result.signal, SIGTERM);
    cr_expect_eq(result.tail_size, PROC_TAIL_MAX);
    cr_expect_lt(result.took_us, NOT_LONG_US);
    cr_expect(str_starts(err.message, "sh: timed out: "), "%s", err.message);
}

Test(proc, sigterm_can_be_refused_but_not_sigkill)
{
    struct proc_spec spec = {.argv = SHELL("trap 'echo last words' TERM; echo ready; "
                                           "while :; do sleep 0.01; done"),
                             .grace_ms = 50};
    struct ctx ctx = ctx_narrow(&forever, 300);
    struct proc_result result;

    cr_expect_eq(proc_run(&spec, &ctx, &result, NULL), -ERR_TIMEOUT);
    cr_expect_eq(result.signal, SIGKILL);
    cr_expect(strstr(result.tail, "last words\n"), "%s", result.tail);
}

Test(proc, cancelling_ends_it)
{
    cleanup_scratch char *dir = scratch_make();
    cleanup_free char *fifo = fs_join(dir, "fifo");
    struct proc_spec spec = {.argv = SHELL("echo stop > fifo; exec sleep 60"), .dir = dir};
    struct proc_result result;
    struct err err = {0};

    cr_assert_eq(mkfifo(fifo, 0600), 0);
    cleanup_close int cancel_fd = open(fifo, O_RDWR | O_CLOEXEC);
    struct ctx ctx = ctx_root(cancel_fd, NULL);
    cr_expect_eq(proc_run(&spec, &ctx, &result, &err), -ERR_CANCELLED);
    cr_expect_eq(result.signal, SIGTERM);
    cr_expect_lt(result.took_us, NOT_LONG_US);
    cr_expect_str_eq(err.message, "sh: cancelled");

    /* once cancelled, nothing is started any more */
    spec.argv = SHELL("touch started");
    cr_expect_eq(proc_run(&spec, &ctx, &result, &err), -ERR_CANCELLED);
    cleanup_free char *started = fs_join(dir, "started");
    cr_expect_not(fs_exists(started));
}

Test(proc, what_a_program_leaves_behind_is_ended)
{
    static const char *const scripts[] = {
        "sleep 60 & echo $!",                 /* has our pipe */
        "sleep 60 >/dev/null 2>&1 & echo $!", /* has not */
        "sh -c 'trap \"\" TERM; echo $$; while :; do sleep 0.01; done' & read x </dev/null; "
        "sleep 0.1", /* does not listen */
    };

    for (size_t i = 0; i < ARRAY_SIZE(scripts); i++) {
        struct proc_spec spec = {.argv = SHELL(scripts[i]), .grace_ms = 100};
        struct proc_result result;
        cr_assert_eq(proc_run(&spec, &forever, &result, NULL), 0);
        cr_expect_eq(result.exit_code, 0);
        cr_expect_lt(result.took_us, NOT_LONG_US, "%s", scripts[i]);
        pid_t pid = atoi(result.tail);
        cr_assert_gt(pid, 1, "%s", result.tail);
        cleanup_free char *stat_path = xasprintf("/proc/%d/stat", (int)pid);
        cleanup_free char *stat = scratch_text(stat_path);
        cr_expect(!*stat || strstr(stat, ") Z "), "%s: %s", scripts[i], stat);
    }
}

/* ---- programs that stay -------------------------------------------------------------------- */

Test(proc, a_program_that_stays_is_stopped_with_its_children)
{
    cleanup_scratch char *dir = scratch_make();
    cleanup_free char *log = fs_join(dir, "log");
    cleanup_free char *fifo = fs_join(dir, "fifo");
    struct proc_spec spec = {
        .argv = SHELL("sleep 60 & echo $$; echo > fifo; wait"), .dir = dir, .log_path = log};
    struct proc *proc = NULL;

    cr_assert_eq(mkfifo(fifo, 0600), 0);
    cleanup_close int ready_fd = open(fifo, O_RDWR | O_CLOEXEC);
    cr_assert_eq(proc_start(&spec, &forever, &proc, NULL), 0);
    cr_assert(scratch_readable(ready_fd));
    cr_expect(proc_running(proc));
    cleanup_free char *text = scratch_text(log);
    pid_t group = atoi(text);
    cr_assert_gt(group, 1);
    cr_expect(group_alive(group));
    proc_stop(proc);
    cr_expect_not(group_alive(group));
    proc_stop(NULL);
}

Test(proc, a_program_that_stays_may_end_by_itself)
{
    struct proc_spec spec = {.argv = SHELL("exit 3")};
    struct proc *proc = NULL;

    cr_assert_eq(proc_start(&spec, &forever, &proc, NULL), 0);
    cr_expect(scratch_readable(proc_pidfd(proc)));
    cr_expect_not(proc_running(proc));
    proc_stop(proc);
}

/* ---- output as it comes -------------------------------------------------------------------- */

/* Lets a program go on only once its first words were told. */
struct listener {
    struct buf heard;
    const char *fifo;
};

static void hear(void *arg, const char *bytes, size_t count)
{
    struct listener *listener = arg;

    cr_assert_eq(buf_add(&listener->heard, bytes, count), 0);
    if (!strcmp(listener->heard.data, "one\n"))
        cr_assert_eq(close(open(listener->fifo, O_WRONLY | O_CLOEXEC)), 0);
}

Test(proc, tells_output_while_the_program_runs)
{
    cleanup_scratch char *dir = scratch_make();
    cleanup_free char *fifo = fs_join(dir, "go"), *log = fs_join(dir, "log");
    cleanup_free char *script = xasprintf("echo one; cat '%s'; echo two >&2; exit 3", fifo);
    struct listener listener = {.heard = BUF_INIT(4096), .fifo = fifo};
    cleanup_buf struct buf logged = BUF_INIT(4096);
    struct ctx ctx = ctx_narrow(&forever, NOT_LONG_US / 1000);
    struct proc_spec spec = {
        .argv = SHELL(script), .log_path = log, .output = hear, .output_arg = &listener};
    struct proc_result result;

    cr_assert_eq(mkfifo(fifo, 0600), 0);
    cr_assert_eq(proc_run(&spec, &ctx, &result, NULL), 0);
    cr_expect_eq(result.exit_code, 3);
    cr_expect_str_eq(listener.heard.data, "one\ntwo\n");
    cr_expect_str_eq(result.tail, "one\ntwo\n");
    cr_assert_eq(fs_read(log, &logged, NULL), 0);
    cr_expect_str_eq(logged.data, "one\ntwo\n");
    buf_done(&listener.heard);
}

/* ---- threads ------------------------------------------------------------------------------- */

static void *run_many(void *arg)
{
    int number = *(int *)arg;
    cleanup_free char *script = xasprintf("echo thread %d; exit %d", number, number);
    cleanup_free char *expected = xasprintf("thread %d\n", number);
    struct proc_spec spec = {.argv = SHELL(script)};

    for (int i = 0; i < 10; i++) {
        struct proc_result result;
        if (proc_run(&spec, &forever, &result, NULL) < 0 || result.exit_code != number ||
            !str_eq(result.tail, expected))
            return arg;
    }
    return NULL;
}

Test(proc, works_in_many_threads)
{
    pthread_t threads[8];
    int numbers[8];

    for (int i = 0; i < 8; i++) {
        numbers[i] = i;
        cr_assert_eq(pthread_create(&threads[i], NULL, run_many, &numbers[i]), 0);
    }
    for (int i = 0; i < 8; i++) {
        void *failed = NULL;
        pthread_join(threads[i], &failed);
        cr_expect_null(failed, "thread %d", i);
    }
}

Test(proc, stopping_what_has_ended_spares_a_stranger_with_its_number)
{
    cleanup_scratch char *dir = scratch_make();
    cleanup_free char *log = fs_join(dir, "log");
    struct proc_spec spec = {.argv = SHELL("echo $$"), .log_path = log};
    struct ctx ctx = scratch_patience();
    struct proc *proc;
    pid_t stranger;
    int status;

    cr_assert_eq(proc_start(&spec, &ctx, &proc, NULL), 0);
    cr_assert_geq(ctx_wait(&ctx, proc_pidfd(proc), POLLIN, NULL), 0);
    cr_assert_eq(proc_exit_code(proc), 0); /* its number is free now */
    cleanup_free char *number = scratch_text(log);
    ctx_sleep(&ctx, 20, NULL); /* start times are counted in ticks of 10 ms */
    stranger = fork_as(atoi(number));
    proc_stop(proc);
    if (stranger < 0)
        cr_skip_test("process numbers cannot be chosen here");
    cr_expect_eq(waitpid(stranger, &status, WNOHANG), 0, "the stranger was signalled");
    kill(stranger, SIGKILL);
    waitpid(stranger, NULL, 0);
}
