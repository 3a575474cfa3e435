/* SPDX-License-Identifier: MIT
 *
 * engine: the database that the tests of the store run on: a file, or, where tests/with-postgres
 * runs them, a schema of the test's own on that server.
 */
#ifndef ENGINE_H
#define ENGINE_H

#include "conf/lab.h"

/* What store_open() takes; NULL: a file. The schema is made by the first call. */
const struct store_conf *engine_conf(void);
void engine_leave(void);
/* The first column of the first row, asked past the module, "NULL" for null; the caller frees. NULL
 * where only a file could answer (PRAGMA) and there is none. */
char *engine_ask(const char *file, const char *sql);
/* Runs statements past the module. */
void engine_execute(const char *file, const char *sql);

#endif
