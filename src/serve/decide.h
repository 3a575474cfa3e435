/* SPDX-License-Identifier: MIT
 *
 * decide: what is to be done with a board that is watched: a function of what is known, and nothing
 * else.
 *
 * An image that failed is tried WATCH_TRIES times, each pause longer than the last; then the golden
 * image has its one try, and the board is left alone until there is another image.
 */
#ifndef HIL_SERVE_DECIDE_H
#define HIL_SERVE_DECIDE_H

#include "serve/schedule.h"
#include "store/watched.h"

#define WATCH_TRIES 3
#define WATCH_DAY_US (INT64_C(86400) * 1000000)

enum watch_action {
    WATCH_CURRENT, /* it carries the newest image */
    WATCH_FLASH,   /* the newest image is to be put onto it */
    WATCH_GOLDEN,  /* the golden image is */
    WATCH_PAUSE,   /* not before *ret_until_us: the last try failed */
    WATCH_LIMIT,   /* not before *ret_until_us: it was flashed often enough */
    WATCH_CLOSED,  /* not at this hour */
    WATCH_ASIDE,   /* not at all */
};
const char *
watch_action_name(enum watch_action action); /* "current" "flash" "golden" "pause" ... */

struct watch_rules {
    struct window window;
    uint64_t daily_limit;
    bool has_golden;
};

/* `known` counts the flashes of the last WATCH_DAY_US; `image` is the newest for the board. */
enum watch_action watch_decide(const struct store_watched *known, const char *image,
                               const struct watch_rules *rules, int64_t now_us, int minute,
                               int64_t *ret_until_us);
/* What is known once an attempt with `image` ended: what passed is carried, what failed counts. A
 * golden image decides nothing of the newest one: it only sets the board aside. */
void watch_note(struct store_watched *known, const struct store_attempt *attempt,
                const struct watch_rules *rules, int64_t retry_us);

#endif
