/* SPDX-License-Identifier: MIT */
/* What those who are not at the table hear of a rig: boards that failed, the shift's end, and pools
 * that run dry. Plugged things are no boards of the lab, so a sink that wants only some hears
 * nothing. */
#include "base/str.h"
#include "notify/notifier.h"
#include "report/words.h"
#include "serve/rig_parts.h"
#include "serve/rig_summary.h"
#include "store/identities.h"

#include <inttypes.h>

#define TEXT_MAX ((size_t)8 << 10)

/* What is wrong with the sinks, hil notify and hil doctor say. */
static void tell(const struct rig *rig, enum notice_kind kind, const char *title, const char *text)
{
    struct err err;
    struct notifier *notifier = notifier_open(rig->setup.lab, rig->state_dir, &err);

    notifier_add(notifier, &(struct notice){.kind = kind, .title = title, .text = text});
    notifier_close(notifier);
}

void rig_notice_failed(const struct rig *rig, const struct rig_slot *slot)
{
    cleanup_free char *title = xasprintf(
        "%s: rig: slot %u (%s)%s%s failed: %s", rig->setup.lab->name, slot->number,
        slot->device.path, *slot->device.serial ? " " : "", slot->device.serial, slot->reason);

    tell(rig, NOTICE_RIG, title, NULL);
}

static void notice_pool(struct rig *rig, const struct rig_recipe *recipe, uint64_t left)
{
    cleanup_free char *title =
        xasprintf("%s: rig: pool %s has %" PRIu64 " %s left; fill it with: hil pool import %s",
                  rig->setup.lab->name, recipe->pool, left, left == 1 ? "identity" : "identities",
                  recipe->pool);

    tell(rig, NOTICE_POOL_LOW, title, NULL);
}

static bool find_pool(const struct store_pool *pools, size_t count, const char *name,
                      uint64_t *ret_free)
{
    for (size_t i = 0; i < count; i++) {
        if (str_eq(pools[i].name, name)) {
            *ret_free = pools[i].free;
            return true;
        }
    }
    return false;
}

/* Each pool once, when it sinks below its mark, and again after it was filled. */
void rig_notice_pools(struct rig *rig)
{
    const struct rig_conf *conf = &rig->setup.conf;
    struct store_pool *pools = NULL;
    struct store *store = NULL;
    size_t count = 0;

    if (!conf->recipe_count || !rig->setup.lab->notify || rig->request->no_provision)
        return;
    /* Closed before the notifier starts a sender: SQLite's handles do not live through a fork. */
    if (store_open_within(&rig->setup.lab->store, rig->state_dir, false, &rig->ctx, &store, NULL) ==
        0)
        store_pools(store, &pools, &count, NULL);
    store_close(store);
    for (size_t i = 0; i < conf->recipe_count; i++) {
        struct rig_recipe *recipe = &conf->recipes[i];
        uint64_t left = 0;
        bool low = !recipe->from.count && find_pool(pools, count, recipe->pool, &left) &&
                   left < recipe->low;
        if (low && !recipe->told)
            notice_pool(rig, recipe, left);
        recipe->told = low;
    }
    store_pools_done(pools, count);
}

void rig_notice_shift(const struct rig *rig, const struct rig_summary *summary)
{
    cleanup_buf struct buf title = BUF_INIT(TEXT_MAX), text = BUF_INIT(TEXT_MAX);

    if (!summary->try_count)
        return;
    buf_addf(&title, "%s: rig: %" PRIu64 " board%s done", summary->lab, summary->done,
             words_plural(summary->done));
    if (summary->failed)
        buf_addf(&title, ", %" PRIu64 " failed", summary->failed);
    if (summary->unplugged)
        buf_addf(&title, ", %" PRIu64 " unplugged too early", summary->unplugged);
    if (summary->cut_short)
        buf_addf(&title, ", %" PRIu64 " cut short", summary->cut_short);
    for (size_t i = 0; i < summary->reason_count; i++)
        buf_addf(&text, "%" PRIu64 " x %s\n", summary->reasons[i].boards, summary->reasons[i].text);
    tell(rig, NOTICE_RIG, title.data, text.size ? text.data : NULL);
}
