/* SPDX-License-Identifier: MIT
 *
 * rig_work: one board of a rig: what a worker does with it, and what the store keeps of that.
 *
 *     identities are drawn → into the image → flash → verify → onto the board → read back → given → test
 *
 * What it is at goes to the rig as struct rig_news, one a write, through `news_fd`. Before it
 * reports, the store has the outcome. A board that is gone, or has another serial number than it
 * had, is left alone: the report's code is ERR_GONE and its text what it was at. Starts the
 * guardian: it must be called before any thread. Blocks until the board is done, or two to three
 * seconds after a cancel.
 */
#ifndef HIL_SERVE_RIG_WORK_H
#define HIL_SERVE_RIG_WORK_H

#include "board/holder.h"
#include "image/image.h"
#include "serve/rig_conf.h"
#include "serve/worker.h"

struct rig_news { /* plain bytes: it goes through a pipe */
    bool got;     /* text: the identities; else a step: */
    enum rig_state state;
    int percent;
    char text[RIG_TEXT_MAX];
};

struct rig_work {
    const struct rig_conf *conf;
    struct image *image; /* shared with all: never changed */
    unsigned slot;
    struct rig_device device;
    const char *state_dir;
    bool no_provision;
    const struct holder *holder;
    int cancel_fd, news_fd;
};
void rig_work_run(void *rig_work, struct worker_report *ret);

/* Where the logs of the last try of a board are; the caller frees. */
char *rig_work_dir(const char *state_dir, const char *lab, const struct rig_device *device);

#endif
