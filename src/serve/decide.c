/* SPDX-License-Identifier: MIT */
#include "serve/decide.h"

#include "base/str.h"

const char *watch_action_name(enum watch_action action)
{
    static const char *const names[] = {
        [WATCH_CURRENT] = "current", [WATCH_FLASH] = "flash", [WATCH_GOLDEN] = "golden",
        [WATCH_PAUSE] = "pause",     [WATCH_LIMIT] = "limit", [WATCH_CLOSED] = "closed",
        [WATCH_ASIDE] = "aside",
    };

    return names[action];
}

/* Only for a board that lost what it had: an image that was never written did no harm. */
static bool golden_is_due(const struct store_watched *known, const struct watch_rules *rules)
{
    return rules->has_golden && !*known->image;
}

bool watch_may_release(const struct store_watched *known, const char *image)
{
    return *known->quarantine && *known->quarantine_for && !str_eq(known->quarantine_for, image);
}

enum watch_action watch_decide(const struct store_watched *known, const char *image,
                               const struct watch_rules *rules, int64_t now_us, int minute,
                               int64_t *ret_until_us)
{
    bool failed = str_eq(known->failed, image);

    *ret_until_us = 0;
    if (str_eq(known->image, image) && !known->overwritten && !failed)
        return WATCH_CURRENT;
    if ((failed && *known->aside) || (*known->quarantine && !watch_may_release(known, image)))
        return WATCH_ASIDE;
    if (!window_open(&rules->window, minute))
        return WATCH_CLOSED;
    if (failed && now_us < known->retry_us) {
        *ret_until_us = known->retry_us;
        return WATCH_PAUSE;
    }
    if (known->flashes >= rules->daily_limit) {
        *ret_until_us = known->first_us + WATCH_DAY_US;
        return WATCH_LIMIT;
    }
    return failed && known->failures >= WATCH_TRIES && golden_is_due(known, rules) ? WATCH_GOLDEN
                                                                                   : WATCH_FLASH;
}

static void carries(struct store_watched *known, const struct store_attempt *attempt)
{
    bool passed = attempt->verdict == VERDICT_PASS;

    store_watched_set(&known->image, passed && !attempt->golden ? attempt->image : "");
    store_watched_set(&known->image_sha256, passed ? attempt->image_sha256 : "");
    store_watched_set(&known->tag, passed ? attempt->tag : "");
    store_watched_set(&known->asset, passed ? attempt->asset : "");
    known->flashed_us = attempt->started_us + attempt->took_us;
}

/* The image is not tried again. Where it was not the image that failed but the lab, with the board
 * under its hands, nobody else shall take that board. */
static void give_up(struct store_watched *known, const struct store_attempt *attempt,
                    const char *reason, const char *then)
{
    cleanup_free char *text =
        xasprintf("%s%s%s", reason && *reason ? reason : "it failed", *then ? "; " : "", then);

    store_watched_set(&known->aside, text);
    if (attempt->verdict != VERDICT_INFRA || !attempt->wrote || *known->quarantine)
        return;
    store_watched_set(&known->quarantine, text);
    store_watched_set(&known->quarantine_for, known->failed);
}

static void note_golden(struct store_watched *known, const struct store_attempt *attempt)
{
    cleanup_free char *then =
        attempt->verdict == VERDICT_PASS
            ? xstrdup("the golden image is on it")
            : xasprintf("and the golden image, too: %s", attempt->reason ? attempt->reason : "");

    give_up(known, attempt, known->reason, then);
}

void watch_note(struct store_watched *known, const struct store_attempt *attempt,
                const struct watch_rules *rules, int64_t retry_us)
{
    if (attempt->wrote || attempt->verdict == VERDICT_PASS)
        carries(known, attempt);
    if (attempt->golden) {
        note_golden(known, attempt);
        return;
    }
    known->verdict = attempt->verdict;
    store_watched_set(&known->aside, "");
    if (attempt->verdict == VERDICT_PASS) {
        store_watched_set(&known->failed, "");
        store_watched_set(&known->reason, "");
        known->failures = 0;
        known->retry_us = 0;
        return;
    }
    known->failures = str_eq(known->failed, attempt->image) ? known->failures + 1 : 1;
    store_watched_set(&known->failed, attempt->image);
    store_watched_set(&known->reason, attempt->reason);
    known->retry_us = retry_us;
    if (known->failures < WATCH_TRIES)
        return;
    if (golden_is_due(known, rules))
        known->retry_us = 0;
    else
        give_up(known, attempt, attempt->reason, *known->image ? "it keeps what it had" : "");
}
