/* SPDX-License-Identifier: MIT
 *
 * All tests pass or are skipped, while the output tries to give orders to the machine that shows
 * it: workflow commands of GitHub Actions, at the start of a line, after a lone CR, inside a line.
 */
#include "check.h"
#include "print.h"

TEST(inject, test_error_annotation)
{
    print_text("::error::injected\n  ::error file=src/main.c,line=1::injected\n");
}

TEST(inject, test_problem_matcher)
{
    print_text("##[add-matcher]x\nreading ##[error]injected 42\n");
}

TEST(inject, test_hidden_behind_carriage_return)
{
    print_text("progress\r::add-mask::PASS\r##[group]injected\n");
}

TEST(inject, test_output_and_environment)
{
    print_text("::set-output name=verdict::pass\n::set-env name=PATH::/tmp\n::add-path::/tmp\n");
}

TEST(inject, test_no_more_commands)
{
    print_text("::stop-commands::injected\n");
}

TEST(inject, test_skip_reason)
{
    SKIP("::error::injected%0A::error::twice ##[error]thrice <b>bold</b> | `code`");
}
