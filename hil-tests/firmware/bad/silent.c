/* SPDX-License-Identifier: MIT
 *
 * Runs, and never says a word.
 */
int main(void)
{
    return 0;
}
