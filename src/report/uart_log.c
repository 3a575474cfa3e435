/* SPDX-License-Identifier: MIT */
#include "report/uart_log.h"

#include "report/words.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define WINDOW_BYTES (64 * 1024) /* lines are looked for in so many bytes */
#define LINE_BYTES_MAX 400

struct uart_log uart_log_open(const struct job_result *job)
{
    struct uart_log log = {.fd = job->log ? open(job->log, O_RDONLY | O_CLOEXEC | O_NOCTTY) : -1};
    struct stat info;

    if (log.fd >= 0 && (fstat(log.fd, &info) < 0 || !S_ISREG(info.st_mode)))
        uart_log_close(&log);
    if (log.fd >= 0)
        log.size = (uint64_t)info.st_size;
    log.begin = job->capture.before_reset < log.size ? job->capture.before_reset : log.size;
    return log;
}

void uart_log_close(struct uart_log *log)
{
    if (log->fd >= 0)
        close(log->fd);
    log->fd = -1;
}

void uart_log_read(const struct uart_log *log, uint64_t begin, uint64_t end, struct buf *ret)
{
    end = end < log->size ? end : log->size;
    while (begin < end) {
        char *space = buf_space(ret, (size_t)(end - begin));
        ssize_t n = space ? pread(log->fd, space, (size_t)(end - begin), (off_t)begin) : 0;
        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0)
            return;
        buf_grew(ret, (size_t)n);
        begin += (uint64_t)n;
    }
}

static void add_line(struct buf *ret, const char *line, size_t size)
{
    cleanup_buf struct buf clean = BUF_INIT(SIZE_MAX / 4);
    size_t shown = size < LINE_BYTES_MAX ? size : LINE_BYTES_MAX;

    buf_adds(ret, words_line(&clean, line, shown));
    buf_adds(ret, shown < size ? "...\n" : "\n");
}

/* Where the last of them begin. */
static size_t last_lines(const struct buf *window, size_t lines)
{
    size_t from = window->size;

    while (from && lines--) {
        const char *lf = memrchr(window->data, '\n', from - 1);
        from = lf ? (size_t)(lf - window->data) + 1 : 0;
    }
    return from;
}

size_t uart_log_before(const struct uart_log *log, uint64_t end, size_t lines, struct buf *ret)
{
    cleanup_buf struct buf window = BUF_INIT(WINDOW_BYTES);
    uint64_t begin = log->begin;
    size_t found = 0;

    buf_clear(ret);
    end = end < log->size ? end : log->size;
    if (end > begin + WINDOW_BYTES)
        begin = end - WINDOW_BYTES;
    uart_log_read(log, begin, end, &window);
    for (size_t from = last_lines(&window, lines); from < window.size; found++) {
        const char *line = window.data + from;
        const char *lf = memchr(line, '\n', window.size - from);
        size_t size = lf ? (size_t)(lf - line) : window.size - from;
        add_line(ret, line, size && line[size - 1] == '\r' ? size - 1 : size);
        from += size + 1;
    }
    return found;
}
