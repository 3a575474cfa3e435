/* SPDX-License-Identifier: MIT
 *
 * message_id: what services tell the journal that somebody may want to wait for or to count, each
 * by an id that stays when the words change (journalctl MESSAGE_ID=...). docs/watch.md lists them.
 */
#ifndef HIL_SERVE_MESSAGE_ID_H
#define HIL_SERVE_MESSAGE_ID_H

#define MESSAGE_ID_FLASHED "dff3f0d29e0a4c769c5bb83dbafe9039"
#define MESSAGE_ID_NOT_FLASHED "aa2c30f8a4ff4c0abead4dd2602246e8"
#define MESSAGE_ID_SET_ASIDE "2a6a734ab0ad466fa5724c6adbe61913"
#define MESSAGE_ID_NO_ANSWER "ca4dde10e40a40cf8e7c94b6ad685655"
#define MESSAGE_ID_SLOT_DONE "1d3c39c10271429fa9cadeba0d5f3a1f"
#define MESSAGE_ID_SLOT_FAILED "bb147c1238bf4df58619bfafb6e34942"
#define MESSAGE_ID_CONF_REFUSED "6a9d01cbdba24a3f8cd3ecce1b725c06"

#endif
