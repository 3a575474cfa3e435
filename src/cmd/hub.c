/* SPDX-License-Identifier: MIT */
#include "base/fs.h"
#include "base/guard.h"
#include "base/proc.h"
#include "base/text.h"
#include "board/hub_controller.h"
#include "cmd/there.h"
#include "remote/servers.h"
#include "store/claim.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define HUB_MS 30000 /* switches answer in seconds or never */

static const struct opt_row rows[] = {
    CMD_ROW_LAB,
    {"wait", 'w', "TIME",
     "How long to wait for boards on these ports that somebody holds. Without it: not at all.",
     NULL},
    {0},
};

static const char *const examples[] = {"Port USB3 of the controller on pi1 off",
                                       "hil hub pi1 power_off 0x0004",
                                       "The same, and USB4 with it",
                                       "hil hub pi1 power_off USB3,USB4",
                                       "Which ports of this host's controller have power",
                                       "hil hub get_power_state",
                                       NULL};

static const char *const see_also[] = {"power", "reset", "boards", NULL};

/* Of the controller's program. */
#define COMMANDS "power_on|power_off|get_power_state|nrst_on|nrst_off|boot_on|boot_off"

struct request {
    const char *lab;
    int64_t wait_ms;
    const char *server, *command; /* server NULL: this host */
    uint64_t mask;                /* 0: get_power_state */
};

static int take(void *arg, const struct opt_row *row, const char *value, struct err *err)
{
    struct request *request = arg;

    if (row->letter == 'w')
        return str_to_ms(value, "--wait", &request->wait_ms, err);
    request->lab = value;
    return 0;
}

static int read_operands(int count, char **words, struct request *ret, struct err *err)
{
    bool here = count && opt_choose(COMMANDS, words[0], NULL, NULL) >= 0;
    const char *word = here || count == 1 ? words[0] : count ? words[1] : "";
    int left = count - (here ? 1 : 2);

    if (opt_choose(COMMANDS, word, count ? NULL : "no command", err) < 0)
        return -ERR_USAGE;
    ret->server = here ? NULL : words[0];
    ret->command = word;
    if (str_eq(word, "get_power_state"))
        return left ? err_set(err, ERR_USAGE, "get_power_state takes no mask") : 0;
    if (left != 1)
        return err_set(err, ERR_USAGE, "%s needs one mask of ports, such as 0x0004 or USB3", word);
    return hub_mask_parse(words[count - 1], &ret->mask, err);
}

/* ---- the boards on these ports ----------------------------------------------------------- */

struct ports {
    struct claims *claims;
    struct claim *boards[HUB_PORTS];
    size_t count;
};

static void hold_done(struct ports *hold)
{
    while (hold->count)
        claim_drop(hold->boards[--hold->count]);
    claims_close(hold->claims);
}

static int hold_board(const struct app *app, const char *board, const struct request *request,
                      const struct ctx *ctx, struct ports *hold, struct err *err)
{
    struct ctx wait = request->wait_ms > 0 ? ctx_narrow(ctx, request->wait_ms) : *ctx;
    cleanup_free char *warning = NULL;
    struct keeper_wish wish;
    struct holder holder;
    size_t index;
    int rc;

    if (hold->count == HUB_PORTS)
        return err_set(err, ERR_CONFIG, "more than %d boards are on these ports", HUB_PORTS);
    holder_self(app->argc, app->argv, &holder);
    wish = (struct keeper_wish){
        .boards = &board, .count = 1, .self = &holder, .wait = request->wait_ms > 0};
    rc = claim_take(hold->claims, &wish, &wait, &hold->boards[hold->count], &index, &warning, err);
    if (warning)
        fprintf(stderr, "hil hub: %s\n", warning);
    holder_done(&holder);
    hold->count += rc == 0;
    return rc;
}

/* So that no run is disturbed. In the lab's order, as everybody who takes several. */
static int hold_boards(const struct app *app, const struct inventory *inventory,
                       const struct server_conf *far, const struct request *request,
                       const struct ctx *ctx, struct ports *hold, struct err *err)
{
    const struct lab *lab = inventory->lab;
    int rc = 0;

    hold->claims = claims_open(lab, inventory->runtime_dir);
    for (size_t i = 0; i < lab->count && rc == 0; i++) {
        const struct board_conf *board = &lab->boards[i];
        if (!board->server && board->far == far && hub_mask_of_board(board) & request->mask)
            rc = hold_board(app, board->name, request, ctx, hold, err);
    }
    return rc;
}

/* ---- doing it ---------------------------------------------------------------------------- */

static void print(void *arg, const char *bytes, size_t count)
{
    (void)arg;
    fwrite(bytes, 1, count, stdout);
    fflush(stdout);
}

static int work(const struct strv *program, const struct server_conf *far,
                const struct request *request, const struct ctx *ctx, struct err *err)
{
    const struct driver_env env = {.far = far, .hub = program};
    struct ctx wait = ctx_narrow(ctx, HUB_MS);
    cleanup_strv struct strv argv = {0};
    struct proc_result result;
    int rc;

    for (size_t i = 0; i < program->count; i++)
        strv_add(&argv, program->items[i]);
    strv_add(&argv, request->command);
    if (request->mask)
        hub_mask_add(&argv, request->mask);
    rc = driver_exec(&env,
                     &(struct proc_spec){.argv = (const char *const *)argv.items, .output = print},
                     NULL, 0, &wait, &result, err);
    return rc == 0 ? proc_check(fs_basename(program->items[0]), &result, err) : rc;
}

static int hub(const struct app *app, const struct request *request,
               const struct inventory *inventory, const struct server_conf *far, struct err *err)
{
    const struct strv *program = far ? &far->hub : &inventory->lab->hub;
    struct ports hold = {.count = 0};
    struct guard *guard = NULL;
    struct ctx ctx;
    int rc;

    if (!program->count)
        return err_set(err, ERR_CONFIG, "%s: no hub controller's program is there; add %s",
                       inventory->lab->file,
                       far ? "exec: {hub: [python3, hub_cli.py]} to the server"
                           : "hub-controller: [python3, hub_cli.py]");
    rc = guard_start(&guard, err);
    ctx = ctx_root(app->cancel_fd, guard);
    if (rc == 0)
        rc = hold_boards(app, inventory, far, request, &ctx, &hold, err);
    if (rc == 0)
        rc = work(program, far, request, &ctx, err);
    hold_done(&hold);
    guard_stop(guard);
    return rc;
}

/* By the hil of that server, which knows its boards. */
static int hub_there(const struct app *app, const struct request *request)
{
    struct there there = {0};

    strv_addf(&there.args, "--wait=%lldms", (long long)request->wait_ms);
    strv_add(&there.args, request->command);
    if (request->mask)
        hub_mask_add(&there.args, request->mask);
    return there_server(app, &verb_hub, request->lab, request->server, &there);
}

static int run(const struct app *app, int argc, char **argv)
{
    struct servers_wanted wanted = {.ask = ASK_NONE};
    struct ctx ctx = ctx_root(app->cancel_fd, NULL);
    const struct server_conf *server = NULL;
    struct inventory inventory = {0};
    struct servers servers = {0};
    struct request request = {0};
    struct err err = {0};
    int first, code;

    if (!cmd_parse(&verb_hub, argc, argv, take, &request, &first, &code))
        return code;
    if (read_operands(argc - first, argv + first, &request, &err) < 0)
        return cmd_fail(&verb_hub, &err);
    wanted.lab_option = request.lab;
    if (servers_inventory(&wanted, &ctx, &inventory, &servers, &err) == 0 && request.server)
        server = lab_server(inventory.lab, request.server, &err);
    if (!err.code && (!server || server->exec))
        hub(app, &request, &inventory, server, &err);
    servers_forget(&servers);
    code = err.code ? cmd_fail(&verb_hub, &err) : 0;
    if (!err.code && server && !server->exec)
        code = hub_there(app, &request);
    inventory_close(&inventory);
    return cmd_exit(app, code);
}

const struct opt_verb verb_hub = {
    .name = "hub",
    .operands = "[SERVER] " COMMANDS " [MASK]",
    .summary = "switch ports of a hub whose controller a program works",
    .description =
        "Gives the command to the program of the hub controller on SERVER, or on this host; all "
        "but get_power_state need a mask of ports, 0x0001 to 0x8000 for USB1 to USB16. What it "
        "prints comes out here.\n\n"
        "The program is named in lab.yaml: hub-controller: [python3, hub_cli.py] for this host, "
        "exec: {hub: [python3, hub_cli.py]} for a server that has no hil, and in the server's own "
        "lab.yaml for one that has. Boards whose power or reset driver says that they are on these "
        "ports are taken meanwhile, so that no run is disturbed; hil power BOARD switches a board.",
    .rows = rows,
    .examples = examples,
    .see_also = see_also,
    .run = run,
};
