/* SPDX-License-Identifier: MIT */
#include "base/str.h"
#include "board/inventory.h"
#include "serve/watch_state.h"

#include <stdlib.h>

/* Everything that is wrong with lab.yaml, the drivers' options and the watches, in one go. */
static int read_plan(const struct watch_request *request, const char *path, struct lab **ret_lab,
                     struct watch_plan *ret, struct err *err)
{
    struct inventory inventory;
    struct diags diags = {0};
    int rc = inventory_open(path, &inventory, err);

    *ret_lab = NULL;
    *ret = (struct watch_plan){0};
    inventory_close(&inventory);
    if (rc == 0)
        rc = lab_load(path, ret_lab, &diags, err);
    if (rc == 0) {
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
    int rc = path ? read_plan(watch->request, path, &lab, &plan, err) : -(int)err->code;

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
