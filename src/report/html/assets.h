/* SPDX-License-Identifier: MIT
 *
 * assets: html.css and html.js as strings, put into the program when it is built
 * (base/embed.cmake).
 */
#ifndef HIL_REPORT_HTML_ASSETS_H
#define HIL_REPORT_HTML_ASSETS_H

extern const char html_css[], html_js[];

#endif
