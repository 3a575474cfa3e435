/* SPDX-License-Identifier: MIT */
#include "serve/rig_give.h"

#include "base/ctx.h"
#include "base/proc.h"
#include "base/str.h"
#include "serve/rig_bytes.h"

#include <stdlib.h>
#include <string.h>

#define COMMAND_MS 60000

void rig_give_done(struct rig_give *give)
{
    for (size_t i = 0; give->drawn && i < give->conf->recipe_count; i++)
        store_identity_done(&give->drawn[i]);
    free(give->drawn);
    give->drawn = NULL;
}

char *rig_give_text(const struct rig_give *give)
{
    cleanup_buf struct buf text = BUF_INIT(RIG_TEXT_MAX - 1);

    for (size_t i = 0; give->drawn && i < give->conf->recipe_count; i++) {
        cleanup_free char *shown = pool_value_shown(give->drawn[i].kind, give->drawn[i].value);
        buf_addf(&text, "%s%s", i ? ", " : "", shown);
    }
    return buf_steal(&text);
}

/* ---- commands -------------------------------------------------------------------------------- */

/* The last line with something on it, without the blanks around. The caller frees. */
static char *last_line(const struct proc_result *result)
{
    const char *text = result->tail, *end = text + strlen(text), *start;

    while (end > text && strchr(" \t\r\n", end[-1]))
        end--;
    for (start = end; start > text && start[-1] != '\n' && start[-1] != '\r';)
        start--;
    while (start < end && strchr(" \t", *start))
        start++;
    return xstrndup(start, (size_t)(end - start));
}

/* *ret: the last line that it printed; the caller frees. */
static int run_command(const struct rig_give *give, const struct strv *template, const char *value,
                       const struct ctx *ctx, char **ret, struct err *err)
{
    struct ctx wait = ctx_narrow(ctx, COMMAND_MS);
    cleanup_strv struct strv argv = {0}, env = {0};
    struct proc_result result = {.exit_code = -1};
    struct rig_words words;
    int rc;

    rig_words_fill(&words, give->slot, give->device);
    rig_words_add(&words, "value", value);
    rig_words_env(&words, &env);
    rc = driver_fill_argv(template, words.names, words.values, &argv, err);
    if (rc == 0)
        rc = proc_run(&(struct proc_spec){.argv = (const char *const *)argv.items,
                                          .env = (const char *const *)env.items},
                      &wait, &result, err); /* no log: it may be a secret */
    if (rc < 0)
        return rc;
    cleanup_free char *line = last_line(&result);
    if (result.exit_code)
        return err_set(err, ERR_TOOL, "'%s' ended with exit code %d: %.300s", argv.items[0],
                       result.exit_code, line);
    *ret = line;
    line = NULL;
    return 0;
}

/* ---- drawing --------------------------------------------------------------------------------- */

/* A key is asked for only where the board has none: it would be lost. */
static int ask_for_key(struct rig_give *give, const struct rig_recipe *recipe,
                       const struct ctx *ctx, char **ret, struct err *err)
{
    struct store_identity own = {0};
    bool has = store_pool_of_board(give->store, recipe->pool, give->device->serial, &own);
    int rc;

    store_identity_done(&own);
    if (has || !recipe->from.count)
        return 0;
    rc = run_command(give, &recipe->from, "", ctx, ret, err);
    if (rc == 0 && *ret && !**ret)
        rc = err_set(err, ERR_TOOL, "'%s' handed nothing", recipe->from.items[0]);
    return rc < 0 ? err_wrap(err, "pool %s", recipe->pool) : 0;
}

int rig_give_draw(struct rig_give *give, const struct ctx *ctx, struct err *err)
{
    const struct rig_conf *conf = give->conf;
    cleanup_free struct pool_wish *wishes = xcalloc(conf->recipe_count, sizeof *wishes);
    cleanup_strv struct strv keys = {0};
    int rc = 0;

    if (!*give->device->serial)
        return err_set(err, ERR_CONFIG,
                       "it has no serial number, so nobody could tell whose identity "
                       "it has; --no-provision flashes it without one");
    for (size_t i = 0; i < conf->recipe_count && rc == 0; i++) {
        char *key = NULL;
        rc = ask_for_key(give, &conf->recipes[i], ctx, &key, err);
        wishes[i].pool = conf->recipes[i].pool;
        wishes[i].value = key;
        if (key)
            strv_add_owned(&keys, key);
    }
    if (rc < 0)
        return rc;
    give->drawn = xcalloc(conf->recipe_count, sizeof *give->drawn);
    return store_pool_draw(give->store, wishes, conf->recipe_count, give->device->serial,
                           ctx_unix_us(), give->drawn, err);
}

int rig_give_patch(const struct rig_give *give, const struct image *image, struct image **ret,
                   struct err *err)
{
    const struct rig_conf *conf = give->conf;
    struct image *patched = NULL;
    int rc = 0;

    for (size_t i = 0; i < conf->recipe_count && rc == 0; i++) {
        cleanup_buf struct buf bytes = BUF_INIT(POOL_VALUE_MAX * 8);
        struct image *next = NULL;
        if (conf->recipes[i].kind != RECIPE_PATCH)
            continue;
        rc = rig_bytes(&conf->recipes[i], &give->drawn[i], &bytes, err);
        if (rc == 0)
            rc =
                rig_bytes_patch(patched ? patched : image, conf->recipes[i].at, &bytes, &next, err);
        if (rc < 0)
            break;
        image_free(patched);
        patched = next;
    }
    *ret = patched;
    return rc;
}

/* ---- writing --------------------------------------------------------------------------------- */

static int differs(const struct store_identity *identity, const char *found, struct err *err)
{
    cleanup_free char *want = pool_value_shown(identity->kind, identity->value);
    cleanup_free char *have = pool_value_shown(identity->kind, found);

    return err_set(err, ERR_REFUSED, "pool %s: the board was given %s and says %.100s",
                   identity->pool, want, have);
}

/* *ret: the board says that it has it. */
static int read_back(const struct rig_give *give, size_t i, const struct ctx *ctx, bool *ret,
                     char **ret_found, struct err *err)
{
    const struct rig_recipe *recipe = &give->conf->recipes[i];
    int rc = run_command(give, &recipe->read, give->drawn[i].value, ctx, ret_found, err);

    if (rc < 0)
        return err_wrap(err, "pool %s: read back", recipe->pool);
    cleanup_free char *same = pool_value(give->drawn[i].kind, *ret_found, NULL);
    *ret = str_eq(same, give->drawn[i].value);
    return 0;
}

/* One that was cut short after writing has it already: nothing is written twice. */
static int write_by_command(const struct rig_give *give, size_t i, const struct ctx *ctx,
                            struct err *err)
{
    const struct rig_recipe *recipe = &give->conf->recipes[i];
    cleanup_free char *found = NULL, *said = NULL;
    bool has = false;

    if (recipe->read.count && read_back(give, i, ctx, &has, &found, NULL) == 0 && has)
        return 0;
    int rc = run_command(give, &recipe->write, give->drawn[i].value, ctx, &said, err);
    return rc < 0 ? err_wrap(err, "pool %s: write", recipe->pool) : 0;
}

static int check_command(const struct rig_give *give, size_t i, const struct ctx *ctx,
                         struct err *err)
{
    cleanup_free char *found = NULL;
    bool has = false;
    int rc;

    if (!give->conf->recipes[i].read.count)
        return 0;
    rc = read_back(give, i, ctx, &has, &found, err);
    if (rc == 0 && !has)
        rc = differs(&give->drawn[i], found, err);
    return rc;
}

/* Memory that takes each bit once: what is in it already decides. */
static int write_otp(const struct rig_give *give, size_t i, struct board *board,
                     const struct ctx *ctx, struct err *err)
{
    const struct rig_recipe *recipe = &give->conf->recipes[i];
    cleanup_buf struct buf bytes = BUF_INIT(POOL_VALUE_MAX * 8);
    struct image *image = NULL;
    int rc = rig_bytes(recipe, &give->drawn[i], &bytes, err);

    if (rc == 0)
        rc = rig_bytes_image(recipe->at, &bytes, &image, err);
    if (rc == 0 && image)
        rc = board_otp(board, image, ctx, err);
    image_free(image);
    return rc < 0 ? err_wrap(err, "pool %s", recipe->pool) : 0;
}

int rig_give_write(const struct rig_give *give, struct board *board, const struct ctx *ctx,
                   struct err *err)
{
    const struct rig_conf *conf = give->conf;
    int rc = 0;

    for (size_t i = 0; i < conf->recipe_count && rc == 0; i++) {
        if (conf->recipes[i].kind == RECIPE_COMMAND)
            rc = write_by_command(give, i, ctx, err);
        else if (conf->recipes[i].kind == RECIPE_OTP)
            rc = write_otp(give, i, board, ctx, err); /* which reads it back */
    }
    if (rc == 0)
        rc = store_pool_mark(give->store, give->drawn, conf->recipe_count, IDENTITY_WRITTEN,
                             ctx_unix_us(), err);
    for (size_t i = 0; i < conf->recipe_count && rc == 0; i++)
        if (conf->recipes[i].kind == RECIPE_COMMAND)
            rc = check_command(give, i, ctx, err);
    return rc < 0 ? rc
                  : store_pool_mark(give->store, give->drawn, conf->recipe_count, IDENTITY_GIVEN,
                                    ctx_unix_us(), err);
}
