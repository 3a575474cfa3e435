/* SPDX-License-Identifier: MIT */
#include "base/ctx.h"
#include "base/str.h"
#include "remote/servers.h"
#include "serve/loop.h"
#include "serve/watch_state.h"

#include <stdlib.h>

#define AWAY_MS 300000 /* then a server that was away is asked again for its boards */

/* A server that is away is no reason to leave the other boards alone. */
static void tell_away(const struct watch *watch, const struct servers *servers, bool *ret)
{
    *ret = false;
    for (size_t i = 0; i < servers->count; i++) {
        if (!servers->looks[i].away)
            continue;
        *ret = true;
        watch_tell(watch, watch_line(JOURNAL_WARNING, servers->looks[i].conf->name), "%s",
                   servers->looks[i].away);
    }
}

/* Everything that is wrong with lab.yaml, the drivers' options and the watches, in one go.
 * *ret_away: some server did not say what it has. */
static int read_plan(const struct watch *watch, const char *path, struct lab **ret_lab,
                     struct watch_plan *ret, bool *ret_away, struct err *err)
{
    const struct watch_request *request = watch->request;
    const struct servers_wanted wanted = {.lab_option = path};
    struct inventory inventory = {0};
    struct servers servers = {0};
    struct diags diags = {0};
    int rc = servers_inventory(&wanted, &watch->ctx, &inventory, &servers, err);

    *ret = (struct watch_plan){0};
    if (rc == 0)
        tell_away(watch, &servers, ret_away);
    servers_forget(&servers);
    inventory_close_boards(&inventory);
    *ret_lab = inventory.lab;
    inventory.lab = NULL;
    inventory_close(&inventory);
    if (rc == 0) {
        diags.file = (*ret_lab)->file;
        watch_conf_read(*ret_lab, ret, &diags);
        rc = diags_check(&diags, err);
    }
    diags_done(&diags);
    if (rc == 0 && request->make) {
        struct watch_conf conf = request->make(request->arg);
        watch_plan_done(ret);
        rc = watch_conf_add(ret, &conf, *ret_lab, err);
    }
    if (rc == 0 && !ret->count)
        rc = err_set(err, ERR_USAGE, "nothing to watch: %s has no 'watch:', and no --repo is given",
                     path);
    return rc;
}

static void make_follows(struct watch *watch)
{
    size_t posts = 0;

    watch->follows = xcalloc(watch->plan.count, sizeof *watch->follows);
    watch->posts = xcalloc(watch->lab->count, sizeof *watch->posts);
    for (size_t i = 0; i < watch->plan.count; i++) {
        const struct watch_conf *conf = &watch->plan.items[i];
        struct follow *follow = &watch->follows[i];
        *follow = (struct follow){.conf = conf, .name = watch_conf_name(conf)};
        for (size_t j = 0; j < conf->on_count; j++)
            watch->posts[posts++] = (struct post){.board = conf->on[j], .follow = follow};
    }
    watch->follow_count = watch->plan.count;
    watch->post_count = posts;
}

int watch_load(struct watch *watch, struct err *err)
{
    cleanup_free char *path = lab_find(watch->request->lab, err);
    struct lab *lab;
    struct watch_plan plan;
    bool away = false;
    int rc = path ? read_plan(watch, path, &lab, &plan, &away, err) : -(int)err->code;

    if (!path)
        return rc;
    if (rc != 0 || !lab) {
        watch_plan_done(&plan);
        lab_free(lab);
        return rc;
    }
    watch_unload(watch);
    watch->lab_path = xstrdup(path);
    watch->lab = lab;
    watch->plan = plan;
    watch->away_ns = away ? loop_after_ms(AWAY_MS) : INT64_MAX;
    make_follows(watch);
    return 0;
}

void watch_unload(struct watch *watch)
{
    for (size_t i = 0; i < watch->parcel_count; i++) {
        free(watch->parcels[i].place);
        free(watch->parcels[i].path);
        free(watch->parcels[i].error);
    }
    for (size_t i = 0; i < watch->post_count; i++) {
        free(watch->posts[i].image);
        free(watch->posts[i].why);
        free(watch->posts[i].told);
        free(watch->posts[i].text);
    }
    for (size_t i = 0; i < watch->follow_count; i++) {
        free(watch->follows[i].name);
        free(watch->follows[i].error);
        newest_done(&watch->follows[i].newest);
    }
    free(watch->parcels);
    free(watch->posts);
    free(watch->follows);
    watch->parcels = NULL;
    watch->posts = NULL;
    watch->follows = NULL;
    watch->parcel_count = watch->post_count = watch->follow_count = 0;
    watch_plan_done(&watch->plan);
    lab_free(watch->lab);
    watch->lab = NULL;
    free(watch->lab_path);
    watch->lab_path = NULL;
}
