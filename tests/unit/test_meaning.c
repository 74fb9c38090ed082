// SPDX-License-Identifier: GPL-2.0-or-later
//
// Diagrams against a walk rule by rule: what rules mean is what happens to each packet. And policies against
// their rules.
#include "unit/trial.h"

#include "analysis/describe.h"
#include "analysis/trace.h"
#include "emit/restore.h"
#include "findings/findings.h"
#include "proof/prove.h"
#include "rules/read.h"
#include "support/oracle.h"
#include "support/sample.h"

// TRIALS=100 in the environment tries a hundred times as many rulesets and policies, others each time it is
// changed.
static int trials(int count)
{
    const char *factor = getenv("TRIALS");
    const int times = factor ? (int)strtol(factor, NULL, 10) : 1;

    srandom(4711 + (unsigned)times);
    return count * times;
}

// One ruleset in a space of its own, and how it is judged.
struct judged {
    struct arena arena;
    struct packet_space space;
    struct meaning meaning;
    struct oracle oracle;
    struct sampler sampler;
    const struct ruleset *ruleset;
};

static void judged_open(struct judged *judged, const struct ruleset *ruleset, uint64_t seed)
{
    judged->ruleset = ruleset;
    packet_space_init(&judged->space, &judged->arena, ruleset->family);
    packet_space_add_ruleset(&judged->space, ruleset);
    assert_true(packet_space_open(&judged->space, 1 << 22));
    judged->meaning = rules_meaning(&judged->space, ruleset, NULL);
    oracle_open(&judged->oracle, &judged->arena, &judged->space, ruleset);
    if (judged->oracle.lacking)
        fail_msg("the space does not know %s", judged->oracle.lacking);
    sampler_init(&judged->sampler, &judged->arena, &judged->space, seed);
    sampler_add(&judged->sampler, ruleset);
}

static void judged_close(struct judged *judged)
{
    packet_space_close(&judged->space);
    arena_clear(&judged->arena);
}

static struct oracle_outcome as_walked(const struct judged *judged, struct outcome outcome)
{
    static const enum oracle_end ends[] = {
        [WALK_CONTINUE] = END_NOWHERE, [WALK_RETURN] = END_NOWHERE, [WALK_ACCEPT] = END_ACCEPT,
        [WALK_DROP] = END_DROP,        [WALK_REJECT] = END_REJECT,  [WALK_ELSEWHERE] = END_ELSEWHERE};

    return (struct oracle_outcome){
        .end = ends[outcome.walk],
        .answer = outcome.walk == WALK_REJECT ? judged->space.answers.items[outcome.answer] : NULL,
        .tracked = outcome.tracked,
    };
}

static void fail_on(const struct judged *judged, enum hook hook, const field_value *packet, const char *what,
                    struct outcome outcome)
{
    struct buf text = {0};

    buf_printf(&text, "%s, %s, %s:", what, family_name(judged->space.family), hook_names[hook]);
    for (size_t field = 0; field < FIELD_COUNT + judged->space.unknowns.count; field++)
        buf_printf(&text, " %s=%llx:%llx",
                   field < FIELD_COUNT ? field_names[field]
                                       : judged->space.unknowns.items[field - FIELD_COUNT].text,
                   (unsigned long long)packet[field].high, (unsigned long long)packet[field].low);
    buf_text(&text, "\nthe diagram says ");
    oracle_describe(&text, as_walked(judged, outcome));
    buf_text(&text, ", the walk ");
    oracle_describe(&text, oracle_walk(&judged->oracle, hook, packet));
    buf_text(&text, "\n");
    restore_text(&text, judged->ruleset);
    fputs(text.bytes, stderr); // longer than cmocka's messages
    fail();
}

static void check_trace(struct judged *judged, enum hook hook, const field_value *packet)
{
    const struct oracle_outcome walked = oracle_walk(&judged->oracle, hook, packet);
    const struct outcome alone = packet_outcome(&judged->space, &judged->meaning, hook, packet);
    const struct trace trace = trace_packet(&judged->space, judged->ruleset, &judged->meaning, hook, packet);

    if (!oracle_same(as_walked(judged, alone), walked))
        fail_on(judged, hook, packet, "the outcome of one packet", alone);
    if (!oracle_same(as_walked(judged, trace.outcome), walked))
        fail_on(judged, hook, packet, "the outcome of a trace", trace.outcome);
    if (place_rule(&trace.verdict) != walked.rule)
        fail_on(judged, hook, packet, "the rule of a trace", trace.outcome);
}

static void check_hook(struct judged *judged, enum hook hook, size_t packets)
{
    const diagram outcomes = hook_outcomes(&judged->space, &judged->meaning, hook, set_all(&judged->space));
    field_value *packet =
        arena_calloc(&judged->arena, FIELD_COUNT + judged->space.unknowns.count, sizeof(*packet));

    assert_false(diagram_overflowed(judged->space.diagrams));
    for (size_t i = 0; i < packets; i++) {
        const struct rule *aim = i % 4 ? sampler_rule(&judged->sampler) : NULL;
        struct outcome outcome;

        sampler_packet(&judged->sampler, hook, aim, packet);
        outcome = outcome_of(diagram_evaluate(judged->space.diagrams, outcomes, packet));
        if (!oracle_same(as_walked(judged, outcome), oracle_walk(&judged->oracle, hook, packet)))
            fail_on(judged, hook, packet, "the outcome", outcome);
        if (i % 32 == 0)
            check_trace(judged, hook, packet);
    }
}

// One value of one field by chance: most such packets there are, and some there are not.
static void check_domain(struct judged *judged, enum hook hook)
{
    const size_t count = FIELD_COUNT + judged->space.unknowns.count;
    field_value *packet = arena_calloc(&judged->arena, count, sizeof(*packet));
    const diagram untracked = field_between(&judged->space, FIELD_STATE, PACKET_STATE_UNTRACKED, 7);
    const diagram domain = judged->meaning.domains[hook];

    assert_int_equal(set_and(&judged->space, domain, untracked), set_none(&judged->space));
    for (int i = 0; i < 1000; i++) {
        const size_t field = sampler_below(&judged->sampler, count);

        sampler_packet(&judged->sampler, hook, NULL, packet);
        if (field != FIELD_SOURCE && field != FIELD_DESTINATION)
            packet[field].low = sampler_below(&judged->sampler, field < FIELD_COUNT ? 4 : 2);
        if (diagram_evaluate(judged->space.diagrams, domain, packet) !=
            packet_possible(&judged->space, hook, packet))
            fail_on(judged, hook, packet, "the domain", (struct outcome){0});
    }
}

static void check_ruleset(const struct ruleset *ruleset, size_t packets)
{
    struct judged judged = {0};

    judged_open(&judged, ruleset, 4711);
    for (enum hook hook = HOOK_INPUT; hook < HOOK_COUNT; hook++) {
        check_domain(&judged, hook);
        check_hook(&judged, hook, packets);
    }
    judged_close(&judged);
}

static const struct ruleset *read_text(struct arena *arena, struct diag_list *diags, const char *text,
                                       size_t length, enum family family)
{
    struct source *source = arena_alloc(arena, sizeof(*source));

    *source = (struct source){.name = "<rules>", .path = "", .bytes = text, .length = length};
    return rules_read(arena, source, family, diags);
}

static void check_text(const char *text, enum family family, size_t packets)
{
    struct arena arena = {0};
    struct diag_list diags = {.arena = &arena};
    const struct ruleset *ruleset = read_text(&arena, &diags, text, strlen(text), family);

    if (!ruleset)
        fail_msg("not read: %s\n%s", diags.items.items[0].message, text);
    check_ruleset(ruleset, packets);
    arena_clear(&arena);
}

// Rulesets by hand: one thing each.

struct case_text {
    enum family family;
    const char *text;
};

static const struct case_text by_hand[] = {
#define RULES(family, ...) {FAMILY_##family, __VA_ARGS__},
#include "unit/meaning_cases.def"
#undef RULES
};

TEST(rules_mean_what_a_walk_through_them_does)
{
    for (size_t i = 0; i < array_length(by_hand); i++)
        check_text(by_hand[i].text, by_hand[i].family, 1000);
}

// Rulesets by chance: everything with everything.

struct writing {
    struct buf text;
    enum family family;
    const char *table, *chain;
    unsigned chains; // of the user, from u0 on; a jump leads to later ones alone
    unsigned own;    // number of this chain among them
};

static bool is_raw(const struct writing *writing)
{
    return strcmp(writing->table, "raw") == 0;
}

static void put_addresses(struct writing *writing)
{
    const bool ipv4 = writing->family == FAMILY_IPV4;

    if (any_of(3) == 0)
        buf_text(&writing->text,
                 ipv4 ? PICK(" -s 192.0.2.0/24", " ! -s 192.0.2.7/32", " -s 10.0.0.0/8", " ! -s 128.0.0.0/1")
                      : PICK(" -s 2001:db8::/32", " ! -s 2001:db8::7/128", " -s fe80::/10", " ! -s 8000::/1",
                             " -s 2001:db8:0:0:8000::/65"));
    if (any_of(4) == 0)
        buf_text(&writing->text,
                 ipv4 ? PICK(" -d 192.0.2.0/25", " ! -d 198.51.100.0/24", " -d 127.0.0.0/8",
                             " -d 224.0.0.0/4", " -d 255.255.255.255/32")
                      : PICK(" -d 2001:db8:5::/48", " ! -d fe80::/64", " -d ::1/128", " ! -d ff00::/8"));
}

static void put_interfaces(struct writing *writing)
{
    const bool user = writing->chain[0] == 'u', forward = strcmp(writing->chain, "FORWARD") == 0,
               leaves = strcmp(writing->chain, "OUTPUT") == 0 || strcmp(writing->chain, "POSTROUTING") == 0;

    if ((user || forward || !leaves) && any_of(4) == 0)
        buf_text(&writing->text,
                 PICK(" -i eth0", " -i eth+", " ! -i eth1", " -i lo", " ! -i lo", " ! -i e+"));
    if ((user || forward || leaves) && any_of(4) == 0)
        buf_text(&writing->text, PICK(" -o eth0", " -o eth+", " ! -o eth1", " -o lo", " ! -o wg+"));
}

static void put_protocol_match(struct writing *writing)
{
    if (writing->family == FAMILY_IPV4 && any_of(12) == 0)
        buf_text(&writing->text, PICK(" -f", " ! -f"));
    if (any_of(3) == 0)
        return;
    switch (any_of(5)) {
    case 0:
        buf_text(&writing->text, " -p tcp");
        buf_text(&writing->text,
                 PICK("", " -m tcp --dport 22", " -m tcp --sport 1024:65535 ! --dport 80",
                      " -m tcp --tcp-flags FIN,SYN,RST,ACK SYN", " -m tcp ! --tcp-flags FIN,SYN,RST,ACK SYN",
                      " -m tcp --tcp-flags FIN,SYN,RST,PSH,ACK,URG NONE", " -m tcp ! --sport 53 --syn",
                      " -m tcp --tcp-flags RST RST"));
        break;
    case 1:
        buf_text(&writing->text, PICK(" -p udp", " -p udp -m udp --sport 53",
                                      " -p udp -m udp ! --dport 1:1023", " -p sctp -m sctp --dport 5000:6000",
                                      " -p dccp -m dccp ! --sport 7", " -p udplite -m udplite --dport 9"));
        break;
    case 2:
        buf_text(&writing->text, PICK(" -p tcp -m multiport", " -p udp -m multiport"));
        buf_text(&writing->text, PICK(" --dports 80,443,8000:8010", " ! --dports 22,80",
                                      " --sports 53,1024:65535", " ! --sports 1:1023", " --ports 53,123",
                                      " ! --ports 53,100:200", " --dports 100:200,150:300,90:99"));
        break;
    case 3:
        if (writing->family == FAMILY_IPV4)
            buf_text(&writing->text,
                     PICK(" -p icmp", " -p icmp -m icmp --icmp-type 3/4", " -p icmp -m icmp --icmp-type 8",
                          " -p icmp -m icmp ! --icmp-type 3/4", " -p icmp -m icmp ! --icmp-type 8",
                          " -p icmp -m icmp --icmp-type any"));
        else
            buf_text(&writing->text, PICK(" -p ipv6-icmp", " -p ipv6-icmp -m icmp6 --icmpv6-type 135",
                                          " -p ipv6-icmp -m icmp6 ! --icmpv6-type 1/4",
                                          " -p ipv6-icmp -m icmp6 ! --icmpv6-type 128",
                                          " -p ipv6-icmp -m icmp6 --icmpv6-type 1/4"));
        break;
    default:
        buf_text(&writing->text, PICK(" ! -p tcp", " -p esp", " -p 112", " ! -p udp"));
        break;
    }
}

static const char *some_match(const struct writing *writing)
{
    const bool ipv4 = writing->family == FAMILY_IPV4;

    switch (any_of(12)) {
    case 0:
        return ipv4 ? PICK(" -m iprange --src-range 192.0.2.3-192.0.2.99",
                           " -m iprange ! --src-range 10.0.0.1-10.0.0.2",
                           " -m iprange --src-range 1.1.1.1-9.9.9.9 ! --dst-range 192.0.2.0-192.0.2.1")
                    : PICK(" -m iprange --src-range 2001:db8::3-2001:db8::99",
                           " -m iprange ! --dst-range ::-::ffff");
    case 1:
    case 2:
        return ipv4 ? PICK(" -m addrtype --dst-type LOCAL",
                           " -m addrtype --dst-type LOCAL,BROADCAST,MULTICAST",
                           " -m addrtype ! --dst-type MULTICAST", " -m addrtype ! --dst-type LOCAL")
                    : PICK(" -m addrtype --dst-type LOCAL", " -m addrtype --dst-type MULTICAST",
                           " -m addrtype ! --dst-type LOCAL", " -m addrtype ! --dst-type LOCAL,MULTICAST");
    case 3:
    case 4:
        return PICK(" -m conntrack --ctstate RELATED,ESTABLISHED", " -m conntrack --ctstate NEW",
                    " -m conntrack ! --ctstate INVALID", " -m state --state INVALID,NEW",
                    " -m conntrack --ctstate UNTRACKED", " -m conntrack ! --ctstate NEW,UNTRACKED",
                    " -m state --state ESTABLISHED");
    case 5:
        return is_raw(writing) ? ""
                               : PICK(" -m helper --helper ftp", " -m helper ! --helper ftp",
                                      " -m helper --helper sip", " -m helper --helper ftp-2121",
                                      " -m helper ! --helper ftp-2122", " -m helper --helper \"\"");
    case 6:
        return ipv4 ? PICK(" -m ttl --ttl-eq 64", " -m ttl ! --ttl-eq 64", " -m ttl --ttl-lt 5",
                           " -m ttl --ttl-gt 250")
                    : PICK(" -m hl --hl-eq 255", " -m hl ! --hl-eq 255", " -m hl --hl-lt 5",
                           " -m hl --hl-gt 250");
    case 7:
        return ipv4 ? "" : PICK(" -m frag --fragfirst", " -m frag", " -m frag --fragid 7");
    case 8:
        return PICK(" -m limit --limit 5/min", " -m limit --limit 5/min --limit-burst 9",
                    " -m limit --limit 3/sec");
    case 9:
        return PICK(" -m hashlimit --hashlimit-upto 5/sec --hashlimit-burst 5 --hashlimit-mode srcip "
                    "--hashlimit-name a",
                    " -m hashlimit --hashlimit-upto 5/sec --hashlimit-burst 5 --hashlimit-name b",
                    " -m hashlimit --hashlimit-above 5/sec --hashlimit-burst 5 --hashlimit-mode "
                    "srcip,dstport --hashlimit-name c",
                    " -m hashlimit --hashlimit-above 7/sec --hashlimit-burst 5 --hashlimit-mode srcip "
                    "--hashlimit-name a");
    case 10:
        return PICK(" -m owner --uid-owner 0", " -m recent --rcheck --name x --rsource",
                    " -m mark --mark 0x1", " -m mark ! --mark 0x1", " -m comment --comment hello");
    default:
        return "";
    }
}

static const char *some_hook_match(const struct writing *writing)
{
    const bool comes = strcmp(writing->chain, "INPUT") == 0 || strcmp(writing->chain, "PREROUTING") == 0;

    if (!comes || any_of(6))
        return "";
    return PICK(" -m socket", " -m socket --nowildcard", " -m mac --mac-source 02:00:00:00:00:01",
                " -m mac ! --mac-source 02:00:00:00:00:01");
}

static void put_some_target(struct writing *writing)
{
    const bool filter = strcmp(writing->table, "filter") == 0;

    if (writing->own < writing->chains && any_of(3) == 0) {
        buf_printf(&writing->text, " -%s u%u\n", PICK("j", "j", "g"),
                   writing->own + any_of(writing->chains - writing->own));
        return;
    }
    if (is_raw(writing) && any_of(2) == 0) {
        buf_printf(&writing->text, " -j %s\n",
                   PICK("CT --notrack", "NOTRACK", "CT --helper ftp", "CT --zone 3"));
        return;
    }
    if (filter && any_of(5) == 0) {
        const bool tcp = strcmp(writing->text.bytes + writing->text.length - 7, " -p tcp") == 0;

        buf_printf(&writing->text, " -j REJECT --reject-with %s\n",
                   tcp                              ? "tcp-reset"
                   : writing->family == FAMILY_IPV4 ? PICK("icmp-port-unreachable", "icmp-host-prohibited")
                                                    : PICK("icmp6-port-unreachable", "icmp6-adm-prohibited"));
        return;
    }
    buf_printf(&writing->text, "%s\n",
               PICK(" -j ACCEPT", " -j ACCEPT", " -j DROP", " -j DROP", " -j RETURN",
                    " -j LOG --log-prefix hi", "", " -j NFQUEUE --queue-num 3", " -j NFLOG",
                    " -j MARK --set-xmark 0x1/0xffffffff"));
}

static void put_chain(struct writing *writing, unsigned most)
{
    const unsigned count = any_of(most);

    for (unsigned i = 0; i < count; i++) {
        buf_printf(&writing->text, "-A %s", writing->chain);
        put_addresses(writing);
        put_interfaces(writing);
        put_protocol_match(writing);
        for (unsigned j = any_of(3); j-- > 0;)
            buf_text(&writing->text, some_match(writing));
        buf_text(&writing->text, some_hook_match(writing));
        put_some_target(writing);
    }
}

static void put_some_table(struct writing *writing, const char *table, const char *const *hooks)
{
    writing->table = table;
    writing->chains = any_of(4);
    buf_printf(&writing->text, "*%s\n", table);
    for (size_t i = 0; hooks[i]; i++)
        if (any_of(8))
            buf_printf(&writing->text, ":%s %s [0:0]\n", hooks[i], PICK("ACCEPT", "DROP", "ACCEPT"));
    for (unsigned i = 0; i < writing->chains; i++)
        buf_printf(&writing->text, ":u%u - [0:0]\n", i);
    for (size_t i = 0; hooks[i]; i++) {
        writing->chain = hooks[i];
        writing->own = 0;
        put_chain(writing, strcmp(table, "filter") == 0 ? 12 : 5);
    }
    for (unsigned i = 0; i < writing->chains; i++) {
        char name[16];

        snprintf(name, sizeof(name), "u%u", i);
        writing->chain = name;
        writing->own = i + 1;
        put_chain(writing, 6);
    }
    writing->chain = NULL;
    buf_text(&writing->text, "COMMIT\n");
}

static void put_some_ruleset(struct writing *writing)
{
    if (any_of(2))
        put_some_table(writing, "raw", table_kinds[3].hooks);
    if (any_of(4) == 0)
        put_some_table(writing, "mangle", table_kinds[1].hooks);
    put_some_table(writing, "filter", table_kinds[0].hooks);
    if (any_of(8) == 0)
        put_some_table(writing, "security", table_kinds[4].hooks);
}

#define BY_CHANCE 400 // rulesets a family

TEST(any_rules_mean_what_a_walk_through_them_does)
{
    const int count = trials(BY_CHANCE);

    for (enum family family = FAMILY_IPV4; family < FAMILY_COUNT; family++)
        for (int i = 0; i < count; i++) {
            struct writing writing = {.family = family};

            put_some_ruleset(&writing);
            check_text(writing.text.bytes, family, 200);
            buf_clear(&writing.text);
        }
}

static void check_generated(void)
{
    if (any_of(5))
        return;
    check_ruleset(trial->ruleset, 1000);
}

TEST(rules_of_policies_mean_what_a_walk_through_them_does)
{
    try_policies(check_generated);
}

// Policies against their rules, both written and read back.

static void check_proved(struct fixture *f, enum family family, const char *policy)
{
    struct buf text = {0};
    const struct ruleset *lowered = policy_to_ruleset(&f->compilation.arena, f->policy, family,
                                                      (struct lower_options){0}, &f->compilation.diags);
    // Any of the passes alone, and with any of the others.
    const struct pass_options passes = {.without = (unsigned)random() & PASSES_NONE};
    const struct ruleset *rules =
        lowered ? passes_run(&f->compilation.arena, lowered, passes, &f->compilation.diags) : NULL;
    struct proof proof;

    assert_non_null(rules);
    restore_text(&text, rules);
    rules = read_text(&f->compilation.arena, &f->compilation.diags, text.bytes, text.length, family);
    assert_non_null(rules);
    proof_open(&proof, &f->compilation.arena, f->policy, f->compilation.sources.items[0], lowered, rules);
    assert_false(proof.undecided);
    if (!prove_equal(&proof, &f->compilation.diags))
        fail_msg("%s\n%s\n%s", f->compilation.diags.items.items[f->compilation.diags.items.count - 1].message,
                 policy, text.bytes);
    proof_close(&proof);
    buf_clear(&text);
}

#define PROVED 2000 // policies

TEST(any_policy_means_what_its_rules_do)
{
    const int count = trials(PROVED);
    int tried = 0;

    for (int i = 0; i < count; i++) {
        struct fixture f;
        struct buf text = {0};

        generate_policy(&text);
        fixture_open(&f);
        fixture_read(&f, text.bytes);
        for (enum family family = FAMILY_IPV4; f.fine && family < FAMILY_COUNT; family++)
            check_proved(&f, family, text.bytes);
        tried += f.fine;
        fixture_close(&f);
        buf_clear(&text);
    }
    assert_true(tried > count / 2);
}

// A set that holds one field at a value asks for it no more: each path tests a field once.
TEST(domains_test_each_field_once)
{
    for (enum family family = 0; family < FAMILY_COUNT; family++) {
        struct arena arena = {0};
        struct packet_space space;

        packet_space_init(&space, &arena, family);
        assert_true(packet_space_open(&space, 1 << 16));
        for (enum hook hook = HOOK_INPUT; hook < HOOK_COUNT; hook++)
            for (unsigned field = 0; field < FIELD_COUNT; field++) {
                const diagram held =
                    diagram_restrict(space.diagrams, hook_domain(&space, hook), field, (field_value){0, 0});

                assert_false(diagram_depends_on(space.diagrams, held, field));
            }
        packet_space_close(&space);
        arena_clear(&arena);
    }
}

// Whether the meaning is the same with the rules of a line taken away. Limits and what tracks stay what they are.
static void check_needless(struct judged *judged, const struct diag *diag, const char *text)
{
    struct meaning without;
    size_t taken = 0;

    for (size_t i = 0; i < judged->ruleset->count; i++)
        for (size_t j = 0; j < judged->ruleset->items[i].count; j++) {
            struct chain *chain = judged->ruleset->items[i].items[j];

            for (size_t k = 0; k < chain->count; k++)
                if (chain->items[k].span.line == diag->span.line) {
                    chain->items[k].target = (struct target){.kind = TARGET_NONE};
                    taken++;
                }
        }
    assert_true(taken > 0);
    without = rules_meaning(&judged->space, judged->ruleset, NULL);
    without.tracking = judged->meaning.tracking;
    for (enum hook hook = HOOK_INPUT; hook < HOOK_COUNT; hook++)
        if (different_outcomes(&judged->space, &judged->meaning, &without, hook) != set_none(&judged->space))
            fail_msg("line %u is said to decide nothing, and does at %s:\n%s", diag->span.line,
                     hook_names[hook], text);
}

TEST(rules_said_to_decide_nothing_decide_nothing)
{
    const int count = trials(BY_CHANCE);
    size_t found = 0;

    for (enum family family = FAMILY_IPV4; family < FAMILY_COUNT; family++)
        for (int i = 0; i < count; i++) {
            struct arena arena = {0};
            struct diag_list diags = {.arena = &arena};
            struct writing writing = {.family = family};
            struct source source;
            const struct ruleset *ruleset;

            put_some_ruleset(&writing);
            source = (struct source){
                .name = "rules", .path = "", .bytes = writing.text.bytes, .length = writing.text.length};
            ruleset = rules_read(&arena, &source, family, &diags);
            assert_non_null(ruleset);
            find_dead_rules(&arena, ruleset, &source, &diags);
            for (size_t j = 0; j < diags.items.count; j++) {
                struct judged judged = {0};

                ruleset = rules_read(&arena, &source, family, &(struct diag_list){.arena = &arena});
                judged_open(&judged, ruleset, 1);
                check_needless(&judged, &diags.items.items[j], writing.text.bytes);
                judged_close(&judged);
                found++;
            }
            buf_clear(&writing.text);
            arena_clear(&arena);
        }
    assert_true(found > (size_t)count / 4);
}

// Whether two rulesets of IPv4 do the same with every packet that comes in.
static bool same_input(const char *one, const char *other)
{
    struct arena arena = {0};
    struct diag_list diags = {.arena = &arena};
    const struct ruleset *a = read_text(&arena, &diags, one, strlen(one), FAMILY_IPV4),
                         *b = read_text(&arena, &diags, other, strlen(other), FAMILY_IPV4);
    struct packet_space space;
    struct meaning meanings[2];
    bool same;

    assert_true(a && b);
    packet_space_init(&space, &arena, FAMILY_IPV4);
    packet_space_add_ruleset(&space, a);
    packet_space_add_ruleset(&space, b);
    assert_true(packet_space_open(&space, 1 << 16));
    meanings[0] = rules_meaning(&space, a, NULL);
    meanings[1] = rules_meaning(&space, b, NULL);
    same = different_outcomes(&space, &meanings[0], &meanings[1], HOOK_INPUT) == set_none(&space);
    packet_space_close(&space);
    arena_clear(&arena);
    return same;
}

TEST(a_mark_may_be_another_behind_the_target_that_writes_it)
{
    static const struct {
        const char *match, *target;
        bool written;
    } rows[] = {
        {"-m mark --mark 1", "MARK --set-mark 1", true},
        {"-m mark ! --mark 1", "CONNMARK --restore-mark", true},
        {"-m mark --mark 1", "HMARK --hmark-tuple src --hmark-mod 2 --hmark-rnd 1", true},
        {"-m connmark --mark 1", "CONNMARK --set-mark 1", true},
        {"-m set --match-set s src", "SET --add-set s src", true},
        {"-m dscp --dscp 0x01", "TOS --set-tos 0x04", true},
        {"-m connmark --mark 1", "MARK --set-mark 1", false},
        {"-m owner --uid-owner 1", "MARK --set-mark 1", false},
        {"-m mark --mark 1", "LOG", false},
    };

    for (size_t i = 0; i < array_length(rows); i++) {
        char asked_once[300], asked_twice[300];
        static const char *const format =
            "*filter\n:INPUT DROP [0:0]\n-A INPUT %s -p tcp -j ACCEPT\n-A INPUT -j %s\n%s%s%sCOMMIT\n";

        snprintf(asked_once, sizeof(asked_once), format, rows[i].match, rows[i].target, "", "", "");
        snprintf(asked_twice, sizeof(asked_twice), format, rows[i].match, rows[i].target, "-A INPUT -p tcp ",
                 rows[i].match, " -j ACCEPT\n");
        if (same_input(asked_once, asked_twice) == rows[i].written)
            fail_msg("%s behind %s", rows[i].match, rows[i].target);
    }
}

TEST(a_helper_has_a_name_that_the_name_asked_for_begins_with)
{
    static const char begin[] = "*filter\n:INPUT DROP [0:0]\n";
    char both[300], one[300];

    snprintf(both, sizeof(both),
             "%s-A INPUT -m helper --helper ftp -j ACCEPT\n"
             "-A INPUT -m helper --helper ftp-2121 -j ACCEPT\nCOMMIT\n",
             begin);
    snprintf(one, sizeof(one), "%s-A INPUT -m helper --helper ftp-2121 -j ACCEPT\nCOMMIT\n", begin);
    assert_true(same_input(both, one)); // ftp-2121 fits what is called ftp
    snprintf(one, sizeof(one), "%s-A INPUT -m helper --helper ftp -j ACCEPT\nCOMMIT\n", begin);
    assert_false(same_input(both, one));
}

#define BOUND 200 // addresses that are bound to a MAC address, and services behind them

// Who binds addresses to MAC addresses asks for both before anything else: a function of all that has as many nodes as the
// parts together, not as their product.
TEST(addresses_bound_to_a_mac_are_a_sum)
{
    struct arena arena = {0};
    struct diag_list diags = {.arena = &arena};
    struct buf text = {0};
    const struct ruleset *ruleset;
    struct judged judged = {0};

    buf_text(&text, "*filter\n:bound - [0:0]\n-A FORWARD -j bound\n");
    for (unsigned i = 0; i < BOUND; i++)
        buf_printf(&text, "-A FORWARD -d 192.0.2.%u -p tcp --dport %u -j ACCEPT\n", i, 1000 + 7 * i);
    for (unsigned i = 0; i < BOUND; i++)
        buf_printf(&text,
                   "-A bound -s 198.51.100.%u -m mac --mac-source 00:00:5e:00:53:%02x -j RETURN\n"
                   "-A bound -s 198.51.100.%u -j DROP\n",
                   i, i, i);
    buf_text(&text, "COMMIT\n");
    ruleset = read_text(&arena, &diags, text.bytes, text.length, FAMILY_IPV4);
    assert_non_null(ruleset);
    judged_open(&judged, ruleset, 1);
    assert_true(diagram_node_count(judged.space.diagrams) < (size_t)40 * BOUND);
    judged_close(&judged);
    buf_clear(&text);
    arena_clear(&arena);
}

#define IN_A_ROW 2000 // matches of which nothing is known

// What comes to a rule behind many of them does not depend on any one of them any more.
TEST(rules_behind_a_long_row_of_unknowns_are_decided)
{
    struct arena arena = {0};
    struct diag_list diags = {.arena = &arena};
    struct buf text = {0};
    struct source source;
    const struct ruleset *ruleset;

    buf_text(&text, "*filter\n:INPUT DROP [0:0]\n");
    for (unsigned i = 0; i < IN_A_ROW; i++)
        buf_printf(&text, "-A INPUT -p udp --dport 123 -m recent --name n%u --update --seconds 1 -j %s\n", i,
                   i % 2 ? "ACCEPT" : "DROP");
    buf_text(&text, "-A INPUT -p udp -j ACCEPT\n-A INPUT -p udp --dport 123 -j DROP\nCOMMIT\n");
    source = (struct source){.name = "rules", .path = "", .bytes = text.bytes, .length = text.length};
    ruleset = rules_read(&arena, &source, FAMILY_IPV4, &diags);
    assert_non_null(ruleset);
    find_dead_rules(&arena, ruleset, &source, &diags);
    assert_int_equal(diags.items.count, 1);
    assert_int_equal(diags.items.items[0].code, DIAG_DEAD_RULE);
    assert_int_equal(diags.items.items[0].span.line, IN_A_ROW + 4);
    buf_clear(&text);
    arena_clear(&arena);
}

RUN_TESTS(CASE(rules_mean_what_a_walk_through_them_does), CASE(any_rules_mean_what_a_walk_through_them_does),
          CASE(rules_of_policies_mean_what_a_walk_through_them_does),
          CASE(any_policy_means_what_its_rules_do), CASE(domains_test_each_field_once),
          CASE(addresses_bound_to_a_mac_are_a_sum), CASE(rules_said_to_decide_nothing_decide_nothing),
          CASE(rules_behind_a_long_row_of_unknowns_are_decided),
          CASE(a_mark_may_be_another_behind_the_target_that_writes_it),
          CASE(a_helper_has_a_name_that_the_name_asked_for_begins_with))
