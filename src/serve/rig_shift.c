/* SPDX-License-Identifier: MIT */
/* What a shift comes to: its verdict, and its summary for whoever wants one. */
#include "base/ctx.h"
#include "base/fs.h"
#include "base/str.h"
#include "serve/rig_parts.h"
#include "serve/rig_summary.h"

#include <unistd.h>

#define SUM_UP_MS 10000
#define SUM_UP_CANCELLED_MS 1500 /* whoever ends it waits */

static int write_file(const struct rig_summary *summary, const char *path, struct err *err)
{
    struct fs_draft draft;
    int rc = fs_draft_open(&draft, path, err);

    if (rc < 0)
        return rc;
    rc = rig_summary_write(summary, str_ends(path, ".csv"), draft.fd, err);
    if (rc == 0)
        rc = fs_draft_commit(&draft, err);
    else
        fs_draft_abort(&draft);
    return rc;
}

/* Whatever went wrong on the way, what counts is how it ended for each board. */
static enum verdict verdict_of(const struct rig *rig, const struct rig_summary *summary)
{
    size_t left = rig_slots_count(rig->slots, rig->slot_count, RIG_FAILED) +
                  rig_slots_count(rig->slots, rig->slot_count, RIG_UNPLUGGED);

    if (!left && !summary->failed && !summary->unplugged && !summary->cut_short &&
        rig->counts.done + rig->counts.seen > 0)
        return VERDICT_PASS;
    return rig->firmware_failed && !rig->lab_failed ? VERDICT_FAIL : VERDICT_INFRA;
}

int rig_sum_up(const struct rig *rig, enum verdict *ret, struct err *err)
{
    const struct rig_request *request = rig->request;
    struct ctx last =
        ctx_cleanup(&rig->ctx, ctx_cancelled(&rig->ctx) ? SUM_UP_CANCELLED_MS : SUM_UP_MS);
    struct rig_summary summary = {0};
    struct store *store = NULL;
    int rc = store_open_within(&rig->setup.lab->store, rig->state_dir, true, &last, &store, err);

    if (rc == 0)
        rc = rig_summary_read(store, rig->setup.lab->name, rig->started_us, &summary, err);
    store_close(store);
    if (rc == 0)
        *ret = verdict_of(rig, &summary);
    if (rc == 0)
        rig_notice_shift(rig, &summary);
    if (rc == 0 && !request->quiet)
        rig_summary_print(&summary, &request->term);
    if (rc == 0 && request->summary)
        rc = write_file(&summary, request->summary, err);
    if (rc == 0 && request->json)
        rc = rig_summary_write(&summary, false, STDOUT_FILENO, err);
    rig_summary_done(&summary);
    return rc;
}

int rig_report(const struct rig_report_request *request, struct err *err)
{
    cleanup_free char *path = lab_find(request->lab, err), *dir = fs_state_dir();
    struct rig_summary summary = {0};
    struct diags diags = {0};
    struct store *store = NULL;
    struct lab *lab = NULL;
    int rc = path ? lab_load(path, &lab, &diags, err) : -(int)err->code;

    diags_done(&diags);
    if (rc == 0)
        rc = store_open(lab ? &lab->store : NULL, dir, false, &store, err);
    if (rc == 0 && lab)
        rc = rig_summary_read(store, lab->name, ctx_unix_us() - request->since_ms * 1000, &summary,
                              err);
    store_close(store);
    lab_free(lab);
    if (rc == 0 && (request->json || request->csv))
        rc = rig_summary_write(&summary, request->csv, STDOUT_FILENO, err);
    else if (rc == 0)
        rig_summary_print(&summary, &request->term);
    rig_summary_done(&summary);
    return rc;
}
