// SPDX-License-Identifier: GPL-2.0-or-later
//
// What people write in place of a rate, and the units that there are.
#include "policy/reader.h"

uint32_t rate_period(struct slice unit)
{
    static const struct {
        const char *word;
        uint32_t seconds;
    } units[] = {{"second", 1}, {"sec", 1},     {"s", 1},    {"minute", 60}, {"min", 60},
                 {"m", 60},     {"hour", 3600}, {"h", 3600}, {"day", 86400}, {"d", 86400}};

    for (size_t i = 0; i < sizeof(units) / sizeof(*units); i++)
        if (slice_is(unit, units[i].word))
            return units[i].seconds;
    return 0;
}

const char *rate_period_name(uint32_t period)
{
    return period == 1 ? "second" : period == 60 ? "minute" : period == 3600 ? "hour" : "day";
}

// `1.5/second`, `0,5/s`: the same rate in whole numbers, where a longer unit has one.
static bool hint_fraction(struct reader *reader, struct slice text)
{
    static const uint32_t periods[] = {1, 60, 3600, 86400};
    struct slice all = text, number, unit, whole, part;
    uint64_t events, parts, scale = 1;

    if (!slice_split(slice_word(&all), '/', &number, &unit) || !rate_period(unit) ||
        !(slice_split(number, '.', &whole, &part) || slice_split(number, ',', &whole, &part)) ||
        part.length > 4 || !parse_number(whole, UINT16_MAX, &events))
        return false;
    if (part.length == 3) { // thousands, where people write 5.000 for them
        diag_hint(reader->diags, "a number has digits alone: 1000/second");
        return true;
    }
    for (size_t i = 0; i < part.length; i++)
        scale *= 10;
    while (part.length > 1 && part.at[0] == '0')
        part = (struct slice){part.at + 1, part.length - 1};
    if (!parse_number(part, UINT16_MAX, &parts))
        return false;
    events = events * scale + parts;
    for (size_t i = 0; i < sizeof(periods) / sizeof(*periods); i++) {
        const uint64_t in_period = events * periods[i] / rate_period(unit);

        if (periods[i] < rate_period(unit) || !events || events * periods[i] % (scale * rate_period(unit)))
            continue;
        diag_hint(reader->diags, "a rate is a whole number: %llu/%s", (unsigned long long)(in_period / scale),
                  rate_period_name(periods[i]));
        return true;
    }
    diag_hint(reader->diags, "a rate is a whole number, of a longer unit where it is low: 30/minute");
    return true;
}

// `1_000/second`, `1k/second`, `1 000/second`, and `10 per minute`.
static bool hint_number(struct reader *reader, struct slice text)
{
    struct slice rest = text, number, unit;
    const struct slice first = slice_word(&rest), second = slice_word(&rest), third = slice_word(&rest);
    uint64_t events;

    if (parse_number(first, UINT32_MAX, &events) && (slice_is(second, "per") || slice_is(second, "/")) &&
        rate_period(third)) {
        diag_hint(reader->diags, "write %.*s/%.*s", QUOTE(first), QUOTE(third));
        return true;
    }
    if (!slice_split(text, '/', &number, &unit) || !number.length || number.at[0] < '0' ||
        number.at[0] > '9' || !rate_period(slice_word(&unit)) || parse_number(number, UINT32_MAX, &events))
        return false;
    diag_hint(reader->diags, "a number has digits alone: 1000/second");
    return true;
}

bool hint_rate(struct reader *reader, struct slice text)
{
    return hint_fraction(reader, text) || hint_number(reader, text);
}
