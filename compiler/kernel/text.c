// SPDX-License-Identifier: GPL-2.0-or-later
//
// Entries to text, as iptables-save prints them. In a process of its own, which has the tables in its memory:
// libxtables prints on stdout.
#include "kernel/text.h"

#include <arpa/inet.h>
#include <errno.h>
#include <limits.h>
#include <netdb.h>
#include <stdio.h>
#include <unistd.h>

#include "base/protocols.h"
#include "kernel/child.h"
#include "kernel/entry.h"
#include "kernel/extensions.h"
#include "rules/read.h"

struct printer {
    struct kernel_table *const *tables;
    size_t count;
    bool counters;
};

static void print_address(const struct entry_layout *layout, const char *entry, int side, bool inverted)
{
    const unsigned char *address = (const unsigned char *)entry + layout->addresses[side];
    const unsigned char *mask = (const unsigned char *)entry + layout->masks[side];
    const int family = layout->address_bytes == sizeof(struct in_addr) ? AF_INET : AF_INET6;
    char text[INET6_ADDRSTRLEN];
    size_t bits = 0, set = 0;
    bool any = true;

    for (size_t i = 0; i < layout->address_bytes; i++) {
        any = any && !address[i] && !mask[i];
        set += (size_t)__builtin_popcount(mask[i]);
    }
    if (any && !inverted)
        return;
    while (bits < layout->address_bytes * 8 && mask[bits / 8] & 0x80 >> bits % 8)
        bits++;
    printf("%s -%c %s", inverted ? " !" : "", "sd"[side], inet_ntop(family, address, text, sizeof(text)));
    if (set == bits)
        printf("/%zu", bits);
    else
        printf("/%s", inet_ntop(family, mask, text, sizeof(text)));
}

// A name that is compared in part is one of eth+'s kind.
static void print_interface(const struct entry_layout *layout, const char *entry, int side, bool inverted)
{
    const char *name = entry + layout->interfaces[side];
    const char *mask = entry + layout->interface_masks[side];
    int length = 0;

    if (!mask[0])
        return;
    while (length < IFNAMSIZ && mask[length] && name[length])
        length++;

    const bool whole = length == IFNAMSIZ || mask[length];

    printf("%s -%c %.*s%s", inverted ? " !" : "", "io"[side], length, name, whole ? "" : "+");
}

static void print_protocol(uint16_t protocol, bool inverted)
{
    if (!protocol)
        return;

    const char *name = protocol <= UINT8_MAX ? protocol_builtin_name((uint8_t)protocol) : NULL;
    const struct protoent *known = name ? NULL : getprotobynumber(protocol);

    printf("%s -p ", inverted ? " !" : "");
    if (name || known)
        printf("%s", name ? name : known->p_name);
    else
        printf("%u", protocol);
}

static void print_target(const struct entry_layout *layout, const struct live_rule *rule)
{
    const char *entry = rule->entry;
    const struct xt_entry_target *target = entry_target(entry, entry_number(entry, layout->matches));

    if (target->u.user.name[0])
        extension_print_target(target, entry);
    else if (rule->target[0])
        printf(" -%c %s", (uint8_t)entry[layout->flags] & layout->go_to ? 'g' : 'j', rule->target);
}

static void print_rule(const struct entry_layout *layout, const char *chain, const struct live_rule *rule,
                       bool counters)
{
    const char *entry = rule->entry;
    const uint8_t flags = (uint8_t)entry[layout->flags], inverted = (uint8_t)entry[layout->inverted];
    const size_t end = entry_number(entry, layout->matches);

    if (counters) {
        struct xt_counters counts;

        memcpy(&counts, entry + layout->counters, sizeof(counts));
        printf("[%llu:%llu] ", (unsigned long long)counts.pcnt, (unsigned long long)counts.bcnt);
    }
    printf("-A %s", chain);
    print_address(layout, entry, 0, inverted & INVERTED_SOURCE);
    print_address(layout, entry, 1, inverted & INVERTED_DESTINATION);
    print_interface(layout, entry, 0, inverted & INVERTED_IN);
    print_interface(layout, entry, 1, inverted & INVERTED_OUT);
    print_protocol(entry_number(entry, layout->protocol), inverted & INVERTED_PROTOCOL);
    if (flags & layout->fragment)
        printf("%s -f", inverted & INVERTED_FRAGMENT ? " !" : "");
    for (size_t at = layout->body; at < end; at += entry_match(entry, at)->u.match_size)
        extension_print_match(entry_match(entry, at), entry);
    print_target(layout, rule);
    putchar('\n');
}

static void put_chains(struct buf *out, const struct kernel_table *table)
{
    static const char *const policies[] = {
        [CHAIN_USER] = "-", [CHAIN_ACCEPT] = "ACCEPT", [CHAIN_DROP] = "DROP"};

    buf_printf(out, "*%s\n", table->name);
    for (size_t i = 0; i < table->chains.count; i++) {
        const struct live_chain *chain = &table->chains.items[i];

        buf_printf(out, ":%s %s [%llu:%llu]\n", chain->name, policies[chain->policy],
                   (unsigned long long)chain->counters.packets, (unsigned long long)chain->counters.bytes);
    }
}

static void print_table(const struct kernel_table *table, bool counters)
{
    struct buf chains = {0};

    put_chains(&chains, table);
    fputs(chains.bytes, stdout);
    buf_clear(&chains);
    for (size_t i = 0; i < table->chains.count; i++) {
        const struct live_chain *chain = &table->chains.items[i];

        for (size_t j = 0; j < chain->rules.count; j++) {
            extensions_at(table->name, chain->name, j + 1);
            print_rule(&entry_layouts[table->family], chain->name, &chain->rules.items[j], counters);
        }
    }
    puts("COMMIT");
}

static int print(const void *context, int output)
{
    const struct printer *printer = context;

    if (dup2(output, STDOUT_FILENO) < 0)
        return 1;
    extensions_open(printer->tables[0]->family);
    for (size_t i = 0; i < printer->count; i++)
        print_table(printer->tables[i], printer->counters);
    return fflush(stdout) == 0 ? 0 : 1;
}

static bool has_rules(const struct kernel_table *table)
{
    for (size_t i = 0; i < table->chains.count; i++)
        if (table->chains.items[i].rules.count)
            return true;
    return false;
}

// Tables without rules need no plugins.
static bool put_without_rules(struct buf *out, struct kernel_table *const *tables, size_t count)
{
    for (size_t i = 0; i < count; i++)
        if (has_rules(tables[i]))
            return false;
    for (size_t i = 0; i < count; i++) {
        put_chains(out, tables[i]);
        buf_text(out, "COMMIT\n");
    }
    return true;
}

bool kernel_text(struct buf *out, struct kernel_table *const *tables, size_t count, bool counters,
                 struct kernel_error *error)
{
    const struct printer printer = {tables, count, counters};
    struct child child;
    struct buf said = {0};

    if (put_without_rules(out, tables, count))
        return true;
    if (!child_start(&child, print, &printer))
        return kernel_fail(error, KERNEL_FAILED, "cannot start a process: %s", strerror(errno));

    const bool fine = child_finish(&child, out, &said);

    if (!fine)
        kernel_fail(error, KERNEL_RULE, "%s", child_reason(&said));
    buf_clear(&said);
    return fine;
}

// Lines of a text that nobody sees are no places.
static void forget_lines(const struct ruleset *ruleset)
{
    for (size_t i = 0; i < ruleset->count; i++)
        for (size_t j = 0; j < ruleset->items[i].count; j++) {
            struct chain *chain = ruleset->items[i].items[j];

            chain->span = (struct span){0};
            for (size_t k = 0; k < chain->count; k++)
                chain->items[k].span = (struct span){0};
        }
}

const struct ruleset *kernel_text_read(struct arena *arena, const struct buf *text, enum family family,
                                       struct diag_list *diags)
{
    struct source *source = arena_alloc(arena, sizeof(*source));
    const struct ruleset *ruleset;

    *source = (struct source){.name = arena_printf(arena, "<live %s>", family_name(family)),
                              .path = "",
                              .bytes = arena_copy(arena, text->bytes, text->length),
                              .length = text->length,
                              .order = UINT_MAX};
    ruleset = rules_read_anyway(arena, source, family, NULL, diags);
    if (ruleset)
        forget_lines(ruleset);
    return ruleset;
}

const struct ruleset *kernel_ruleset(struct arena *arena, struct kernel_table *const *tables, size_t count,
                                     enum family family, struct diag_list *diags, struct kernel_error *error)
{
    struct buf text = {0};
    const struct ruleset *ruleset = NULL;

    if (!count) {
        struct ruleset *none = arena_alloc(arena, sizeof(*none));

        none->family = family;
        return none;
    }
    if (kernel_text(&text, tables, count, true, error))
        ruleset = kernel_text_read(arena, &text, family, diags);
    buf_clear(&text);
    return ruleset;
}
