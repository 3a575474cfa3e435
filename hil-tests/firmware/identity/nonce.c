/* SPDX-License-Identifier: MIT
 *
 * Asks for a nonce and echoes it, then runs its tests; where none comes it runs them all the same.
 */
#include "speak.h"

static bool echoed;

TEST(identity, test_says_its_build_id)
{
    CHECK(true);
}

TEST(identity, test_nonce_came)
{
    if (!echoed)
        SKIP("nobody sent one");
    CHECK(echoed);
}

int main(void)
{
    check_begin();
    echoed = check_echo_nonce();
    struct tally tally = check_run();
    speak_end(&tally);
    return 0;
}
