#compdef ctc
# SPDX-License-Identifier: GPL-2.0-or-later
#
# Completion of ctc(1) for zsh: commands, their options, the words that those take; files elsewhere.
local command=$words[2]
local -a names flags

@TABLE@

if ((CURRENT == 2)); then
    _describe -t commands command names
    _files
elif [[ $command == help ]]; then
    _describe -t commands command names
else
    shift words
    ((CURRENT--))
    _arguments -s $flags '--help[say what the command does and takes]' '*:file:_files'
fi
