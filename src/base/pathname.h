/* SPDX-License-Identifier: MIT
 *
 * pathname: a path as some other machine wrote it, told apart from how it was written.
 *
 * Only the text counts: nothing is looked up, links are not followed. Nothing blocks.
 */
#ifndef HIL_BASE_PATHNAME_H
#define HIL_BASE_PATHNAME_H

/* Makes it shorter in place: backslashes become slashes, "//", "/./" and "a/.." go; ".." that lead
 * out of a relative path stay at its front. "C:\x\..\y.c" is "C:/y.c" then. "." and
 * "a/.." become "". */
void pathname_normalize(char *path);

#endif
