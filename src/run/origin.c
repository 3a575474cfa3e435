/* SPDX-License-Identifier: MIT */
#include "run/origin.h"

#include "base/str.h"

#include <stdlib.h>

static const char *variable(const char *name)
{
    const char *value = getenv(name);

    return value && *value ? value : NULL;
}

bool origin_in_actions(void)
{
    return str_eq(variable("GITHUB_ACTIONS"), "true");
}

const char *origin_step_summary(void)
{
    return origin_in_actions() ? variable("GITHUB_STEP_SUMMARY") : NULL;
}

const char *origin_step_outputs(void)
{
    return origin_in_actions() ? variable("GITHUB_OUTPUT") : NULL;
}

struct run_origin origin_find(struct origin *origin)
{
    struct run_origin found = {0};
    const char *run = variable("GITHUB_RUN_ID"), *attempt = variable("GITHUB_RUN_ATTEMPT");

    if (!origin_in_actions())
        return found;
    found.server_url = variable("GITHUB_SERVER_URL");
    found.repository = variable("GITHUB_REPOSITORY");
    found.sha = variable("GITHUB_SHA");
    if (found.server_url && found.repository && run)
        found.run_url = origin->run_url =
            xasprintf("%s/%s/actions/runs/%s/attempts/%s", found.server_url, found.repository, run,
                      attempt ? attempt : "1");
    return found;
}

void origin_done(struct origin *origin)
{
    free(origin->run_url);
    origin->run_url = NULL;
}
