/* SPDX-License-Identifier: MIT
 *
 * Where the lab keeps what it remembers: whether it is there, whose it is to write, and what waits.
 */
#include "base/fs.h"
#include "base/str.h"
#include "doctor/checks.h"
#include "store/dump.h"
#include "store/spool.h"

#include <inttypes.h>

static void tell_waiting(struct exam *exam, const char *state_dir, const char *lab)
{
    struct spool_waiting waiting;

    spool_look(state_dir, lab, &waiting);
    if (waiting.bad) {
        exam_tell(exam, FINDING_WARN, "%zu files of the spool cannot be read: %s/spool/*/*.bad",
                  waiting.bad, state_dir);
        exam_mend(exam, "look into them, then remove them");
    }
    if (waiting.files) {
        exam_tell(exam, FINDING_WARN, "what %zu run%s remembered waits to be sent, %.1f MB",
                  waiting.files, waiting.files == 1 ? "" : "s", (double)waiting.bytes / 1e6);
        exam_mend(exam, "hil store send");
    }
}

/* Runs go on without it, so nothing here is worse than a warning. */
static void tell_away(struct exam *exam, int rc, const struct err *err)
{
    exam_tell(exam, FINDING_WARN, "%s", err->message);
    if (rc == -ERR_TOOL)
        exam_mend(exam, "sudo apt install libpq5");
    else if (rc == -ERR_GONE)
        exam_mend(exam, "start the server, or correct store: in lab.yaml (docs/postgresql.md)");
    else if (rc == -ERR_IO)
        exam_mend(exam, "give this user the file and its directory");
}

void check_store(struct exam *exam)
{
    cleanup_free char *state_dir = fs_state_dir();
    const struct lab *lab = exam->inventory ? exam->inventory->lab : NULL;
    struct store_facts facts = {0};
    struct store *store = NULL;
    struct err err = {0};
    int rc = store_open(lab ? &lab->store : NULL, state_dir, false, &store, &err);

    if (rc == 0)
        rc = store_facts(store, &facts, &err);
    if (rc == -ERR_NOT_FOUND)
        exam_tell(exam, FINDING_OK, "nothing was recorded yet");
    else if (rc < 0)
        tell_away(exam, rc, &err);
    else if (!facts.writable) {
        exam_tell(exam, FINDING_WARN, "%s: this user may not add runs to it", facts.place);
        exam_mend(exam, lab && lab->store.url ? "docs/postgresql.md has what a role needs"
                                              : "give this user the file and its directory");
    } else {
        exam_tell(exam, FINDING_OK, "%s: schema %d, %" PRIu64 " runs, %.1f MB", facts.place,
                  facts.schema, facts.runs, (double)facts.bytes / 1e6);
    }
    store_close(store);
    if (lab && lab->store.url)
        tell_waiting(exam, state_dir, lab->name);
}
