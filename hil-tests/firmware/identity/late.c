/* SPDX-License-Identifier: MIT
 *
 * Two whole runs, as of a boot loader that tests itself first: only what follows the build-id is
 * the image's own. One test of the first run fails.
 */
#include "speak.h"

#include "print.h"

static bool announced;

TEST(late, test_fails_before_the_build_id)
{
    CHECK(announced);
}

TEST(late, test_passes)
{
    CHECK(true);
}

int main(void)
{
    print_text("loader: testing itself\n");
    struct tally tally = check_run();
    speak_end(&tally);
    check_say_build_id();
    announced = true;
    tally = check_run();
    speak_end(&tally);
    return 0;
}
