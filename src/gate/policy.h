/* SPDX-License-Identifier: MIT
 *
 * policy: gate.yaml, checked: what must be so before a release goes out.
 *
 *     boards: [nucleo-3, gateway]            # each of them must have passed
 *     labels: [nucleo-f446re, "stm32,has-can"]  # a board with all of these labels must have passed
 *     tests:
 *       minimum: 120                         # that ran, on all boards together
 *       require: ["test_can_*", "boot.*"]    # each must match a test that passed
 *     baseline:                              # no fewer tests than there
 *       release: latest                      # in this release's asset; or a file, with --baseline
 *       asset: report.json
 *       missing: block                       # allow: for the first release
 *       removed: ["old.*"]                   # tests that are gone on purpose
 *     flaky: {max: 2, allow: ["wifi.*"]}     # how many may fail at first, and which
 *     quarantine:                            # failures that do not count for a while
 *       - {test: wifi.test_roam, boards: [esp32], until: 2026-12-31, reason: "#412"}
 *     infra: retry                           # block: the lab's fault is a red like any other
 *
 * Without a file: every board must have passed. Read-only after policy_load().
 */
#ifndef HIL_GATE_POLICY_H
#define HIL_GATE_POLICY_H

#include "conf/diag.h"
#include "conf/yaml.h"

#include <stdbool.h>
#include <stdint.h>

#define DATE_SIZE 11 /* "2026-12-31" */

struct quarantine {
    char *test;         /* glob over SUITE.NAME or NAME */
    struct strv boards; /* names or labels; none: all */
    char *until;        /* the last day, UTC */
    char *reason;
};

enum { INFRA_RETRY, INFRA_BLOCK };
enum { MISSING_BLOCK, MISSING_ALLOW };

struct policy {
    struct strv boards, labels;
    uint64_t minimum; /* 0: one */
    struct strv require;
    char *release, *asset; /* of the baseline; NULL: none is asked for */
    int missing;           /* MISSING_ */
    struct strv removed;
    bool flaky_limited;      /* `flaky` is given */
    uint64_t flaky_max;      /* UINT64_MAX: any number */
    struct strv flaky_allow; /* none: any test */
    struct quarantine *quarantine;
    size_t quarantine_count;
    int infra; /* INFRA_ */
    struct yaml_tree *tree;
};

/* All mistakes are in err. NULL as path: the policy without a file. */
int policy_load(const char *path, struct policy *ret, struct err *err);
/* Of a file's text; `name` is for messages. */
int policy_parse(const char *bytes, size_t size, const char *name, struct policy *ret,
                 struct err *err);
void policy_done(struct policy *policy);

/* "2026-02-29" is none. */
bool date_valid(const char *text);

#endif
