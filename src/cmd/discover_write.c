/* SPDX-License-Identifier: MIT */
#include "cmd/discover_write.h"

#include "base/fs.h"
#include "base/term.h"
#include "base/text.h"
#include "board/import.h"
#include "conf/lab_edit.h"
#include "conf/name.h"
#include "conf/text_lines.h"

#include <inttypes.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define ANSWER_MAX 256

/* What is to be done to the file. */
struct draft {
    struct buf boards;     /* to be added; comments among them */
    size_t incomplete;     /* of those, that are comments */
    struct strv gone;      /* to be removed */
    uint64_t max_parallel; /* 0: not said */
    char *servers;         /* NULL: none */
};

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

static bool port_switches(const struct discovery *found, const struct usb_device *device)
{
    const struct usb_device *hub = device->parent ? usb_at(&found->tree, device->parent) : NULL;
    const struct hub_claim *claim = hub ? hub_claim_of(&found->hubs, hub) : NULL;

    return claim && str_eq(hub_claim_word(claim), "per-port");
}

static int compose_new(const struct app *app, const struct discover_request *request,
                       const struct discovery *found, struct draft *ret, struct err *err)
{
    cleanup_strv struct strv taken = {0};
    int rc = 0;

    for (size_t i = 0; i < found->rigs.count && rc == 0; i++) {
        const struct rig *rig = &found->rigs.items[i];
        struct proposal proposal;
        bool complete;
        if (plugged_is_known(rig, found->text))
            continue;
        plugged_propose(rig, found->lab, &taken, &proposal);
        proposal.switched = port_switches(found, rig->device);
        if (!request->yes)
            rc = ask_about(app, rig, &proposal, err);
        if (rc == 0) {
            cleanup_free char *yaml = plugged_yaml(rig, &proposal, &complete);
            buf_adds(&ret->boards, yaml);
            strv_add(&taken, proposal.name);
            ret->incomplete += !complete;
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

static int confirm(const struct app *app, const struct discover_request *request, const char *path,
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

static void print_clean(const char *prefix, const struct strv *lines)
{
    for (size_t i = 0; i < lines->count; i++) {
        cleanup_free char *line = text_clean_dup(lines->items[i], SIZE_MAX, TEXT_ONE_LINE);
        printf("%s%s%s\n", i ? "" : "\n", prefix, line);
    }
}

static int compose_imported(const struct discover_request *request, const struct discovery *found,
                            struct draft *ret, struct err *err)
{
    cleanup_buf struct buf text = BUF_INIT(YAML_BYTES_MAX);
    struct imported imported = {0};
    int rc = err_named(fs_read(request->import, &text, err), err);

    if (rc == 0)
        rc = import_boards(text.data, text.size, request->import, &found->tree, found->text,
                           &ret->boards, &imported, err);
    print_clean("left out: ", &imported.skipped);
    print_clean("mind: ", &imported.notes);
    ret->incomplete = imported.comments;
    ret->max_parallel = imported.max_parallel;
    ret->servers = imported.servers;
    imported.servers = NULL;
    if (ret->servers && found->lab && found->lab->servers.count)
        printf("mind: there is a 'servers' already, and it stays as it is; it needs%s\n",
               ret->servers);
    imported_done(&imported);
    return rc;
}

/* ---- what is gone ---------------------------------------------------------------------------- */

/* Which of the boards that are gone are to be removed. */
static int choose_gone(const struct app *app, const struct discover_request *request,
                       const struct discovery *found, struct strv *ret, struct err *err)
{
    bool asks = !request->yes && !request->remove_missing;
    int rc = 0;

    for (size_t i = 0; i < found->gone.count && rc == 0; i++) {
        const char *name = found->gone.items[i];
        cleanup_free char *question =
            xasprintf("\nNothing of %s is plugged in. Remove it from the lab's file? [y/N] ", name);
        char answer[ANSWER_MAX] = "";
        if (asks)
            rc = ask(app, question, answer, err);
        if (rc == 0 && (request->remove_missing || answer[0] == 'y' || answer[0] == 'Y'))
            strv_add(ret, name);
    }
    if (request->yes && !request->remove_missing && found->gone.count)
        printf("\n%zu %s kept of which nothing is plugged in: --remove-missing removes %s.\n",
               found->gone.count, found->gone.count == 1 ? "board is" : "boards are",
               found->gone.count == 1 ? "it" : "them");
    return rc;
}

/* Without them the file is no lab any more. */
static int check_left(const struct discovery *found, const struct draft *draft, const char *path,
                      struct err *err)
{
    if (!draft->gone.count || draft->gone.count < found->lab->count || draft->boards.size)
        return 0;
    return err_set(err, ERR_CONFIG,
                   "nothing of any board in %s is plugged in; to start anew, remove the file",
                   path);
}

/* What else of the file still has a removed board's name, such as a watch. */
static void tell_leftovers(const struct yaml_node *node, const struct strv *gone, const char *path)
{
    if (node->kind == YAML_SCALAR && strv_has(gone, node->text))
        printf("%s:%d still names %s.\n", path, node->line, node->text);
    for (const struct yaml_node *child = node->first; child; child = child->next)
        tell_leftovers(child, gone, path);
}

static void tell_all_leftovers(const struct buf *text, const struct strv *gone, const char *path)
{
    struct diags diags = {0};
    struct yaml_tree *tree;

    if (gone->count && yaml_parse(text->data, text->size, path, &tree, &diags, NULL) == 0) {
        tell_leftovers(yaml_root(tree), gone, path);
        yaml_tree_free(tree);
    }
    diags_done(&diags);
}

/* ---- all of it ------------------------------------------------------------------------------- */

static void show_change(const char *before, const struct buf *after, const char *path)
{
    cleanup_text_lines struct text_lines old = text_lines_split(before, strlen(before));
    cleanup_text_lines struct text_lines new = text_lines_split(after->data, after->size);
    cleanup_buf struct buf diff = BUF_INIT((size_t)4 * YAML_BYTES_MAX);

    text_diff(&old, &new, path, &diff);
    putchar('\n');
    print_diff(diff.data);
}

/* Of the lab itself; `text` becomes what it is then. */
static int add_lab_key(struct buf *text, const char *path, const char *key, const char *value,
                       struct err *err)
{
    struct buf after = BUF_INIT(YAML_BYTES_MAX);
    int rc = lab_add_key(text->data, text->size, path, key, value, &after, err);

    if (rc < 0) {
        buf_done(&after);
        return rc;
    }
    buf_done(text);
    *text = after;
    return 0;
}

/* Removes, adds, and then the lab's own keys: each of them reads what the one before has made. */
static int edit(const char *before, const char *path, const struct draft *draft, struct buf *ret,
                struct err *err)
{
    cleanup_buf struct buf less = BUF_INIT(YAML_BYTES_MAX);
    cleanup_free char *limit = xasprintf("{lab: %" PRIu64 "}", draft->max_parallel);
    int rc = 0;

    if (draft->gone.count)
        rc = lab_remove_boards(before, strlen(before), path, &draft->gone, &less, err);
    else
        buf_adds(&less, before);
    if (rc == 0 && draft->boards.size)
        rc = lab_add_boards(less.data, less.size, path, draft->boards.data, ret, err);
    else
        buf_add(ret, less.data, less.size);
    if (rc == 0 && draft->max_parallel)
        rc = add_lab_key(ret, path, "max-parallel", limit, err);
    if (rc == 0 && draft->servers)
        rc = add_lab_key(ret, path, "servers", draft->servers, err);
    return rc;
}

static int write_draft(const struct app *app, const struct discover_request *request,
                       const char *path, const struct discovery *found, const struct draft *draft,
                       struct err *err)
{
    cleanup_buf struct buf after = BUF_INIT(YAML_BYTES_MAX);
    int rc = check_left(found, draft, path, err);

    if (rc == 0)
        rc = edit(found->text, path, draft, &after, err);
    if (rc < 0)
        return rc;
    show_change(found->text, &after, path);
    tell_all_leftovers(&after, &draft->gone, path);
    rc = confirm(app, request, path, err);
    if (rc == 0)
        rc = fs_write(path, after.data, after.size, err);
    if (rc < 0)
        return rc;
    printf("\nWritten to %s.", path);
    if (draft->incomplete)
        printf(" %zu %s still a comment, with a line that says what is missing.", draft->incomplete,
               draft->incomplete == 1 ? "board is" : "boards are");
    putchar('\n');
    return 0;
}

static void tell_unchanged(const struct discover_request *request, const char *path)
{
    if (fs_exists(path))
        printf("\n%s has all that is %s.\n", path, request->import ? "in that file" : "plugged in");
    else
        printf("\nNothing %s makes a board: %s was not written.\n",
               request->import ? "in that file" : "that is plugged in", path);
}

int discover_write(const struct app *app, const struct discover_request *request, const char *path,
                   const struct discovery *found, struct err *err)
{
    struct draft draft = {.boards = BUF_INIT(YAML_BYTES_MAX)};
    int rc = request->import ? compose_imported(request, found, &draft, err)
                             : compose_new(app, request, found, &draft, err);

    if (rc == 0 && !request->import)
        rc = choose_gone(app, request, found, &draft.gone, err);
    if (rc == 0 && !draft.boards.size && !draft.gone.count)
        tell_unchanged(request, path);
    else if (rc == 0)
        rc = write_draft(app, request, path, found, &draft, err);
    buf_done(&draft.boards);
    free(draft.servers);
    strv_done(&draft.gone);
    return rc;
}
