/* SPDX-License-Identifier: MIT
 *
 * The host itself: where hil writes, the clock, the libraries that are loaded on demand.
 */
#include "base/fs.h"
#include "base/str.h"
#include "doctor/checks.h"
#include "git/git_api.h"
#include "source/curl_api.h"

#include <errno.h>
#include <inttypes.h>
#include <string.h>
#include <sys/statvfs.h>
#include <sys/timex.h>
#include <unistd.h>

#define MIB ((uint64_t)1 << 20)
#define FREE_BAD (64 * MIB) /* a chatty board fills that in one run */
#define FREE_WARN (1024 * MIB)
#define INODES_WARN 10000

/* ---- storage --------------------------------------------------------------------------------- */

/* The directory itself, or the nearest above it that is there: where it would be made. */
static char *nearest(const char *dir)
{
    char *at = xstrdup(dir);

    while (!fs_exists(at)) {
        char *above = fs_dirname(at);
        bool stuck = str_eq(above, at);
        free_pointer(&at);
        at = above;
        if (stuck)
            break;
    }
    return at;
}

static void look_at_dir(struct exam *exam, const char *dir, const char *use)
{
    cleanup_free char *at = nearest(dir);
    struct statvfs fs;
    uint64_t left;

    if (access(at, W_OK | X_OK) < 0) {
        exam_tell(exam, FINDING_BAD, "%s (%s) cannot be written: %s: %s", dir, use, at,
                  strerror(errno));
        exam_mend(exam, "sudo install -d -o %u -g %u '%s'", (unsigned)getuid(), (unsigned)getgid(),
                  dir);
        return;
    }
    if (statvfs(at, &fs) < 0) {
        exam_tell(exam, FINDING_WARN, "%s (%s): %s", dir, use, strerror(errno));
        return;
    }
    left = (uint64_t)fs.f_bavail * fs.f_frsize;
    exam_tell(exam,
              left < FREE_BAD    ? FINDING_BAD
              : left < FREE_WARN ? FINDING_WARN
                                 : FINDING_OK,
              "%s (%s): %" PRIu64 " MiB free", dir, use, left / MIB);
    if (left < FREE_WARN)
        exam_mend(exam, "make room: du -xsh '%s'/* | sort -h | tail", at);
    if (fs.f_files && fs.f_favail < INODES_WARN) {
        exam_tell(exam, FINDING_WARN, "%s (%s): only %" PRIu64 " more files can be made", dir, use,
                  (uint64_t)fs.f_favail);
        exam_mend(exam, "make room: du -x --inodes '%s' | sort -n | tail", at);
    }
}

void check_storage(struct exam *exam)
{
    cleanup_free char *state = fs_state_dir(), *runtime = NULL, *here = getcwd(NULL, 0);
    struct err err = {0};

    look_at_dir(exam, state, "history");
    if (here)
        look_at_dir(exam, here, "run directories");
    if (fs_runtime_dir(&runtime, &err) < 0) {
        exam_tell(exam, FINDING_BAD, "no directory for leases: %s", err.message);
        exam_mend(exam, "sudo install -d -m 1777 /run/lock/hil");
    } else {
        look_at_dir(exam, runtime, "leases");
    }
}

/* ---- clock and libraries --------------------------------------------------------------------- */

void check_clock(struct exam *exam)
{
    struct timex clock = {0}; /* modes 0: only read, adjtimex(2) */

    if (adjtimex(&clock) < 0) {
        exam_tell(exam, FINDING_NOTE, "cannot be asked: %s", strerror(errno));
    } else if (clock.status & STA_UNSYNC) {
        exam_tell(
            exam, FINDING_WARN,
            "not synchronised: signatures, expiry dates and the times in reports depend on it");
        exam_mend(exam, "sudo timedatectl set-ntp true");
    } else {
        exam_tell(exam, FINDING_OK, "synchronised");
    }
}

void check_libraries(struct exam *exam)
{
    struct curl_api curl;
    struct git_api git;
    struct err err = {0};

    if (curl_api_load(&curl, &err) < 0) {
        exam_tell(exam, FINDING_BAD, "nothing can be downloaded: %s", err.message);
        exam_mend(exam, "sudo apt install libcurl4");
    } else {
        exam_tell(exam, FINDING_OK, "libcurl loads: downloads");
    }
    if (git_api_load(&git, &err) < 0) {
        exam_tell(exam, FINDING_WARN, "reports lack commit and source links: %s", err.message);
        exam_mend(exam, "sudo apt install libgit2-%d.%d", LIBGIT2_VER_MAJOR, LIBGIT2_VER_MINOR);
    } else {
        exam_tell(exam, FINDING_OK, "libgit2 loads: commits and source links in reports");
    }
}
