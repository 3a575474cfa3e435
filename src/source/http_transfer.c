/* SPDX-License-Identifier: MIT */
/* One request to one URL, driven by libcurl. */
#include "source/http_parts.h"

#include "base/str.h"

#include <stdio.h>
#include <string.h>

#define BUFFER_BYTES (128L << 10)
#define IGNORED_MAX (UINT64_C(4) << 20) /* of a body that nobody wants */

/* What the callbacks see. */
struct transfer {
    struct http *http;
    const struct http_request *request;
    const struct ctx *ctx;
    CURL *easy;
    struct curl_slist *lines;
    struct http_answer *answer;
    struct err *err;
    bool told;           /* a callback has filled err */
    bool began;          /* the sink knows of the answer */
    uint64_t mark_bytes; /* the stall's measure: so many bytes */
    int64_t mark_ns;     /* had come by then */
    char words[CURL_ERROR_SIZE];
};

static void answer_init(struct http_answer *answer, const char *url)
{
    http_answer_done(answer);
    http_fields_init(&answer->fields);
    answer->text = (struct buf)BUF_INIT(HTTP_TEXT_MAX);
    answer->url = xstrdup(url);
}

static size_t failed(struct transfer *transfer)
{
    transfer->told = true;
    return 0; /* fewer bytes than were given end the transfer */
}

static size_t on_header(char *line, size_t size, size_t count, void *arg)
{
    struct transfer *transfer = arg;

    if (http_fields_take(&transfer->answer->fields, line, size * count, transfer->err) < 0)
        return failed(transfer);
    return size * count;
}

static int begin(struct transfer *transfer)
{
    const struct http_sink *sink = &transfer->request->sink;

    if (transfer->began)
        return 0;
    transfer->began = true;
    return sink->begin(sink->arg, transfer->answer, transfer->err);
}

static bool wants_sink(const struct transfer *transfer)
{
    return transfer->request->method == HTTP_GET && transfer->answer->fields.status == 200;
}

/* A body other than a GET's 200 is short, or explains what went wrong: the beginning will do. */
static int keep_text(struct transfer *transfer, const char *bytes, size_t count)
{
    struct buf *text = &transfer->answer->text;
    size_t room = text->ceiling - text->size;

    buf_add(text, bytes, count < room ? count : room);
    if (transfer->answer->bytes > IGNORED_MAX)
        return err_set(transfer->err, ERR_PROTOCOL, "HTTP %ld with an endless body",
                       transfer->answer->fields.status);
    return 0;
}

static size_t on_body(char *bytes, size_t size, size_t count, void *arg)
{
    struct transfer *transfer = arg;
    const struct http_sink *sink = &transfer->request->sink;
    int rc;

    count *= size;
    transfer->answer->bytes += count;
    if (!wants_sink(transfer))
        return keep_text(transfer, bytes, count) < 0 ? failed(transfer) : count;
    rc = begin(transfer);
    if (rc == 0)
        rc = sink->bytes(sink->arg, bytes, count, transfer->ctx, transfer->err);
    if (transfer->answer->bytes - transfer->mark_bytes >= HTTP_STALL_BYTES) {
        transfer->mark_bytes = transfer->answer->bytes;
        transfer->mark_ns = ctx_now_ns(); /* after the sink: its time is not the server's */
    }
    return rc < 0 ? failed(transfer) : count;
}

static void add_line(struct transfer *transfer, const char *name, const char *value)
{
    char line[8192];
    int length = snprintf(line, sizeof line, "%s: %s", name, value);

    if (length > 0 && (size_t)length < sizeof line)
        transfer->lines = transfer->http->api.slist_append(transfer->lines, line);
    explicit_bzero(line, sizeof line);
}

/* libcurl borrows the body until the transfer is over. */
static void set_method(struct transfer *transfer)
{
    static const char *const names[] = {
        [HTTP_POST] = "POST",
        [HTTP_PUT] = "PUT",
        [HTTP_PATCH] = "PATCH",
        [HTTP_DELETE] = "DELETE",
    };
    const struct curl_api *api = &transfer->http->api;
    const struct http_request *request = transfer->request;

    if (request->method == HTTP_GET)
        return;
    if (request->body || request->method != HTTP_DELETE) {
        const char *body = request->body ? request->body : "";
        add_line(transfer, "Content-Type", "application/json");
        transfer->lines = api->slist_append(transfer->lines, "Expect:"); /* no 100-continue */
        api->easy_setopt(transfer->easy, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)strlen(body));
        api->easy_setopt(transfer->easy, CURLOPT_POSTFIELDS, body);
    }
    api->easy_setopt(transfer->easy, CURLOPT_CUSTOMREQUEST, names[request->method]);
}

static void set_up(struct transfer *transfer, const char *url, bool with_token)
{
    const struct http *http = transfer->http;
    const struct curl_api *api = &http->api;
    const struct http_request *request = transfer->request;
    CURL *easy = transfer->easy;

    if (request->accept)
        add_line(transfer, "Accept", request->accept);
    if (request->etag)
        add_line(transfer, "If-None-Match", request->etag);
    if (with_token && http->token)
        add_line(transfer, "Authorization", http->bearer);
    if (with_token)
        add_line(transfer, "X-GitHub-Api-Version", "2022-11-28");
    for (size_t i = 0; request->fields && request->fields[i]; i++)
        transfer->lines = api->slist_append(transfer->lines, request->fields[i]);
    set_method(transfer);
    api->easy_setopt(easy, CURLOPT_URL, url);
    api->easy_setopt(easy, CURLOPT_PROTOCOLS_STR, "http,https");
    api->easy_setopt(easy, CURLOPT_HTTPHEADER, transfer->lines);
    api->easy_setopt(easy, CURLOPT_USERAGENT, http->agent);
    api->easy_setopt(easy, CURLOPT_FOLLOWLOCATION, 0L);
    api->easy_setopt(easy, CURLOPT_SUPPRESS_CONNECT_HEADERS, 1L);
    api->easy_setopt(easy, CURLOPT_CONNECTTIMEOUT_MS, (long)http->options.connect_ms);
    api->easy_setopt(easy, CURLOPT_NOSIGNAL, 1L);
    api->easy_setopt(easy, CURLOPT_QUICK_EXIT, 1L); /* a cancel waits for no name server */
    api->easy_setopt(easy, CURLOPT_BUFFERSIZE, BUFFER_BYTES);
    api->easy_setopt(easy, CURLOPT_HEADERFUNCTION, on_header);
    api->easy_setopt(easy, CURLOPT_HEADERDATA, transfer);
    api->easy_setopt(easy, CURLOPT_WRITEFUNCTION, on_body);
    api->easy_setopt(easy, CURLOPT_WRITEDATA, transfer);
    api->easy_setopt(easy, CURLOPT_ERRORBUFFER, transfer->words);
    curl_api_trust(api, easy);
}

/* How a transfer that libcurl gave up is told. */
static int explain(struct transfer *transfer, CURLcode code)
{
    const struct http_answer *answer = transfer->answer;
    const char *words =
        *transfer->words ? transfer->words : transfer->http->api.easy_strerror(code);

    if (transfer->told)
        return -(int)transfer->err->code;
    transfer->answer->transient = true;
    transfer->answer->unsent = code == CURLE_COULDNT_RESOLVE_HOST ||
                               code == CURLE_COULDNT_RESOLVE_PROXY ||
                               code == CURLE_COULDNT_CONNECT ||
                               code == CURLE_OPERATION_TIMEDOUT; /* the only limit is connect_ms */
    switch (code) {
    case CURLE_COULDNT_RESOLVE_HOST:
    case CURLE_COULDNT_RESOLVE_PROXY:
        return err_set(transfer->err, ERR_GONE, "no such host: %s", words);
    case CURLE_COULDNT_CONNECT:
        return err_set(transfer->err, ERR_GONE, "no connection: %s", words);
    case CURLE_OPERATION_TIMEDOUT:
        return err_set(transfer->err, ERR_TIMEOUT, "no connection within %g s",
                       (double)transfer->http->options.connect_ms / 1000);
    case CURLE_PARTIAL_FILE:
        if (answer->fields.length >= 0)
            return err_set(transfer->err, ERR_GONE, "truncated: only %llu of %lld bytes came",
                           (unsigned long long)answer->bytes, (long long)answer->fields.length);
        return err_set(transfer->err, ERR_GONE, "truncated after %llu bytes",
                       (unsigned long long)answer->bytes);
    case CURLE_PEER_FAILED_VERIFICATION:
    case CURLE_SSL_CACERT_BADFILE:
    case CURLE_SSL_ISSUER_ERROR:
        transfer->answer->transient = false;
        return err_set(transfer->err, ERR_REFUSED,
                       "its certificate is not trusted: %s; where a CA of your own signed it, set "
                       "SSL_CERT_FILE to that CA's file",
                       words);
    default:
        return err_set(transfer->err, ERR_GONE, "the connection broke after %llu bytes: %s",
                       (unsigned long long)answer->bytes, words);
    }
}

static int check_time(struct transfer *transfer, int64_t *ret_left_ms)
{
    int64_t stall_ms = transfer->http->options.stall_ms;
    int64_t quiet_ms = (ctx_now_ns() - transfer->mark_ns) / 1000000;
    int64_t left = ctx_left_ms(transfer->ctx);
    int rc = ctx_check(transfer->ctx, transfer->err);

    if (rc < 0)
        return rc;
    if (quiet_ms >= stall_ms) {
        transfer->answer->transient = true;
        return err_set(transfer->err, ERR_TIMEOUT, "stalled: %llu bytes in the last %g s",
                       (unsigned long long)(transfer->answer->bytes - transfer->mark_bytes),
                       (double)stall_ms / 1000);
    }
    *ret_left_ms = left < stall_ms - quiet_ms ? left : stall_ms - quiet_ms;
    return 0;
}

static int drive(struct transfer *transfer)
{
    const struct curl_api *api = &transfer->http->api;
    CURLM *multi = transfer->http->multi;
    struct curl_waitfd cancel = {.fd = transfer->ctx->cancel_fd, .events = CURL_WAIT_POLLIN};
    int running = 1, left;
    int64_t wait_ms = 0;
    CURLMsg *message;
    CURLMcode code;

    for (;;) {
        int rc = check_time(transfer, &wait_ms);
        if (rc < 0)
            return rc;
        code = api->multi_perform(multi, &running);
        if (code == CURLM_OK && running)
            code = api->multi_poll(multi, &cancel, cancel.fd >= 0,
                                   wait_ms < 1000 ? (int)wait_ms + 1 : 1000, NULL);
        if (code != CURLM_OK)
            return err_set(transfer->err, ERR_IO, "libcurl: %s", api->multi_strerror(code));
        if (!running)
            break;
    }
    message = api->multi_info_read(multi, &left);
    if (!message || message->msg != CURLMSG_DONE)
        return err_set(transfer->err, ERR_IO, "libcurl lost the transfer");
    if (message->data.result != CURLE_OK)
        return explain(transfer, message->data.result);
    return wants_sink(transfer) ? begin(transfer) : 0;
}

int http_transfer(struct http *http, const struct http_request *request, const char *url,
                  bool with_token, const struct ctx *ctx, struct http_answer *answer,
                  struct err *err)
{
    struct err unread = {0};
    struct transfer transfer = {.http = http,
                                .request = request,
                                .ctx = ctx,
                                .answer = answer,
                                .err = err ? err : &unread,
                                .mark_ns = ctx_now_ns()};
    int rc;

    answer_init(answer, url);
    transfer.easy = http->api.easy_init();
    if (!transfer.easy)
        return err_set(err, ERR_IO, "libcurl is out of memory");
    set_up(&transfer, url, with_token);
    http->api.multi_add_handle(http->multi, transfer.easy);
    rc = drive(&transfer);
    http->api.multi_remove_handle(http->multi, transfer.easy);
    http->api.easy_cleanup(transfer.easy);
    http->api.slist_free_all(transfer.lines);
    return rc;
}
