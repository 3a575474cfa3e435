/* SPDX-License-Identifier: MIT
 *
 * What is to be flashed onto which boards: all that can be wrong with the request.
 */
#include "base/str.h"
#include "run/flashing_parts.h"

#define NAMES_SHOWN 5
#define BOARDS_SHOWN 20

static int check_one_image(const struct plan *plan, size_t first, const struct flash_order *order,
                           struct err *err)
{
    size_t count = plan->image_count - first;
    int rc;

    if (count == 1)
        return 0;
    rc = err_set(err, ERR_USAGE, "%s: these are %zu images, and a board takes one:",
                 order->firmware ? order->firmware : "the download", count);
    for (size_t i = 0; i < count && i < NAMES_SHOWN; i++)
        err_hint(err, "%s %s", i ? "," : "", plan->images[first + i]->name);
    if (count > NAMES_SHOWN)
        err_hint(err, ", ...");
    return rc;
}

static int no_choice(const struct lab *lab, struct err *err)
{
    int rc = err_set(err, ERR_USAGE, "which board? name it as BOARD=FIRMWARE or with --board;");

    for (size_t i = 0; i < lab->count && i < BOARDS_SHOWN; i++)
        err_hint(err, "%s %s", i ? "," : " there are:", lab->boards[i].name);
    if (lab->count > BOARDS_SHOWN)
        err_hint(err, ", ... (hil boards lists them)");
    return rc;
}

/* Of a board on `server`: pi1/dfu1. Caller frees. */
static char *full_name(const struct flashing_request *request, const char *board)
{
    return request->server ? xasprintf("%s/%s", request->server, board) : xstrdup(board);
}

static void add_boards(const struct flashing_request *request, const struct flash_order *order,
                       struct strv *ret)
{
    const struct strv *selectors = &request->plan.selectors;

    if (order->board)
        strv_add_owned(ret, full_name(request, order->board));
    for (size_t i = 0; !order->board && i < selectors->count; i++)
        strv_add_owned(ret, full_name(request, selectors->items[i]));
}

/* What says which boards are meant; none: something does not. */
static struct strv named_boards(const struct flashing_request *request)
{
    struct strv names = {0};

    for (size_t i = 0; i < request->order_count; i++)
        add_boards(request, &request->orders[i], &names);
    return names;
}

static int add_order(struct flashing *flashing, const struct flash_order *order, struct err *err)
{
    struct flashing_request *request = flashing->request;
    struct plan_options options = request->plan;
    struct strv selectors = {0};
    size_t first = flashing->plan.image_count;
    int rc;

    add_boards(request, order, &selectors);
    options.selectors = selectors;
    options.lab = flashing->inventory.lab;
    options.all = true; /* labels mean every board that has them */
    options.repeat = 1;
    options.download = order->firmware ? NULL : &request->download;
    rc = options.selectors.count || options.lab->count == 1
             ? plan_add_images(&flashing->plan, &options, &order->firmware, !!order->firmware,
                               &flashing->ctx, err)
             : no_choice(options.lab, err);
    strv_done(&selectors);
    return rc == 0 ? check_one_image(&flashing->plan, first, order, err) : rc;
}

static int check_boards(const struct flashing *flashing, struct err *err)
{
    const struct plan *plan = &flashing->plan;
    const struct inventory *inventory = &flashing->inventory;

    for (size_t i = 0; i < plan->count; i++) {
        const struct board_conf *conf = plan->jobs[i].boards[0];
        for (size_t j = 0; j < i; j++)
            if (plan->jobs[j].boards[0] == conf)
                return err_set(err, ERR_USAGE, "board %s cannot have both %s and %s", conf->name,
                               plan->jobs[j].image->name, plan->jobs[i].image->name);
        board_allow(inventory_board(inventory, conf), &plan->jobs[i].write);
        if (board_accepts(inventory_board(inventory, conf), plan->jobs[i].image, err) < 0)
            return -(int)err->code;
    }
    return 0;
}

static void note_download(void *arg, const char *text)
{
    const struct flashing *flashing = arg;

    event_emit(flashing->events, (struct event){.kind = EVENT_NOTE, .text = text});
}

int flashing_plan(struct flashing *flashing, struct err *err)
{
    struct flashing_request *request = flashing->request;
    cleanup_strv struct strv selectors = named_boards(request);
    const struct servers_wanted wanted = {.lab_option = request->lab, .selectors = &selectors};
    int rc =
        servers_inventory(&wanted, &flashing->ctx, &flashing->inventory, &flashing->servers, err);

    if (rc == 0)
        rc = inventory_check_memory(&flashing->inventory, &request->plan.write, err) < 0
                 ? err_wrap(err, "--write")
                 : 0;
    request->download.note = note_download;
    request->download.arg = flashing;
    for (size_t i = 0; i < request->order_count && rc == 0; i++)
        rc = add_order(flashing, &request->orders[i], err);
    if (rc == 0)
        rc = check_boards(flashing, err);
    if (rc == 0 && request->max_parallel)
        flashing->inventory.lab->max_parallel.lab = request->max_parallel;
    if (rc == -ERR_CONFIG) {
        servers_blame(&flashing->servers, err);
        rc = -(int)err->code;
    }
    return rc;
}
