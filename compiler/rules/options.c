// SPDX-License-Identifier: GPL-2.0-or-later
//
// A line as options, allotted as getopt_long and do_parse() of iptables do it: those of the header come first, then those
// of the match or target that was named last. Of an option that nobody has, the protocol's match is asked (`-p tcp
// --dport 22`), and then it is taken for one of the match or target named last, where ctc does not know that one to the
// end.
#include <stdarg.h>
#include <string.h>

#include "base/protocols.h"
#include "rules/parts.h"

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

// What the options of the header and the commands are, by letter.
enum { LETTER_VALUE = 1, LETTER_MAYBE = 2, LETTER_COMMAND = 4, LETTER_ONCE = 8 };
static const uint8_t letters[UINT8_MAX + 1] = {
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

static unsigned letter_is(char letter, unsigned what)
{
    return letters[(unsigned char)letter] & what;
}

// What an option on the line turned out to be.
struct found {
    char letter;                    // of the header; 0: none of it
    size_t use;                     // else whose it is; NO_USE: nobody's
    const struct option_kind *kind; // NULL: no option that ctc knows
};

// An option that is being read.
struct reading {
    struct slice name;     // as it is written, without dashes
    struct slice attached; // a value in the same word; `at` is NULL where there is none
    const struct word *word;
    bool inverted;
};

static uint32_t count_characters(const char *at, const char *end)
{
    uint32_t count = 0;

    for (; at < end; at++)
        count += ((unsigned char)*at & 0xC0) != 0x80; // continuation bytes of UTF-8 do not count
    return count;
}

// Text out of a policy may have lost its indentation there, or stand in quotes.
static bool find_place(const struct parts *parts, struct span *span)
{
    if (parts->place != PLACE_UNKNOWN || !span->source)
        return parts->place == PLACE_KNOWN;

    const struct slice line = source_line(span->source, span->line), text = parts->text;
    const char *at = text.length ? memmem(line.at, line.length, text.at, text.length) : NULL;

    if (at)
        span->column = 1 + count_characters(line.at, at);
    return at;
}

static struct span span_at(const struct parts *parts, struct slice at)
{
    struct span span = parts->span;
    const bool inside = at.at >= parts->text.at && at.at + at.length <= parts->text.at + parts->text.length;

    if (!inside || !find_place(parts, &span))
        return parts->span;
    span.column += count_characters(parts->text.at, at.at);
    span.length = count_characters(at.at, at.at + at.length);
    span.length += span.length == 0;
    return span;
}

bool parts_refuse(const struct parts *parts, struct slice at, const char *hint, const char *format, ...)
{
    va_list args;

    *parts->refused = at;
    va_start(args, format);
    // The place is looked for where it is kept, or a file of mistakes would take long.
    diag_add(parts->diags, DIAG_RULES,
             parts->diags->counts[SEVERITY_ERROR] < DIAG_KEPT ? span_at(parts, at) : parts->span, "%s",
             arena_vprintf(parts->arena, format, args));
    va_end(args);
    if (hint)
        diag_hint(parts->diags, "%s", hint);
    return false;
}

#define WORD(word) (int)(word).length, (word).at

static bool refuse_word(const struct parts *parts, const struct word *word, const char *hint,
                        const char *problem)
{
    return parts_refuse(parts, word->raw, hint, "`%.*s`: %s", WORD(word->raw), problem);
}

static bool is_bang(const struct word *word)
{
    return word->raw.length == 1 && word->raw.at[0] == '!';
}

// Whether the next word is no option: xs_has_arg() of iptables.
static bool has_argument(const struct parts *parts)
{
    const struct slice text =
        parts->next < parts->words.count ? parts->words.items[parts->next].text : (struct slice){"", 0};

    return parts->next < parts->words.count && !(text.length && (text.at[0] == '-' || text.at[0] == '!'));
}

// The value of an option; `old_style` where `! value` has its `!` taken for the option's, as iptables did before 1.4.3.
static bool take_value(struct parts *parts, struct reading *reading, bool old_style, struct slice *value)
{
    if (reading->attached.at) {
        *value = reading->attached;
        reading->attached.at = NULL;
        return true;
    }
    if (old_style && parts->next + 1 < parts->words.count && is_bang(&parts->words.items[parts->next]) &&
        !reading->inverted) {
        reading->inverted = true;
        parts->next++;
    }
    if (parts->next == parts->words.count)
        return refuse_word(parts, reading->word, NULL, "a value must follow");
    *value = parts->words.items[parts->next++].text;
    return true;
}

// The word that holds the value which was taken last.
static const struct word *value_word(const struct parts *parts)
{
    return &parts->words.items[parts->next - 1];
}

static bool once(struct parts *parts, char letter, const struct reading *reading)
{
    const unsigned bit = 1U << (letter & 31);

    if (parts->given & bit)
        return refuse_word(parts, reading->word, "write a second rule", "this stands twice");
    parts->given |= bit;
    return true;
}

static bool read_command(struct parts *parts, char letter, struct reading *reading)
{
    static const struct {
        char letter;
        enum command command;
    } commands[] = {{'A', COMMAND_APPEND}, {'I', COMMAND_INSERT}, {'D', COMMAND_REMOVE}, {'N', COMMAND_NEW},
                    {'P', COMMAND_POLICY}, {'F', COMMAND_FLUSH},  {'X', COMMAND_DELETE}, {'Z', COMMAND_ZERO}};
    enum command command = COMMAND_NONE;

    if (parts->command != COMMAND_NONE)
        return refuse_word(parts, reading->word, NULL, "two commands stand on one line");
    if (reading->inverted)
        return refuse_word(parts, reading->word, NULL, "a command cannot be negated");
    for (size_t i = 0; i < sizeof(commands) / sizeof(*commands); i++)
        if (commands[i].letter == letter)
            command = commands[i].command;
    if (command == COMMAND_NONE)
        return refuse_word(parts, reading->word,
                           "load the text where that does no harm, and take what iptables-save prints",
                           "ctc reads what makes a ruleset, and this changes or lists one");
    parts->command = command;
    parts->command_word = reading->word;
    if ((letter_is(letter, LETTER_VALUE) || reading->attached.at || has_argument(parts)) &&
        !take_value(parts, reading, false, &parts->chain))
        return false;
    if (command == COMMAND_POLICY) {
        if (!has_argument(parts))
            return refuse_word(parts, reading->word, NULL, "a chain and its policy must follow");
        parts->argument = parts->words.items[parts->next++].text;
    }
    parts->number = 1;
    if (command == COMMAND_REMOVE && !has_argument(parts))
        return refuse_word(parts, reading->word, "take both out",
                           "ctc takes rules away by their number alone, not by their text");
    if ((command == COMMAND_INSERT || command == COMMAND_REMOVE || command == COMMAND_ZERO) &&
        has_argument(parts)) {
        const struct word *word = &parts->words.items[parts->next++];

        if (!number_read(word->text, UINT32_MAX, &parts->number) || !parts->number)
            return refuse_word(parts, word, NULL, "the number of a rule is expected here");
    }
    return true;
}

static bool read_counter(struct parts *parts, const struct reading *reading, struct slice text,
                         uint64_t *value)
{
    return parse_number(text, UINT64_MAX, value) ||
           refuse_word(parts, reading->word, NULL, "two numbers follow, of packets and of bytes");
}

static bool read_counters(struct parts *parts, struct reading *reading)
{
    struct slice packets, bytes;

    if (!take_value(parts, reading, false, &packets))
        return false;
    if (!slice_split(packets, ',', &packets, &bytes)) {
        if (!has_argument(parts))
            return refuse_word(parts, reading->word, NULL, "two numbers follow, of packets and of bytes");
        bytes = parts->words.items[parts->next++].text;
    }
    parts->counters.present = true;
    return read_counter(parts, reading, packets, &parts->counters.packets) &&
           read_counter(parts, reading, bytes, &parts->counters.bytes);
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

static bool read_protocol(struct parts *parts, struct reading *reading)
{
    struct slice name;
    uint64_t number = 0;

    if (!take_value(parts, reading, true, &name))
        return false;
    name = lower_case(parts->arena, name);
    parts->protocol_word = value_word(parts);
    parts->protocol_name = name;
    parts->protocol_inverted = reading->inverted;
    if (number_read(name, UINT8_MAX, &number))
        parts->protocol = (uint8_t)number;
    else if (!slice_is(name, "all"))
        parts->protocol = protocol_find(name);
    if (parts->protocol)
        return true;
    if (number == 0 && !slice_is(name, "all") && !(name.length && name.at[0] == '0')) {
        if (!is_bare(name) || (name.at[0] >= '0' && name.at[0] <= '9'))
            return refuse_word(parts, parts->protocol_word, NULL, "this is no protocol");
        parts->protocol_opaque = true;
    } else if (reading->inverted) {
        return refuse_word(parts, reading->word, NULL, "the rule would never match a protocol");
    }
    return true;
}

static bool read_address(struct parts *parts, enum side side, struct reading *reading)
{
    struct address *address = &parts->addresses[side];

    if (!take_value(parts, reading, true, &address->text))
        return false;
    address->word = value_word(parts);
    address->inverted = reading->inverted;
    return true;
}

static bool read_interface(struct parts *parts, int which, struct reading *reading)
{
    struct slice *name = &parts->interfaces[which];

    if (!take_value(parts, reading, true, name))
        return false;
    if (!is_bare(*name))
        return refuse_word(parts, reading->word, NULL, "the name of an interface must follow");
    if (name->length > INTERFACE_MAX)
        return refuse_word(parts, value_word(parts), NULL, "names of interfaces have at most 15 bytes");
    parts->interfaces_inverted[which] = reading->inverted;
    return true;
}

static bool add_use(struct parts *parts, const struct extension *extension, const struct word *word,
                    struct slice name)
{
    if (parts->use_count == RULE_WORDS_MAX)
        return refuse_word(parts, word, NULL, "a rule has more matches than iptables-restore takes");
    if (extension && !extension->families[parts->family])
        return parts_refuse(parts, word->raw, NULL, "%s has no %s `%.*s`", family_name(parts->family),
                            extension->target ? "target" : "match", WORD(name));
    parts->uses[parts->use_count++] = (struct use){extension, word, name};
    return true;
}

static bool read_match(struct parts *parts, struct reading *reading)
{
    struct slice name;

    if (!take_value(parts, reading, false, &name))
        return false;
    if (reading->inverted)
        return refuse_word(parts, reading->word, "negate its option", "a match cannot be negated");
    if (!is_bare(name))
        return refuse_word(parts, reading->word, NULL, "the name of a match must follow");
    return add_use(parts, extension_find(name, false), value_word(parts), name);
}

static bool read_target(struct parts *parts, bool jump_only, struct reading *reading)
{
    const struct extension *extension;

    if (!take_value(parts, reading, false, &parts->target))
        return false;
    if (reading->inverted)
        return refuse_word(parts, reading->word, NULL, "a target cannot be negated");
    if (!is_bare(parts->target) || parts->target.length > CHAIN_NAME_MAX)
        return refuse_word(parts, value_word(parts), NULL, "a target or a chain has a name of 1 to 28 bytes");
    parts->target_word = value_word(parts);
    parts->jump_only = jump_only;
    if (jump_only || is_verdict(parts->target))
        return true;
    extension = extension_find(parts->target, true);
    if (extension)
        parts->target_use = parts->use_count;
    return !extension || add_use(parts, extension, parts->target_word, parts->target);
}

static bool read_header(struct parts *parts, char letter, struct reading *reading)
{
    if (letter_is(letter, LETTER_ONCE) && !once(parts, letter, reading))
        return false;
    switch (letter) {
    case 's':
        return read_address(parts, SIDE_SOURCE, reading);
    case 'd':
        return read_address(parts, SIDE_DESTINATION, reading);
    case 'p':
        return read_protocol(parts, reading);
    case 'i':
        return read_interface(parts, 0, reading);
    case 'o':
        return read_interface(parts, 1, reading);
    case 'm':
        return read_match(parts, reading);
    case 'j':
    case 'g':
        return once(parts, 'j', reading) && read_target(parts, letter == 'g', reading);
    case 'f':
        if (parts->family == FAMILY_IPV6)
            return refuse_word(parts, reading->word, "-m frag",
                               "IPv6 has its fragments in a header of their own");
        parts->later_fragments = true;
        parts->later_fragments_inverted = reading->inverted;
        return true;
    case 'c':
        return read_counters(parts, reading);
    case '4':
    case '6':
        parts->other_family |= (letter == '4') != (parts->family == FAMILY_IPV4);
        return true;
    case 'v':
        return true; // iptables-restore prints the rule, and loads it
    case 't':
        return refuse_word(parts, reading->word, "a line *TABLE begins one", "a rule cannot name its table");
    default:
        return letter_is(letter, LETTER_COMMAND)
                   ? read_command(parts, letter, reading)
                   : refuse_word(parts, reading->word, NULL, "this is no option of a rule");
    }
}

// No name is both one of the header's and an extension's.
static struct found find_exact(const struct parts *parts, struct slice name)
{
    for (size_t i = parts->use_count; i-- > 0;) {
        const struct extension *extension = parts->uses[i].extension;
        const struct option_kind *kind = extension ? extension_option(extension, name) : NULL;

        if (kind)
            return (struct found){.use = i, .kind = kind};
    }
    for (size_t i = 0; i < GLOBAL_COUNT; i++)
        if (name.length == globals[i].length && memcmp(name.at, globals[i].name, name.length) == 0)
            return (struct found){.letter = globals[i].letter, .use = NO_USE};
    return (struct found){.use = NO_USE};
}

static bool is_short_for(struct slice name, const char *whole, size_t length)
{
    return name.length && name.length < length && memcmp(name.at, whole, name.length) == 0;
}

// What `name` is the beginning of; found->kind and found->letter unset where that is nothing, or more than one.
static struct found find_abbreviated(const struct parts *parts, struct slice name)
{
    struct found found = {.use = NO_USE};
    size_t count = 0;

    for (size_t i = 0; i < GLOBAL_COUNT; i++) {
        if (is_short_for(name, globals[i].name, globals[i].length) && found.letter != globals[i].letter) {
            found.letter = globals[i].letter;
            count++;
        }
    }
    for (size_t i = parts->use_count; i-- > 0;) {
        const struct extension *extension = parts->uses[i].extension;
        bool again = false;

        // A match that is named twice has its options once.
        for (size_t j = i + 1; j < parts->use_count && !again && extension; j++)
            again = parts->uses[j].extension == extension;
        for (const struct option_kind *kind = extension && !again ? extension->options : NULL;
             kind && kind->name; kind++) {
            if (is_short_for(name, kind->name, kind->length)) {
                found.use = i;
                found.kind = kind;
                count++;
            }
        }
    }
    return count == 1 ? found : (struct found){.use = NO_USE};
}

// The match that stands behind the name or number of -p.
static const struct extension *protocol_extension(const struct parts *parts)
{
    const char first = parts->protocol_name.length ? parts->protocol_name.at[0] : '0';
    const bool is_number = first >= '0' && first <= '9';
    const char *name = is_number ? protocol_builtin_name(parts->protocol) : NULL;
    const struct extension *extension = !is_number ? extension_find(parts->protocol_name, false)
                                        : name     ? extension_find(slice_of(name), false)
                                                   : NULL;

    return extension && extension->families[parts->family] ? extension : NULL;
}

static struct found find_option(struct parts *parts, const struct reading *reading)
{
    struct found found = find_exact(parts, reading->name);

    if (found.letter || found.kind)
        return found;
    found = find_abbreviated(parts, reading->name);
    if (found.letter || found.kind || !parts->protocol_word || parts->protocol_used)
        return found;

    const struct extension *extension = protocol_extension(parts);

    if (!extension || parts->use_count == RULE_WORDS_MAX)
        return found;
    parts->protocol_used = true;
    parts->uses[parts->use_count++] =
        (struct use){extension, parts->protocol_word, slice_of(extension->name)};
    found = find_option(parts, reading);
    if (!found.letter && !found.kind) {
        parts->protocol_used = false;
        parts->use_count--;
    }
    return found;
}

// Whether an option that ctc does not know may be one of this match or target: those that are modelled have few, which are
// all known.
static bool may_have_more(const struct use *use)
{
    return !use->extension ||
           (use->extension->target
                ? !slice_is(use->name, "REJECT") && !slice_is(use->name, "NOTRACK")
                : use->extension->kind == MATCH_OPAQUE || use->extension->kind == MATCH_HASHLIMIT_TEXT);
}

static bool refuse_option(const struct parts *parts, const struct reading *reading)
{
    const struct extension *other = extension_with(reading->name, parts->family);
    const char *hint = NULL;

    if (other && (slice_is(reading->name, "dport") || slice_is(reading->name, "sport")))
        hint = "ports belong to a protocol: -p tcp or -p udp must stand before them";
    else if (other)
        hint = arena_printf(parts->arena, "it belongs to %s %s, which must stand before it",
                            other->target ? "-j" : "-m", other->name);
    return refuse_word(parts, reading->word, hint, "nothing before it has this option");
}

// The last use that an unknown option could belong to; a target without an entry in ctc's tables becomes one.
static bool find_owner(struct parts *parts, const struct reading *reading, size_t *owner)
{
    const bool nameless_target =
        parts->target_word && !parts->jump_only && parts->target_use == NO_USE && !is_verdict(parts->target);
    const struct use *last = parts->use_count ? &parts->uses[parts->use_count - 1] : NULL;

    if (extension_with(reading->name, parts->family) && !(last && !last->extension) && !nameless_target)
        return refuse_option(parts, reading);
    if (nameless_target && (!last || last->word < parts->target_word)) {
        parts->target_use = parts->use_count;
        if (!add_use(parts, NULL, parts->target_word, parts->target))
            return false;
        last = &parts->uses[parts->use_count - 1];
    }
    if (!last || !may_have_more(last))
        return refuse_option(parts, reading);
    *owner = (size_t)(last - parts->uses);
    return true;
}

// Matches whose values are free text, where a `!` is one.
static bool takes_text(const struct use *use)
{
    return use->extension &&
           (use->extension->target || use->extension->kind == MATCH_COMMENT || slice_is(use->name, "string"));
}

static bool add_option(struct parts *parts, size_t use, const struct option_kind *kind,
                       struct reading *reading)
{
    struct option *option = &parts->options[parts->option_count++]; // no more of them than words
    const size_t first = (size_t)(reading->word - parts->words.items);
    const bool old_style = !takes_text(&parts->uses[use]);
    size_t wanted = kind ? kind->values : VALUES_MAYBE, count = 0;

    *option = (struct option){.use = use, .kind = kind, .words = reading->word};
    if (kind && kind->values == VALUES_NONE && reading->attached.at)
        return refuse_word(parts, reading->word, NULL, "this option has no value");
    if (wanted == VALUES_MAYBE)
        wanted = reading->attached.at || has_argument(parts) ? 1 : 0;
    while (count < wanted) {
        if (!take_value(parts, reading, old_style && count == 0, &option->values[count]))
            return false;
        count++;
    }
    // Whoever wrote an option that ctc does not know meant the words behind it.
    while (!kind && has_argument(parts))
        parts->next++;
    option->count = parts->next - first;
    option->inverted = reading->inverted;
    return true;
}

static bool read_long(struct parts *parts, struct reading *reading)
{
    const struct found found = find_option(parts, reading);
    size_t owner = found.use;

    if (found.letter && reading->attached.at && !letter_is(found.letter, LETTER_VALUE | LETTER_MAYBE))
        return refuse_word(parts, reading->word, NULL, "this option has no value");
    if (found.letter)
        return read_header(parts, found.letter, reading);
    if (!found.kind && !find_owner(parts, reading, &owner))
        return false;
    return add_option(parts, owner, found.kind, reading);
}

// Letters behind one dash, the last of which may have its value attached.
static bool read_short(struct parts *parts, struct reading *reading)
{
    const struct slice text = reading->word->text;

    for (size_t i = 1; i < text.length; i++) {
        const char letter = text.at[i];
        const bool last = letter_is(letter, LETTER_VALUE | LETTER_MAYBE);

        reading->attached = (struct slice){NULL, 0};
        if (last && i + 1 < text.length)
            reading->attached = (struct slice){text.at + i + 1, text.length - i - 1};
        if (letter == '0' || !letter || !read_header(parts, letter, reading))
            return letter == '0' || !letter
                       ? refuse_word(parts, reading->word, NULL, "this is no option of a rule")
                       : false;
        if (last)
            break;
    }
    return true;
}

static bool read_word(struct parts *parts)
{
    const struct word *word = &parts->words.items[parts->next++];
    struct reading reading = {.word = word, .inverted = parts->negated != NULL};
    bool fine;

    if (word->text.length == 1 && word->text.at[0] == '!') {
        if (parts->negated)
            return refuse_word(parts, word, NULL, "two of them stand in a row");
        parts->negated = word;
        return true;
    }
    if (word->text.length > 2 && word->text.at[0] == '-' && word->text.at[1] == '-') {
        reading.name = (struct slice){word->text.at + 2, word->text.length - 2};
        slice_split(reading.name, '=', &reading.name, &reading.attached);
        fine = read_long(parts, &reading);
    } else if (word->text.length > 1 && word->text.at[0] == '-' && word->text.at[1] != '-') {
        fine = read_short(parts, &reading);
    } else {
        return refuse_word(parts, word,
                           word->text.length && word->text.at[0] == '#' ? "a comment has a line of its own"
                                                                        : NULL,
                           "an option is expected here");
    }
    parts->negated = NULL;
    return fine;
}

bool parts_read(struct parts *parts, struct slice text, enum command command)
{
    struct slice at = {text.at, 0};
    const char *problem;

    parts->text = text;
    parts->next = 0;
    parts->negated = NULL;
    parts->command = command;
    parts->command_word = NULL;
    parts->chain = parts->argument = (struct slice){NULL, 0};
    parts->other_family = false;
    parts->counters = (struct counters){0};
    parts->given = 0;
    parts->addresses[0].word = parts->addresses[1].word = NULL;
    parts->interfaces[0].at = parts->interfaces[1].at = NULL;
    parts->protocol_word = parts->target_word = NULL;
    parts->protocol = 0;
    parts->protocol_inverted = parts->protocol_opaque = parts->protocol_used = false;
    parts->later_fragments = parts->later_fragments_inverted = false;
    parts->target_use = NO_USE;
    parts->jump_only = false;
    parts->use_count = parts->option_count = 0;
    problem = words_split(parts->arena, text, &parts->words, &at);
    if (problem)
        return parts_refuse(parts, at, NULL, "%s", problem);
    while (parts->next < parts->words.count)
        if (!read_word(parts))
            return false;
    if (parts->negated)
        return refuse_word(parts, parts->negated, NULL, "an option must follow");
    return parts->command != COMMAND_NONE ||
           parts_refuse(parts, text, "a rule begins with -A CHAIN", "the line says nothing to do");
}
