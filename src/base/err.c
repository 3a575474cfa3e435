/* SPDX-License-Identifier: MIT */
#include "base/err.h"

#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

int err_set(struct err *err, enum err_code code, const char *format, ...)
{
    char message[ERR_MESSAGE_MAX]; /* the old message may be among the arguments */
    va_list args;

    if (!err)
        return -(int)code;
    va_start(args, format);
    vsnprintf(message, sizeof message, format, args);
    va_end(args);
    memcpy(err->message, message, strlen(message) + 1);
    err->code = code;
    err->sys_errno = 0;
    return -(int)code;
}

int err_sys(struct err *err, int sys_errno, const char *format, ...)
{
    enum err_code code = sys_errno == ENOENT ? ERR_NOT_FOUND : ERR_IO;
    char reason[128];
    va_list args;

    if (!err)
        return -(int)code;
    err->code = code;
    err->sys_errno = sys_errno;
    va_start(args, format);
    vsnprintf(err->message, sizeof err->message, format, args);
    va_end(args);
    return err_hint(err, ": %s", strerror_r(sys_errno, reason, sizeof reason));
}

int err_wrap(struct err *err, const char *format, ...)
{
    char inner[ERR_MESSAGE_MAX];
    va_list args;
    int used;

    if (!err)
        return -(int)ERR_IO;
    memcpy(inner, err->message, sizeof inner);
    va_start(args, format);
    used = vsnprintf(err->message, sizeof err->message, format, args);
    va_end(args);
    if (used >= 0 && (size_t)used < sizeof err->message)
        snprintf(err->message + used, sizeof err->message - (size_t)used, ": %s", inner);
    return -(int)err->code;
}

int err_hint(struct err *err, const char *format, ...)
{
    va_list args;
    size_t used;

    if (!err)
        return -(int)ERR_IO;
    used = strlen(err->message);
    va_start(args, format);
    vsnprintf(err->message + used, sizeof err->message - used, format, args);
    va_end(args);
    return -(int)err->code;
}

static bool names_nothing(int sys_errno)
{
    return sys_errno == ENOTDIR || sys_errno == EISDIR || sys_errno == ENAMETOOLONG ||
           sys_errno == ELOOP;
}

int err_named(int rc, struct err *err)
{
    bool wrong = rc == -ERR_NOT_FOUND || (rc == -ERR_IO && err && names_nothing(err->sys_errno));

    if (wrong && err)
        err->code = ERR_USAGE;
    return wrong ? -ERR_USAGE : rc;
}

int err_exit_code(enum err_code code)
{
    switch (code) {
    case ERR_NONE:
        return 0;
    case ERR_USAGE:
    case ERR_CONFIG:
    case ERR_DATA:
        return 2;
    default:
        return 3;
    }
}
