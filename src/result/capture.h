/* SPDX-License-Identifier: MIT
 *
 * capture: what the reader of a console saw besides tests: how much, what was lost, how it ended.
 */
#ifndef HIL_RESULT_CAPTURE_H
#define HIL_RESULT_CAPTURE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* What the kernel counts on a tty: each stands for bytes that are missing or wrong, but a break,
 * which a board may send with every reset. */
struct line_errors {
    uint64_t overrun; /* the UART's FIFO was full */
    uint64_t buffer;  /* the kernel's own was */
    uint64_t framing;
    uint64_t parity;
    uint64_t breaks;
};
bool line_errors_any(const struct line_errors *errors); /* breaks do not count */

/* Where in uart.log errors were noticed: at `at` or a read before it. */
struct line_gap {
    uint64_t at; /* bytes into uart.log */
    int64_t us;  /* since the reset */
    struct line_errors errors;
};
#define LINE_GAPS_MAX 100 /* that are kept; the sums go on */

/* What the console's reader saw besides tests. */
struct capture_stats {
    uint64_t bytes;        /* in uart.log */
    uint64_t before_reset; /* of them: earlier than the reset, never parsed */
    int64_t reset_us;      /* from the start of uart.timing to the reset */
    uint64_t lines;
    uint64_t replaced_bytes; /* that were no valid UTF-8 or no allowed character */
    uint64_t cut_lines;      /* longer than the ceiling of a line */
    bool line_known;         /* the console's tty counts errors; since the reset: */
    struct line_errors line;
    const struct line_gap *gaps; /* in the job's arena */
    size_t gap_count;
};

/* How a capture ended. */
enum capture_end {
    END_NONE,    /* it never began */
    END_DONE,    /* the format saw its end marker */
    END_BOOT,    /* nothing came within the boot deadline */
    END_IDLE,    /* silence for longer than the idle deadline */
    END_TOTAL,   /* the total deadline */
    END_REBOOTS, /* a boot loop */
    END_CRASH,   /* a crash that the firmware does not come back from */
    END_OTHER,   /* the board said that it runs another image */
    END_GONE,    /* the console vanished */
    END_CANCELLED,
    END_EOF, /* replay: the log is over */
};
const char *capture_end_name(enum capture_end end); /* "done" "boot" ... */
bool capture_end_parse(const char *name, enum capture_end *ret);

#endif
