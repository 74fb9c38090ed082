// SPDX-License-Identifier: GPL-2.0-or-later
//
// The rules reader: whatever is read prints to text that reads back to the same print, with the same number of rules; and
// what is refused says why, at a place in the text. The first byte tells the family.
#include <string.h>

#include "diag/render.h"
#include "emit/restore.h"
#include "fuzz/fuzz.h"
#include "rules/read.h"

static size_t count_rules(const struct ruleset *ruleset)
{
    size_t count = 0;

    for (size_t i = 0; i < ruleset->count; i++)
        for (size_t j = 0; j < ruleset->items[i].count; j++)
            count += ruleset->items[i].items[j]->count;
    return count;
}

static void require_match(const struct rule *rule, const struct match *match)
{
    REQUIRE(match->kind < MATCH_COUNT && match->kind != MATCH_HASHLIMIT);
    for (int side = 0; side < 2; side++) {
        if (match->kind == MATCH_TCP || match->kind == MATCH_UDP)
            REQUIRE(match->transport.ports[side].first <= match->transport.ports[side].last);
        if (match->kind == MATCH_IPRANGE && match->iprange.ranges[side])
            REQUIRE(addr_compare(match->iprange.ranges[side]->first, match->iprange.ranges[side]->last) <= 0);
    }
    REQUIRE(match->kind != MATCH_TCP || (rule->protocol == 6 && !rule->protocol_inverted));
    REQUIRE(match->kind != MATCH_MULTIPORT || (match->multiport.count && rule->protocol));
    REQUIRE(match->kind != MATCH_OPAQUE || match->opaque.text[0]);
    REQUIRE(match->kind != MATCH_COMMENT || match->comment);
    REQUIRE(match->kind != MATCH_HASHLIMIT_TEXT || match->hashlimit.name);
    REQUIRE(match->kind != MATCH_LIMIT || (match->limit.events && match->limit.period && match->limit.burst));
}

static void require_rule(const struct table *table, const struct rule *rule, const struct source *source)
{
    const struct target *target = &rule->target;

    REQUIRE(rule->span.source == source && rule->span.line && rule->span.column && !rule->verbatim);
    for (size_t i = 0; i < rule->match_count; i++)
        require_match(rule, &rule->matches[i]);
    if (target->kind == TARGET_JUMP || target->kind == TARGET_GOTO) {
        const struct chain *chain = table_find_chain(table, target->text);

        REQUIRE(chain && chain->policy == CHAIN_USER);
    }
    REQUIRE((target->kind != TARGET_OTHER && target->kind != TARGET_REJECT) || target->text[0]);
    (void)rule_tracks(rule, table->name);
}

static void require_ruleset(const struct ruleset *ruleset, const struct source *source)
{
    REQUIRE(ruleset->count);
    for (size_t i = 0; i < ruleset->count; i++) {
        const struct table *table = &ruleset->items[i];

        REQUIRE(!table_find_loop(table));
        for (size_t j = 0; j < table->count; j++) {
            REQUIRE(table_find_chain(table, table->items[j]->name) == table->items[j]);
            for (size_t k = 0; k < table->items[j]->count; k++)
                require_rule(table, &table->items[j]->items[k], source);
        }
    }
}

static void require_same_print(struct arena *arena, const struct ruleset *ruleset, const struct buf *text)
{
    const struct source printed = {
        .name = "printed", .path = "", .bytes = text->bytes, .length = text->length};
    struct diag_list diags = {.arena = arena};
    const struct ruleset *again = rules_read(arena, &printed, ruleset->family, NULL, &diags);
    struct buf second = {0};

    REQUIRE(again && !diags.items.count);
    REQUIRE(count_rules(again) == count_rules(ruleset));
    restore_text(&second, again);
    REQUIRE(second.length == text->length && memcmp(second.bytes, text->bytes, text->length) == 0);
    buf_clear(&second);
}

// The messages can be printed whatever the text was.
static void require_findings(const struct diag_list *diags)
{
    struct buf findings = {0};
    const char *rest, *line;
    size_t left, length;

    render_text(&findings, diags, SEVERITY_NOTE, false);
    rest = findings.bytes;
    left = findings.length;
    while (next_line(&rest, &left, &line, &length))
        REQUIRE(is_printable(line, length, true));
    buf_clear(&findings);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
    struct arena arena = {0};
    struct diag_list diags = {.arena = &arena};
    const enum family family = size && bytes[0] == '6' ? FAMILY_IPV6 : FAMILY_IPV4;
    const size_t skip = size ? 1 : 0;
    const struct source source = {.name = "rules",
                                  .path = "rules",
                                  .bytes = arena_copy(&arena, (const char *)bytes + skip, size - skip),
                                  .length = size - skip};
    const struct ruleset *ruleset = rules_read(&arena, &source, family, NULL, &diags);
    struct buf text = {0};

    (void)rules_recognised(&source);
    (void)rules_family(&source, NULL);
    REQUIRE((ruleset != NULL) == (diags.counts[SEVERITY_ERROR] == 0));
    if (ruleset) {
        require_ruleset(ruleset, &source);
        restore_text(&text, ruleset);
        require_same_print(&arena, ruleset, &text);
    }
    require_findings(&diags);
    buf_clear(&text);
    arena_clear(&arena);
    return 0;
}
