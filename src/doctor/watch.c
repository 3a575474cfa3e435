/* SPDX-License-Identifier: MIT
 *
 * What hil watch would keep on which boards, and its ear for webhooks. What GitHub says of the
 * repositories is the token's check.
 */
#include "base/buf.h"
#include "base/str.h"
#include "doctor/checks.h"
#include "serve/watch_conf.h"

#include <sys/stat.h>

static void look_at_secret(struct exam *exam, const char *file)
{
    struct stat status;

    if (stat(file, &status) < 0 || !(status.st_mode & (S_IRGRP | S_IROTH)))
        return;
    exam_tell(exam, FINDING_WARN, "the webhook's secret can be read by others: %s", file);
    exam_mend(exam, "chmod 600 '%s'", file);
}

static void tell_watch(struct exam *exam, const struct watch_conf *conf)
{
    cleanup_free char *name = watch_conf_name(conf);
    cleanup_buf struct buf boards = BUF_INIT(4096);

    for (size_t i = 0; i < conf->on_count; i++)
        buf_addf(&boards, "%s%s", i ? ", " : "", conf->on[i]->name);
    exam_tell(exam, FINDING_OK, "%s onto %s", name, boards.data);
}

void check_watch(struct exam *exam)
{
    const struct lab *lab = exam->inventory ? exam->inventory->lab : NULL;
    struct diags diags = {.file = lab ? lab->file : NULL};
    struct watch_plan plan;
    struct err err = {0};

    if (!lab || (!lab->watch && !lab->webhook))
        return;
    watch_conf_read(lab, &plan, &diags);
    if (diags_check(&diags, &err) < 0) {
        exam_tell(exam, FINDING_BAD, "%s", err.message);
        exam_mend(exam, "correct it: `hil help watch` shows what can stand in watch: and webhook:");
    } else {
        for (size_t i = 0; i < plan.count; i++)
            tell_watch(exam, &plan.items[i]);
        if (plan.webhook.secret_file)
            look_at_secret(exam, plan.webhook.secret_file);
    }
    watch_plan_done(&plan);
    diags_done(&diags);
}
