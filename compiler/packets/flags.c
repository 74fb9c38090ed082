// SPDX-License-Identifier: GPL-2.0-or-later
#include "packets/flags.h"

#include <stddef.h>

#include "base/protocols.h"

#define FLAG_COUNT   6
#define COMBINATIONS 64
#define ALL_FLAGS    (COMBINATIONS - 1)

static const char *const names[FLAG_COUNT] = {"fin", "syn", "rst", "psh", "ack", "urg"}; // by bit

// Flags that are set, of those that are looked at.
static uint64_t where_set(unsigned mask, unsigned flags)
{
    uint64_t set = 0;

    for (unsigned value = 0; value < COMBINATIONS; value++)
        if ((value & mask) == flags)
            set |= (uint64_t)1 << value;
    return set;
}

uint64_t flag_set_named(uint8_t flags)
{
    return where_set(flags ? flags | TCP_OPENING_MASK : ALL_FLAGS, flags);
}

// Reading.

static uint8_t flag_named(struct slice word)
{
    for (unsigned i = 0; i < FLAG_COUNT; i++)
        if (slice_is(word, names[i]))
            return (uint8_t)(1U << i);
    return 0;
}

// `fin,syn`; 0 where it is no such list.
static uint8_t flag_list(struct slice word)
{
    uint8_t flags = 0;
    struct slice item;

    while (slice_item(&word, ',', &item)) {
        if (!flag_named(item))
            return 0;
        flags |= flag_named(item);
    }
    return flags;
}

// The words of one alternative.
static int take_term(struct flag_words *words, struct slice *word, struct slice *rest, const char **problem)
{
    const bool with = slice_is(*word, "with"), without = slice_is(*word, "without");
    uint8_t flags;

    if (slice_is(*word, "no-flags")) {
        words->none = words->any = true;
        return 1;
    }
    if (with || without)
        *word = slice_word(rest);
    flags = flag_list(*word);
    if (with)
        words->with |= flags;
    else if (without)
        words->without |= flags;
    else
        words->set |= flags;
    words->any = words->any || flags;
    if (flags || (!with && !without))
        return flags != 0;
    *problem = "flags are fin, syn, rst, psh, ack and urg, with commas between them";
    return -1;
}

static bool says_term(const struct flag_words *words)
{
    return words->set || words->with || words->without || words->none;
}

static uint64_t term_set(const struct flag_words *words)
{
    uint64_t set = where_set(words->with | words->without, words->with & ~words->without);

    if (words->with & words->without || (words->none && (words->set || words->with)))
        return 0;
    if (words->set)
        set &= flag_set_named(words->set);
    return words->none ? set & 1 : set;
}

// Behind `not` stands one word, or `with` and `without` with their lists.
static int take_apart(struct flag_words *words, struct slice *word, struct slice *rest, const char **problem)
{
    struct slice ahead = *rest, next = slice_word(&ahead);
    struct flag_words term = {0};
    const int taken = take_term(&term, &next, &ahead, problem);

    if (taken < 0)
        *word = next;
    if (taken <= 0)
        return taken;
    *word = next;
    *rest = ahead;
    for (next = slice_word(&ahead);
         !term.set && !term.none && (slice_is(next, "with") || slice_is(next, "without"));
         next = slice_word(&ahead)) {
        if (take_term(&term, &next, &ahead, problem) < 0) {
            *word = next;
            return -1;
        }
        *word = next;
        *rest = ahead;
    }
    words->apart |= term_set(&term);
    words->any = true;
    return 1;
}

int flag_words_take(struct flag_words *words, struct slice *word, struct slice *rest, const char **problem)
{
    int taken;

    if (slice_is(*word, "not"))
        return take_apart(words, word, rest, problem);
    if (slice_is(*word, "or")) {
        if (!says_term(words)) {
            *problem = "`or` stands between flags of TCP: `syn or with urg`";
            return -1;
        }
        *words = (struct flag_words){
            .any = true, .again = true, .before = words->before | term_set(words), .apart = words->apart};
        return 1;
    }
    taken = take_term(words, word, rest, problem);
    words->again = words->again && taken <= 0;
    return taken;
}

uint64_t flag_words_set(const struct flag_words *words, const char **problem)
{
    uint64_t set = words->before;

    if (!words->any)
        return 0;
    if (words->again) {
        *problem = "`or` stands between flags of TCP: `syn or with urg`";
        return 0;
    }
    if (says_term(words))
        set |= term_set(words);
    else if (!set)
        set = UINT64_MAX;
    set &= ~words->apart;
    if (!set)
        *problem = "no segment has such flags";
    return set;
}

// Printing.

// Tests of single flags, all of them to be passed.
struct flag_test {
    unsigned mask, flags;
};

static void put_names(struct buf *out, unsigned flags, char between)
{
    bool any = false;

    for (unsigned i = 0; i < FLAG_COUNT; i++) {
        if (!(flags >> i & 1))
            continue;
        if (any)
            buf_char(out, between);
        buf_text(out, names[i]);
        any = true;
    }
}

// Whether the flags alone say it.
static bool is_plain(struct flag_test test)
{
    return test.flags && test.mask == (test.flags | TCP_OPENING_MASK);
}

static int words_of(struct flag_test test)
{
    const unsigned without = test.mask & ~test.flags;

    if (test.mask == ALL_FLAGS && !test.flags)
        return 1;
    if (is_plain(test))
        return __builtin_popcount(test.flags);
    return __builtin_popcount(test.mask) + (test.flags != 0) + (without != 0);
}

static void put_test(struct buf *out, struct flag_test test, char between)
{
    const unsigned without = test.mask & ~test.flags;

    if (test.mask == ALL_FLAGS && !test.flags) {
        buf_text(out, "no-flags");
    } else if (is_plain(test)) {
        put_names(out, test.flags, between);
    } else {
        if (test.flags) {
            buf_text(out, "with ");
            put_names(out, test.flags, ',');
        }
        if (without) {
            buf_text(out, test.flags ? " without " : "without ");
            put_names(out, without, ',');
        }
    }
}

// The test that passes the most of `wanted`, of those that pass nothing beyond `set`; of such the one with the fewest words.
static struct flag_test best_test(uint64_t set, uint64_t wanted)
{
    struct flag_test best = {ALL_FLAGS, ALL_FLAGS};
    int best_count = 0;

    for (unsigned mask = 0; mask < COMBINATIONS; mask++)
        for (unsigned flags = 0; flags < COMBINATIONS; flags++) {
            const uint64_t passes = flags & ~mask ? 0 : where_set(mask, flags);
            const int count = __builtin_popcountll(passes & wanted);

            if (passes & ~set || count < best_count ||
                (count == best_count && words_of((struct flag_test){mask, flags}) >= words_of(best)))
                continue;
            best = (struct flag_test){mask, flags};
            best_count = count;
        }
    return best;
}

struct flag_tests {
    struct flag_test items[COMBINATIONS];
    size_t count;
};

// Tests that together pass all of `set`, and of the others those that are free at most.
static struct flag_tests tests_of(uint64_t set, uint64_t free)
{
    struct flag_tests tests = {.count = 0};

    for (uint64_t left = set; left; tests.count++) {
        const struct flag_test test = best_test(set | free, left);

        tests.items[tests.count] = test;
        left &= ~where_set(test.mask, test.flags);
    }
    return tests;
}

void flag_set_print(struct buf *out, uint64_t set, uint64_t free)
{
    const uint64_t openings = flag_set_named(TCP_SYN), rest = ~(set | free);
    const struct flag_tests tests = tests_of(set, free), others = tests_of(rest, free),
                            with_openings = tests_of(set | openings, free);
    const bool opens = set & openings;

    if (tests.count > 1 && !opens && !(rest & ~openings)) {
        buf_text(out, "not syn");
    } else if (tests.count > 1 && !opens && others.count > 1 && with_openings.count == 1) {
        put_test(out, with_openings.items[0], ' ');
        buf_text(out, " not syn");
    } else if (others.count < tests.count) {
        for (size_t i = 0; i < others.count; i++) {
            buf_text(out, i ? " not " : "not ");
            put_test(out, others.items[i], ',');
        }
    } else {
        for (size_t i = 0; i < tests.count; i++) {
            buf_text(out, i ? " or " : "");
            put_test(out, tests.items[i], ' ');
        }
    }
}
