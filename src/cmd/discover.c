/* SPDX-License-Identifier: MIT */
#include "base/fs.h"
#include "base/term.h"
#include "base/text.h"
#include "board/import.h"
#include "cmd/cmd.h"
#include "cmd/discover_print.h"
#include "cmd/there.h"
#include "conf/lab_edit.h"
#include "conf/name.h"

#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define ANSWER_MAX 256

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
     "STM32 remote flasher, or a hardware map of Zephyr's Twister.",
     NULL},
    {"yes", 'y', NULL, "With --write: take the names that are proposed, and do not ask.", NULL},
    {0},
};

static const char *const examples[] = {
    "What is plugged in, and what makes a board",
    "hil discover",
    "Write a first lab.yaml",
    "hil discover --write",
    "The boards of another program's inventory",
    "hil discover --write --import hardware-map.yaml",
    "The ttys of all adapters",
    "hil discover --json | jq -r '.devices[]|select(.kind==\"serial\").ttys[].node'",
    NULL,
};

static const char *const see_also[] = {"boards", "drivers", NULL};

struct request {
    const char *lab, *import, *server;
    bool json, write, yes;
};

static int take(void *arg, const struct opt_row *row, const char *value, struct err *err)
{
    struct request *request = arg;

    (void)err;
    if (row->letter == 'l')
        request->lab = value;
    else if (str_eq(row->name, "import"))
        request->import = value;
    else if (str_eq(row->name, "server"))
        request->server = value;
    else if (row->letter == 'w')
        request->write = true;
    else if (row->letter == 'y')
        request->yes = true;
    else
        request->json = true;
    return 0;
}

/* ---- looking --------------------------------------------------------------------------------- */

/* Where the lab's file is, or with --write would be; NULL: there is none, and none is wanted. */
static char *lab_path(const struct request *request, struct err *err)
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

static int look(const char *path, struct discovery *found, struct err *err)
{
    int rc = usb_scan(&found->tree, err);

    found->text = xstrdup("");
    if (rc < 0)
        return rc;
    rigs_find(&found->tree, &found->rigs);
    if (path)
        rc = read_lab(path, found, err);
    if (found->lab)
        plugged_missing(found->lab, &found->tree, &found->missing);
    return rc;
}

static void discovery_done(struct discovery *found)
{
    rigs_done(&found->rigs);
    usb_tree_done(&found->tree);
    lab_free(found->lab);
    free(found->text);
    strv_done(&found->missing);
}

/* ---- asking ---------------------------------------------------------------------------------- */

/* A line from the terminal, within `answer`; the end of input, or a signal, is -ERR_CANCELLED. */
static int ask(const struct app *app, const char *question, char *answer, struct err *err)
{
    struct pollfd fds[2] = {{.fd = STDIN_FILENO, .events = POLLIN},
                            {.fd = app->cancel_fd, .events = POLLIN}};

    fputs(question, stdout);
    fflush(stdout);
    if (poll(fds, 2, -1) < 0 || fds[1].revents)
        return err_set(err, ERR_CANCELLED, "cancelled: nothing was written");
    ssize_t n = read(STDIN_FILENO, answer, ANSWER_MAX - 1);
    if (n <= 0)
        return err_set(err, ERR_CANCELLED, "no answer: nothing was written");
    answer[n] = '\0';
    answer[strcspn(answer, "\r\n")] = '\0';
    return 0;
}

static int ask_name(const struct app *app, const char *question, char **value, struct err *err)
{
    for (;;) {
        cleanup_free char *line = xasprintf("%s [%s]: ", question, *value);
        char answer[ANSWER_MAX] = "";
        int rc = ask(app, line, answer, err);
        if (rc < 0 || !answer[0])
            return rc;
        if (name_valid(answer)) {
            free(*value);
            *value = xstrdup(answer);
            return 0;
        }
        puts("It must be made of " NAME_RULE ".");
    }
}

static int ask_about(const struct app *app, const struct rig *rig, struct proposal *proposal,
                     struct err *err)
{
    int rc;

    printf("\n%s at %s%s%s\n", rig->device->known->name, rig->device->path,
           rig->device->serial ? ", serial number " : "",
           rig->device->serial ? rig->device->serial : "");
    rc = ask_name(app, "Name", &proposal->name, err);
    return rc == 0 ? ask_name(app, "Label", &proposal->label, err) : rc;
}

/* ---- writing --------------------------------------------------------------------------------- */

static int compose_new(const struct app *app, const struct request *request,
                       const struct discovery *found, struct buf *ret, size_t *ret_incomplete,
                       struct err *err)
{
    cleanup_strv struct strv taken = {0};
    int rc = 0;

    *ret_incomplete = 0;
    for (size_t i = 0; i < found->rigs.count && rc == 0; i++) {
        const struct rig *rig = &found->rigs.items[i];
        struct proposal proposal;
        bool complete;
        if (plugged_is_known(rig, found->text))
            continue;
        plugged_propose(rig, found->lab, &taken, &proposal);
        if (!request->yes)
            rc = ask_about(app, rig, &proposal, err);
        if (rc == 0) {
            cleanup_free char *yaml = plugged_yaml(rig, &proposal, &complete);
            buf_adds(ret, yaml);
            strv_add(&taken, proposal.name);
            *ret_incomplete += !complete;
        }
        proposal_done(&proposal);
    }
    return rc;
}

static void print_diff(const char *diff)
{
    struct term term = term_open(stdout);
    cleanup_strv struct strv lines = {0};

    strv_split(&lines, diff, '\n');
    for (size_t i = 0; i < lines.count; i++) {
        const char *line = lines.items[i];
        enum term_style style = line[0] == '+'   ? TERM_GREEN
                                : line[0] == '-' ? TERM_RED
                                : line[0] == '@' ? TERM_CYAN
                                                 : TERM_PLAIN;
        printf("%s%s%s\n", term_style(&term, style), line, term_style(&term, TERM_PLAIN));
    }
}

static int confirm(const struct app *app, const struct request *request, const char *path,
                   struct err *err)
{
    cleanup_free char *question = xasprintf("Write this to %s? [y/N] ", path);
    char answer[ANSWER_MAX] = "";
    int rc;

    if (request->yes)
        return 0;
    rc = ask(app, question, answer, err);
    if (rc == 0 && answer[0] != 'y' && answer[0] != 'Y')
        return err_set(err, ERR_CANCELLED, "nothing was written");
    return rc;
}

static int compose_imported(const struct request *request, const struct discovery *found,
                            struct buf *ret, size_t *ret_incomplete, struct err *err)
{
    cleanup_buf struct buf text = BUF_INIT(YAML_BYTES_MAX);
    struct imported imported = {0};
    int rc = fs_read(request->import, &text, err);

    if (rc == 0)
        rc = import_boards(text.data, text.size, request->import, &found->tree, found->text, ret,
                           &imported, err);
    for (size_t i = 0; i < imported.skipped.count; i++) {
        cleanup_free char *line =
            text_clean_dup(imported.skipped.items[i], SIZE_MAX, TEXT_ONE_LINE);
        printf("%sleft out: %s\n", i ? "" : "\n", line);
    }
    *ret_incomplete = imported.comments;
    imported_done(&imported);
    return rc;
}

static int write_new(const struct app *app, const struct request *request, const char *path,
                     const struct discovery *found, struct err *err)
{
    cleanup_buf struct buf boards = BUF_INIT(YAML_BYTES_MAX), after = BUF_INIT(YAML_BYTES_MAX),
                           diff = BUF_INIT((size_t)2 * YAML_BYTES_MAX);
    const char *before = found->text ? found->text : "";
    size_t incomplete = 0;
    int rc = request->import ? compose_imported(request, found, &boards, &incomplete, err)
                             : compose_new(app, request, found, &boards, &incomplete, err);

    if (rc < 0)
        return rc;
    if (!boards.size) {
        printf("\n%s has all that is %s.\n", path, request->import ? "in that file" : "plugged in");
        return 0;
    }
    rc = lab_add_boards(before, strlen(before), path, boards.data, &after, err);
    if (rc < 0)
        return rc;
    lab_diff(before, after.data, path, &diff);
    putchar('\n');
    print_diff(diff.data);
    rc = confirm(app, request, path, err);
    if (rc == 0)
        rc = fs_write(path, after.data, after.size, err);
    if (rc < 0)
        return rc;
    printf("\nWritten to %s.", path);
    if (incomplete)
        printf(" %zu %s still a comment, with a line that says what is missing.", incomplete,
               incomplete == 1 ? "board is" : "boards are");
    putchar('\n');
    return 0;
}

static int check_request(const struct request *request, struct err *err)
{
    if ((request->yes || request->import) && !request->write)
        return err_set(err, ERR_USAGE, "--%s goes with --write", request->yes ? "yes" : "import");
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

static int discover(const struct app *app, const struct request *request, struct err *err)
{
    struct discovery found = {0};
    cleanup_free char *path = lab_path(request, err);
    int rc = err->code ? -(int)err->code : look(path, &found, err);

    if (rc == 0 && request->json) {
        rc = discover_print_json(&found, err);
    } else if (rc == 0) {
        discover_print_text(&found);
        if (request->write && path)
            rc = write_new(app, request, path, &found, err);
    }
    discovery_done(&found);
    return rc;
}

/* What is plugged in there; its lab.yaml is the server's own to write. */
static int discover_there(const struct app *app, const struct request *request)
{
    struct there there = {0};

    if (request->json)
        strv_add(&there.args, "--json");
    if (request->write)
        strv_add(&there.args, "--write");
    if (request->yes)
        strv_add(&there.args, "--yes");
    return there_server(app, &verb_discover, request->lab, request->server, &there);
}

static int run(const struct app *app, int argc, char **argv)
{
    struct request request = {0};
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
        "No device is opened: all of it comes from what the kernel has read already.\n\n"
        "--write adds what is new behind the last board, and leaves every other byte, comments "
        "and order as they are. It asks for name and label, shows the change, and asks again. A "
        "board of which hil cannot know everything (a probe does not tell its chip) is written as "
        "a comment that says what is missing.",
    .rows = rows,
    .examples = examples,
    .see_also = see_also,
    .run = run,
};
