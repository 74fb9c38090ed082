# SPDX-License-Identifier: GPL-2.0-or-later
#
# Completion of ctc(1) for fish: commands, their options, the words that those take; files elsewhere.
function __ctc_is_first
    test (count (commandline -opc)) -eq 1; or test (commandline -opc)[2] = help
end

function __ctc_command_is
    set -l words (commandline -opc)
    test (count $words) -gt 1; and test $words[2] = $argv[1]
end

@TABLE@
complete -c ctc -l help -d 'Say what the command does and takes'
