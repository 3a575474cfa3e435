/* SPDX-License-Identifier: MIT
 *
 * behind: a wall clock that is 30 years behind, as that of a host without a battery. LD_PRELOAD.
 */
#define _GNU_SOURCE
#include <stdint.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#define BEHIND_S (INT64_C(30) * 365 * 86400)

int clock_gettime(clockid_t clock, struct timespec *ret)
{
    int rc = (int)syscall(SYS_clock_gettime, clock, ret);

    if (rc == 0 && clock == CLOCK_REALTIME)
        ret->tv_sec -= BEHIND_S;
    return rc;
}

time_t time(time_t *ret)
{
    struct timespec now;

    clock_gettime(CLOCK_REALTIME, &now);
    if (ret)
        *ret = now.tv_sec;
    return now.tv_sec;
}
