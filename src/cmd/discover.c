/* SPDX-License-Identifier: MIT */
#include "base/fs.h"
#include "cmd/discover_write.h"
#include "cmd/there.h"

#include <stdlib.h>
#include <unistd.h>

#define HUBS_MS 5000 /* for all of them to say what they can */

static const struct opt_row rows[] = {
    CMD_ROW_LAB,
    CMD_ROW_JSON,
    THERE_ROW_SERVER,
    {"write", 'w', NULL,
     "Add what is new to the lab's file, which is made where there is none. What would change is "
     "shown first.",
     NULL},
    {"import", 0, "FILE",
     "With --write: add the boards of FILE instead of what is plugged in: the config.json of an "
     "STM32 remote flasher, a hardware map of Zephyr's Twister, or a boards.yml with port, flasher "
     "and pattern.",
     NULL},
    {"remove-missing", 0, NULL,
     "With --write: remove boards of which nothing is plugged in. Without it each is asked for on "
     "a terminal, and kept where nobody is asked.",
     NULL},
    {"yes", 'y', NULL, "With --write: take the names that are proposed, and do not ask.", NULL},
    {0},
};

static const char *const examples[] = {
    "What is plugged in, and what makes a board",
    "hil discover",
    "Write a first lab.yaml",
    "hil discover --write",
    "After the bench was rebuilt: add what is new, remove what is gone",
    "hil discover --write --remove-missing --yes",
    "The boards of another program's inventory",
    "hil discover --write --import hardware-map.yaml",
    "The ttys of all adapters",
    "hil discover --json | jq -r '.devices[]|select(.kind==\"serial\").ttys[].node'",
    NULL,
};

static const char *const see_also[] = {"boards", "drivers", NULL};

static int take(void *arg, const struct opt_row *row, const char *value, struct err *err)
{
    struct discover_request *request = arg;

    (void)err;
    if (row->letter == 'l')
        request->lab = value;
    else if (str_eq(row->name, "import"))
        request->import = value;
    else if (str_eq(row->name, "server"))
        request->server = value;
    else if (row->letter == 'w')
        request->write = true;
    else if (str_eq(row->name, "remove-missing"))
        request->remove_missing = true;
    else if (row->letter == 'y')
        request->yes = true;
    else
        request->json = true;
    return 0;
}

/* ---- looking --------------------------------------------------------------------------------- */

/* Where the lab's file is, or with --write would be; NULL: there is none, and none is wanted. */
static char *lab_path(const struct discover_request *request, struct err *err)
{
    const char *variable = getenv("HIL_LAB");
    const char *named = request->lab ? request->lab : variable && variable[0] ? variable : NULL;
    char *path;

    if (request->write && named)
        return xstrdup(named);
    path = lab_find(request->lab, err);
    if (path || named)
        return path;
    *err = (struct err){0};
    return request->write ? xstrdup("lab.yaml") : NULL;
}

static int read_lab(const char *path, struct discovery *found, struct err *err)
{
    cleanup_buf struct buf text = BUF_INIT(YAML_BYTES_MAX);
    struct diags diags = {0};
    int rc;

    if (!fs_exists(path))
        return 0;
    rc = fs_read(path, &text, err);
    if (rc < 0)
        return rc;
    free(found->text);
    found->text = buf_steal(&text);
    /* Mistakes within boards are told by others; what can be read is enough to look for devices.
     * A file whose boards are still to come is no mistake here. */
    rc = lab_load(path, &found->lab, &diags, err);
    if (found->lab && rc < 0) {
        *err = (struct err){0};
        rc = 0;
    }
    diags_done(&diags);
    return rc;
}

static int look(const struct app *app, const char *path, struct discovery *found, struct err *err)
{
    struct ctx root = ctx_root(app->cancel_fd, NULL), ctx = ctx_narrow(&root, HUBS_MS);
    int rc = usb_scan(&found->tree, err);

    found->text = xstrdup("");
    if (rc < 0)
        return rc;
    rigs_find(&found->tree, &found->rigs);
    hub_claims_ask(&found->tree, &ctx, &found->hubs);
    if (ctx_cancelled(&root))
        return err_set(err, ERR_CANCELLED, "cancelled");
    if (path)
        rc = read_lab(path, found, err);
    for (size_t i = 0; found->lab && i < found->lab->count; i++)
        if (plugged_is_gone(&found->lab->boards[i], &found->tree))
            strv_add(&found->gone, found->lab->boards[i].name);
    if (found->lab)
        plugged_missing(found->lab, &found->tree, &found->missing);
    return rc;
}

static void discovery_done(struct discovery *found)
{
    hub_claims_done(&found->hubs);
    rigs_done(&found->rigs);
    usb_tree_done(&found->tree);
    lab_free(found->lab);
    free(found->text);
    strv_done(&found->missing);
    strv_done(&found->gone);
}

static int check_request(const struct discover_request *request, struct err *err)
{
    const char *needs_write = request->yes              ? "yes"
                              : request->import         ? "import"
                              : request->remove_missing ? "remove-missing"
                                                        : NULL;

    if (needs_write && !request->write)
        return err_set(err, ERR_USAGE, "--%s goes with --write", needs_write);
    if (request->import && request->remove_missing)
        return err_set(err, ERR_USAGE,
                       "--import adds what is in a file, --remove-missing removes what is not "
                       "plugged in: one after the other");
    if (request->write && request->json)
        return err_set(err, ERR_USAGE, "--write and --json do not go together");
    if (request->server && (request->import || (request->write && !request->yes)))
        return err_set(err, ERR_USAGE,
                       "with --server, --write goes with --yes, and --import not at all");
    if (request->write && !request->yes && !isatty(STDIN_FILENO))
        return err_set(err, ERR_USAGE,
                       "--write asks, and there is no terminal; --yes takes what is proposed");
    return 0;
}

static int discover(const struct app *app, const struct discover_request *request, struct err *err)
{
    struct discovery found = {0};
    cleanup_free char *path = lab_path(request, err);
    int rc = err->code ? -(int)err->code : look(app, path, &found, err);

    if (rc == 0 && request->json) {
        rc = discover_print_json(&found, err);
    } else if (rc == 0) {
        discover_print_text(&found);
        if (request->write && path)
            rc = discover_write(app, request, path, &found, err);
    }
    discovery_done(&found);
    return rc;
}

/* What is plugged in there; its lab.yaml is the server's own to write. */
static int discover_there(const struct app *app, const struct discover_request *request)
{
    struct there there = {.programmer_args = "-l"};

    if (request->json)
        strv_add(&there.args, "--json");
    if (request->write)
        strv_add(&there.args, "--write");
    if (request->remove_missing)
        strv_add(&there.args, "--remove-missing");
    if (request->yes)
        strv_add(&there.args, "--yes");
    return there_server(app, &verb_discover, request->lab, request->server, &there);
}

static int run(const struct app *app, int argc, char **argv)
{
    struct discover_request request = {0};
    struct err err = {0};
    int first, exit_code;

    if (!cmd_parse(&verb_discover, argc, argv, take, &request, &first, &exit_code))
        return exit_code;
    if (argc > first)
        err_set(&err, ERR_USAGE, "no operands are taken: '%s'", argv[first]);
    else
        check_request(&request, &err);
    if (!err.code && request.server)
        return discover_there(app, &request);
    if (!err.code && discover(app, &request, &err) == 0)
        return 0;
    exit_code = cmd_fail(&verb_discover, &err);
    if (err.code != ERR_CANCELLED)
        return exit_code;
    return cmd_exit(app, 1);
}

const struct opt_verb verb_discover = {
    .name = "discover",
    .operands = "",
    .summary = "show what is plugged in, and write it to lab.yaml",
    .description =
        "Shows the USB tree as it is plugged: hub paths, what is known of each device, its serial "
        "number and ttys, and which board of lab.yaml it is. Then what makes a board: a probe or "
        "a bootloader, and the tty that belongs to it: its own, or that of an adapter beside it "
        "where nothing else could be meant. What would be mistaken is named: serial numbers that "
        "are shared or missing, adapters that could be several boards', devices without power. "
        "So is what lab.yaml has and is not plugged in.\n\n"
        "Hubs are asked whether they can switch the power of their ports, each by itself or all "
        "together. Nothing else is opened: all of it comes from what the kernel has read "
        "already.\n\n"
        "--write adds what is new behind the last board, and leaves every other byte, comments "
        "and order as they are. It asks for name and label, and whether a board is to go of which "
        "nothing is plugged in, shows the change, and asks again. A board of which hil cannot know "
        "everything (a probe does not tell its chip) is written as a comment that says what is "
        "missing. A board that has a power switch is not gone as long as its switch is there: it "
        "may be off.",
    .rows = rows,
    .fails = "--write: nothing was written, as that was the answer",
    .examples = examples,
    .see_also = see_also,
    .run = run,
};
