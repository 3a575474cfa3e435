/* SPDX-License-Identifier: MIT */
/* Mail by libcurl's SMTP (RFC 5321). TLS is required unless lab.yaml says otherwise, and a password
 * never goes in the clear to another host. */
#include "base/text.h"
#include "notify/kind.h"
#include "notify/letter.h"
#include "source/curl_api.h"

#include <string.h>

#define CONNECT_MS 15000
#define POLL_MS 1000

enum tls { TLS_REQUIRED, TLS_OFF };
static const char *const tls_names[] = {"required", "off", NULL};

struct email_conf {
    char *server, *from, *user;
    struct strv to;
    struct secret_conf password;
    int tls;
};

static const struct field rows[] = {
    {"server", FIELD_STRING, offsetof(struct email_conf, server), FIELD_REQUIRED,
     .help = "smtps://HOST (465), or smtp://HOST:587 for STARTTLS"},
    {"from", FIELD_STRING, offsetof(struct email_conf, from), FIELD_REQUIRED,
     .help = "the sender's address"},
    {"to", FIELD_STRINGS, offsetof(struct email_conf, to), FIELD_REQUIRED, .help = "addresses"},
    {"user", FIELD_STRING, offsetof(struct email_conf, user), .help = "to log in as"},
    {"password", FIELD_STRING, offsetof(struct email_conf, password.value), .help = "the user's"},
    {"password-file", FIELD_STRING, offsetof(struct email_conf, password.file),
     .help = SECRET_FILE_HELP},
    {"password-env", FIELD_STRING, offsetof(struct email_conf, password.env),
     .help = SECRET_ENV_HELP},
    {"tls", FIELD_CHOICE, offsetof(struct email_conf, tls), .choices = tls_names,
     .help = "required, or off for a relay on this host"},
    {0}};

/* ---- checks ---------------------------------------------------------------------------------- */

/* What could end a line of SMTP or of the header is no part of an address. */
static bool address_ok(const char *address)
{
    const char *at = strchr(address, '@');

    for (const char *c = address; *c; c++)
        if ((unsigned char)*c <= ' ' || *c == 127 || strchr("<>,;:\"()[]\\", *c))
            return false;
    return at && at > address && at[1] && !strchr(at + 1, '@');
}

static bool is_local(const char *server)
{
    const char *host = strstr(server, "://");
    size_t length = host ? strcspn(host + 3, ":/") : 0;

    return host && ((length == 9 && !strncmp(host + 3, "localhost", 9)) ||
                    (length == 9 && !strncmp(host + 3, "127.0.0.1", 9)));
}

static void check(const void *conf, const struct yaml_node *node, struct diags *diags)
{
    const struct email_conf *email = conf;

    if (!str_starts(email->server, "smtp://") && !str_starts(email->server, "smtps://"))
        diag_node(diags, yaml_get(node, "server"),
                  "server: '%.80s' begins with neither smtps:// nor smtp://", email->server);
    if (strpbrk(email->server, "@ \t\r\n"))
        diag_node(diags, yaml_get(node, "server"),
                  "server: a name and a password stand under user and password-file");
    if (!address_ok(email->from))
        diag_node(diags, yaml_get(node, "from"), "from: '%.80s' is no address", email->from);
    for (size_t i = 0; i < email->to.count; i++)
        if (!address_ok(email->to.items[i]))
            diag_node(diags, yaml_get(node, "to"), "to: '%.80s' is no address", email->to.items[i]);
    if (!email->to.count)
        diag_node(diags, yaml_get(node, "to"), "to: nobody");
    secret_check(&email->password, "password", false, node, diags);
    if (!email->user != !secret_given(&email->password))
        diag_node(diags, node, "user and password-file go together");
    if (email->tls == TLS_OFF && email->user && !is_local(email->server))
        diag_node(diags, yaml_get(node, "tls"),
                  "tls: off would send the password in the clear to another host");
}

/* ---- SMTP ------------------------------------------------------------------------------------ */

struct transfer {
    struct curl_api api;
    CURLM *multi;
    CURL *easy;
    struct curl_slist *to;
    const struct buf *mail;
    size_t sent;
    char words[CURL_ERROR_SIZE];
};

static size_t give_mail(char *bytes, size_t size, size_t count, void *arg)
{
    struct transfer *transfer = arg;
    size_t left = transfer->mail->size - transfer->sent;

    count *= size;
    if (count > left)
        count = left;
    memcpy(bytes, transfer->mail->data + transfer->sent, count);
    transfer->sent += count;
    return count;
}

static size_t drop(char *bytes, size_t size, size_t count, void *arg)
{
    (void)bytes;
    (void)arg;
    return size * count;
}

static void set_up(struct transfer *transfer, const struct email_conf *email, const char *password)
{
    const struct curl_api *api = &transfer->api;
    CURL *easy = transfer->easy;

    for (size_t i = 0; i < email->to.count; i++)
        transfer->to = api->slist_append(transfer->to, email->to.items[i]);
    api->easy_setopt(easy, CURLOPT_URL, email->server);
    api->easy_setopt(easy, CURLOPT_PROTOCOLS_STR, "smtp,smtps");
    api->easy_setopt(easy, CURLOPT_MAIL_FROM, email->from);
    api->easy_setopt(easy, CURLOPT_MAIL_RCPT, transfer->to);
    api->easy_setopt(easy, CURLOPT_UPLOAD, 1L);
    api->easy_setopt(easy, CURLOPT_READFUNCTION, give_mail);
    api->easy_setopt(easy, CURLOPT_READDATA, transfer);
    api->easy_setopt(easy, CURLOPT_WRITEFUNCTION, drop);
    api->easy_setopt(easy, CURLOPT_USE_SSL,
                     email->tls == TLS_REQUIRED ? (long)CURLUSESSL_ALL : (long)CURLUSESSL_NONE);
    api->easy_setopt(easy, CURLOPT_CONNECTTIMEOUT_MS, (long)CONNECT_MS);
    api->easy_setopt(easy, CURLOPT_NOSIGNAL, 1L);
    api->easy_setopt(easy, CURLOPT_QUICK_EXIT, 1L);
    api->easy_setopt(easy, CURLOPT_ERRORBUFFER, transfer->words);
    if (email->user) {
        api->easy_setopt(easy, CURLOPT_USERNAME, email->user);
        api->easy_setopt(easy, CURLOPT_PASSWORD, password);
    }
    curl_api_trust(api, easy);
}

static int explain(const struct transfer *transfer, const struct email_conf *email, CURLcode code,
                   struct err *err)
{
    const char *words = *transfer->words ? transfer->words : transfer->api.easy_strerror(code);
    cleanup_free char *clean = text_clean_dup(words, CURL_ERROR_SIZE, TEXT_ONE_LINE);

    switch (code) {
    case CURLE_LOGIN_DENIED:
        return err_set(err, ERR_REFUSED, "%s: it does not let %s in: %s", email->server,
                       email->user ? email->user : "us", clean);
    case CURLE_USE_SSL_FAILED:
        return err_set(err, ERR_REFUSED,
                       "%s: it offers no TLS (%s); with tls: off the mail goes in the clear",
                       email->server, clean);
    default:
        return err_set(err, code == CURLE_OPERATION_TIMEDOUT ? ERR_TIMEOUT : ERR_GONE, "%s: %s",
                       email->server, clean);
    }
}

static int drive(struct transfer *transfer, const struct email_conf *email, const struct ctx *ctx,
                 struct err *err)
{
    const struct curl_api *api = &transfer->api;
    struct curl_waitfd cancel = {.fd = ctx->cancel_fd, .events = CURL_WAIT_POLLIN};
    int running = 1, left;
    CURLMsg *message;

    while (running) {
        int64_t wait_ms = ctx_left_ms(ctx);
        int rc = ctx_check(ctx, err);
        CURLMcode code;
        if (rc < 0)
            return err_wrap(err, "%s", email->server);
        code = api->multi_perform(transfer->multi, &running);
        if (code == CURLM_OK && running)
            code = api->multi_poll(transfer->multi, &cancel, cancel.fd >= 0,
                                   wait_ms < POLL_MS ? (int)wait_ms + 1 : POLL_MS, NULL);
        if (code != CURLM_OK)
            return err_set(err, ERR_IO, "libcurl: %s", api->multi_strerror(code));
    }
    message = api->multi_info_read(transfer->multi, &left);
    if (!message || message->msg != CURLMSG_DONE)
        return err_set(err, ERR_IO, "libcurl lost the transfer");
    return message->data.result == CURLE_OK ? 0
                                            : explain(transfer, email, message->data.result, err);
}

static int transfer_mail(const struct email_conf *email, const char *password,
                         const struct buf *mail, const struct ctx *ctx, struct err *err)
{
    struct transfer transfer = {.mail = mail};
    int rc = curl_api_load(&transfer.api, err);

    if (rc < 0)
        return rc;
    transfer.multi = transfer.api.multi_init();
    transfer.easy = transfer.api.easy_init();
    if (transfer.multi && transfer.easy) {
        set_up(&transfer, email, password);
        transfer.api.multi_add_handle(transfer.multi, transfer.easy);
        rc = drive(&transfer, email, ctx, err);
        transfer.api.multi_remove_handle(transfer.multi, transfer.easy);
    } else {
        rc = err_set(err, ERR_IO, "libcurl is out of memory");
    }
    transfer.api.slist_free_all(transfer.to);
    transfer.api.easy_cleanup(transfer.easy);
    transfer.api.multi_cleanup(transfer.multi);
    return rc;
}

static int deliver(const struct sink *sink, const struct message *message, const char *version,
                   const struct ctx *ctx, int64_t *ret_wait_ms, struct err *err)
{
    const struct email_conf *email = sink->conf;
    cleanup_buf struct buf mail = BUF_INIT(2 * MESSAGE_MAX);
    cleanup_secret char *password = NULL;
    int rc = secret_read(&email->password, "password", sink->dir, &password, err);

    (void)version;
    (void)ret_wait_ms;
    if (rc < 0)
        return rc;
    letter_write(email->from, &email->to, message, &mail);
    return transfer_mail(email, password, &mail, ctx, err);
}

static const char *where(const void *conf)
{
    const struct email_conf *email = conf;

    return email->to.items[0];
}

const struct sink_kind sink_email = {
    .name = "email",
    .help = "mail by SMTP, with TLS",
    .rows = rows,
    .size = sizeof(struct email_conf),
    .check = check,
    .deliver = deliver,
    .where = where,
    .secrets =
        (const struct secret_row[]){{"password", offsetof(struct email_conf, password)}, {0}},
};
