/* SPDX-License-Identifier: MIT
 *
 * How a server is reached, and how soon it is given up: servers that say nothing are sockets of the
 * test's own; the others tests/with-postgres has.
 */
#include "store/db.h"

#include "engine.h"

#include "base/fs.h"
#include "base/str.h"

#include <criterion/criterion.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#define SOON_MS 400

/* Whoever connects is connected, by the kernel, and hears nothing. */
static int silent_port(int *ret_fd)
{
    struct sockaddr_in at = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t size = sizeof at;

    *ret_fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    cr_assert_eq(bind(*ret_fd, (struct sockaddr *)&at, size), 0);
    cr_assert_eq(listen(*ret_fd, 8), 0);
    cr_assert_eq(getsockname(*ret_fd, (struct sockaddr *)&at, &size), 0);
    return ntohs(at.sin_port);
}

static int64_t took_ms(int64_t since_ns)
{
    return (ctx_now_ns() - since_ns) / 1000000;
}

Test(reach, a_silent_server_is_left_when_the_time_is_over)
{
    const struct ctx root = ctx_root(-1, NULL);
    struct ctx soon;
    struct db *db = NULL;
    struct err err = {0};
    cleanup_close int fd = -1;
    cleanup_free char *url =
        xasprintf("postgresql://hil@127.0.0.1:%d/lab?sslmode=disable", silent_port(&fd));
    int64_t began_ns = ctx_now_ns();

    soon = ctx_narrow(&root, SOON_MS);
    cr_expect_eq(db_open_server(url, true, &soon, &db, &err), -ERR_GONE);
    cr_expect_str_eq(err.message, "PostgreSQL lab on 127.0.0.1: the server does not answer");
    cr_expect_geq(took_ms(began_ns), SOON_MS - 1);
    cr_expect_lt(took_ms(began_ns), 4 * SOON_MS);
}

Test(reach, a_cancel_ends_the_wait_at_once)
{
    cleanup_close int cancel_fd = eventfd(1, EFD_CLOEXEC), fd = -1;
    const struct ctx ctx = ctx_root(cancel_fd, NULL);
    struct db *db = NULL;
    struct err err = {0};
    cleanup_free char *url =
        xasprintf("postgresql://hil@127.0.0.1:%d/lab?sslmode=disable", silent_port(&fd));
    int64_t began_ns = ctx_now_ns();

    cr_expect_eq(db_open_server(url, true, &ctx, &db, &err), -ERR_CANCELLED);
    cr_expect_lt(took_ms(began_ns), SOON_MS);
}

/* ---- on a server
 * ------------------------------------------------------------------------------ */

static const struct store_conf *conf;

static void enter(void)
{
    conf = engine_conf();
}

TestSuite(reach_server, .init = enter, .fini = engine_leave);

#define NEEDS_SERVER                                             \
    do {                                                         \
        if (!conf)                                               \
            cr_skip_test("needs a server: tests/with-postgres"); \
    } while (0)

Test(reach_server, a_host_that_is_silent_leaves_time_for_the_next)
{
    const struct ctx root = ctx_root(-1, NULL);
    struct ctx soon = ctx_narrow(&root, 4 * SOON_MS);
    struct db *db = NULL;
    struct err err = {0};
    cleanup_close int fd = -1;
    const char *home;

    NEEDS_SERVER;
    home = strstr(conf->url, "host=") + strlen("host=");
    cleanup_free char *real = xstrndup(home, strcspn(home, "&"));
    cleanup_free char *url =
        xasprintf("postgresql:///postgres?user=hil&sslmode=disable&host=127.0.0.1,%s&port=%d,5432",
                  real, silent_port(&fd));
    cr_expect_eq(db_open_server(url, false, &soon, &db, &err), -ERR_NOT_FOUND, "%s", err.message);
    cr_expect_gt(ctx_left_ms(&soon), 0);
}

/* With room for one connection. Caller frees. */
static char *narrow_url(void)
{
    cleanup_free char *rest = xstrdup(strstr(conf->url, "user=hil") + strlen("user=hil"));

    engine_execute(NULL, "CREATE ROLE narrow LOGIN CONNECTION LIMIT 1");
    return xasprintf("%.*suser=narrow%s", (int)(strstr(conf->url, "user=hil") - conf->url),
                     conf->url, rest);
}

/* A process that has the connection until it is told to end. */
static pid_t take_room(const char *url, int *ret_stop_fd)
{
    int ready[2], stop[2];
    char byte;
    pid_t child;

    cr_assert_eq(pipe(ready), 0);
    cr_assert_eq(pipe(stop), 0);
    child = fork();
    if (child == 0) {
        struct db *db = NULL;
        close(stop[1]);
        db_open_server(url, true, NULL, &db, NULL);
        cr_assert_eq(write(ready[1], "", 1), 1);
        _exit((int)read(stop[0], &byte, 1));
    }
    close(ready[1]);
    close(stop[0]);
    cr_assert_eq(read(ready[0], &byte, 1), 1);
    close(ready[0]);
    *ret_stop_fd = stop[1];
    return child;
}

Test(reach_server, a_server_without_room_is_asked_again_and_says_what_it_lacks)
{
    const struct ctx root = ctx_root(-1, NULL);
    struct ctx soon;
    struct db *db = NULL;
    struct err err = {0};
    int stop_fd;
    pid_t holder, closer;

    NEEDS_SERVER;
    cleanup_free char *url = narrow_url();
    cleanup_free char *grant =
        xasprintf("GRANT ALL ON SCHEMA %.*s TO narrow", (int)strcspn(strstr(conf->url, "t_"), "&"),
                  strstr(conf->url, "t_"));
    engine_execute(NULL, grant);
    holder = take_room(url, &stop_fd);
    soon = ctx_narrow(&root, SOON_MS);
    cr_expect_eq(db_open_server(url, true, &soon, &db, &err), -ERR_GONE);
    cr_expect(strstr(err.message, "too many connections for role \"narrow\"; docs/postgresql.md"),
              "%s", err.message);
    closer = fork();
    if (closer == 0) {
        usleep(SOON_MS * 1000 / 2);
        _exit(close(stop_fd));
    }
    close(stop_fd);
    cr_expect_eq(db_open_server(url, true, NULL, &db, &err), 0, "%s", err.message);
    db_close(db);
    waitpid(holder, NULL, 0);
    waitpid(closer, NULL, 0);
    engine_execute(NULL, "DROP OWNED BY narrow; DROP ROLE narrow");
}
