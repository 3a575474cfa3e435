/* SPDX-License-Identifier: MIT
 *
 * Who would be told, and whether they could be: the sinks of notify:, their secrets and programs.
 * No message is sent; hil notify --test does that.
 */
#include "base/str.h"
#include "doctor/checks.h"
#include "notify/kind.h"

static void look_at_sink(struct exam *exam, const struct sink *sink)
{
    cleanup_free char *exposed = NULL;
    struct err err = {0};

    /* A service may have what this shell has not: credentials, variables, another PATH. */
    if (sink_ready(sink, &exposed, &err) < 0) {
        exam_tell(exam, FINDING_WARN, "%s: %s", sink->name, err.message);
        exam_mend(exam, "hil notify --test %s, as the user that runs hil, shows whether it is sent",
                  sink->name);
    } else if (exposed) {
        exam_tell(exam, FINDING_WARN, "%s: everybody on this host can read %s", sink->name,
                  exposed);
        exam_mend(exam, "chmod o= '%s'", exposed);
    } else {
        exam_tell(exam, FINDING_OK, "%s", sink->name);
    }
}

void check_notify(struct exam *exam)
{
    const struct lab *lab = exam->inventory ? exam->inventory->lab : NULL;
    struct diags diags = {.file = lab ? lab->file : NULL};
    struct sinks sinks;
    struct err err = {0};

    if (!lab || !lab->notify)
        return;
    sinks_read(lab, &sinks, &diags);
    if (diags_check(&diags, &err) < 0) {
        exam_tell(exam, FINDING_BAD, "%s", err.message);
        exam_mend(exam, "correct it: docs/notify.md shows what can stand in notify:");
    }
    for (size_t i = 0; i < sinks.count && !err.code; i++)
        look_at_sink(exam, &sinks.items[i]);
    sinks_done(&sinks);
    diags_done(&diags);
}
