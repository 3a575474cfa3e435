/* SPDX-License-Identifier: MIT
 *
 * testplan: hil.yaml, checked: what a firmware repository wants tested, and where.
 *
 *     tests:
 *       - name: smoke
 *         build: [make, smoke]            # argv, run in the plan's directory
 *         firmware: build/{label}/smoke.elf
 *         boards: [nucleo-f446re, "stm32f4,virtual"]  # once per entry, on any board that matches
 *         every: false                    # true: on every board that matches it
 *         format: unity
 *         timeouts: {boot: 5s}
 *         expect: {tests: 12, require: ["test_can_*"]}
 *         build-id: auto                  # must be printed before results count
 *         require-build-id: true          # a fail where it is not
 *         nonce: false                    # true: the firmware must echo a random line
 *         write: option-bytes            # guarded memory of lab.yaml that it may write, by name
 *         repeat: 1
 *         retries: 2                      # where it does not pass: the lab's fault on another board
 *         flaky: pass                     # or fail: what passes only when tried again
 *
 * `{label}` becomes the entry of `boards` (its first label), `{board}` the board's name (which
 * implies `every`). Paths are relative to the plan's directory. Read-only after testplan_load().
 */
#ifndef HIL_CONF_TESTPLAN_H
#define HIL_CONF_TESTPLAN_H

#include "conf/diag.h"
#include "conf/timeouts.h"

#define RETRIES_MAX 10
enum { FLAKY_PASS, FLAKY_FAIL };

struct test_conf {
    char *name;
    struct strv build;
    char *firmware; /* path, glob or ARCHIVE:GLOB, with {board} and {label} */
    uint64_t at;    /* address of a raw binary */
    bool has_at;
    struct strv boards;
    bool every;
    char *format;             /* NULL: the board's, else auto */
    struct timeouts timeouts; /* -1: the board's */
    uint64_t expect_tests;    /* 0: any number but none */
    struct strv require;      /* glob patterns; each must match a case that passed */
    char *build_id;           /* "auto" or hexadecimal digits; NULL: not asked for */
    bool require_build_id, nonce;
    struct strv write; /* names of memory that lab.yaml guards, and that it may write */
    uint64_t repeat;   /* at least 1 */
    uint64_t retries;
    int flaky; /* FLAKY_ */
    const struct yaml_node *node;
};

struct testplan {
    const char *file;
    char *dir; /* of the file */
    struct test_conf *tests;
    size_t count;
    struct yaml_tree *tree;
};

int testplan_load(const char *path, struct testplan **ret, struct diags *diags, struct err *err);
void testplan_free(struct testplan *plan);

#endif
