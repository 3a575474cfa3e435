/* SPDX-License-Identifier: MIT
 *
 * assets: the page, its style and its script as strings, put into the program when it is built
 * (base/embed.cmake).
 */
#ifndef HIL_SERVE_PAGE_WEB_ASSETS_H
#define HIL_SERVE_PAGE_WEB_ASSETS_H

extern const char page_html[], page_css[], page_js[];

#endif
