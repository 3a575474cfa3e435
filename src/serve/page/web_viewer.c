/* SPDX-License-Identifier: MIT */
/* One stream of server-sent events. A viewer has no queue: it has the numbers of the last frames
 * that it was sent, and gets whatever is newer when its socket takes more. These numbers are the id
 * of each event, so that what a browser says when it comes back is of the last event that it had
 * whole, wherever the connection was cut
 * (https://html.spec.whatwg.org/multipage/server-sent-events.html, 9.2.6). */
#include "serve/page/web_parts.h"

#include <ctype.h>
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#define BLOCK ((size_t)16 << 10)
#define QUIET_NS INT64_C(15000000000) /* then a comment, so that a dead connection is noticed */
#define ID_SIZE 80
#define PEEK_NS INT64_C(1000000000) /* who has gone is seen that soon where it says so */
#define RETRY "retry: 1000\n\n"

struct viewer {
    struct web *web;
    struct MHD_Connection *connection;
    int fd; /* its socket */
    struct viewer *next, **at;
    uint64_t seen; /* of the lab */
    struct console *console;
    uint64_t said;       /* of the console */
    bool found;          /* its place in the console's text is known */
    char small[ID_SIZE]; /* that is on its way, */
    struct frame *frame; /* and then this */
    size_t offset;       /* of the one that is */
    int64_t spoke_ns, peeked_ns;
    bool began, anew, suspended, gone;
};

/* ---- what it gets next ----------------------------------------------------------------------- */

static void send_small(struct viewer *viewer, const char *text)
{
    snprintf(viewer->small, sizeof viewer->small, "%s", text);
    viewer->offset = 0;
}

/* With what the viewer has once it has this. A frame is the same for all, so the id goes before it,
 * as a line of the same event. */
static bool send_frame(struct viewer *viewer, struct frame *frame)
{
    char id[ID_SIZE];

    snprintf(id, sizeof id, "id: %s-%" PRIx64 "-%" PRIx64 "\n", viewer->web->page->epoch,
             viewer->seen, viewer->said);
    send_small(viewer, id);
    viewer->frame = frame_keep(frame);
    viewer->web->counts.frames++;
    return true;
}

/* Text that went out of the ring, or all of it where it comes for the first time. */
static bool find_place(struct viewer *viewer)
{
    struct scroll *scroll = &viewer->console->scroll;
    bool first = !viewer->found, lost = !scroll_has(scroll, viewer->said);

    viewer->found = true;
    if (!first && !lost)
        return false;
    if (lost)
        viewer->said = scroll->lost;
    return send_frame(viewer, first ? viewer->web->clear : viewer->web->missed);
}

static bool next_frame(struct viewer *viewer)
{
    struct frame *frame = topic_after(&viewer->web->page->topic, viewer->seen);

    if (frame) {
        viewer->seen = frame->number;
        return send_frame(viewer, frame);
    }
    if (!viewer->console)
        return false;
    if (find_place(viewer))
        return true;
    frame = scroll_after(&viewer->console->scroll, viewer->said);
    if (!frame)
        return false;
    viewer->said = frame->number;
    return send_frame(viewer, frame);
}

static bool next_piece(struct viewer *viewer)
{
    if (!viewer->began) {
        viewer->began = true;
        send_small(viewer, RETRY);
        return true;
    }
    if (!viewer->seen && !viewer->anew) {
        viewer->anew = true;
        return send_frame(viewer, viewer->web->reset);
    }
    if (next_frame(viewer))
        return true;
    if (ctx_now_ns() - viewer->spoke_ns < QUIET_NS)
        return false;
    send_small(viewer, ":\n\n");
    return true;
}

static size_t copy(struct viewer *viewer, char *to, size_t room)
{
    bool small = *viewer->small;
    const char *from = small ? viewer->small : viewer->frame->bytes;
    size_t size = small ? strlen(viewer->small) : viewer->frame->size;
    size_t count = size - viewer->offset < room ? size - viewer->offset : room;

    memcpy(to, from + viewer->offset, count);
    viewer->offset += count;
    if (viewer->offset < size)
        return count;
    viewer->offset = 0;
    *viewer->small = '\0';
    if (!small) {
        frame_drop(viewer->frame);
        viewer->frame = NULL;
    }
    return count;
}

static ssize_t read_stream(void *arg, uint64_t position, char *to, size_t room)
{
    struct viewer *viewer = arg;
    size_t count = 0;

    (void)position;
    if (viewer->web->closing || viewer->gone)
        return MHD_CONTENT_READER_END_OF_STREAM;
    while (count < room && (viewer->frame || *viewer->small || next_piece(viewer)))
        count += copy(viewer, to + count, room - count);
    if (count) {
        viewer->spoke_ns = ctx_now_ns();
        viewer->web->counts.bytes += count;
        return (ssize_t)count;
    }
    viewer->suspended = true;
    viewer->web->api.suspend_connection(viewer->connection);
    return 0;
}

/* ---- its life -------------------------------------------------------------------------------- */

static void end_stream(void *arg)
{
    struct viewer *viewer = arg;

    if (viewer->console)
        page_console_leave(viewer->console);
    *viewer->at = viewer->next;
    if (viewer->next)
        viewer->next->at = viewer->at;
    viewer->web->counts.viewers--;
    frame_drop(viewer->frame);
    free(viewer);
}

static bool take_number(const char **text, char end, uint64_t *ret)
{
    char *stop;

    if (!isxdigit((unsigned char)**text))
        return false;
    *ret = strtoull(*text, &stop, 16);
    if (*stop != end)
        return false;
    *text = stop + (end != '\0');
    return true;
}

/* Where it was when it lost us; else it begins anew. */
static void resume(struct viewer *viewer, const char *last)
{
    const char *epoch = viewer->web->page->epoch;
    size_t length = strlen(epoch);
    uint64_t seen, said, newest = viewer->web->page->number;

    if (!last || strncmp(last, epoch, length) != 0 || last[length] != '-')
        return;
    last += length + 1;
    if (!take_number(&last, '-', &seen) || !take_number(&last, '\0', &said) || seen > newest ||
        said > newest)
        return;
    viewer->seen = seen;
    viewer->said = said;
    viewer->found = said && viewer->console && scroll_has(&viewer->console->scroll, said);
}

static struct viewer *viewer_new(struct web *web, struct MHD_Connection *connection)
{
    struct viewer *viewer = xcalloc(1, sizeof *viewer);

    viewer->web = web;
    viewer->connection = connection;
    viewer->fd =
        web->api.get_connection_info(connection, MHD_CONNECTION_INFO_CONNECTION_FD)->connect_fd;
    viewer->spoke_ns = ctx_now_ns();
    viewer->at = &web->viewers;
    viewer->next = web->viewers;
    if (viewer->next)
        viewer->next->at = &viewer->next;
    web->viewers = viewer;
    web->counts.viewers++;
    return viewer;
}

enum MHD_Result web_view(struct web *web, struct MHD_Connection *connection)
{
    const char *board = web_query(web, connection, "board");
    const char *last = web_header(web, connection, "Last-Event-ID");
    struct MHD_Response *response;
    struct viewer *viewer;
    enum MHD_Result done;

    if (web->counts.viewers >= WEB_VIEWERS)
        return web_say(web, connection, 503, "too many viewers; close a tab");
    viewer = viewer_new(web, connection);
    if (board && page_board(web->page, board))
        viewer->console = page_console(web->page, board);
    page_freshen(web->page);
    resume(viewer, last ? last : web_query(web, connection, "last"));
    response = web->api.create_response_from_callback(MHD_SIZE_UNKNOWN, BLOCK, read_stream, viewer,
                                                      end_stream);
    if (!response) {
        end_stream(viewer);
        return MHD_NO;
    }
    web_guard(web, response, "default-src 'none'");
    web->api.add_response_header(response, "Content-Type", "text/event-stream");
    web->api.add_response_header(response, "Cache-Control", "no-store");
    web->api.add_response_header(response, "X-Accel-Buffering", "no"); /* nginx passes on at once */
    done = web->api.queue_response(connection, 200, response);
    web->api.destroy_response(response);
    return done;
}

/* While a connection is suspended, libmicrohttpd does not look at it. */
static bool has_gone(struct viewer *viewer)
{
    int64_t now_ns = ctx_now_ns();
    char byte;

    if (now_ns - viewer->peeked_ns < PEEK_NS)
        return false;
    viewer->peeked_ns = now_ns;
    ssize_t got = recv(viewer->fd, &byte, 1, MSG_PEEK | MSG_DONTWAIT);
    viewer->gone = got == 0 || (got < 0 && errno != EAGAIN);
    return viewer->gone;
}

static bool has_news(const struct viewer *viewer)
{
    const struct console *console = viewer->console;

    return topic_after(&viewer->web->page->topic, viewer->seen) ||
           (console && (!viewer->found || scroll_after(&console->scroll, viewer->said))) ||
           ctx_now_ns() - viewer->spoke_ns >= QUIET_NS;
}

void web_wake(struct web *web)
{
    for (struct viewer *viewer = web->viewers; viewer; viewer = viewer->next) {
        if (!viewer->suspended || !(web->closing || has_news(viewer) || has_gone(viewer)))
            continue;
        viewer->suspended = false;
        web->api.resume_connection(viewer->connection);
    }
    web_go_on(web);
}

void web_dismiss(struct web *web)
{
    web->closing = true;
    web_wake(web);
}
