// SPDX-License-Identifier: GPL-2.0-or-later
//
// The options of a rule's header, and the commands.
#include <string.h>

#include "base/protocols.h"
#include "rules/options.h"
#include "rules/values.h"

// Options of the header and commands: their long names, and the letter for both.
static const struct {
    const char *name;
    uint8_t length;
    char letter;
} globals[] = {
#define GLOBAL(letter, name) {name, sizeof(name) - 1, letter},
#include "rules/globals.def"
#undef GLOBAL
};

#define GLOBAL_COUNT (sizeof(globals) / sizeof(*globals))

const uint8_t header_letters[UINT8_MAX + 1] = {
    ['A'] = LETTER_COMMAND | LETTER_VALUE,
    ['C'] = LETTER_COMMAND | LETTER_VALUE,
    ['D'] = LETTER_COMMAND | LETTER_VALUE,
    ['I'] = LETTER_COMMAND | LETTER_VALUE,
    ['N'] = LETTER_COMMAND | LETTER_VALUE,
    ['R'] = LETTER_COMMAND | LETTER_VALUE,
    ['P'] = LETTER_COMMAND | LETTER_VALUE,
    ['E'] = LETTER_COMMAND | LETTER_VALUE,
    ['F'] = LETTER_COMMAND | LETTER_MAYBE,
    ['X'] = LETTER_COMMAND | LETTER_MAYBE,
    ['Z'] = LETTER_COMMAND | LETTER_MAYBE,
    ['L'] = LETTER_COMMAND | LETTER_MAYBE,
    ['S'] = LETTER_COMMAND | LETTER_MAYBE,
    ['s'] = LETTER_VALUE | LETTER_ONCE,
    ['d'] = LETTER_VALUE | LETTER_ONCE,
    ['p'] = LETTER_VALUE | LETTER_ONCE,
    ['i'] = LETTER_VALUE | LETTER_ONCE,
    ['o'] = LETTER_VALUE | LETTER_ONCE,
    ['c'] = LETTER_VALUE | LETTER_ONCE,
    ['f'] = LETTER_ONCE,
    ['j'] = LETTER_VALUE,
    ['g'] = LETTER_VALUE,
    ['m'] = LETTER_VALUE,
    ['t'] = LETTER_VALUE,
    ['M'] = LETTER_VALUE,
};

char header_letter(struct slice name)
{
    for (size_t i = 0; i < GLOBAL_COUNT; i++)
        if (name.length == globals[i].length && memcmp(name.at, globals[i].name, name.length) == 0)
            return globals[i].letter;
    return 0;
}

char header_abbreviated(struct slice name, size_t *count)
{
    char letter = 0;

    *count = 0;
    for (size_t i = 0; i < GLOBAL_COUNT; i++) {
        if (option_is_short_for(name, globals[i].name, globals[i].length) && letter != globals[i].letter) {
            letter = globals[i].letter;
            ++*count;
        }
    }
    return letter;
}

static bool once(struct parts *parts, char letter, const struct spelling *spelling)
{
    const unsigned bit = 1U << (letter & 31);

    if (parts->given & bit)
        return option_refuse(parts, spelling->word, "write a second rule", "this stands twice");
    parts->given |= bit;
    return true;
}

static bool read_command(struct parts *parts, char letter, struct spelling *spelling)
{
    static const struct {
        char letter;
        enum command command;
    } commands[] = {{'A', COMMAND_APPEND}, {'I', COMMAND_INSERT}, {'D', COMMAND_REMOVE}, {'N', COMMAND_NEW},
                    {'P', COMMAND_POLICY}, {'F', COMMAND_FLUSH},  {'X', COMMAND_DELETE}, {'Z', COMMAND_ZERO}};
    enum command command = COMMAND_NONE;

    if (parts->command != COMMAND_NONE)
        return option_refuse(parts, spelling->word, NULL, "two commands stand on one line");
    if (spelling->inverted)
        return option_refuse(parts, spelling->word, NULL, "a command cannot be negated");
    for (size_t i = 0; i < sizeof(commands) / sizeof(*commands); i++)
        if (commands[i].letter == letter)
            command = commands[i].command;
    if (command == COMMAND_NONE)
        return option_refuse(parts, spelling->word,
                             "load the text where that does no harm, and take what iptables-save prints",
                             "ctc reads what makes a ruleset, and this changes or lists one");
    parts->command = command;
    if ((header_letter_is(letter, LETTER_VALUE) || spelling->attached.at || option_has_argument(parts)) &&
        !option_take_value(parts, spelling, false, &parts->chain))
        return false;
    if (command == COMMAND_POLICY) {
        if (!option_has_argument(parts))
            return option_refuse(parts, spelling->word, NULL, "a chain and its policy must follow");
        parts->argument = parts->words.items[parts->next++].text;
    }
    parts->number = 1;
    if (command == COMMAND_REMOVE && !option_has_argument(parts))
        return option_refuse(parts, spelling->word, "take both out",
                             "ctc takes rules away by their number alone, not by their text");
    if ((command == COMMAND_INSERT || command == COMMAND_REMOVE || command == COMMAND_ZERO) &&
        option_has_argument(parts)) {
        const struct word *word = &parts->words.items[parts->next++];

        if (!number_read(word->text, UINT32_MAX, &parts->number) || !parts->number)
            return option_refuse(parts, word, NULL, "the number of a rule is expected here");
    }
    return true;
}

static bool read_counter(struct parts *parts, const struct spelling *spelling, struct slice text,
                         uint64_t *value)
{
    return parse_number(text, UINT64_MAX, value) ||
           option_refuse(parts, spelling->word, NULL, "two numbers follow, of packets and of bytes");
}

static bool read_counters(struct parts *parts, struct spelling *spelling)
{
    struct slice packets, bytes;

    if (!option_take_value(parts, spelling, false, &packets))
        return false;
    if (!slice_split(packets, ',', &packets, &bytes)) {
        if (!option_has_argument(parts))
            return option_refuse(parts, spelling->word, NULL, "two numbers follow, of packets and of bytes");
        bytes = parts->words.items[parts->next++].text;
    }
    parts->counters.present = true;
    return read_counter(parts, spelling, packets, &parts->counters.packets) &&
           read_counter(parts, spelling, bytes, &parts->counters.bytes);
}

static struct slice lower_case(struct arena *arena, struct slice text)
{
    bool upper = false;

    for (size_t i = 0; i < text.length; i++)
        upper = upper || (text.at[i] >= 'A' && text.at[i] <= 'Z');
    if (!upper)
        return text;

    char *copy = arena_copy(arena, text.at, text.length);

    for (size_t i = 0; i < text.length; i++)
        if (copy[i] >= 'A' && copy[i] <= 'Z')
            copy[i] = (char)(copy[i] - 'A' + 'a');
    return (struct slice){copy, text.length};
}

static bool read_protocol(struct parts *parts, struct spelling *spelling)
{
    struct slice name;
    uint64_t number = 0;

    if (!option_take_value(parts, spelling, true, &name))
        return false;
    name = lower_case(parts->arena, name);
    parts->protocol_word = option_value_word(parts);
    parts->protocol_name = name;
    parts->protocol_inverted = spelling->inverted;
    if (number_read(name, UINT8_MAX, &number))
        parts->protocol = (uint8_t)number;
    else if (!slice_is(name, "all"))
        parts->protocol = protocol_find(name);
    if (parts->protocol)
        return true;
    if (number == 0 && !slice_is(name, "all") && !(name.length && name.at[0] == '0')) {
        if (!is_bare(name) || (name.at[0] >= '0' && name.at[0] <= '9'))
            return option_refuse(parts, parts->protocol_word, NULL, "this is no protocol");
        parts->protocol_opaque = true;
    } else if (spelling->inverted) {
        return option_refuse(parts, spelling->word, NULL, "the rule would never match a protocol");
    }
    return true;
}

static bool read_address(struct parts *parts, enum side side, struct spelling *spelling)
{
    struct address *address = &parts->addresses[side];

    if (!option_take_value(parts, spelling, true, &address->text))
        return false;
    address->word = option_value_word(parts);
    address->inverted = spelling->inverted;
    return true;
}

static bool read_interface(struct parts *parts, int which, struct spelling *spelling)
{
    struct slice *name = &parts->interfaces[which];

    if (!option_take_value(parts, spelling, true, name))
        return false;
    if (!is_bare(*name))
        return option_refuse(parts, spelling->word, NULL, "the name of an interface must follow");
    if (name->length > INTERFACE_MAX)
        return option_refuse(parts, option_value_word(parts), NULL,
                             "names of interfaces have at most 15 bytes");
    parts->interfaces_inverted[which] = spelling->inverted;
    return true;
}

static bool read_match(struct parts *parts, struct spelling *spelling)
{
    struct slice name;

    if (!option_take_value(parts, spelling, false, &name))
        return false;
    if (spelling->inverted)
        return option_refuse(parts, spelling->word, "negate its option", "a match cannot be negated");
    if (!is_bare(name))
        return option_refuse(parts, spelling->word, NULL, "the name of a match must follow");
    return option_add_use(parts, extension_find(name, false), option_value_word(parts), name);
}

static bool read_target(struct parts *parts, bool jump_only, struct spelling *spelling)
{
    const struct extension *extension;

    if (!option_take_value(parts, spelling, false, &parts->target))
        return false;
    if (spelling->inverted)
        return option_refuse(parts, spelling->word, NULL, "a target cannot be negated");
    if (!is_bare(parts->target) || parts->target.length > CHAIN_NAME_MAX)
        return option_refuse(parts, option_value_word(parts), NULL,
                             "a target or a chain has a name of 1 to 28 bytes");
    parts->target_word = option_value_word(parts);
    parts->jump_only = jump_only;
    if (jump_only || is_verdict(parts->target))
        return true;
    extension = extension_find(parts->target, true);
    if (extension)
        parts->target_use = parts->use_count;
    return !extension || option_add_use(parts, extension, parts->target_word, parts->target);
}

bool header_read(struct parts *parts, char letter, struct spelling *spelling)
{
    if (header_letter_is(letter, LETTER_ONCE) && !once(parts, letter, spelling))
        return false;
    switch (letter) {
    case 's':
        return read_address(parts, SIDE_SOURCE, spelling);
    case 'd':
        return read_address(parts, SIDE_DESTINATION, spelling);
    case 'p':
        return read_protocol(parts, spelling);
    case 'i':
        return read_interface(parts, 0, spelling);
    case 'o':
        return read_interface(parts, 1, spelling);
    case 'm':
        return read_match(parts, spelling);
    case 'j':
    case 'g':
        return once(parts, 'j', spelling) && read_target(parts, letter == 'g', spelling);
    case 'f':
        if (parts->family == FAMILY_IPV6)
            return option_refuse(parts, spelling->word, "-m frag",
                                 "IPv6 has its fragments in a header of their own");
        parts->later_fragments = true;
        parts->later_fragments_inverted = spelling->inverted;
        return true;
    case 'c':
        return read_counters(parts, spelling);
    case '4':
    case '6':
        parts->other_family |= (letter == '4') != (parts->family == FAMILY_IPV4);
        return true;
    case 'v':
        return true; // iptables-restore prints the rule, and loads it
    case 't':
        return option_refuse(parts, spelling->word, "a line *TABLE begins one",
                             "a rule cannot name its table");
    default:
        return header_letter_is(letter, LETTER_COMMAND)
                   ? read_command(parts, letter, spelling)
                   : option_refuse(parts, spelling->word, NULL, "this is no option of a rule");
    }
}
