/* SPDX-License-Identifier: MIT
 *
 * choice: which boards of a lab somebody means by names and labels.
 *
 * A choice that fails says which word no board answers to, and what it may have been. Its boards
 * are in the lab's order, and the lab's.
 */
#ifndef HIL_RUN_CHOICE_H
#define HIL_RUN_CHOICE_H

#include "conf/lab.h"

struct choice {
    const struct board_conf **boards;
    size_t count;
};

/* Every board that one of the selectors means (board_matches()); each must mean one at least. */
int choice_select(const struct lab *lab, const struct strv *selectors, struct choice *ret,
                  struct err *err);
/* Nothing was asked for: the lab's only board, or, with `all`, every one. */
int choice_default(const struct lab *lab, bool all, struct choice *ret, struct err *err);
/* Leaves out boards that have no console. -ERR_CONFIG: no other is left. */
int choice_reading(struct choice *choice, struct err *err);
void choice_done(struct choice *choice); /* zeroed is fine */

#endif
