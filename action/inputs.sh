# shellcheck shell=bash
# SPDX-License-Identifier: MIT
# inputs.sh: an action's inputs as arguments of a program. Sourced.
#
# Inputs come as IN_* variables and go on as whole arguments: nothing of them is ever code, a pattern for
# the shell, or split at blanks.

arguments=()
argument() { arguments+=("$1"); }
# option NAME VALUE: --NAME=VALUE, if there is a value.
option() {
  if [[ -n $2 ]]; then argument "--$1=$2"; fi
}

# flag NAME VALUE: --NAME, if the value is true.
flag() {
  case $2 in
    true) argument "--$1" ;;
    '' | false) ;;
    *) refuse "$1: neither true nor false" ;;
  esac
}

# each FUNCTION TEXT: calls FUNCTION with each line that is not blank. A workflow file may have CRLF.
each() {
  local line
  while IFS= read -r line || [[ -n $line ]]; do
    line=${line%$'\r'}
    if [[ $line == *[![:space:]]* ]]; then "$1" "$line"; fi
  done <<<"$2"
}

refuse() {
  echo "::error title=hil::${0##*/}: $1"
  exit 2
}
