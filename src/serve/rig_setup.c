/* SPDX-License-Identifier: MIT */
#include "serve/rig_parts.h"

#include "base/str.h"
#include "board/board.h"

#include <stdlib.h>

void rig_setup_done(struct rig_setup *setup)
{
    plan_done(&setup->plan);
    rig_conf_done(&setup->conf);
    lab_free(setup->lab);
    free(setup->lab_path);
    *setup = (struct rig_setup){0};
}

/* Some board, so that mistakes of the drivers' options show before one is plugged in. */
static const struct rig_device sample = {
    .path = "1-1.1", .hub = "1-1", .controller = "0000:00:14.0", .serial = "0123456789AB"};

static int check_board(const struct rig *rig, const struct rig_conf *conf, struct lab **ret_lab,
                       struct diags *diags, struct err *err)
{
    int rc = rig_conf_board(conf, 1, &sample, ret_lab, diags, err);
    struct board *board;

    if (!*ret_lab || !(*ret_lab)->boards[0].flash)
        return rc;
    board = board_open(*ret_lab, &(*ret_lab)->boards[0], rig->runtime_dir, diags);
    board_close(board);
    return diags_check(diags, err);
}

static int read_lab(struct rig *rig, struct rig_setup *setup, struct lab **ret_sample,
                    struct err *err)
{
    struct diags diags = {0};
    int rc = lab_load(setup->lab_path, &setup->lab, &diags, err);

    if (setup->lab) {
        rig_conf_read(setup->lab, &setup->conf, &diags);
        if (setup->lab->rig && setup->lab->rig->kind == YAML_MAP)
            rc = check_board(rig, &setup->conf, ret_sample, &diags, err);
    }
    if (diags.messages.count)
        rc = diags_check(&diags, err);
    diags_done(&diags);
    return rc;
}

static int check_patches(const struct rig_conf *conf, const struct image *image, struct err *err)
{
    for (size_t i = 0; i < conf->recipe_count; i++)
        if (conf->recipes[i].kind == RECIPE_PATCH && !image->count)
            return err_set(err, ERR_CONFIG, "%s has no bytes of its own that could be patched",
                           image->name);
    return 0;
}

static int load_firmware(struct rig *rig, struct rig_setup *setup, const struct lab *lab,
                         struct err *err)
{
    const struct rig_request *request = rig->request;
    const struct rig_conf *conf = &setup->conf;
    const struct download_request *own = download_wanted(&request->download) ? &request->download
                                         : request->firmware                 ? NULL
                                         : download_wanted(&conf->download)  ? &conf->download
                                                                             : NULL;
    const char *spec = own ? NULL : request->firmware ? request->firmware : conf->firmware;
    struct download_request download = own ? *own : (struct download_request){0};
    struct plan_options options = {PLAN_OPTIONS_DEFAULTS, .lab = lab,
                                   .download = own ? &download : NULL};
    int rc;

    if (!own && !spec)
        return err_set(err, ERR_USAGE, "which firmware? hil rig FIRMWARE, or 'firmware' in %s",
                       lab->file);
    download.version = request->download.version;
    options.image = request->image;
    if (!options.image.has_at && conf->has_at && !request->firmware)
        options.image = (struct image_options){true, conf->at};
    rc = plan_add_images(&setup->plan, &options, &spec, spec != NULL, &rig->ctx, err);
    if (rc == 0 && setup->plan.image_count != 1)
        return err_set(err, ERR_USAGE, "%s: these are %zu images, and a board takes one",
                       spec ? spec : "the download", setup->plan.image_count);
    return rc == 0 ? check_patches(conf, setup->plan.images[0], err) : rc;
}

int rig_load(struct rig *rig, struct err *err)
{
    struct rig_setup setup = {.lab_path = lab_find(rig->request->lab, err)};
    struct lab *lab = NULL;
    int rc = setup.lab_path ? read_lab(rig, &setup, &lab, err) : -(int)err->code;

    if (rc == 0 && lab)
        rc = load_firmware(rig, &setup, lab, err);
    lab_free(lab);
    if (rc == 0 && rig->request->max_parallel)
        setup.conf.limits.lab = rig->request->max_parallel;
    if (rc < 0) {
        rig_setup_done(&setup);
        return rc;
    }
    for (size_t i = 0; i < setup.plan.count; i++) /* the sample board is gone */
        setup.plan.jobs[i].board_count = 0;
    rig_setup_done(&rig->setup);
    rig->setup = setup;
    return 0;
}
