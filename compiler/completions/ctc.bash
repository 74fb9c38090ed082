# SPDX-License-Identifier: GPL-2.0-or-later
#
# Completion of ctc(1) for bash: commands, their options, the words that those take; files elsewhere.
_ctc() {
    local word=${COMP_WORDS[COMP_CWORD]} before=${COMP_WORDS[COMP_CWORD - 1]} command=compile kind=
    local -A options values

@TABLE@

    # bash breaks `--format=json` at the `=`.
    if [[ $word == = ]]; then
        word=
    elif [[ $before == = && $COMP_CWORD -gt 2 ]]; then
        before=${COMP_WORDS[COMP_CWORD - 2]}
    fi
    # The first word is a command, or `compile` is meant.
    if ((COMP_CWORD > 1)) && [[ ${options["${COMP_WORDS[1]:-none}"]+known} ]]; then
        command=${COMP_WORDS[1]}
    fi
    kind=${values["$command $before"]-}
    case $kind in
    '(files)') mapfile -t COMPREPLY < <(compgen -f -- "$word") ;;
    '(folders)') mapfile -t COMPREPLY < <(compgen -d -- "$word") ;;
    '(any)') return ;;
    ?*) mapfile -t COMPREPLY < <(compgen -W "$kind" -- "$word") && return ;;
    '')
        if [[ $word == -* ]]; then
            mapfile -t COMPREPLY < <(compgen -W "${options[$command]} --help" -- "$word")
            return
        fi
        if ((COMP_CWORD == 1)) || [[ $command == help ]]; then
            mapfile -t COMPREPLY < <(compgen -W "${!options[*]}" -- "$word")
        fi
        [[ $command == help ]] || mapfile -t -O ${#COMPREPLY[@]} COMPREPLY < <(compgen -f -- "$word")
        ;;
    esac
    compopt -o filenames 2>/dev/null
}
complete -F _ctc ctc
