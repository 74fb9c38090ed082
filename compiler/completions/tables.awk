# SPDX-License-Identifier: GPL-2.0-or-later
#
# awk -v shell=bash|zsh|fish -f tables.awk commands.def options.def passes.def TEMPLATE: the template, with what the lists say of
# commands, their options and the words that those take in place of its line @TABLE@.

# The quoted strings of a row, which begins with its kind and `(`.
function strings(line, found,    count, rest) {
    for (rest = line; match(rest, /"[^"]*"/); rest = substr(rest, RSTART + RLENGTH))
        found[++count] = substr(rest, RSTART + 1, RLENGTH - 2)
    return count
}

/^COMMAND\(/ {
    command = substr($0, 9, index($0, ",") - 9)
    commands[++command_count] = command
    strings($0, text)
    usage[command] = text[1]
    next
}
/^        "/ && command != "" { strings($0, text); about[command] = text[1]; command = ""; next }
/^OPTION\(/ { strings($0, text); add_options(text[1], text[2], text[3]); next }
/^PASS\(/ { strings($0, text); passes = passes (passes == "" ? "" : " ") text[1]; next }
FILENAME ~ /\.def$/ { next }
$0 == "@TABLE@" { if (shell == "bash") put_bash(); else if (shell == "zsh") put_zsh(); else put_fish(); next }
{ print }

# An option as it is written: `-4, -6`, `--format WORD`, `--watch[=SECONDS]`.
function add_options(command, written, said,    parts, count, i, value, optional) {
    optional = written ~ /\[=/
    sub(/\[=/, " ", written)
    sub(/\]$/, "", written)
    count = split(written, parts, ", ")
    for (i = 1; i <= count; i++) {
        value = parts[i]
        if (!sub(/^[^ ]+ /, "", value))
            value = ""
        sub(/ .*/, "", parts[i])
        option_count++
        option_command[option_count] = command
        option_name[option_count] = parts[i]
        option_value[option_count] = value
        option_optional[option_count] = optional
        option_about[option_count] = said
    }
}

# What the value of an option is: its words, or `(files)`, `(folders)`, `(any)`; or nothing, where it takes none. Words that a
# usage names stand there, as in `--format text|json`.
function kind(i,    value, rest, words) {
    value = option_value[i]
    if (value == "")
        return ""
    if (value ~ /^PASS/)
        return value == "PASS" ? "none " passes : passes
    if (value ~ /FILE/)
        return "(files)"
    if (value == "DIR")
        return "(folders)"
    rest = usage[option_command[i]]
    if (value == "WORD" && match(rest, option_name[i] " [a-z]+(\\|[a-z]+)+")) {
        words = substr(rest, RSTART + length(option_name[i]) + 1, RLENGTH - length(option_name[i]) - 1)
        gsub(/\|/, " ", words)
        return words
    }
    return "(any)"
}

function single_quoted(text) {
    gsub(/'/, shell == "fish" ? "\\'" : "'\\''", text)
    return "'" text "'"
}

function put_bash(    i, j, line) {
    for (i = 1; i <= command_count; i++) {
        line = ""
        for (j = 1; j <= option_count; j++)
            if (option_command[j] == commands[i])
                line = line (line == "" ? "" : " ") option_name[j]
        print "    options[" commands[i] "]=" single_quoted(line)
    }
    for (j = 1; j <= option_count; j++)
        if (kind(j) != "" && !option_optional[j])
            print "    values[\"" option_command[j] " " option_name[j] "\"]=" single_quoted(kind(j))
}

# What zsh's _arguments takes for a value: `:WORD:` and an action.
function zsh_value(i,    what, name) {
    what = kind(i)
    name = option_value[i]
    if (what == "")
        return ""
    gsub(/[^A-Z]/, "", name)
    name = tolower(name)
    return (option_optional[i] ? "::" : ":") name ":" \
        (what == "(files)" ? "_files" : what == "(folders)" ? "_files -/" : what == "(any)" ? " " : "(" what ")")
}

function put_zsh(    i, j, said) {
    print "names=("
    for (i = 1; i <= command_count; i++)
        print "    " single_quoted(commands[i] ":" about[commands[i]])
    print ")"
    print "case $command in"
    for (i = 1; i <= command_count; i++) {
        print commands[i] ")"
        print "    flags=("
        for (j = 1; j <= option_count; j++) {
            said = option_about[j]
            gsub(/[:\[\]]/, "\\\\&", said)
            if (option_command[j] == commands[i])
                print "        " single_quoted(option_name[j] (option_optional[j] ? "=-" : option_name[j] ~ /^--/ && option_value[j] != "" ? "=" : "") \
                    "[" said "]" zsh_value(j))
        }
        print "    )"
        print "    ;;"
    }
    print "esac"
}

function put_fish(    i, j, what) {
    for (i = 1; i <= command_count; i++)
        print "complete -c ctc -n __ctc_is_first -a " commands[i] " -d " single_quoted(about[commands[i]])
    for (j = 1; j <= option_count; j++) {
        what = kind(j)
        print "complete -c ctc -n '__ctc_command_is " option_command[j] "' " \
            (option_name[j] ~ /^--/ ? "-l " substr(option_name[j], 3) : "-s " substr(option_name[j], 2)) \
            (what == "" || option_optional[j] ? "" : what == "(files)" ? " -r -F" : what == "(folders)" ? " -x -a '(__fish_complete_directories)'" : \
                what == "(any)" ? " -x" : " -x -a " single_quoted(what)) \
            " -d " single_quoted(option_about[j])
    }
}
