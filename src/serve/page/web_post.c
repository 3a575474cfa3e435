/* SPDX-License-Identifier: MIT */
#include "serve/page/web_parts.h"

#include <sodium/utils.h>
#include <stdlib.h>
#include <string.h>

#define CONTROL_MAX ((size_t)4 << 10)
#define WRONG "/#wrong-token" /* the page says so */

static enum MHD_Result go(struct web *web, struct MHD_Connection *connection, const char *where,
                          const char *cookie)
{
    return web_answer(
        web, connection,
        &(struct web_answer){
            .status = 303, .bytes = "", .keeps = true, .location = where, .cookie = cookie});
}

static enum MHD_Result login(struct web *web, struct MHD_Connection *connection,
                             const struct buf *body)
{
    const struct access *access = &web->page->access;
    char *token = access_form_token(body->data, body->size);
    bool good = token && access_token_ok(access, token);
    cleanup_free char *cookie =
        xasprintf("%s=%s; Path=/; HttpOnly; SameSite=Strict; Max-Age=31536000%s", web->cookie_name,
                  access->cookie, access->tls ? "; Secure" : "");

    if (token)
        sodium_memzero(token, strlen(token));
    free(token);
    web->counts.refused += !good;
    return go(web, connection, good ? "/" : WRONG, good ? cookie : NULL);
}

static enum MHD_Result logout(struct web *web, struct MHD_Connection *connection)
{
    cleanup_free char *cookie =
        xasprintf("%s=; Path=/; HttpOnly; SameSite=Strict; Max-Age=0", web->cookie_name);

    return go(web, connection, "/", cookie);
}

static unsigned status_of(const struct err *err)
{
    return err->code == ERR_NOT_FOUND                        ? 404
           : err->code == ERR_BUSY                           ? 409
           : err->code == ERR_USAGE || err->code == ERR_DATA ? 400
                                                             : 503;
}

static int act(struct page *page, const struct buf *body, struct err *err)
{
    cJSON *tree = NULL;
    const char *board, *what;
    int rc = json_parse(body->data, body->size, CONTROL_MAX, "the request", &tree, err);

    if (rc < 0)
        return rc;
    board = json_get_string(tree, "board", NULL);
    what = json_get_string(tree, "do", NULL);
    rc = board && what ? page_act(page, board, what, err)
                       : err_set(err, ERR_DATA, "the request needs 'board' and 'do'");
    cJSON_Delete(tree);
    return rc;
}

static enum MHD_Result control(struct web *web, struct MHD_Connection *connection,
                               const struct buf *body)
{
    struct page *page = web->page;
    struct err err = {0};

    if (!page->request->control)
        return web_say(web, connection, 403, "this page only shows; hil serve --allow-control");
    if (!access_key_ok(&page->access, web_header(web, connection, "X-Hil-Key"))) {
        web->counts.refused++;
        return web_say(web, connection, 403, "X-Hil-Key is not this page's");
    }
    page_freshen(page);
    if (act(page, body, &err) < 0)
        return web_say(web, connection, status_of(&err), err.message);
    return web_say(web, connection, 202, "begun");
}

enum MHD_Result web_post(struct web *web, struct MHD_Connection *connection,
                         const struct web_target *target, const struct buf *body)
{
    switch (target->route) {
    case WEB_LOGIN:
        return login(web, connection, body);
    case WEB_LOGOUT:
        return logout(web, connection);
    case WEB_CONTROL:
        return control(web, connection, body);
    default:
        return web_say(web, connection, 404, "there is nothing here");
    }
}
