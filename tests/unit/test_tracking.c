// SPDX-License-Identifier: GPL-2.0-or-later
#include "support/test.h"

#include <stdio.h>

#include "live/tracking.h"

#define RULE(family, expression)                                                                         \
    "{\"nftables\": [{\"metainfo\": {}}, {\"rule\": {\"family\": \"" family                              \
    "\", \"table\": \"t\", \"chain\": \"c\", \"handle\": 7, \"comment\": \"ct\", \"expr\": [" expression \
    "]}}]}"

// What asks for the tracker in a document, by family: "ip t c handle 7: ct state" and, for what may ask for it, a '?'.
static void assert_causes(const char *text, const char *ipv4, const char *ipv6)
{
    const char *wanted[FAMILY_COUNT] = {ipv4, ipv6};
    struct live_tracking tracking = {0};
    struct arena arena = {0};

    assert_true(tracking_add_nft(&arena, text, strlen(text), &tracking));
    for (enum family family = 0; family < FAMILY_COUNT; family++) {
        const struct tracked_family *tracked = &tracking.families[family];
        struct buf found = {0};

        for (size_t i = 0; i < tracked->causes.count; i++)
            buf_printf(&found, "%s%s: %s%s", i ? ", " : "", tracked->causes.items[i].place,
                       tracked->causes.items[i].what, tracked->causes.items[i].unclear ? "?" : "");
        assert_string_equal(found.length ? found.bytes : "", wanted[family]);
        buf_clear(&found);
    }
    arena_clear(&arena);
}

TEST(expressions_that_ask_for_the_tracker_are_found_wherever_they_stand)
{
    static const char *const expressions[] = {
        "{\"match\": {\"left\": {\"ct\": {\"key\": \"state\"}}, \"right\": \"new\"}}",
        "{\"vmap\": {\"key\": {\"ct\": {\"key\": \"state\"}}, \"data\": \"@m\"}}",
        "{\"accept\": null}, {\"match\": {\"left\": {\"concat\": [1, {\"ct\": {\"key\": \"state\"}}]}}}",
        "{\"mangle\": {\"key\": {\"meta\": {\"key\": \"mark\"}}, \"value\": {\"ct\": {\"key\": \"state\"}}}}",
    };

    for (size_t i = 0; i < sizeof(expressions) / sizeof(*expressions); i++) {
        char text[1000];

        snprintf(text, sizeof(text), RULE("ip", "%s"), expressions[i]);
        assert_causes(text, "ip t c handle 7: ct state", "");
    }
}

TEST(a_table_concerns_the_families_that_it_is_for)
{
    assert_causes(RULE("ip6", "{\"masquerade\": null}"), "", "ip6 t c handle 7: masquerade");
    assert_causes(RULE("inet", "{\"masquerade\": null}"), "inet t c handle 7: masquerade",
                  "inet t c handle 7: masquerade");
    assert_causes(RULE("inet", "{\"dnat\": {\"family\": \"ip\", \"addr\": \"192.0.2.1\"}}"),
                  "inet t c handle 7: dnat", "");
    assert_causes(RULE("arp", "{\"ct\": {\"key\": \"state\"}}"), "", "");
}

TEST(what_leaves_packets_alone_asks_for_nothing)
{
    assert_causes(RULE("inet", "{\"notrack\": null}"), "", "");
    assert_causes(
        RULE("inet", "{\"match\": {\"left\": {\"meta\": {\"key\": \"iifname\"}}, \"right\": \"ct\"}}"), "",
        "");
    assert_causes(RULE("ip", "{\"jump\": {\"target\": \"masquerade\"}}"), "", "");
    assert_causes(RULE("ip", "{\"xt\": {\"type\": \"match\", \"name\": \"addrtype\"}}"), "", "");
    assert_causes("{\"nftables\": [{\"set\": {\"name\": \"ct\", \"type\": \"ct_state\"}}]}", "", "");
    assert_causes("{\"nftables\": []}", "", "");
}

TEST(matches_and_targets_of_iptables_are_known_by_name)
{
    assert_causes(RULE("ip", "{\"xt\": {\"type\": \"match\", \"name\": \"conntrack\"}}"),
                  "ip t c handle 7: conntrack", "");
    assert_causes(RULE("ip", "{\"xt\": {\"type\": \"target\", \"name\": \"CONNMARK\"}}"),
                  "ip t c handle 7: CONNMARK", "");
    // Its option says whether it asks for the tracker.
    assert_causes(RULE("ip", "{\"xt\": {\"type\": \"target\", \"name\": \"CT\"}}"), "ip t c handle 7: CT?",
                  "");
    assert_causes(RULE("ip", "{\"xt\": {\"type\": \"target\", \"name\": \"CT\"}}, "
                             "{\"xt\": {\"type\": \"match\", \"name\": \"state\"}}"),
                  "ip t c handle 7: state", "");
    // Old versions of nft say no more of it.
    assert_causes(RULE("ip", "{\"xt\": null}"), "ip t c handle 7: xt?", "");
}

TEST(objects_ask_for_the_tracker_by_themselves)
{
    assert_causes("{\"nftables\": [{\"ct helper\": {\"family\": \"ip\", \"table\": \"t\", \"name\": \"h\", "
                  "\"handle\": 2}}]}",
                  "ip t h handle 2: ct helper", "");
}

TEST(what_is_no_such_document_is_refused)
{
    static const char *const texts[] = {
        "", "nft", "{", "[]", "{}", "{\"nftables\": 1}", "{\"nftables\": [1, {]}"};
    struct arena arena = {0};

    for (size_t i = 0; i < sizeof(texts) / sizeof(*texts); i++) {
        struct live_tracking tracking = {0};

        assert_false(tracking_add_nft(&arena, texts[i], strlen(texts[i]), &tracking));
    }
    arena_clear(&arena);
}

TEST(odd_members_do_no_harm)
{
    assert_causes("{\"nftables\": [1, null, [], {\"rule\": 1}, {\"rule\": {}}, {\"rule\": {\"expr\": {}}}, "
                  "{\"rule\": {\"family\": 1, \"expr\": [{\"ct\": 1}]}}, {\"ct helper\": 1}]}",
                  "", "");
    assert_causes(RULE("ip", "{\"ct\": {}}, {\"snat\": null}"), "ip t c handle 7: ct ", "");
}

TEST(deep_expressions_end)
{
    char text[40000];
    size_t at =
        (size_t)snprintf(text, sizeof(text), "{\"nftables\": [{\"rule\": {\"family\": \"ip\", \"expr\": ");

    for (int i = 0; i < 1000; i++)
        at += (size_t)snprintf(text + at, sizeof(text) - at, "[");
    for (int i = 0; i < 1000; i++)
        at += (size_t)snprintf(text + at, sizeof(text) - at, "]");
    snprintf(text + at, sizeof(text) - at, "}}]}");
    assert_causes(text, "", "");
}

RUN_TESTS(CASE(expressions_that_ask_for_the_tracker_are_found_wherever_they_stand),
          CASE(a_table_concerns_the_families_that_it_is_for),
          CASE(what_leaves_packets_alone_asks_for_nothing),
          CASE(matches_and_targets_of_iptables_are_known_by_name),
          CASE(objects_ask_for_the_tracker_by_themselves), CASE(what_is_no_such_document_is_refused),
          CASE(odd_members_do_no_harm), CASE(deep_expressions_end))
