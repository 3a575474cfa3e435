/* SPDX-License-Identifier: MIT */
#include "parse/restart.h"

#include <string.h>

#define GREETING_MIN 8 /* bytes: a shorter line says too little */
#define GREETING_MAX 256

/* Rounds of several tests that begin with the greeting, each time, are hardly anything else. A
 * single test may well be run in a loop. */
#define SURE_AFTER 3
#define SURE_AFTER_SINGLE 50

struct restart restart_init(void)
{
    return (struct restart){.greeting = BUF_INIT(GREETING_MAX)};
}

void restart_done(struct restart *restart)
{
    buf_done(&restart->greeting);
}

/* The reset may have cut a line, so that the greeting stands behind its first half. */
static bool is_greeting(const struct restart *restart, struct text line)
{
    struct text greeting = text_of_buf(&restart->greeting);
    return greeting.size > 0 && line.size >= greeting.size &&
           memcmp(line.at + line.size - greeting.size, greeting.at, greeting.size) == 0;
}

void restart_line(struct restart *restart, struct text line, bool began)
{
    line = text_trim(line);
    if (began)
        restart->greeted_again = restart->greeted_again || is_greeting(restart, line);
    else if (restart->greeting.size == 0 && line.size >= GREETING_MIN && line.size <= GREETING_MAX)
        text_store(line, &restart->greeting);
}

bool restart_asks(const struct restart *restart)
{
    return restart->greeting.size > 0 && (restart->greeted_again || !restart->several);
}

void restart_test(struct restart *restart, bool first, int64_t seen)
{
    restart->several = restart->several || !first;
    if (!restart->greeted_again)
        return;
    restart->greeted_again = false;
    restart->ordinary = restart->ordinary || !first;
    restart->count = restart->ordinary ? 0 : restart->count + 1;
    restart->tests_before = seen;
}

void restart_result(struct restart *restart)
{
    restart->greeted_again = false;
}

bool restart_sure(const struct restart *restart)
{
    return restart->count >= (restart->several ? SURE_AFTER : SURE_AFTER_SINGLE);
}

void restart_new_run(struct restart *restart)
{
    restart->greeted_again = restart->several = false;
    restart->count = 0;
}

void restart_clear(struct restart *restart)
{
    restart_new_run(restart);
    restart->ordinary = false;
    buf_clear(&restart->greeting);
}
