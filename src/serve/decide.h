/* SPDX-License-Identifier: MIT
 *
 * decide: what is to be done with a board that is watched: a function of what is known, and nothing
 * else.
 *
 * An image that failed is tried WATCH_TRIES times, each pause longer than the last; then the golden
 * image has its one try, and the image is not tried again. Where it was the lab's fault and the
 * golden image, if there is one, could not be put on either, the board goes into quarantine: nobody
 * takes it until it is released, or there is another image for it. A board that somebody else put
 * there is left alone.
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
/* Whether hil watch itself put the board into quarantine, with another image than this one. */
bool watch_may_release(const struct store_watched *known, const char *image);
/* What is known once an attempt with `image` ended: what passed is carried, what failed counts. A
 * golden image decides nothing of the newest one: it only ends its tries. */
void watch_note(struct store_watched *known, const struct store_attempt *attempt,
                const struct watch_rules *rules, int64_t retry_us);

#endif
