/* SPDX-License-Identifier: MIT
 *
 * uart_text: console bytes as they come, made fit for a page; the end of a line need not be there.
 *
 *     struct uart_text text = {0};
 *     uart_text_feed(&text, bytes, count, &out)      appends clean UTF-8, with LF line ends
 *
 * CR LF and a lone CR become LF. Escape sequences (ECMA-48: CSI and two-byte ones) are taken out;
 * of a string sequence only the introducer, so that none can hide a line. NUL and the other control
 * characters but TAB are dropped, what is no UTF-8 becomes U+FFFD. A character that is cut by the
 * end of the bytes waits for the next ones. Never blocks, never fails: what does not fit into `out`
 * is dropped.
 */
#ifndef HIL_SERVE_PAGE_UART_TEXT_H
#define HIL_SERVE_PAGE_UART_TEXT_H

#include "base/buf.h"

#include <stdbool.h>

struct uart_text { /* zeroed is at the beginning */
    unsigned char held[4];
    size_t held_count;
    bool after_cr;
    bool escape;  /* after ESC */
    unsigned csi; /* bytes in a control sequence; 0: in none */
};
void uart_text_feed(struct uart_text *text, const void *bytes, size_t count, struct buf *out);

#endif
