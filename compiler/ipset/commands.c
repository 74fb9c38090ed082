// SPDX-License-Identifier: GPL-2.0-or-later
//
// What the lines of a text do: sets come, go and change their names.
#include <string.h>

#include "ipset/reader.h"

void making_forget(struct making *making)
{
    making->set.kind = IPSET_OTHER;
    making->members.count = 0;
    making->ports.count = 0;
}

static size_t hash(struct slice name)
{
    uint64_t value = 0xCBF29CE484222325; // FNV-1a

    for (size_t i = 0; i < name.length; i++)
        value = (value ^ (unsigned char)name.at[i]) * 0x100000001B3;
    return (size_t)(value ^ value >> 32);
}

// The slot of a name: empty where there is no set of it.
static uint32_t *find_slot(const struct reader *reader, struct slice name)
{
    size_t at = hash(name) & (reader->slot_count - 1);

    for (; reader->slots[at]; at = (at + 1) & (reader->slot_count - 1)) {
        const char *other = reader->sets.items[reader->slots[at] - 1]->set.name;

        if (other && slice_is(name, other))
            break;
    }
    return &reader->slots[at];
}

static void put_slot(struct reader *reader, size_t number)
{
    uint32_t *slot = find_slot(reader, slice_of(reader->sets.items[number - 1]->set.name));

    reader->slots_taken += !*slot;
    *slot = (uint32_t)number;
}

// Begins a new table, of the sets that there are under their names.
static void make_slots(struct reader *reader)
{
    size_t size = 64;

    while (size < 4 * (reader->sets.count + 1))
        size *= 2;
    if (size > reader->slot_room) {
        reader->slots = arena_calloc(reader->arena, size, sizeof(*reader->slots));
        reader->slot_room = size;
    } else {
        memset(reader->slots, 0, size * sizeof(*reader->slots));
    }
    reader->slot_count = size;
    reader->slots_taken = 0;
    for (size_t i = 0; i < reader->sets.count; i++)
        if (reader->sets.items[i]->set.name)
            put_slot(reader, i + 1);
}

static void add_slot(struct reader *reader, const struct making *making)
{
    if (2 * (reader->slots_taken + 1) > reader->slot_count)
        make_slots(reader);
    put_slot(reader, making->number);
}

static struct making *find(const struct reader *reader, struct slice name)
{
    const uint32_t number = *find_slot(reader, name);

    return number ? reader->sets.items[number - 1] : NULL;
}

// The set that the word names; NULL, and reported, where there is none.
static struct making *find_named(struct reader *reader, size_t word)
{
    struct making *making;

    if (word >= reader->count) {
        text_refuse(reader, reader->line, NULL, "the name of a set is missing");
        return NULL;
    }
    making = find(reader, reader->words[word].text);
    if (!making)
        text_refuse(reader, reader->words[word].raw, "a set is created above its members: create NAME TYPE",
                    "there is no set `%.*s` here", QUOTE(reader->words[word].text));
    return making;
}

// More words than a command takes.
static bool check_end(struct reader *reader, size_t words)
{
    return reader->count <= words ||
           text_refuse(reader, reader->words[words].raw, NULL, "nothing follows here");
}

static bool check_name(struct reader *reader, struct word name)
{
    if (name.text.length > IPSET_NAME_MAX)
        return text_refuse(reader, name.raw, NULL, "the name of a set has %d bytes at most", IPSET_NAME_MAX);
    return !reader_refuse_unprintable(reader);
}

// Sorts the members. False, and reported, where they are more than the set has room for.
static bool settle(struct reader *reader, struct making *making)
{
    making->members.count = ipset_members_sort(making->members.items, making->members.count);
    if (making->members.count <= making->maxelem || reader->saved)
        return true;
    diag_add(reader->diags, DIAG_IPSET, making->span,
             "the set `%s` gets %zu members, and its maxelem is %llu", making->set.name,
             making->members.count, (unsigned long long)making->maxelem);
    diag_hint(reader->diags, "create %s %s maxelem %zu", making->set.name, making->type,
              making->members.count);
    return false;
}

static bool empty(struct reader *reader, struct making *making)
{
    const bool fine = settle(reader, making);

    making->members.count = 0;
    making->ports.count = 0;
    return fine;
}

// Whether a set made again is the one that is there: what the kernel compares (ip_set_create(), same_set() of the types), which is
// not the family. Timeouts and masks it compares too, by values that are not kept here.
static bool is_same(const struct making *a, const struct making *b)
{
    return a->type == b->type && a->maxelem == b->maxelem && a->extensions == b->extensions &&
           a->range.first == b->range.first && a->range.last == b->range.last &&
           (a->set.kind == IPSET_OTHER) == (b->set.kind == IPSET_OTHER);
}

static struct making *new_set(struct reader *reader)
{
    struct making *making;

    if (reader->spare.count)
        return reader->spare.items[--reader->spare.count];
    if (reader->sets.count == IPSET_SETS_MAX) {
        text_refuse(reader, reader->line, NULL, "these are more sets than the kernel has numbers for");
        return NULL;
    }
    if (reader->sets.count == reader->made) {
        *vec_push(reader->arena, &reader->sets) = arena_alloc(reader->arena, sizeof(*making));
        reader->made = reader->sets.count;
    } else {
        reader->sets.count++;
    }
    making = *vec_last(&reader->sets);
    making->number = reader->sets.count;
    return making;
}

static bool run_create(struct reader *reader)
{
    struct making made = {.span = text_span(reader, reader->line)}, *making;
    const struct making *before;

    if (reader->count < 2)
        return text_refuse(reader, reader->line, NULL, "the name of a set is missing");
    if (!check_name(reader, reader->words[1]))
        return false;
    // Of a set that cannot be, the members are not reported too.
    if (!read_create(reader, &made))
        making_forget(&made);
    before = find(reader, reader->words[1].text);
    if (before && !(reader->exist && is_same(before, &made)))
        return text_refuse(reader, reader->words[1].raw,
                           reader->exist ? "with -exist too, both need the same type and options" : NULL,
                           "the set `%s` is created twice", before->set.name);
    if (before)
        return true;
    making = new_set(reader);
    if (!making)
        return false;
    made.number = making->number;
    made.members = making->members;
    made.ports = making->ports;
    made.members.count = made.ports.count = 0;
    made.set.name = arena_copy(reader->arena, reader->words[1].text.at, reader->words[1].text.length);
    *making = made;
    add_slot(reader, making);
    return true;
}

static bool run_add(struct reader *reader)
{
    const struct slice name = reader->count > 1 ? reader->words[1].text : (struct slice){NULL, 0};

    // The next one is mostly added to the same set.
    if (!reader->last || !reader->last->set.name || !name.at || !slice_is(name, reader->last->set.name))
        reader->last = find_named(reader, 1);
    return reader->last && read_add(reader, reader->last);
}

static bool run_flush(struct reader *reader)
{
    bool fine = true;

    if (reader->count > 1) {
        struct making *making = find_named(reader, 1);

        return making && check_end(reader, 2) && empty(reader, making);
    }
    for (size_t i = 0; i < reader->filled.count; i++)
        fine = empty(reader, reader->filled.items[i]) && fine;
    reader->filled.count = 0;
    return fine;
}

static bool destroy(struct reader *reader, struct making *making)
{
    const bool fine = empty(reader, making);

    making->set.name = NULL;
    *vec_push(reader->arena, &reader->spare) = making;
    return fine;
}

static bool run_destroy(struct reader *reader)
{
    bool fine = true;

    if (reader->count > 1) {
        struct making *making = find_named(reader, 1);

        return making && check_end(reader, 2) && destroy(reader, making);
    }
    if (reader->spare.count == reader->sets.count)
        return true;
    for (size_t i = 0; i < reader->sets.count; i++)
        if (reader->sets.items[i]->set.name)
            fine = destroy(reader, reader->sets.items[i]) && fine;
    reader->sets.count = reader->spare.count = reader->filled.count = 0;
    reader->last = NULL;
    make_slots(reader);
    return fine;
}

static bool run_rename(struct reader *reader)
{
    struct making *making = find_named(reader, 1);

    if (!making || !check_end(reader, 3))
        return false;
    if (reader->count < 3)
        return text_refuse(reader, reader->line, NULL, "the new name is missing");
    if (!check_name(reader, reader->words[2]))
        return false;
    if (find(reader, reader->words[2].text))
        return text_refuse(reader, reader->words[2].raw, "swap FROM TO exchanges two sets",
                           "there is a set of that name already");
    making->set.name = arena_copy(reader->arena, reader->words[2].text.at, reader->words[2].text.length);
    add_slot(reader, making);
    return true;
}

static bool run_swap(struct reader *reader)
{
    struct making *from = find_named(reader, 1), *to = from ? find_named(reader, 2) : NULL;
    const char *name;

    if (!to || !check_end(reader, 3))
        return false;
    if (from->set.kind != IPSET_OTHER && to->set.kind != IPSET_OTHER &&
        (from->type != to->type || from->set.family != to->set.family))
        return text_refuse(reader, reader->line, NULL,
                           "sets that are swapped are of the same type and family");
    name = from->set.name;
    from->set.name = to->set.name;
    to->set.name = name;
    add_slot(reader, from);
    add_slot(reader, to);
    return true;
}

// In the order in which ipset looks for what a command begins with.
static const struct command {
    const char *name;
    char letter;       // -N
    const char *other; // another name, or none
    bool (*run)(struct reader *reader);
} commands[] = {
    {"create", 'N', "new", run_create},
    {"add", 'A', "", run_add},
    {"del", 'D', "", NULL},
    {"test", 'T', "", NULL},
    {"destroy", 'X', "x", run_destroy},
    {"list", 'L', "", NULL},
    {"save", 'S', "", NULL},
    {"restore", 'R', "", NULL},
    {"flush", 'F', "", run_flush},
    {"rename", 'E', "e", run_rename},
    {"swap", 'W', "w", run_swap},
    {"help", 'H', "", NULL},
    {"version", 'V', "", NULL},
    {"quit", 'Q', "", NULL},
};

#define COMMAND_COUNT (sizeof(commands) / sizeof(*commands))

static bool begins(struct slice text, const char *name)
{
    return text.length <= strlen(name) && memcmp(text.at, name, text.length) == 0;
}

static const struct command *find_command(struct slice text)
{
    if (text.length == 2 && text.at[0] == '-') {
        for (size_t i = 0; i < COMMAND_COUNT; i++)
            if (text.at[1] == commands[i].letter)
                return &commands[i];
        return NULL;
    }
    if (slice_starts(text, "--"))
        text = (struct slice){text.at + 2, text.length - 2};
    for (size_t i = 0; text.length && i < COMMAND_COUNT; i++)
        if (begins(text, commands[i].name) || begins(text, commands[i].other))
            return &commands[i];
    return NULL;
}

bool text_run(struct reader *reader)
{
    const struct slice text = reader->words[0].text;
    const struct command *command = find_command(text);

    if (!command)
        return text_refuse(reader, reader->words[0].raw,
                           slice_is(text, "ipset") ? "leave out the word ipset"
                           : text.length && text.at[text.length - 1] == ':'
                               ? "`ipset save` prints what can be read again"
                               : "a line begins with create, add, flush, destroy, rename or swap",
                           "`%.*s` is no command of ipset", QUOTE(text));
    if (!command->run)
        return text_refuse(reader, reader->words[0].raw,
                           slice_is(slice_of(command->name), "del") ? "leave the member out"
                                                                    : "take the line out",
                           "ctc reads what makes sets, and `%s` does not", command->name);
    return command->run(reader);
}

void text_begin(struct reader *reader)
{
    make_slots(reader);
}

// Makes members of the ports.
static bool expand_ports(struct reader *reader, struct making *making)
{
    size_t count = 0;

    port_set_normalise(&making->ports);
    for (size_t i = 0; i < making->ports.count; i++)
        count += (size_t)making->ports.items[i].last - making->ports.items[i].first + 1;
    if (count > IPSET_MEMBERS_MAX - reader->added) {
        diag_add(reader->diags, DIAG_IPSET, making->span,
                 "this text adds more than the %zu members that ctc reads", IPSET_MEMBERS_MAX);
        return false;
    }
    reader->added += count;
    vec_reserve(reader->arena, &making->members, count);
    for (size_t i = 0; i < making->ports.count; i++)
        for (uint32_t port = making->ports.items[i].first; port <= making->ports.items[i].last; port++)
            *vec_push(reader->arena, &making->members) = (struct ipset_member){.port = (uint16_t)port};
    return true;
}

void text_finish(struct reader *reader, struct ipset_list *list)
{
    for (size_t i = 0; i < reader->sets.count; i++) {
        struct making *making = reader->sets.items[i];

        if (!making->set.name)
            continue;
        if (making->ports.count ? !expand_ports(reader, making) : !settle(reader, making))
            continue;
        making->set.members = making->members.items;
        making->set.count = making->members.count;
        *vec_push(reader->arena, list) = &making->set;
    }
}
