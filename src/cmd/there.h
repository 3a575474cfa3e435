/* SPDX-License-Identifier: MIT
 *
 * there: a verb for a board, or a host, that is on a server: done by the hil there.
 *
 *     struct there how = {0};
 *     desk_options_args(&options, &how.args);
 *     if (there_board(app, &verb_reset, options.lab, board, &how, &code))
 *         return code;
 *
 * What it prints comes out here as it is; what it says on stderr gets the server's name before each
 * line. On a terminal a console's keys go there one by one, and the terminal is put back
 * afterwards.
 */
#ifndef HIL_CMD_THERE_H
#define HIL_CMD_THERE_H

#include "base/str.h"
#include "cmd/cmd.h"

struct there {
    struct strv args; /* options; the board's name there comes behind them. Freed by the call */
    const char *last; /* an operand behind it; NULL: none */
    const char
        *prefix; /* after SERVER, before each line of stdout: "/"; NULL: they are as they are */
    /* Where there is no hil: what its STM32_Programmer_CLI is given instead; NULL: nothing can
     * be */
    const char *programmer_args;
    bool talks; /* stdin goes there */
    int log_fd; /* what it prints goes there, too; 0: nowhere */
};

/* True: it is a server's board, *ret_code is the exit code. False: it is none, and nothing was
 * said. `board` NULL: the lab's only one. */
bool there_board(const struct app *app, const struct opt_verb *verb, const char *lab,
                 const char *board, struct there *how, int *ret_code);
/* About the host itself; the exit code. */
int there_server(const struct app *app, const struct opt_verb *verb, const char *lab,
                 const char *server, struct there *how);

#define THERE_ROW_SERVER                                                                           \
    {                                                                                              \
        "server", 0, "NAME", "Of that server of lab.yaml instead of this host, through ssh.", NULL \
    }

#endif
