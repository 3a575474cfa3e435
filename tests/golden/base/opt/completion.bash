# bash completion for hil(1)

_hil_options() {
    case $1 in
    '') printf '%s\n' run power flash doctor help --help --version ;;
    run) printf '%s\n' --board --lab --format --out --verdict --since --require-at-least-so-many --json --verbose --help ;;
    power) printf '%s\n' --help --hard ;;
    flash) printf '%s\n' --help ;;
    doctor) printf '%s\n' --help ;;
    esac
}

# What may stand after an option, or as an operand (the verb and a colon).
_hil_values() {
    case $1 in
    run:) echo file ;;
    run:--board | run:-b) echo any board ;;
    run:--lab) echo any file ;;
    run:--format | run:-f) echo any auto unity tap ;;
    run:--out | run:-o) echo any dir ;;
    run:--verdict) echo any pass fail infra ;;
    run:--since) echo any today ;;
    run:--require-at-least-so-many) echo any ;;
    power:) echo board on off cycle status ;;
    flash:) echo board ;;
    doctor:) echo driver ;;
    esac
}

# Adds those of the lines on stdin that begin with $1, or with what stands behind its last comma.
_hil_match() {
    local word head=''
    [[ $1 == *,* ]] && head=${1%,*},
    while read -r word; do
        [[ $head$word == "$1"* ]] && COMPREPLY+=("$head$word")
    done
}

_hil_add() {
    local line
    case $1 in
    any) ;;
    board | driver | format) _hil_match "$2" < <("$3" "$1s" --names 2>/dev/null) ;;
    file | dir)
        compopt -o filenames 2>/dev/null
        while IFS= read -r line; do COMPREPLY+=("$line"); done \
            < <(compgen -A "${1/dir/directory}" -- "$2")
        ;;
    *) _hil_match "$2" <<<"$1" ;;
    esac
}

_hil() {
    local program=${COMP_WORDS[0]} verb=${COMP_WORDS[1]} values='' assigned='' kind
    local cur=${COMP_WORDS[COMP_CWORD]} prev=${COMP_WORDS[COMP_CWORD - 1]}
    COMPREPLY=()
    if [[ $program == *-run ]]; then
        verb=run program=${program%-run}
    elif ((COMP_CWORD == 1)) || [[ $verb == help && $COMP_CWORD == 2 ]]; then
        _hil_match "$cur" < <(_hil_options '')
        return
    fi
    # bash makes a word of the = in --name=value and BOARD=FIRMWARE
    if [[ $cur == = ]]; then
        cur='' assigned=1
    elif [[ $prev == = ]]; then
        prev=${COMP_WORDS[COMP_CWORD - 2]} assigned=1
    fi
    [[ $prev == -* ]] && values=$(_hil_values "$verb:$prev")
    if [[ -z $values && -n $assigned ]]; then
        values='file'
    elif [[ -z $values && $cur == -* ]]; then
        _hil_match "$cur" < <(_hil_options "$verb")
    elif [[ -z $values ]]; then
        values=$(_hil_values "$verb:")
    fi
    for kind in $values; do
        _hil_add "$kind" "$cur" "$program"
    done
}

complete -F _hil hil hil-run
