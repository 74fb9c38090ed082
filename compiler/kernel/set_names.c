// SPDX-License-Identifier: GPL-2.0-or-later
#include "kernel/set_names.h"

#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <linux/netfilter/xt_set.h>

#include "base/vec.h"
#include "kernel/encoded.h"
#include "kernel/entry.h"

_Static_assert(sizeof(((struct set_name *)0)->name) == IPSET_MAXNAMELEN, "names of sets fit");

#define NUMBERS_MAX 3 // of one match or target

// Where the numbers of sets stand in the data of a match or target, whatever its revision; gives how many.
static size_t match_numbers(const struct xt_entry_match *match, size_t at[NUMBERS_MAX])
{
    if (strcmp(match->u.user.name, "set") != 0 || match->u.match_size < sizeof(*match) + sizeof(uint16_t))
        return 0;
    at[0] = 0;
    return 1;
}

static size_t target_numbers(const struct xt_entry_target *target, size_t at[NUMBERS_MAX])
{
    const size_t one = target->u.user.revision ? sizeof(struct xt_set_info) : sizeof(struct xt_set_info_v0);
    const size_t count = target->u.user.revision < 3 ? 2 : 3;

    if (strcmp(target->u.user.name, "SET") != 0 || target->u.target_size < sizeof(*target) + count * one)
        return 0;
    for (size_t i = 0; i < count; i++)
        at[i] = i * one;
    return count;
}

// Where they stand in a rule, one after the other: true as long as there is one more. `walk` is zeroed ahead of the first.
struct walk {
    size_t match; // that is next
    bool target;  // it was looked at
    size_t base, at[NUMBERS_MAX], count, next;
};

static bool next_number(const struct entry_layout *layout, const char *rule, struct walk *walk, size_t *at)
{
    const size_t end = entry_number(rule, layout->matches);

    walk->match = walk->match ? walk->match : layout->body;
    while (walk->next == walk->count) {
        const struct xt_entry_match *match = walk->match < end ? entry_match(rule, walk->match) : NULL;

        walk->next = walk->count = 0;
        if (match && match->u.match_size >= sizeof(*match)) {
            walk->base = walk->match + sizeof(*match);
            walk->count = match_numbers(match, walk->at);
            walk->match += match->u.match_size;
        } else if (!walk->target) {
            walk->target = true;
            walk->base = end + sizeof(struct xt_entry_target);
            walk->count = target_numbers(entry_target(rule, end), walk->at);
        } else {
            return false;
        }
    }
    *at = walk->base + walk->at[walk->next++];
    return true;
}

// Asking the kernel.

struct asking {
    int socket; // -1: nothing can be asked
    struct ip_set_req_version version;
};

static struct asking begin_asking(void)
{
    struct asking asking = {.socket = socket(AF_INET, SOCK_RAW | SOCK_CLOEXEC, IPPROTO_RAW),
                            .version.op = IP_SET_OP_VERSION};
    socklen_t size = sizeof(asking.version);

    if (asking.socket >= 0 && getsockopt(asking.socket, SOL_IP, SO_IP_SET, &asking.version, &size) < 0) {
        close(asking.socket);
        asking.socket = -1;
    }
    return asking;
}

static void end_asking(const struct asking *asking)
{
    if (asking->socket >= 0)
        close(asking->socket);
}

static bool ask(const struct asking *asking, struct ip_set_req_get_set *request)
{
    socklen_t size = sizeof(*request);

    request->version = asking->version.version;
    return asking->socket >= 0 && getsockopt(asking->socket, SOL_IP, SO_IP_SET, request, &size) == 0;
}

static bool ask_name(const struct asking *asking, uint16_t number, char name[IPSET_MAXNAMELEN])
{
    struct ip_set_req_get_set request = {.op = IP_SET_OP_GET_BYINDEX, .set.index = number};

    if (!ask(asking, &request) || !request.set.name[0])
        return false;
    memcpy(name, request.set.name, IPSET_MAXNAMELEN);
    name[IPSET_MAXNAMELEN - 1] = '\0';
    return true;
}

static bool ask_number(const struct asking *asking, const char *name, uint16_t *number)
{
    struct ip_set_req_get_set request = {.op = IP_SET_OP_GET_BYNAME};

    memcpy(request.set.name, name, IPSET_MAXNAMELEN);
    if (!ask(asking, &request))
        return false;
    *number = request.set.index;
    return request.set.index != IPSET_INVALID_ID;
}

static const struct set_name *find_noted(const struct set_name *names, size_t count, uint16_t number)
{
    for (size_t i = 0; i < count; i++)
        if (names[i].number == number)
            return &names[i];
    return NULL;
}

void encoded_note_sets(struct arena *arena, struct encoded *encoded)
{
    const struct entry_layout *layout = &entry_layouts[encoded->ruleset->family];
    VEC(struct set_name) names = {0};
    struct asking asking = {.socket = -1};

    for (size_t i = 0; i < encoded->count; i++) {
        struct walk walk = {0};

        for (size_t at; next_number(layout, encoded->rules[i], &walk, &at);) {
            struct set_name found = {.number = entry_number(encoded->rules[i], at)};

            if (found.number == IPSET_INVALID_ID || find_noted(names.items, names.count, found.number))
                continue;
            if (asking.socket < 0)
                asking = begin_asking();
            if (ask_name(&asking, found.number, found.name))
                *vec_push(arena, &names) = found;
        }
    }
    end_asking(&asking);
    encoded->sets = names.items;
    encoded->set_count = names.count;
}

// The numbers that the noted sets have now.
static bool ask_numbers(const struct encoded *encoded, uint16_t *numbers, bool *same,
                        struct kernel_error *error)
{
    const struct asking asking = begin_asking();
    bool fine = true;

    *same = true;
    for (size_t i = 0; i < encoded->set_count && fine; i++) {
        fine = ask_number(&asking, encoded->sets[i].name, &numbers[i]);
        if (!fine)
            kernel_fail(
                error, KERNEL_RULE,
                "rules that are to come back ask for the set %s, which is not there any more: create it, "
                "with ipset, and try again",
                encoded->sets[i].name);
        *same = *same && numbers[i] == encoded->sets[i].number;
    }
    end_asking(&asking);
    return fine;
}

// A rule with other numbers; the same rule where it has none that change.
static const void *with_numbers(struct arena *arena, const struct encoded *encoded, const uint16_t *numbers,
                                const void *rule)
{
    const struct entry_layout *layout = &entry_layouts[encoded->ruleset->family];
    const size_t length = entry_number(rule, layout->length);
    struct walk walk = {0};
    char *copy = NULL;

    for (size_t at; next_number(layout, rule, &walk, &at);) {
        const struct set_name *noted = find_noted(encoded->sets, encoded->set_count, entry_number(rule, at));

        if (!noted)
            continue;
        if (!copy)
            copy = memcpy(arena_alloc(arena, length), rule, length);
        entry_put_number(copy, at, numbers[noted - encoded->sets]);
    }
    return copy ? copy : rule;
}

bool encoded_find_sets(struct arena *arena, struct encoded *encoded, struct kernel_error *error)
{
    uint16_t *numbers;
    const void **rules;
    bool same;

    if (!encoded->set_count)
        return true;
    numbers = arena_calloc(arena, encoded->set_count, sizeof(*numbers));
    if (!ask_numbers(encoded, numbers, &same, error))
        return false;
    if (same)
        return true;
    rules = arena_calloc(arena, encoded->count, sizeof(*rules));
    for (size_t i = 0; i < encoded->count; i++)
        rules[i] = with_numbers(arena, encoded, numbers, encoded->rules[i]);
    encoded->rules = rules;
    return true;
}
