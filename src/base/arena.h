/* SPDX-License-Identifier: MIT
 *
 * arena: memory that is freed all at once. What a run's results own lives in one.
 *
 * Not thread-safe; blocks never. Memory is zeroed.
 */
#ifndef HIL_BASE_ARENA_H
#define HIL_BASE_ARENA_H

#include <stddef.h>

struct arena_block;

struct arena {
    struct arena_block *blocks; /* the newest first */
};

void *arena_alloc(struct arena *arena, size_t size);       /* aligned for any type */
char *arena_strdup(struct arena *arena, const char *text); /* NULL gives NULL */
char *arena_strndup(struct arena *arena, const char *text, size_t length);
char *arena_printf(struct arena *arena, const char *format, ...)
    __attribute__((format(printf, 2, 3)));
void arena_done(struct arena *arena);

#endif
