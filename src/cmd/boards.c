/* SPDX-License-Identifier: MIT */
#include "base/fs.h"
#include "base/json.h"
#include "base/term.h"
#include "base/text.h"
#include "cmd/there.h"
#include "remote/servers.h"
#include "run/standing.h"
#include "store/watched.h"

#include <inttypes.h>
#include <stdlib.h>
#include <time.h>

#define MEMORY_MS 10000 /* for all that the store is asked; a silent server is left sooner */

static const struct opt_row rows[] = {
    CMD_ROW_LAB,
    CMD_ROW_JSON,
    {"names", 0, NULL, "Print only the names and labels, one a line.", NULL},
    {"release", 0, NULL, "Take the BOARDs out of quarantine: somebody has looked at them.", NULL},
    {0},
};

static const char *const examples[] = {
    "Who holds what",
    "hil boards",
    "Names of the free boards",
    "hil boards --json | jq -r '.boards[]|select(.held|not).name'",
    "A board that was mended",
    "hil boards --release nucleo-3",
    NULL};

static const char *const see_also[] = {"run", "health", "drivers", NULL};

struct request {
    const char *lab;
    bool json, names, release;
};

static int take(void *arg, const struct opt_row *row, const char *value, struct err *err)
{
    struct request *request = arg;

    (void)err;
    if (row->letter == 'l')
        request->lab = value;
    else if (str_eq(row->name, "json"))
        request->json = true;
    else if (str_eq(row->name, "release"))
        request->release = true;
    else
        request->names = true;
    return 0;
}

static int64_t count_of(const cJSON *json, const char *name)
{
    int64_t value = json_get_int(json, name, 0);

    return value > 0 ? value : 0;
}

static char *owned(const cJSON *json, const char *name)
{
    return xstrdup(json_get_string(json, name, NULL));
}

static void read_holder(const cJSON *json, struct holder *ret)
{
    *ret = (struct holder){.pid = (pid_t)count_of(json, "pid"),
                           .host = owned(json, "host"),
                           .user = owned(json, "user"),
                           .command = owned(json, "command"),
                           .since_unix_s = count_of(json, "since"),
                           .repository = owned(json, "repository"),
                           .run_id = owned(json, "run_id"),
                           .job = owned(json, "job"),
                           .attempt = owned(json, "attempt"),
                           .run_url = owned(json, "run_url")};
}

static enum verdict read_verdict(const cJSON *json)
{
    const char *name = json_get_string(json, "verdict", "");
    enum verdict verdict = VERDICT_PASS;

    while (verdict < VERDICT_INFRA && !str_eq(verdict_name(verdict), name))
        verdict++;
    return verdict;
}

/* What the board's server says of it: the same as we do of ours, by `hil boards --json`. */
static void look_there(const struct servers *servers, struct standing *ret)
{
    const cJSON *json = servers_board(servers, ret->conf);
    const cJSON *drivers = cJSON_GetObjectItemCaseSensitive(json, "drivers");
    const cJSON *last = cJSON_GetObjectItemCaseSensitive(json, "last");
    const cJSON *quarantine = cJSON_GetObjectItemCaseSensitive(json, "quarantine");

    ret->away = json ? NULL : servers_away(servers, ret->conf);
    ret->drivers = (struct board_drivers){.power = json_get_string(drivers, "power", NULL),
                                          .reset = json_get_string(drivers, "reset", NULL),
                                          .flash = json_get_string(drivers, "flash", NULL),
                                          .console = json_get_string(drivers, "console", NULL)};
    ret->held = json_get_bool(json, "held", false);
    read_holder(cJSON_GetObjectItemCaseSensitive(json, "holder"), &ret->holder);
    ret->waiting = (size_t)count_of(json, "waiting");
    ret->has_last = cJSON_IsObject(last);
    ret->last.verdict = read_verdict(last);
    snprintf(ret->last.test, sizeof ret->last.test, "%s", json_get_string(last, "test", ""));
    ret->last.unix_s = count_of(last, "time");
    ret->quarantined = cJSON_IsObject(quarantine);
    snprintf(ret->quarantine.reason, sizeof ret->quarantine.reason, "%s",
             json_get_string(quarantine, "reason", ""));
    ret->quarantine.unix_s = count_of(quarantine, "since");
    ret->held_back = owned(json, "held_back");
}

static int print_json(const struct lab *lab, const struct standing *table, struct err *err)
{
    struct json_out out;

    cmd_json_begin(&out);
    json_kv_string(&out, "lab", lab->name);
    json_kv_string(&out, "file", lab->file);
    json_key(&out, "boards");
    json_array(&out);
    for (size_t i = 0; i < lab->count; i++) {
        json_object(&out);
        standing_json(&table[i], &out);
        json_object_end(&out);
    }
    json_array_end(&out);
    return cmd_json_end(&out, err);
}

static char *joined(const struct strv *list)
{
    cleanup_buf struct buf out = BUF_INIT(4096);

    for (size_t i = 0; i < list->count; i++)
        buf_addf(&out, "%s%s", i ? "," : "", list->items[i]);
    return buf_steal(&out);
}

static char *state_of(const struct standing *row)
{
    cleanup_free char *who = row->held ? holder_describe(&row->holder) : NULL;

    if (row->away)
        return text_clean_dup(row->away, SIZE_MAX, TEXT_ONE_LINE);
    if (!row->held && row->quarantined)
        return xasprintf("quarantine: %s", row->quarantine.reason);
    if (!row->held && row->held_back)
        return xasprintf("free; hil watch holds an image back: %s", row->held_back);
    if (!row->held)
        return xstrdup("free");
    return row->waiting ? xasprintf("held by %s, %zu waiting", who, row->waiting)
                        : xasprintf("held by %s", who);
}

static char *last_of(const struct standing *row)
{
    char when[STR_TIME_SIZE];

    return row->has_last ? xasprintf("%s %s", verdict_name(row->last.verdict),
                                     str_local_time(row->last.unix_s, when))
                         : xstrdup("-");
}

static char *drivers_of(const struct standing *row)
{
    const struct board_drivers *drivers = &row->drivers;

    if (row->away)
        return xstrdup("-");
    if (row->conf->qemu || str_eq(drivers->power, "qemu"))
        return xstrdup("qemu");
    return xasprintf("%s/%s%s%s", drivers->flash, drivers->console, drivers->power ? "/" : "",
                     drivers->power ? drivers->power : "");
}

static void print_table(const struct lab *lab, const struct standing *table)
{
    struct term term = term_open(stdout);
    struct term_table *out = term_table_new(5);

    term_table_row(out, TERM_DIM,
                   (const char *const[]){"BOARD", "LABELS", "DRIVERS", "LAST", "STATE"});
    for (size_t i = 0; i < lab->count; i++) {
        const struct standing *row = &table[i];
        cleanup_free char *labels = joined(&row->conf->labels);
        cleanup_free char *state = state_of(row);
        cleanup_free char *last = last_of(row);
        cleanup_free char *names = drivers_of(row);
        term_table_row(out,
                       row->away          ? TERM_RED
                       : row->held        ? TERM_YELLOW
                       : row->quarantined ? TERM_RED
                                          : TERM_PLAIN,
                       (const char *const[]){row->conf->name, labels, names, last, state});
    }
    term_table_print(out, &term);
    term_table_free(out);
}

static void print_names(const struct lab *lab)
{
    cleanup_strv struct strv seen = {0};

    for (size_t i = 0; i < lab->count; i++) {
        const struct strv *labels = &lab->boards[i].labels;
        puts(lab->boards[i].name);
        for (size_t l = 0; l < labels->count; l++) {
            if (strv_has(&seen, labels->items[l]))
                continue;
            strv_add(&seen, labels->items[l]);
            puts(labels->items[l]);
        }
    }
}

/* Of whose boards not even the names are known. */
static void tell_away(const struct lab *lab, const struct servers *servers)
{
    for (size_t i = 0; i < servers->count; i++) {
        const struct server_look *look = &servers->looks[i];
        cleanup_free char *clean =
            look->away ? text_clean_dup(look->away, SIZE_MAX, TEXT_ONE_LINE) : NULL;
        bool has_row = false;
        for (size_t b = 0; b < lab->count; b++)
            has_row = has_row || lab->boards[b].server == look->conf;
        if (clean && !has_row)
            fprintf(stderr, "hil boards: %s\n", clean);
    }
}

/* What is not known must be told: a board in quarantine looks as any other then. */
static void tell_unknown(const struct lab *lab, const struct err *why)
{
    cleanup_free char *clean = text_clean_dup(why->message, ERR_MESSAGE_MAX, TEXT_ONE_LINE);

    fprintf(stderr, "hil boards: last verdicts%s quarantine%s not known: %s\n",
            lab->store.url ? "," : " and",
            lab->store.url ? " and what other hosts hold are" : " are", clean);
}

/* NULL: there is none, or it was told why not. */
static struct store *open_memory(const struct lab *lab, const struct ctx *ctx)
{
    cleanup_free char *state_dir = fs_state_dir();
    struct store *store = NULL;
    struct err err = {0};

    if (store_open_within(&lab->store, state_dir, false, ctx, &store, &err) < 0 &&
        err.code != ERR_NOT_FOUND)
        tell_unknown(lab, &err);
    return store;
}

/* All that the store knows, by one connection and one deadline. */
static int fill_table(const struct inventory *inventory, const struct servers *servers,
                      const struct ctx *ctx, struct standing *table, struct err *err)
{
    const struct lab *lab = inventory->lab;
    struct ctx soon = ctx_narrow(ctx, MEMORY_MS);
    cleanup_strv struct strv held_back = {0}, reasons = {0};
    struct store *store = open_memory(lab, &soon);
    struct leases_row *leased = NULL;
    size_t leased_count = 0;
    struct err why = {0};
    int rc = 0;

    claims_look(store, lab->name, inventory->runtime_dir, &leased, &leased_count, &why);
    if (store)
        store_watched_aside(store, lab->name, &held_back, &reasons);
    for (size_t i = 0; i < lab->count && rc == 0; i++) {
        if (lab->boards[i].server) {
            table[i].conf = &lab->boards[i];
            look_there(servers, &table[i]);
            continue;
        }
        rc = standing_look(inventory, store, i, &table[i], err);
        standing_hold_back(&table[i], &held_back, &reasons);
        standing_share(&table[i], leased, leased_count);
    }
    if (!why.code && store && store_trouble(store))
        why = *store_trouble(store);
    if (why.code)
        tell_unknown(lab, &why);
    store_close(store);
    leases_rows_free(leased, leased_count);
    return rc;
}

static int show(const struct request *request, const struct inventory *inventory,
                const struct servers *servers, const struct ctx *ctx, struct err *err)
{
    const struct lab *lab = inventory->lab;
    struct standing *table = xcalloc(lab->count, sizeof *table);
    int rc = fill_table(inventory, servers, ctx, table, err);

    if (rc == 0 && request->json)
        rc = print_json(lab, table, err);
    else if (rc == 0)
        print_table(lab, table);
    if (rc == 0 && !request->json)
        tell_away(lab, servers);
    for (size_t i = 0; i < lab->count; i++)
        standing_done(&table[i]);
    free(table);
    return rc;
}

static int release(const struct inventory *inventory, char **names, int count,
                   const struct ctx *ctx, struct err *err)
{
    const struct lab *lab = inventory->lab;
    cleanup_free char *state_dir = fs_state_dir();
    struct store *store = NULL;
    int rc = 0;

    for (int i = 0; i < count && rc == 0; i++) {
        if (lab_board(lab, names[i]))
            continue;
        err_set(err, ERR_CONFIG, "%s has no board '%s'", lab->file, names[i]);
        rc = lab_hint_boards(lab, names[i], err);
    }
    if (rc == 0)
        rc = store_open_within(&lab->store, state_dir, true, ctx, &store, err);
    for (int i = 0; i < count && rc == 0; i++) {
        bool was = false;
        rc = store_release(store, lab->name, names[i], &was, err);
        if (rc == 0) {
            /* If it knows the board at all. */
            store_watched_forget(store, lab->name, names[i], NULL);
            printf("%s: %s\n", names[i], was ? "released" : "was in no quarantine");
        }
    }
    store_close(store);
    return rc;
}

/* A server's own boards are released by its hil; the others are moved to the front, *ret_left of
 * them. The worst exit code. */
static int release_there(const struct app *app, const struct request *request, char **names,
                         int count, int *ret_left)
{
    int worst = 0;

    *ret_left = 0;
    for (int i = 0; i < count; i++) {
        struct there there = {.prefix = "/"};
        int code;
        strv_add(&there.args, "--release");
        if (!there_board(app, &verb_boards, request->lab, names[i], &there, &code))
            names[(*ret_left)++] = names[i];
        else if (code > worst)
            worst = code;
    }
    return worst;
}

static int run(const struct app *app, int argc, char **argv)
{
    struct request request = {0};
    struct servers_wanted wanted = {.ask = ASK_ALL};
    struct ctx ctx = ctx_root(app->cancel_fd, NULL);
    struct inventory inventory;
    struct servers servers;
    struct err err = {0};
    int first, code = 0, left = 0, there = 0;

    if (!cmd_parse(&verb_boards, argc, argv, take, &request, &first, &code))
        return code;
    if (first < argc && !request.release)
        err_set(&err, ERR_USAGE, "'%s': boards takes operands only with --release", argv[first]);
    else if (first == argc && request.release)
        err_set(&err, ERR_USAGE, "--release needs the names of the boards");
    if (err.code)
        return cmd_fail(&verb_boards, &err);
    if (request.release)
        there = release_there(app, &request, argv + first, argc - first, &left);
    if (request.release && !left)
        return there;
    wanted.lab_option = request.lab;
    if (request.names || request.release) /* completion asks for the names, and does so often */
        wanted.ask = ASK_NONE;
    if (servers_inventory(&wanted, &ctx, &inventory, &servers, &err) < 0) {
        servers_forget(&servers);
        code = cmd_fail(&verb_boards, &err);
        return cmd_exit(app, code);
    }
    if (request.release)
        code = release(&inventory, argv + first, left, &ctx, &err);
    else if (request.names)
        print_names(inventory.lab);
    else
        code = show(&request, &inventory, &servers, &ctx, &err);
    servers_forget(&servers);
    inventory_close(&inventory);
    return code < 0 ? cmd_fail(&verb_boards, &err) : there;
}

const struct opt_verb verb_boards = {
    .name = "boards",
    .operands = "[--release BOARD...]",
    .summary = "list the lab's boards: labels, drivers, who holds them, last verdict",
    .description =
        "Reads the lab's file and looks at the leases, where the lab has a database also at those "
        "of "
        "other hosts; touches no board. Servers are asked by ssh.\n\n"
        "A board that could not be flashed although everything was tried, or that failed its "
        "health "
        "check, is in quarantine: no run takes it until it is released here or passes hil health. "
        "So "
        "is one that hil watch gave up on, until there is another image for it. --release also "
        "lets "
        "hil watch try again the image that it holds back from a board."
        "\n\n"
        "A lab.yaml names each board, its labels and its drivers (hil drivers lists them):\n\n"
        "  lab: bench-a\n"
        "  boards:\n"
        "    nucleo-3:\n"
        "      labels: [nucleo-f446re, stm32f4]\n"
        "      memory: [{at: 0x08000000, size: 512K}]\n"
        "      flash: {cmd: {run: [st-flash, --reset, write, '{file}', '{address}'], file: bin}}\n"
        "      reset: {cmd: {run: [st-flash, reset]}}\n"
        "      console: {serial: {usb-serial: 066DFF515754888367131638, baud: 115200}}\n"
        "    virtual-1:\n"
        "      labels: [stm32f405, virtual]\n"
        "      qemu: {machine: netduinoplus2}",
    .rows = rows,
    .examples = examples,
    .see_also = see_also,
    .run = run,
};
