/* SPDX-License-Identifier: MIT
 *
 * Any bytes as a policy and a report, parted at the first NUL; then the one is held against the
 * other. Whatever comes of it: a red run never becomes green but by a quarantine.
 */
#include "gate/decide.h"
#include "gate/tell.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t count);

static void check(const struct policy *policy, const struct reports *reports)
{
    cleanup_buf struct buf page = BUF_INIT(1 << 20);
    struct gate_question question = {
        .reports = reports, .baseline = reports, .baseline_name = "itself", .today = "2026-11-30"};
    struct ruling ruling;

    gate_decide(policy, &question, &ruling);
    if (!policy->quarantine_count && ruling.verdict == VERDICT_PASS &&
        reports->run.verdict != VERDICT_PASS)
        abort();
    if ((ruling.verdict == VERDICT_PASS) != !ruling.count)
        abort();
    ruling_markdown(&ruling, 8192, &page);
    if (page.size > 8192)
        abort();
    ruling_done(&ruling);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t count)
{
    const uint8_t *end = memchr(bytes, 0, count);
    size_t first = end ? (size_t)(end - bytes) : count;
    const char *json = end ? (const char *)end + 1 : "";
    struct policy policy;
    struct reports reports = {0};

    if (policy_parse((const char *)bytes, first, "gate.yaml", &policy, NULL) < 0)
        return 0;
    if (reports_add(&reports, "report.json", json, end ? count - first - 1 : 0, NULL) == 0) {
        reports_settle(&reports);
        check(&policy, &reports);
    }
    reports_done(&reports);
    policy_done(&policy);
    return 0;
}
