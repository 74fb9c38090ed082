// SPDX-License-Identifier: GPL-2.0-or-later
//
// Text to tables, chains and rules, line by line as iptables-restore does it.
#include <stdlib.h>
#include <string.h>

#include "rules/parts.h"

// What -I and -F make of the order of rules, kept until the table ends: rules are appended, and moved once.
struct move {
    struct chain *chain;
    size_t order; // among the moves of the table
    size_t index; // of the rule in the chain, as it was appended
    size_t place; // from 0, at which it was put in; FLUSHED: the chain was emptied
};

#define FLUSHED SIZE_MAX

// Every rule behind one that is taken away moves up: a large text of such lines would take hours.
#define STEPS_MAX ((size_t)1 << 24)

struct reader {
    struct arena *arena;
    struct diag_list *diags;
    const struct source *source;
    struct ruleset *ruleset;
    struct parts *parts;
    struct span span;     // of the line that is being read
    struct slice line;    // without blanks at its ends
    struct table *table;  // NULL outside of one
    struct chain *chain;  // of the last rule in it; NULL: none
    bool skipping;        // in a table that is not known
    bool anyway;          // what cannot be read is kept
    struct slice refused; // where the last mistake is
    bool spaced;          // blanks where iptables-restore takes none were reported
    size_t rules;
    size_t steps;               // that rules moved up where others were taken away
    VEC(struct move) moves;     // in the table
    VEC(struct chain *) filled; // chains that got a rule since the table began or was flushed
};

static bool refuse(struct reader *reader, struct slice at, const char *hint, const char *problem)
{
    return parts_refuse(reader->parts, at, hint, "%s", problem);
}

static void warn(struct reader *reader, const char *hint, const char *problem)
{
    diag_add_as(reader->diags, SEVERITY_WARNING, DIAG_RULES, reader->span, "%s", problem);
    diag_hint(reader->diags, "%s", hint);
}

static const struct table_kind *find_kind(struct slice name)
{
    for (size_t i = 0; i < table_kind_count; i++)
        if (slice_is(name, table_kinds[i].name))
            return &table_kinds[i];
    return NULL;
}

// A table that is loaded twice is emptied by the second time; its policies stay.
static void empty_table(struct reader *reader, const struct table_kind *kind)
{
    struct table *table = reader->table;
    size_t hooks = 0;

    while (kind->hooks[hooks])
        table->items[hooks++]->count = 0;
    if (table->count == hooks)
        return;
    table->count = table->index_size = 0;

    struct chain **items = table->items;

    table->items = NULL;
    table->capacity = 0;
    for (size_t i = 0; i < hooks; i++)
        *table_chain(reader->arena, table, items[i]->name, items[i]->policy) = *items[i];
}

static void open_table(struct reader *reader, struct slice line)
{
    struct slice rest = {line.at + 1, line.length - 1};
    const struct slice name = slice_word(&rest);
    const struct table_kind *kind = find_kind(name);

    if (reader->table || reader->skipping)
        refuse(reader, line, "end each table with COMMIT", "a table begins before the last one ends");
    reader->skipping = !kind;
    reader->table = NULL;
    reader->chain = NULL;
    reader->moves.count = reader->filled.count = 0;
    if (!kind) {
        parts_refuse(reader->parts, name.length ? name : line,
                     "tables are filter, mangle, nat, raw and security", "no kernel has a table `%.*s`",
                     (int)name.length, name.at);
        return;
    }

    const bool again = ruleset_find_table(reader->ruleset, kind->name) != NULL;

    reader->table = ruleset_table(reader->arena, reader->ruleset, kind->name);
    if (again) {
        warn(reader, "join both", "the table stands here again: loading this empties what is above");
        empty_table(reader, kind);
        return;
    }
    for (const char *const *hook = kind->hooks; *hook; hook++)
        table_chain(reader->arena, reader->table, *hook, CHAIN_UNWRITTEN);
}

// Names are found before they are copied.
static struct chain *find_chain(const struct reader *reader, struct slice name)
{
    char text[CHAIN_NAME_MAX + 1];

    if (name.length > CHAIN_NAME_MAX || !name.length)
        return NULL;
    memcpy(text, name.at, name.length);
    text[name.length] = '\0';
    return table_find_chain(reader->table, text);
}

// Rules of one chain mostly stand together.
static struct chain *find_rule_chain(struct reader *reader, struct slice name)
{
    if (!reader->chain || !slice_is(name, reader->chain->name))
        reader->chain = find_chain(reader, name);
    return reader->chain;
}

static struct chain *make_chain(struct reader *reader, struct slice name)
{
    struct chain *chain;

    if (!is_bare(name) || name.length > CHAIN_NAME_MAX)
        refuse(reader, name, NULL, "a chain has a name of 1 to 28 bytes, without quotes");
    else if (is_verdict(name))
        refuse(reader, name, NULL, "a chain cannot have the name of a verdict");
    else if (find_chain(reader, name))
        refuse(reader, name, NULL, "the chain is there already");
    else {
        chain = table_chain(reader->arena, reader->table, arena_copy(reader->arena, name.at, name.length),
                            CHAIN_USER);
        chain->span = reader->span;
        return chain;
    }
    return NULL;
}

static bool set_policy(struct reader *reader, struct chain *chain, struct slice policy)
{
    if (slice_is(policy, "ACCEPT"))
        chain->policy = CHAIN_ACCEPT;
    else if (slice_is(policy, "DROP"))
        chain->policy = CHAIN_DROP;
    else
        return refuse(reader, policy, NULL, "the policy of a built-in chain is ACCEPT or DROP");
    if (chain->policy == CHAIN_DROP && strcmp(reader->table->name, "nat") == 0)
        return refuse(reader, policy, NULL,
                      "the table nat is not for filtering: iptables refuses DROP there");
    chain->span = reader->span;
    return true;
}

// `[packets:bytes]`. False where it is none.
static bool read_counters(struct slice text, struct counters *counters)
{
    struct slice packets, bytes;

    if (text.length < 5 || text.at[0] != '[' || text.at[text.length - 1] != ']')
        return false;
    text = (struct slice){text.at + 1, text.length - 2};
    if (!slice_split(text, ':', &packets, &bytes))
        return false;
    counters->present = true;
    return parse_number(packets, UINT64_MAX, &counters->packets) &&
           parse_number(bytes, UINT64_MAX, &counters->bytes);
}

// `:CHAIN POLICY [packets:bytes]`.
static void read_chain(struct reader *reader, struct slice line)
{
    struct slice rest = {line.at + 1, line.length - 1};
    const struct slice name = slice_word(&rest), policy = slice_word(&rest), counters = slice_word(&rest);
    const bool hook = table_has_hook(reader->table->name, name);
    struct chain *chain = hook ? find_chain(reader, name) : make_chain(reader, name);

    if (!chain)
        return;
    if (!policy.length) {
        refuse(reader, line, "a chain line is :CHAIN POLICY [packets:bytes]", "the policy is missing");
        return;
    }
    if (!hook && !slice_is(policy, "-"))
        warn(reader, "write - instead; iptables-legacy-restore refuses the line",
             "a chain of your own has no policy: packets go on behind the jump");
    // A dash leaves a built-in chain the policy that the kernel has.
    if (hook && !slice_is(policy, "-") && !set_policy(reader, chain, policy))
        return;
    if (counters.length && !read_counters(counters, &chain->counters))
        refuse(reader, counters, NULL, "counters are [packets:bytes]");
}

static bool find_target(struct reader *reader, struct rule *rule)
{
    struct parts *parts = reader->parts;
    struct target *target = &rule->target;
    const struct chain *chain;

    if (!parts->target_word)
        return true;
    chain = is_verdict(parts->target) && !parts->jump_only ? NULL : find_chain(reader, parts->target);
    if (chain && chain->policy != CHAIN_USER)
        return parts_refuse(parts, parts->target_word->raw, NULL,
                            "a rule cannot jump to the built-in chain %s", chain->name);
    // As iptables warns: "using chain LOG, not extension".
    if (chain)
        *target = (struct target){parts->jump_only ? TARGET_GOTO : TARGET_JUMP, chain->name};
    else if (target->kind == TARGET_GOTO || target->kind == TARGET_JUMP)
        return parts_refuse(parts, parts->target_word->raw,
                            "a chain is declared above what jumps to it: \":CHAIN - [0:0]\"",
                            "`%s` is neither a chain of the table %s nor a target that ctc knows",
                            target->text, reader->table->name);
    return true;
}

static void add_move(struct reader *reader, struct chain *chain, size_t index, size_t place)
{
    const size_t order = reader->moves.count;

    *vec_push(reader->arena, &reader->moves) = (struct move){chain, order, index, place};
}

// How many of the lines behind this one begin like it, `-A CHAIN `.
static size_t lines_alike(const struct reader *reader)
{
    const char *const text_end = reader->source->bytes + reader->source->length;
    const char *const name_end = reader->parts->chain.at + reader->parts->chain.length;
    const size_t length = (size_t)(name_end - reader->line.at);
    size_t count = 0;

    for (const char *at = reader->line.at;; count++) {
        at = memchr(at, '\n', (size_t)(text_end - at));
        if (!at || (size_t)(text_end - ++at) <= length || memcmp(at, reader->line.at, length) != 0 ||
            at[length] != ' ')
            return count;
    }
}

// Rules of a chain stand together, as a rule: then there is room for all of them at once.
static struct rule *new_rule(struct reader *reader, struct chain *chain)
{
    if (chain->count == chain->capacity) {
        const size_t alike = 1 + lines_alike(reader);

        chain_reserve(reader->arena, chain, alike > chain->count ? alike : chain->count);
    }
    return vec_push(reader->arena, chain);
}

static bool append_rules(struct reader *reader, struct chain *chain, const struct rule *rule)
{
    const struct parts *parts = reader->parts;
    struct address_list lists[2];

    if (!parts_addresses(reader->parts, lists))
        return false;

    const size_t count = parts->other_family ? 0 : lists[0].count * lists[1].count;

    if (count > RULESET_RULES_MAX - reader->rules)
        return refuse(reader, reader->line, NULL, "these are more rules than a table can hold");
    reader->rules += count;
    if (parts->command == COMMAND_INSERT && parts->number > chain->count + 1)
        return refuse(reader, reader->line, NULL, "the chain has fewer rules than that");
    if (count && !chain->count)
        *vec_push(reader->arena, &reader->filled) = chain;
    for (size_t i = 0; i < count; i++) {
        struct rule *made = new_rule(reader, chain);

        *made = *rule;
        rule_with_addresses(reader->arena, made, lists, i);
        if (parts->command == COMMAND_INSERT)
            add_move(reader, chain, chain->count - 1, (size_t)parts->number - 1);
    }
    return true;
}

static bool read_rule(struct reader *reader, const struct counters *counters)
{
    struct parts *parts = reader->parts;
    struct chain *chain = find_rule_chain(reader, parts->chain);
    struct rule rule = {.span = reader->span};

    if (!chain)
        return parts_refuse(parts, parts->chain.length ? parts->chain : reader->line,
                            "declare it above its rules: \":CHAIN - [0:0]\"",
                            "the table %s has no chain %.*s here", reader->table->name,
                            (int)parts->chain.length, parts->chain.at);
    if (!parts_rule(parts, &rule) || !find_target(reader, &rule))
        return false;

    const char *misplaced = rule_misplaced(&rule, reader->table->name, chain->name);

    if (misplaced)
        return refuse(reader, reader->line, NULL, misplaced);
    // iptables-restore -c takes the counters in front, which -c on the line would contradict.
    if (counters->present)
        rule.counters = *counters;
    return append_rules(reader, chain, &rule);
}

// Puts the rules of a chain in their order. The last rule that was put in stands where it was put; the one before it takes
// the place among those that are left, and so on: a tree of counts finds each in the logarithm of their number.
static void order_chain(struct arena *arena, struct chain *chain, const struct move *moves, size_t move_count)
{
    struct arena scratch = {0};
    const size_t count = chain->count;
    size_t *places = arena_calloc(&scratch, count, sizeof(*places));
    size_t *tree = arena_calloc(&scratch, count + 1, sizeof(*tree)); // Fenwick's, of free places
    struct rule *items = arena_calloc(arena, count, sizeof(*items));
    size_t top = 1;

    for (size_t i = 0; i < count; i++)
        places[i] = i;
    for (size_t i = 0; i < move_count; i++)
        places[moves[i].index] = moves[i].place;
    while (top * 2 <= count)
        top *= 2;
    for (size_t i = 1; i <= count; i++)
        tree[i] = i & (~i + 1);
    for (size_t i = count; i-- > 0;) {
        size_t at = 0, before = places[i];

        for (size_t step = top; step; step /= 2) {
            if (at + step <= count && tree[at + step] <= before) {
                at += step;
                before -= tree[at];
            }
        }
        items[at] = chain->items[i];
        for (size_t j = at + 1; j <= count; j += j & (~j + 1))
            tree[j]--;
    }
    chain->items = items;
    chain->capacity = count;
    arena_clear(&scratch);
}

static int compare_moves(const void *a, const void *b)
{
    const struct move *left = a, *right = b;
    const uintptr_t chain = (uintptr_t)left->chain, other = (uintptr_t)right->chain;

    return chain != other ? (chain > other) - (chain < other)
                          : (left->order > right->order) - (left->order < right->order);
}

static void order_rules(struct reader *reader)
{
    const struct move *moves = reader->moves.items;
    const size_t count = reader->moves.count;

    if (count)
        qsort(reader->moves.items, count, sizeof(*reader->moves.items), compare_moves);
    for (size_t i = 0, end; i < count; i = end) {
        size_t first = i;

        for (end = i; end < count && moves[end].chain == moves[i].chain; end++)
            if (moves[end].place == FLUSHED)
                first = end + 1;
        if (first < end)
            order_chain(reader->arena, moves[i].chain, &moves[first], end - first);
    }
    reader->moves.count = 0;
}

static bool remove_rule(struct reader *reader)
{
    struct chain *chain = find_rule_chain(reader, reader->parts->chain);
    const size_t at = (size_t)reader->parts->number - 1;

    if (!chain)
        return refuse(reader, reader->parts->chain, NULL, "the table has no such chain here");
    if (at >= chain->count)
        return refuse(reader, reader->line, NULL, "the chain has fewer rules than that");
    reader->steps += chain->count + reader->moves.count;
    if (reader->steps > STEPS_MAX)
        return refuse(reader, reader->line, "take them out",
                      "too many rules of this text are taken away again");
    order_rules(reader);
    chain->count--;
    memmove(&chain->items[at], &chain->items[at + 1], (chain->count - at) * sizeof(*chain->items));
    return true;
}

static void flush_chain(struct reader *reader, struct chain *chain)
{
    chain->count = 0;
    if (reader->moves.count)
        add_move(reader, chain, 0, FLUSHED);
}

static bool flush(struct reader *reader)
{
    struct chain *chain = find_chain(reader, reader->parts->chain);

    if (reader->parts->chain.at && !chain)
        return refuse(reader, reader->parts->chain, NULL, "the table has no such chain here");
    for (size_t i = 0; i < reader->filled.count && !chain; i++)
        flush_chain(reader, reader->filled.items[i]);
    if (chain)
        flush_chain(reader, chain);
    else
        reader->filled.count = 0;
    return true;
}

static bool delete_chains(struct reader *reader)
{
    const struct slice name = reader->parts->chain;
    const struct chain *last = reader->table->items[reader->table->count - 1];

    if (name.at && !find_chain(reader, name))
        return refuse(reader, name, NULL, "the table has no such chain here");
    if (!name.at && last->policy != CHAIN_USER)
        return true; // loading a table has deleted them all
    return refuse(reader, reader->line, "take it out, and the chains with it",
                  "this deletes chains that the text made above");
}

static bool read_policy(struct reader *reader)
{
    struct chain *chain = find_chain(reader, reader->parts->chain);

    if (!chain || chain->policy == CHAIN_USER)
        return refuse(reader, reader->parts->chain, NULL, "only built-in chains have a policy");
    return set_policy(reader, chain, reader->parts->argument);
}

static bool read_command(struct reader *reader, const struct counters *counters)
{
    switch (reader->parts->command) {
    case COMMAND_APPEND:
    case COMMAND_INSERT:
        return read_rule(reader, counters);
    case COMMAND_REMOVE:
        return remove_rule(reader);
    case COMMAND_NEW:
        if (extension_find(reader->parts->chain, true))
            return refuse(reader, reader->parts->chain, NULL, "a chain cannot have the name of a target");
        return make_chain(reader, reader->parts->chain);
    case COMMAND_POLICY:
        return read_policy(reader);
    case COMMAND_FLUSH:
        return flush(reader);
    case COMMAND_DELETE:
        return delete_chains(reader);
    case COMMAND_ZERO: // counters that iptables-restore does not set unless it is told to
    case COMMAND_NONE:
        break;
    }
    return true;
}

// The target that a line seems to have.
static struct target apparent_target(struct reader *reader, struct slice line)
{
    for (struct slice word = slice_word(&line); word.length; word = slice_word(&line)) {
        const struct slice name =
            slice_is(word, "-j") || slice_is(word, "-g") ? slice_word(&line) : (struct slice){0};
        const struct chain *chain = name.length ? find_chain(reader, name) : NULL;

        if (chain && chain->policy == CHAIN_USER)
            return (struct target){slice_is(word, "-j") ? TARGET_JUMP : TARGET_GOTO, chain->name};
        if (slice_is(name, "ACCEPT") || slice_is(name, "DROP") || slice_is(name, "RETURN"))
            return (struct target){slice_is(name, "ACCEPT") ? TARGET_ACCEPT
                                   : slice_is(name, "DROP") ? TARGET_DROP
                                                            : TARGET_RETURN,
                                   NULL};
        if (name.length)
            return (struct target){TARGET_OTHER, arena_copy(reader->arena, name.at, name.length)};
    }
    return (struct target){TARGET_NONE, NULL};
}

static void add_unknown(struct reader *reader, struct rule *rule, struct slice text)
{
    struct match *matches = arena_calloc(reader->arena, rule->match_count + 1, sizeof(*matches));
    struct slice rest = text;
    const bool named = slice_is(slice_word(&rest), "-m");
    const struct extension *extension = named ? extension_find(slice_word(&rest), false) : NULL;

    if (rule->match_count)
        memcpy(matches, rule->matches, rule->match_count * sizeof(*matches));
    matches[rule->match_count].kind = MATCH_OPAQUE;
    matches[rule->match_count].opaque.text = arena_copy(reader->arena, text.at, text.length);
    matches[rule->match_count].opaque.fickle = extension && extension->fickle;
    rule->matches = matches;
    rule->match_count++;
}

// A rule of which one match cannot be read: that is an unknown, and the rest still says what the rule is about.
static bool keep_rest(struct reader *reader, struct slice line)
{
    const struct slice mistaken = parts_mistaken(line, reader->refused);
    struct diag_list *const diags = reader->parts->diags;
    struct diag_list quiet = {.arena = reader->arena};
    char *rest = arena_alloc(reader->arena, line.length);
    struct chain *chain;
    bool kept;

    if (!mistaken.length)
        return false;
    memcpy(rest, line.at, line.length);
    memset(rest + (mistaken.at - line.at), ' ', mistaken.length);
    reader->parts->diags = &quiet;
    kept = parts_read(reader->parts, (struct slice){rest, line.length}, COMMAND_NONE) &&
           reader->parts->command == COMMAND_APPEND && read_rule(reader, &(struct counters){0});
    reader->parts->diags = diags;
    chain = kept ? find_rule_chain(reader, reader->parts->chain) : NULL;
    for (size_t i = chain ? chain->count : 0; i-- > 0 && chain->items[i].span.line == reader->span.line;)
        add_unknown(reader, &chain->items[i], mistaken);
    return kept;
}

// A rule that iptables-restore would not take, as an unknown: whether it holds for a packet nobody can say.
static bool keep_unread(struct reader *reader, struct slice line)
{
    struct slice rest = line;
    const struct slice command = slice_word(&rest), name = slice_word(&rest);
    struct match *match = arena_alloc(reader->arena, sizeof(*match));
    struct chain *chain = find_chain(reader, name);
    struct rule rule = {.span = reader->span, .matches = match, .match_count = 1};

    if (!slice_is(command, "-A") || reader->rules == RULESET_RULES_MAX || !name.length ||
        name.length > CHAIN_NAME_MAX || !is_bare(name))
        return false;
    if (!chain)
        chain = table_chain(reader->arena, reader->table, arena_copy(reader->arena, name.at, name.length),
                            CHAIN_USER);
    rest = slice_trim(rest);
    match->kind = MATCH_OPAQUE;
    match->opaque.text = arena_copy(reader->arena, rest.at, rest.length);
    rule.target = apparent_target(reader, rest);
    *vec_push(reader->arena, chain) = rule;
    reader->rules++;
    return true;
}

static bool read_command_line(struct reader *reader, struct slice line)
{
    struct counters counters = {0};

    if (line.at[0] == '[') {
        const char *end = memchr(line.at, ']', line.length);
        const size_t length = end ? (size_t)(end + 1 - line.at) : line.length;

        if (!read_counters((struct slice){line.at, length}, &counters))
            return refuse(reader, (struct slice){line.at, length}, NULL, "counters are [packets:bytes]");
        line = slice_trim((struct slice){line.at + length, line.length - length});
    }
    // From here on `line` is what parts tells columns in.
    reader->span.column += (uint32_t)(line.at - reader->line.at);
    reader->parts->span = reader->span;
    reader->span.column -= (uint32_t)(line.at - reader->line.at);
    return (parts_read(reader->parts, line, COMMAND_NONE) && read_command(reader, &counters)) ||
           (reader->anyway && (keep_rest(reader, line) || keep_unread(reader, line)));
}

static void close_table(struct reader *reader)
{
    order_rules(reader);

    const struct rule *loop = table_find_loop(reader->table);

    if (loop) {
        diag_add(reader->diags, DIAG_RULES, loop->span, "this jump goes back to a chain that leads here");
        diag_hint(reader->diags, "the kernel refuses a table with such a circle");
    }
    reader->table = NULL;
}

// Blanks that no reader but iptables-restore minds. It is said once.
static void check_blanks(struct reader *reader, struct slice raw, struct slice line)
{
    const char first = line.length ? line.at[0] : '\0', last = raw.length ? raw.at[raw.length - 1] : '\0';
    const bool commit = slice_is(line, "COMMIT");
    const char *problem = NULL;

    if (last == '\r')
        problem = "the line ends in CR LF, and iptables-restore takes the CR for a part of it";
    else if (raw.length && !line.length)
        problem = "iptables-restore takes no line of blanks alone";
    else if (line.at != raw.at && (commit || first == '*' || first == ':' || first == '#'))
        problem = "iptables-restore takes no blanks in front of this line";
    else if (commit && line.length != raw.length)
        problem = "iptables-restore takes no blanks behind COMMIT";
    if (problem)
        warn(reader, "ctc reads on as if they were not there", problem);
    reader->spaced = problem != NULL;
}

// Whether a text is ASCII without a control character; eight bytes at a time, for it is asked of every line.
static bool is_plain(struct slice text)
{
    const uint64_t ones = UINT64_MAX / UINT8_MAX, highs = ones * 0x80;
    uint64_t odd = 0, bytes;

    for (; text.length >= sizeof(bytes); text.at += sizeof(bytes), text.length -= sizeof(bytes)) {
        memcpy(&bytes, text.at, sizeof(bytes));
        // A high bit says: not ASCII, below a blank, or DEL. The sums stay within their bytes.
        odd |= bytes | ~((bytes & ~highs) + ones * (0x80 - ' ')) | ((bytes & ~highs) + ones);
    }
    for (; text.length; text.at++, text.length--)
        odd |= text.at[0] >= ' ' && text.at[0] < 0x7F ? 0 : highs;
    return !(odd & highs);
}

static void read_line(struct reader *reader, struct slice line, bool plain)
{
    const bool commit = slice_is(line, "COMMIT");

    if (!plain && !slice_is_printable(line)) {
        refuse(reader, line, NULL, "the line holds a character that is not fit to print");
    } else if (line.at[0] == '*') {
        open_table(reader, line);
    } else if (reader->skipping) {
        reader->skipping = !commit;
    } else if (!reader->table) {
        refuse(reader, line, "begin with *nat, *mangle, *filter or *raw",
               commit ? "COMMIT stands outside of a table" : "a rule stands outside of a table");
    } else if (commit) {
        close_table(reader);
    } else if (line.at[0] == ':') {
        read_chain(reader, line);
    } else {
        read_command_line(reader, line);
    }
}

static uint32_t count_characters(struct slice text)
{
    uint32_t count = 0;

    for (size_t i = 0; i < text.length; i++)
        count += ((unsigned char)text.at[i] & 0xC0) != 0x80;
    return count;
}

static void read_raw_line(struct reader *reader, struct slice raw)
{
    const struct slice line = slice_trim(raw);
    const bool plain = is_plain(line);

    reader->span.line++;
    reader->span.column = 1 + (uint32_t)(line.at - raw.at);
    reader->span.length = plain ? (uint32_t)line.length : count_characters(line);
    reader->span.length += reader->span.length == 0;
    reader->line = line;
    reader->parts->span = reader->span;
    reader->parts->text = line;
    if (!reader->spaced)
        check_blanks(reader, raw, line);
    if (raw.length > RULE_LINE_MAX)
        refuse(reader, line, NULL, "a line is longer than the 10238 bytes that iptables-restore reads");
    else if (line.length && line.at[0] != '#')
        read_line(reader, line, plain);
}

static void read_text(struct reader *reader)
{
    const char *at = reader->source->bytes, *end = at + reader->source->length;

    while (at < end) {
        const char *newline = memchr(at, '\n', (size_t)(end - at)), *stop = newline ? newline : end;

        read_raw_line(reader, (struct slice){at, (size_t)(stop - at)});
        if (!newline && slice_is(reader->line, "COMMIT") && !reader->spaced)
            warn(reader, "end it with a newline",
                 "iptables-legacy-restore does not take a last line without an end");
        at = stop + 1;
    }
    if (reader->table || reader->skipping)
        refuse(reader, reader->line, "iptables-restore loads a table at its COMMIT",
               "the last table has no COMMIT");
    else if (!reader->ruleset->count && !reader->diags->counts[SEVERITY_ERROR])
        diag_add(reader->diags, DIAG_RULES, source_whole(reader->source), "there is no table in this text");
}

static const struct ruleset *read_rules(struct arena *arena, const struct source *source, enum family family,
                                        struct diag_list *diags, bool anyway)
{
    const size_t errors = diags->counts[SEVERITY_ERROR];
    struct ruleset *ruleset = arena_alloc(arena, sizeof(*ruleset));
    struct parts parts;
    struct reader reader = {.arena = arena,
                            .diags = diags,
                            .source = source,
                            .ruleset = ruleset,
                            .parts = &parts,
                            .anyway = anyway,
                            .span = {.source = source}};

    ruleset->family = family;
    parts.arena = arena;
    parts.diags = diags;
    parts.refused = &reader.refused;
    parts.family = family;
    parts.place = PLACE_KNOWN;
    read_text(&reader);
    if (anyway)
        return ruleset->count ? ruleset : NULL;
    return diags->counts[SEVERITY_ERROR] == errors ? ruleset : NULL;
}

const struct ruleset *rules_read(struct arena *arena, const struct source *source, enum family family,
                                 struct diag_list *diags)
{
    return read_rules(arena, source, family, diags, false);
}

const struct ruleset *rules_read_anyway(struct arena *arena, const struct source *source, enum family family,
                                        struct diag_list *diags)
{
    return read_rules(arena, source, family, diags, true);
}
