/* SPDX-License-Identifier: MIT
 *
 * Any bytes as what GitHub's API says of runners. The first byte says which reader gets the rest.
 */
#include "runner/labels.h"
#include "runner/runner_json.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t count);

static void must(bool holds)
{
    if (!holds)
        abort();
}

static void check_runner(int rc, const struct runner *runner)
{
    must(rc < 0 || (runner->id > 0 && runner->name && *runner->name));
    for (size_t i = 0; i < runner->custom.count; i++)
        must(*runner->custom.items[i]);
}

/* Whatever labels a runner has: what is given is in what comes out, and once more changes
 * nothing. */
static void check_merge(const struct strv *current)
{
    struct labels labels = {0};
    struct strv once = {0}, twice = {0};

    labels_add(&labels.given, LABELS_OWN);
    labels_add(&labels.managed, LABELS_OWN);
    labels_merge(current, &labels, false, &once);
    labels_merge(&once, &labels, false, &twice);
    must(labels_have(&once, LABELS_OWN) && labels_same(&once, &twice));
    strv_done(&once);
    strv_done(&twice);
    labels_done(&labels);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t count)
{
    const char *text = (const char *)bytes + 1;
    cleanup_free char *config = NULL;
    struct runner runner = {0};
    struct strv others = {0};
    int rc = 0;

    if (count < 1)
        return 0;
    count--;
    switch (bytes[0] % 3) {
    case 0:
        check_runner(rc = runner_read(text, count, &runner, NULL), &runner);
        break;
    case 1:
        rc = runner_read_page(text, count, "bench-a", &runner, &others, NULL);
        must(!runner.id || runner.name);
        break;
    default:
        check_runner(rc = runner_read_jit(text, count, &runner, &config, NULL), &runner);
        must((rc == 0) == (config != NULL));
    }
    check_merge(&runner.custom);
    strv_done(&others);
    runner_done(&runner);
    return 0;
}
