/* SPDX-License-Identifier: MIT */
#include "serve/page/page.h"

#include "base/str.h"
#include "cmd/cmd.h"
#include "serve/page/services.h"

#include <stdio.h>

static const struct opt_row rows[] = {
    CMD_ROW_LAB,
    {"listen", 0, "ADDRESS:PORT",
     "Where to listen (127.0.0.1:8320); [::]:8320 is every address. Port 0 takes a free one.",
     "Who may look"},
    {"token-file", 0, "FILE",
     "Who wants to see the page needs the token in this file, of 16 characters or more: in a form, "
     "or "
     "as 'Authorization: Bearer TOKEN'.",
     NULL},
    {"host", 0, "NAME",
     "Another name that the page is asked for by, as behind a proxy. May be given several times. "
     "Addresses, localhost and this host's name need not be given.",
     NULL},
    {"tls-cert", 0, "FILE", "Speak HTTPS with this certificate (PEM, its chain behind it),", NULL},
    {"tls-key", 0, "FILE", "and this key.", NULL},
    {"allow-control", 0, NULL,
     "Viewers may reset boards, switch their power, and take them out of quarantine.", NULL},
    {"watch", 0, NULL,
     "Run hil watch beside it: a process of its own, started again when it ends, ended with this "
     "one.",
     "Beside the page"},
    {"rig", 0, NULL, "Run hil rig beside it, in the same way, with what lab.yaml's rig says.",
     NULL},
    {"github-token-file", 0, "FILE", "What they are given as --token-file.", NULL},
    {0},
};

static const char *const examples[] = {
    "Look at the lab from this host: http://localhost:8320/",
    "hil serve",
    "For everybody in the house who knows the token",
    "hil serve --listen '[::]:8320' --token-file /etc/hil/page-token --tls-cert lab.crt --tls-key "
    "lab.key",
    "The page, the release watch and the rig as one service",
    "hil serve --watch --rig --github-token-file token",
    "From another desk, without opening the lab",
    "ssh -L 8320:localhost:8320 lab",
    NULL};

static const char *const see_also[] = {"watch", "rig", "boards", "run", NULL};

struct options {
    struct page_request request;
    struct strv hosts;
    const char *services[SERVICES_MAX + 1];
    size_t service_count;
};

static int take(void *arg, const struct opt_row *row, const char *value, struct err *err)
{
    struct options *options = arg;
    struct page_request *request = &options->request;
    const struct {
        const char *name;
        const char **text;
    } texts[] = {
        {"lab", &request->lab},
        {"listen", &request->listen},
        {"token-file", &request->token_file},
        {"tls-cert", &request->tls_cert},
        {"tls-key", &request->tls_key},
        {"github-token-file", &request->github_token_file},
    };

    (void)err;
    for (size_t i = 0; i < ARRAY_SIZE(texts); i++)
        if (str_eq(row->name, texts[i].name))
            *texts[i].text = value;
    if (str_eq(row->name, "host"))
        strv_add(&options->hosts, value);
    else if (str_eq(row->name, "allow-control"))
        request->control = true;
    else if (!row->arg && options->service_count < SERVICES_MAX) /* the flags left are services */
        options->services[options->service_count++] = row->name;
    return 0;
}

static int check(const struct options *options, const char *operand, struct err *err)
{
    const struct page_request *request = &options->request;

    if (operand)
        return err_set(err, ERR_USAGE, "'%s': serve takes no operands", operand);
    if (!request->tls_cert != !request->tls_key)
        return err_set(err, ERR_USAGE, "--tls-cert and --tls-key go together");
    if (request->github_token_file && !options->service_count)
        return err_set(err, ERR_USAGE, "--github-token-file is for --watch and --rig");
    return 0;
}

static int run(const struct app *app, int argc, char **argv)
{
    struct options options = {
        .request = {.version = app->version, .listen = PAGE_LISTEN, .out = stdout}};
    struct err err = {0};
    int first, code = 0, rc;

    options.request.hosts = &options.hosts;
    options.request.services = options.services;
    if (cmd_parse(&verb_serve, argc, argv, take, &options, &first, &code)) {
        rc = check(&options, first < argc ? argv[first] : NULL, &err);
        if (rc == 0)
            rc = page_run(&options.request, &err);
        code = cmd_exit(app, rc < 0 && rc != -ERR_CANCELLED ? cmd_fail(&verb_serve, &err) : 0);
    }
    strv_done(&options.hosts);
    return code;
}

const struct opt_verb verb_serve = {
    .name = "serve",
    .operands = "",
    .summary = "show the lab on one web page, live",
    .description =
        "A service: boards with who holds them, progress and last verdicts, what each says on its "
        "UART, releases that are watched, history as charts, reports of runs. It reads what runs "
        "write anyway and costs them nothing; while nobody looks, it reads nothing.\n\n"
        "It only shows, and only to this host, unless told otherwise. What a board printed is text "
        "wherever it comes, and the page loads nothing from elsewhere.\n\n"
        "  /              the page\n"
        "  /events        server-sent events, ?board=NAME with its UART\n"
        "  /api/boards    hil boards --json, with what runs say of themselves\n"
        "  /api/history   what the charts are made of: ?days=30&board=NAME&test=NAME\n"
        "  /run/ID/       the files of a run that was seen\n"
        "  /metrics       for Prometheus\n"
        "  /healthz       200 while the service turns, also without its database; needs no "
        "token\n\n"
        "SIGHUP reads lab.yaml again; SIGTERM ends it within three seconds.",
    .rows = rows,
    .examples = examples,
    .see_also = see_also,
    .run = run,
};
