/* SPDX-License-Identifier: MIT */
#include "check.h"
#include "speak.h"

int main(void)
{
    check_begin();
    struct tally tally = check_run();
    speak_end(&tally);
    return 0;
}
