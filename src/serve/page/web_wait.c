/* SPDX-License-Identifier: MIT
 *
 * Requests that wait for the store: suspended, so that all others are served meanwhile.
 */
#include "serve/page/web_parts.h"

#include "serve/loop.h"

#include <sodium/utils.h>
#include <stdlib.h>

#define BODY_MAX ((size_t)8 << 10)
#define LOOK_MS 1000 /* then what was known before will do */
#define HISTORY_MS (ASKER_MS + 10000)

struct web_call *web_call_new(struct web *web, struct MHD_Connection *connection)
{
    struct web_call *call = xcalloc(1, sizeof *call);

    call->connection = connection;
    call->body = (struct buf)BUF_INIT(BODY_MAX);
    call->at = &web->calls;
    call->next = web->calls;
    if (call->next)
        call->next->at = &call->next;
    web->calls = call;
    return call;
}

void web_call_free(struct web_call *call)
{
    if (!call)
        return;
    *call->at = call->next;
    if (call->next)
        call->next->at = call->at;
    page_history_drop(call->history);
    sodium_memzero(call->body.data, call->body.size); /* it may be a login */
    buf_done(&call->body);
    free(call);
}

static bool is_over(const struct web *web, const struct web_call *call)
{
    return web->closing || ctx_now_ns() >= call->due_ns ||
           (call->history ? page_history_is_here(call->history)
                          : web->page->store.answers >= call->answers);
}

static bool wait(struct web *web, struct web_call *call, int64_t ms)
{
    if (!call->waited)
        call->due_ns = loop_after_ms(ms);
    call->waited = true;
    if (is_over(web, call))
        return false;
    call->suspended = true;
    web->api.suspend_connection(call->connection);
    return true;
}

bool web_waits_for_look(struct web *web, struct web_call *call)
{
    const struct page_store *store = &web->page->store;

    if (!call->waited) {
        page_freshen(web->page);
        call->answers = store->answers + (store->asking ? 1 : 0);
    }
    return wait(web, call, LOOK_MS);
}

bool web_waits_for_history(struct web *web, struct web_call *call)
{
    return wait(web, call, HISTORY_MS);
}

void web_go_on(struct web *web)
{
    for (struct web_call *call = web->calls; call; call = call->next) {
        if (!call->suspended || !is_over(web, call))
            continue;
        call->suspended = false;
        web->api.resume_connection(call->connection);
    }
}

int64_t web_next_due_ns(const struct web *web)
{
    int64_t due_ns = INT64_MAX;

    for (const struct web_call *call = web->calls; call; call = call->next)
        if (call->suspended)
            loop_sooner(&due_ns, call->due_ns);
    return due_ns;
}
