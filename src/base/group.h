/* SPDX-License-Identifier: MIT
 *
 * group: process groups as /proc shows them; shared by proc and guard.
 *
 * kill(-group, 0) counts zombies as alive, and where process 1 never reaps, as in many containers,
 * those stay for ever. Never blocks; any thread.
 */
#ifndef HIL_BASE_GROUP_H
#define HIL_BASE_GROUP_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

/* True where a member of the group still runs. */
bool group_alive(pid_t group);
/* The same of the group whose leader was started then (group_start_of(), 0: not known), and false
 * of a stranger's that got its number since. While a group lives the kernel gives its number to no
 * new process, so another process under that number means that ours are gone. */
bool group_alive_since(pid_t group, uint64_t leader_start);
bool group_is_since(pid_t group, uint64_t leader_start); /* no stranger's, alive or not */

/* When the process was started, in clock ticks since boot: together with its number this names one
 * process for good. 0 where there is no such process. */
uint64_t group_start_of(pid_t pid);

#endif
