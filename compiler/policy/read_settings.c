// SPDX-License-Identifier: GPL-2.0-or-later
//
// The settings of a policy that are no lists of entries: what the host is, what the defaults are, what is refused how, and
// logged.
#include <string.h>

#include "policy/reader.h"

void read_version(struct reader *reader, const struct node *value)
{
    struct slice text;

    if (!value_scalar(reader, value, "version", &text) || (value->plain && slice_is(text, "1")))
        return;
    if (slice_is(text, "1")) {
        diag_add(reader->diags, DIAG_VERSION, node_span(value), "the version is a number, and \"1\" is text");
        diag_hint(reader->diags, "write it without quotes: version: 1");
        return;
    }
    diag_add(reader->diags, DIAG_VERSION, node_span(value),
             "this program knows version 1 of the language, not '%.*s'", QUOTE(text));
    diag_hint(reader->diags, "write version: 1");
}

void read_description(struct reader *reader, const struct node *value)
{
    struct slice text;

    if (value_text(reader, value, "description", &text))
        reader->policy->description = text.at;
}

const char *const tracking_words[] = {"full", "selective", "none", NULL};

void read_tracking(struct reader *reader, const struct node *value)
{
    int mode;

    if (value_word(reader, value, "tracking", tracking_words, &mode))
        reader->policy->tracking = (enum tracking)mode;
    else
        reader->mode_unknown = true;
}

void read_host(struct reader *reader, const struct node *value)
{
    read_mapping(reader, value, SCOPE_HOST, "`host`");
}

void read_memory(struct reader *reader, const struct node *value)
{
    static const char units[] = "KMGT";
    struct slice text;
    uint64_t number = 0;

    if (!value_scalar(reader, value, "memory", &text))
        return;

    const char *unit = text.length > 1 ? strchr(units, text.at[text.length - 1]) : NULL;
    const bool fine =
        unit && *unit && parse_number((struct slice){text.at, text.length - 1}, 1 << 20, &number) && number;

    if (fine) {
        reader->policy->memory = number << (10 * (unit - units + 1));
        return;
    }
    diag_add(reader->diags, DIAG_SIZE, node_span(value), "'%.*s' is not an amount of memory", QUOTE(text));
    if (hint_slip(reader, text))
        return;
    // `32GB`, `32GiB`
    for (size_t i = 1; i + 1 < text.length; i++)
        if (strchr(units, text.at[i]) && strspn(text.at, "0123456789") == i &&
            (strcmp(text.at + i + 1, "B") == 0 || strcmp(text.at + i + 1, "iB") == 0)) {
            diag_hint(reader->diags, "write %.*s", (int)i + 1, text.at);
            return;
        }
    diag_hint(reader->diags, "write 512M, 64G or 1T");
}

void read_ephemeral(struct reader *reader, const struct node *value)
{
    struct slice text;
    struct port_range range;

    if (!value_scalar(reader, value, "ephemeral", &text))
        return;

    const char *problem = port_range_parse(text, &range);

    if (!problem && !memchr(text.at, '-', text.length))
        problem = "both ends are named: 32768-60999";
    if (!problem) {
        reader->policy->ephemeral = range;
        return;
    }
    diag_add(reader->diags, DIAG_PORT, node_span(value), "'%.*s' is not a range of ports", QUOTE(text));
    diag_hint(reader->diags, "%s", problem);
}

void read_kernel(struct reader *reader, const struct node *value)
{
    struct slice text, major, minor;
    uint64_t number;

    if (!value_text(reader, value, "kernel", &text))
        return;

    bool fine = slice_split(text, '.', &major, &minor) && parse_number(major, 99, &number);
    struct slice patch;

    if (fine && slice_split(minor, '.', &minor, &patch))
        fine = parse_number(patch, 9999, &number);
    if (fine && parse_number(minor, 999, &number)) {
        reader->policy->kernel = text.at;
        return;
    }
    diag_add(reader->diags, DIAG_VALUE, node_span(value), "'%.*s' is not a kernel version", QUOTE(text));
    diag_hint(reader->diags, "write \"5.14\" or \"6.1.90\"");
}

void read_default(struct reader *reader, const struct node *value)
{
    read_mapping(reader, value, SCOPE_DEFAULT, "`default`");
}

// In the order of enum verdict.
static const char *const verdict_words[] = {"accept", "reject", "drop", "leave", NULL};

static void read_default_verdict(struct reader *reader, const struct node *value, const char *what,
                                 bool may_leave, enum verdict *verdict, struct span *span)
{
    static const char *const without_leave[] = {"accept", "reject", "drop", NULL};
    int index;

    if (value_word(reader, value, what, may_leave ? verdict_words : without_leave, &index))
        *verdict = (enum verdict)index;
    *span = node_span(value);
}

void read_default_input(struct reader *reader, const struct node *value)
{
    read_default_verdict(reader, value, "input", false, &reader->policy->input,
                         &reader->policy->default_spans[0]);
}

void read_default_forward(struct reader *reader, const struct node *value)
{
    read_default_verdict(reader, value, "forward", true, &reader->policy->forwarding,
                         &reader->policy->default_spans[1]);
}

void read_default_output(struct reader *reader, const struct node *value)
{
    read_default_verdict(reader, value, "output", false, &reader->policy->output,
                         &reader->policy->default_spans[2]);
}

void read_reject_with(struct reader *reader, const struct node *value)
{
    read_mapping(reader, value, SCOPE_REJECT_WITH, "`reject_with`");
}

// Names from the REJECT target's manual, iptables-extensions(8).
static const char *const reject_ipv4[] = {
    "icmp-net-unreachable", "icmp-host-unreachable", "icmp-proto-unreachable", "icmp-port-unreachable",
    "icmp-net-prohibited",  "icmp-host-prohibited",  "icmp-admin-prohibited",  NULL};
static const char *const reject_ipv6[] = {"icmp6-no-route", "icmp6-adm-prohibited", "icmp6-addr-unreachable",
                                          "icmp6-port-unreachable", NULL};
static const char *const reject_tcp[] = {"tcp-reset", NULL};

static void read_reject(struct reader *reader, const struct node *value, const char *const *words,
                        const char *what, const char **into)
{
    struct slice text;

    if (!value_scalar(reader, value, what, &text))
        return;
    for (size_t i = 0; words[i]; i++) {
        if (slice_is(text, words[i])) {
            *into = words[i];
            return;
        }
    }
    report_word(reader, DIAG_REJECT_WITH, node_span(value), text, "an answer of reject_with here", words);
}

void read_reject_ipv4(struct reader *reader, const struct node *value)
{
    read_reject(reader, value, reject_ipv4, "ipv4", &reader->policy->reject_with[FAMILY_IPV4]);
}

void read_reject_ipv6(struct reader *reader, const struct node *value)
{
    read_reject(reader, value, reject_ipv6, "ipv6", &reader->policy->reject_with[FAMILY_IPV6]);
}

void read_reject_tcp(struct reader *reader, const struct node *value)
{
    read_reject(reader, value, reject_tcp, "tcp", &reader->policy->reject_tcp);
}

void read_log(struct reader *reader, const struct node *value)
{
    reader->policy->log_default = true;
    if (value->kind == NODE_SCALAR)
        value_bool(reader, value, "log", &reader->policy->log_default);
    else
        read_mapping(reader, value, SCOPE_LOG, "`log`");
}

void read_log_prefix(struct reader *reader, const struct node *value)
{
    struct slice text;

    if (!value_text(reader, value, "prefix", &text))
        return;
    if (text.length > LOG_PREFIX_MAX) {
        diag_add(reader->diags, DIAG_TEXT, node_span(value), "the prefix has %zu bytes", text.length);
        diag_hint(reader->diags, "the kernel keeps %d", LOG_PREFIX_MAX);
        return;
    }
    reader->policy->log_prefix = text.at;
}

void read_log_limit(struct reader *reader, const struct node *value)
{
    struct slice text, rest;
    struct rate rate;

    if (!value_scalar(reader, value, "limit", &text) ||
        !rate_parse(reader, node_span(value), text, LIMIT_RESOLUTION, &rate, &rest))
        return;
    if (slice_trim(rest).length) {
        diag_add(reader->diags, DIAG_LIMIT, node_span(value), "'%s' goes on after the rate", value->text);
        diag_hint(reader->diags, "the limit of a log is N/unit or N/unit burst N");
        return;
    }
    reader->policy->log_rate = rate;
}

void read_stateless(struct reader *reader, const struct node *value)
{
    read_mapping(reader, value, SCOPE_STATELESS, "`stateless`");
}

void read_replies(struct reader *reader, const struct node *value)
{
    static const char *const words[] = {"socket", "portable", NULL};
    int index;

    if (value_word(reader, value, "replies", words, &index))
        reader->policy->replies = (enum replies)index;
}
