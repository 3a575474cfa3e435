/* SPDX-License-Identifier: MIT
 *
 * db_sqlite: what the two halves of SQLite, the engine and its schema, share.
 */
#ifndef HIL_STORE_DB_SQLITE_H
#define HIL_STORE_DB_SQLITE_H

/* Entry i leads from user_version i to i + 1; there are sqlite_newest of them. */
extern const char *const sqlite_migrations[];
extern const int sqlite_newest;

#endif
