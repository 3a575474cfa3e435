/* SPDX-License-Identifier: MIT
 *
 * library: a shared library that is loaded when it is first needed.
 *
 * What most calls never use would cost every verb milliseconds at its start. A room that wants one
 * lists the functions once (X macros) and gets a struct of pointers to them:
 *
 *     #define X(name) LIBRARY_SYMBOL(struct git_api, git_##name, name)
 *     static const struct library_symbol symbols[] = {GIT_API_NAMES(X){0}};
 *     #undef X
 *     rc = library_load(&(struct library){.title = "libgit2", .files = {"libgit2.so.1.5"},
 *                                         .package = "libgit2-1.5"}, symbols, ret_api, err);
 *
 * May be called from any thread, and again. What was loaded stays until the program ends.
 */
#ifndef HIL_BASE_LIBRARY_H
#define HIL_BASE_LIBRARY_H

#include "base/err.h"

#include <stddef.h>

struct library {
    const char *title;
    const char *files[3]; /* the first that is there is taken */
    const char *package;  /* Debian's, for the error's next step */
};

struct library_symbol {
    const char *name; /* NULL ends a table */
    size_t at;        /* of the function pointer in the struct */
};
#define LIBRARY_SYMBOL(api, symbol, member) {#symbol, offsetof(api, member)},

/* -ERR_TOOL: it is not installed, or has not all of the symbols; `ret_api` is unusable then. */
int library_load(const struct library *library, const struct library_symbol *symbols, void *ret_api,
                 struct err *err);

#endif
