#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# job-completed.sh: what the runner calls after each job (ACTIONS_RUNNER_HOOK_JOB_COMPLETED).
#
# Ends what the job has left running on a board, and switches off what nobody uses. It never makes a job
# red: what a board is in need of shows in the next one, and in `hil labels`.
hil rest --job || echo "::warning title=hil rest::a board could not be brought to rest (exit code $?)"
exit 0
