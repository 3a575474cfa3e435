/* SPDX-License-Identifier: MIT
 *
 * err: why a call failed, as a value.
 *
 * A function that can fail returns 0 or a negative `enum err_code`, and fills the `struct err` that
 * its caller owns. Each layer on the way up prepends who it is:
 *
 *     if (open_probe(&probe, err) < 0)
 *         return err_wrap(err, "nucleo-3: flash");
 *
 * A message says who, what, and the next thing to try; it never ends in a full stop or newline and
 * is cut at ERR_MESSAGE_MAX. No function here blocks or allocates. `err` may be NULL everywhere.
 */
#ifndef HIL_BASE_ERR_H
#define HIL_BASE_ERR_H

#include <stdarg.h>

#define ERR_MESSAGE_MAX 1024

enum err_code {
    ERR_NONE = 0,
    ERR_USAGE,     /* the command line is wrong */
    ERR_CONFIG,    /* lab.yaml or hil.yaml is wrong, or asks for what does not exist */
    ERR_DATA,      /* bytes from outside do not follow their format */
    ERR_NOT_FOUND, /* the thing named is not there */
    ERR_LIMIT,     /* a ceiling was reached */
    ERR_IO,        /* the system refused: see sys_errno */
    ERR_TIMEOUT,   /* a deadline passed */
    ERR_CANCELLED, /* the user or the runner asked to stop */
    ERR_BUSY,      /* somebody else holds it */
    ERR_GONE,      /* a device or peer went away */
    ERR_PROTOCOL,  /* the other side answered what it must not */
    ERR_REFUSED,   /* the other side understood and said no */
    ERR_TOOL,      /* an external program failed */
    ERR_LOST,      /* what was ours is, or may be, somebody else's by now: hands off */
};

struct err {
    enum err_code code;
    int sys_errno; /* 0 where no system call failed */
    char message[ERR_MESSAGE_MAX];
};

/* Sets code and message; returns -code, so that a caller can `return err_set(...)`. */
int err_set(struct err *err, enum err_code code, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

/* As err_set with ERR_IO, appending ": " and the text of sys_errno. ENOENT becomes ERR_NOT_FOUND.
 */
int err_sys(struct err *err, int sys_errno, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

/* Prepends "format: " to the message; keeps the code and returns -code. */
int err_wrap(struct err *err, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* Appends to the message, such as "; try: ..."; keeps the code and returns -code. */
int err_hint(struct err *err, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* Of an input that the command line names, `rc` is of reading it: what is not there, or cannot be a
 * file of that kind, was typed wrongly, and becomes -ERR_USAGE. Any other rc stays. */
int err_named(int rc, struct err *err);

/* The exit code of DESIGN's table for an error that ended the program: 2 for usage, configuration
 * and bad input, 3 for the lab. ERR_CANCELLED is the caller's, who knows the signal. */
int err_exit_code(enum err_code code);

#endif
