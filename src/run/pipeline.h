/* SPDX-License-Identifier: MIT
 *
 * pipeline: one image on one board, straight down.
 *
 *     power on → console open → flash → verify → drain → reset → capture → rest
 *
 * The lease is the caller's, and so is the board's fence (board.h): where the board is lost, the
 * attempt ends at once as infra, and does not bring it to rest. Fills `result` whatever happens: a
 * step that fails is `infra` with its words as the reason. Ends within the timeouts, or, when
 * cancelled, within two seconds, and always leaves the board at rest. Writes job.json, uart.log,
 * uart.timing and flash.log into `work_dir`. The ticker is capture's.
 */
#ifndef HIL_RUN_PIPELINE_H
#define HIL_RUN_PIPELINE_H

#include "base/ctx.h"
#include "base/ticker.h"
#include "board/board.h"
#include "run/job.h"

void pipeline_run(const struct job *job, struct board *board, const char *work_dir,
                  struct ticker *ticker, struct events *events, const struct ctx *ctx,
                  struct job_result *result);

#endif
