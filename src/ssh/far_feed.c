/* SPDX-License-Identifier: MIT */
#include "ssh/far_feed.h"

#include "base/fs.h"
#include "base/str.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <sys/stat.h>
#include <unistd.h>

#define CHUNK ((size_t)64 << 10)
#define ORDER_MAX ((size_t)1 << 20) /* all but the files */
#define LATE_S 5                    /* the program's own deadline there lies behind ours */

static int add_word(struct buf *order, const char *word)
{
    int rc = 0;

    for (const unsigned char *at = (const unsigned char *)word; *at && rc == 0; at++)
        rc = buf_addf(order, "\\0%03o", *at);
    return rc == 0 ? buf_adds(order, "\n") : rc;
}

/* Seconds that the program may take there; 0: as many as it likes. */
static int64_t limit_s(const struct ctx *ctx)
{
    int64_t left = ctx_left_ms(ctx);

    return left == CTX_NEVER ? 0 : (left + 999) / 1000 + LATE_S;
}

int far_feed_begin(struct far_feed *feed, const char *const *argv, const struct far_file *files,
                   size_t count, const struct ctx *ctx, struct err *err)
{
    struct buf *order = &feed->bytes;
    size_t words = 0;
    int rc;

    *feed =
        (struct far_feed){.files = files, .count = count, .fd = -1, .bytes = BUF_INIT(ORDER_MAX)};
    while (argv[words])
        words++;
    rc = buf_addf(order, "%" PRId64 "\n%zu\n", limit_s(ctx), words);
    for (size_t i = 0; i < words && rc == 0; i++)
        rc = add_word(order, argv[i]);
    if (rc == 0)
        rc = buf_addf(order, "%zu\n", count);
    return rc < 0 ? err_set(err, ERR_LIMIT, "%s: its words are longer than %zu bytes",
                            fs_basename(argv[0]), ORDER_MAX / 5)
                  : 0;
}

void far_feed_done(struct far_feed *feed)
{
    close_fd(&feed->fd);
    buf_done(&feed->bytes);
}

bool far_feed_over(const struct far_feed *feed)
{
    return feed->gone && !feed->bytes.size;
}

void far_feed_beat(struct far_feed *feed, int fd)
{
    int64_t now = ctx_now_ns();

    if (!far_feed_over(feed) || now - feed->beat_ns < FAR_BEAT_MS * INT64_C(1000000))
        return;
    feed->beat_ns = now;
    (void)!write(fd, ".", 1); /* one that finds no room is missed by nobody yet */
}

static int open_next(struct far_feed *feed, struct err *err)
{
    const struct far_file *file = &feed->files[feed->next++];
    struct stat info;

    feed->fd = open(file->path, O_RDONLY | O_CLOEXEC);
    if (feed->fd < 0 || fstat(feed->fd, &info) < 0)
        return err_sys(err, errno, "%s", file->path);
    feed->left = (uint64_t)info.st_size;
    buf_addf(&feed->bytes, "%s\n%" PRIu64 "\n", file->name, feed->left);
    return 0;
}

/* More of the file under way. */
static int read_more(struct far_feed *feed, struct err *err)
{
    size_t want = feed->left < CHUNK ? (size_t)feed->left : CHUNK;
    ssize_t n = want ? read(feed->fd, buf_space(&feed->bytes, want), want) : 0;

    if (n < 0 || (n == 0 && want))
        return err_sys(err, n < 0 ? errno : EIO, "%s", feed->files[feed->next - 1].path);
    buf_grew(&feed->bytes, (size_t)n);
    feed->left -= (uint64_t)n;
    if (!feed->left) {
        close_fd(&feed->fd);
        feed->fd = -1;
    }
    return 0;
}

static int refill(struct far_feed *feed, struct err *err)
{
    int rc = 0;

    while (!feed->bytes.size && !feed->gone && rc == 0) {
        if (feed->fd >= 0) {
            rc = read_more(feed, err);
        } else if (feed->next < feed->count) {
            rc = open_next(feed, err);
        } else {
            buf_adds(&feed->bytes, "go\n");
            feed->gone = true;
        }
    }
    return rc;
}

int far_feed_some(struct far_feed *feed, int fd, struct err *err)
{
    int rc = refill(feed, err);
    ssize_t n;

    if (rc < 0 || !feed->bytes.size)
        return rc;
    n = write(fd, feed->bytes.data, feed->bytes.size);
    if (n > 0) {
        buf_drop_front(&feed->bytes, (size_t)n);
    } else if (n < 0 && errno != EAGAIN && errno != EINTR) {
        buf_clear(&feed->bytes);
        feed->gone = true;
    }
    return 0;
}
