/* SPDX-License-Identifier: MIT
 *
 * proc: external programs, run without a shell and never left behind.
 *
 * The program gets its own process group, stdin from /dev/null unless `in_fd` says otherwise, a
 * fresh signal mask and only the descriptors 0 to 2. Its stdout and stderr go to `log_path`
 * (appended), and the last few KiB of it are kept for errors.
 *
 * argv[0] is looked up in PATH; where it is not there the error says so and names the package to
 * look for if the caller gave `hint`. A program that ends with a code other than 0 is no error
 * here.
 *
 *     struct proc_result result;
 *     rc = proc_run(&(struct proc_spec){.argv = argv, .log_path = log}, ctx, &result, err);
 *
 * May be called from any thread.
 */
#ifndef HIL_BASE_PROC_H
#define HIL_BASE_PROC_H

#include "base/ctx.h"
#include "base/err.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#define PROC_TAIL_MAX 4096

struct proc_spec {
    const char *const *argv; /* NULL-terminated */
    const char *dir;         /* working directory; NULL: ours */
    const char *const *env;  /* NAME=value to add to ours, NAME to leave out of it, NULL-terminated;
                                NULL: ours as it is */
    const char *log_path;    /* NULL: output is only kept in the tail */
    int out_fd;              /* of proc_start(): output goes here; 0: to log_path */
    int in_fd;               /* its stdin; 0: /dev/null */
    int err_fd;              /* its stderr; 0: where its stdout goes */
    const char *hint;        /* what to do where the program is not installed; may be NULL */
    /* Told each piece of output as it comes, on the calling thread; may be NULL. It must be quick:
     * the program stands still while its pipe is full. */
    void (*output)(void *arg, const char *bytes, size_t count);
    void *output_arg;
    int64_t grace_ms; /* between SIGTERM and SIGKILL; 0: 500; negative: no SIGTERM */
};

struct proc_result {
    int exit_code; /* -1 where a signal ended it */
    int signal;    /* 0 where it exited */
    int64_t took_us;
    size_t tail_size;
    char tail[PROC_TAIL_MAX + 1]; /* the end of its output, NUL-terminated, raw bytes */
};

/* Runs to the end. -ERR_TIMEOUT or -ERR_CANCELLED when the ctx ended it (the result then holds what
 * it printed), -ERR_TOOL where it could not be started. */
int proc_run(const struct proc_spec *spec, const struct ctx *ctx, struct proc_result *ret,
             struct err *err);
/* The last line it printed that holds more than blanks, fit for a message; "" where there is none.
 * The caller frees. */
char *proc_last_line(const struct proc_result *result);
/* Adds to the tail, for who runs a program in another way. */
void proc_keep_tail(struct proc_result *result, const char *bytes, size_t count);
/* 0, or for an exit code other than 0 -ERR_TOOL whose message has `name`, the code and the last
 * line that the program printed. */
int proc_check(const char *name, const struct proc_result *result, struct err *err);
/* proc_run() and proc_check(). */
int proc_run_ok(const struct proc_spec *spec, const struct ctx *ctx, struct err *err);

/* The file that would be run: looked up in PATH where there is no slash; NULL: there is none. The
 * caller frees. */
char *proc_find(const char *program);

/* A program that stays: an emulator, a GDB server. Its output goes to log_path, or nowhere. */
struct proc;
int proc_start(const struct proc_spec *spec, const struct ctx *ctx, struct proc **ret,
               struct err *err);
int proc_pidfd(const struct proc *proc); /* readable once it has ended */
bool proc_running(struct proc *proc);
int proc_exit_code(struct proc *proc);  /* once it has ended; -1: a signal ended it */
void proc_ask(const struct proc *proc); /* SIGTERM to the group, and waits for nothing */
/* Ends the group within grace_ms plus a moment, reaps, frees. NULL is fine. */
void proc_stop(struct proc *proc);

#endif
