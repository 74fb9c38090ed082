// SPDX-License-Identifier: GPL-2.0-or-later
//
// What the files that read a policy share: the state of a reading, readers of values, and one reader for each row of
// policy/fields.def. Not for other folders.
#pragma once

#include "base/kernel.h"
#include "base/vec.h"
#include "policy/policy.h"
#include "source/document.h"
#include "source/source_set.h"

// The mappings of the language, as sets.
enum scope {
    SCOPE_POLICY = 1 << 0,
    SCOPE_HOST = 1 << 1,
    SCOPE_FILE = 1 << 2,
    SCOPE_TRUST = 1 << 3,
    SCOPE_ALLOW = 1 << 4,
    SCOPE_CONNECT = 1 << 5,
    SCOPE_FORWARD = 1 << 6,
    SCOPE_DEFAULT = 1 << 7,
    SCOPE_REJECT_WITH = 1 << 8,
    SCOPE_LOG = 1 << 9,
    SCOPE_STATELESS = 1 << 10,
    SCOPE_CONNTRACK = 1 << 11,
    SCOPE_VERBATIM = 1 << 12,
    SCOPE_EXPECT = 1 << 13,
};

enum merge { MERGE_KEEP, MERGE_KEYS, MERGE_APPEND };

struct reader;
typedef void field_reader(struct reader *reader, const struct node *value);

struct field {
    const char *key;
    unsigned scopes;
    field_reader *read;
    enum merge merge;
    const char *about;
};

const struct field *field_find(unsigned scope, struct slice key); // NULL where the scope has no such key

// Reads the value of a key; one that is not there is reported.
void field_read(struct reader *reader, const struct field *field, const struct node *value);

// A name of `define` or `services`, read when it is first used.
struct definition {
    const struct node *key;
    const struct node *value;
    enum { DEFINITION_UNREAD, DEFINITION_READING, DEFINITION_READ } state;
    bool used;
    const struct addr_set *addresses; // define
    bool only_not;                    // define: nearly everyone
    const struct traffic *traffic;    // services
    size_t traffic_count;
};

// Sorted by name.
struct definitions {
    struct definition *items;
    size_t count;
};

struct definition *definition_find(const struct definitions *definitions, struct slice name);
const char *definition_nearest(const struct definitions *definitions, struct slice name); // or NULL

struct reader {
    struct arena *arena;
    struct diag_list *diags;
    struct source_set *sources;
    const struct source *main; // the file that the user named
    struct policy *policy;
    struct definitions defines, services;
    unsigned define_depth;

    // What the readers of fields fill, while their mapping is read.
    struct entry *entry;
    VEC(struct traffic) traffic; // of `entry`
    struct expectation *expectation;
    bool trusting;           // `entry` is one of trust
    bool stray_key;          // `entry` has a key that is not known, or has no value
    bool incomplete;         // a file that is included was not read: names and the mode may stand there
    bool mode_unknown;       // `tracking` is wrong, so that nothing can be said of what depends on it
    const struct node *file; // the value of `file`
};

// What a report quotes with "%.*s" of a slice that may be long.
#define QUOTED_MAX  60
#define QUOTE(text) (int)((text).length < QUOTED_MAX ? (text).length : QUOTED_MAX), (text).at

// Reads every pair of a mapping with the readers of `scope`; unknown keys are reported. False where `node` is no mapping.
bool read_mapping(struct reader *reader, const struct node *node, enum scope scope, const char *what);

// Reports a key that `scope` has not, of the mapping `what`, with what was probably meant.
void report_unknown_key(struct reader *reader, const struct node *key, unsigned scope, const char *what);

// Values. Each reports what does not fit, names the key as `what`, and gives false. An empty list is none of that: it
// warns, and the set stays empty.
bool value_scalar(struct reader *reader, const struct node *node, const char *what, struct slice *text);
bool value_is_missing(struct reader *reader, const struct node *node,
                      const char *what); // nothing behind the key: true
bool value_text(struct reader *reader, const struct node *node, const char *what, struct slice *text);
bool value_bool(struct reader *reader, const struct node *node, const char *what, bool *value);
bool value_number(struct reader *reader, const struct node *node, const char *what, uint64_t max,
                  uint64_t *value);
bool value_word(struct reader *reader, const struct node *node, const char *what, const char *const *words,
                int *index);
bool value_ports(struct reader *reader, const struct node *node, const char *what, struct port_set *ports);
bool value_interfaces(struct reader *reader, const struct node *node, const char *what,
                      struct interfaces *interfaces);
bool value_duration(struct reader *reader, const struct node *node, const char *what, uint32_t *seconds);

// A length of time with its units, such as `2h4m`, within the 31 bits that the kernel has for it. Reports nothing.
bool duration_parse(struct slice text, uint32_t *seconds);

// Says that an empty list matches nothing.
void warn_empty(struct reader *reader, const struct node *node, const char *what);

// The items of a list, where a scalar or a mapping stands for a list of one.
const struct node *value_items(const struct node *node, size_t *count);

// Where characters look like what they are not, or a template was not rendered, hints at that, and gives true.
bool hint_slip(struct reader *reader, struct slice text);

// Says how the items of one text, which commas and blanks part, are written as a list. Gives true.
bool hint_list(struct reader *reader, struct slice text);

// The same as hint_slip(), and where items stand in one text with commas between them, as hint_list().
bool hint_spelling(struct reader *reader, struct slice text);

// The seconds of a word such as `minute`, 0 where it is none, and the word for so many of them.
uint32_t rate_period(struct slice unit);
const char *rate_period_name(uint32_t period);

// Hints at what is meant by a text that is no rate. False where that cannot be told.
bool hint_rate(struct reader *reader, struct slice text);

// Hints at what is meant by a text that is no address, where that can be told.
void hint_address(struct reader *reader, struct slice text);

// Reports a word that is not one of `words` (ended by NULL), with the one that was probably meant.
void report_word(struct reader *reader, enum diag_code code, struct span span, struct slice word,
                 const char *what, const char *const *words);

// The whole list of addresses, as a set; NULL where it is not one.
enum { ADDRESSES_NOT_ALONE = 1 }; // a list of `not` alone is an error
const struct addr_set *read_addresses(struct reader *reader, const struct node *node, unsigned flags);
void read_definition(struct reader *reader, struct definition *definition); // of `define`, once

// A rate text such as `10/minute burst 5`; `*rest` is what follows it. `resolution` is the number of parts into which the
// kernel's match divides a second (limit: 10000, hashlimit: 1000000).
bool rate_parse(struct reader *reader, struct span span, struct slice text, uint32_t resolution,
                struct rate *rate, struct slice *rest);
bool limit_parse(struct reader *reader, struct span span, struct slice text, struct limit *limit);
void name_limits(struct reader *reader); // gives every limit of the policy its kernel name

// The texts of a list, for a name: "http,https".
const char *joined_text(struct arena *arena, const struct node *node);

// Adds the traffic of a service word or of `8443/tcp` to the entry being read. `own`: the word may be the policy's own.
bool add_service(struct reader *reader, const struct node *node, struct slice word, bool own);

// Joins what `root` includes into it. NULL root: nothing to do.
const struct node *include_files(struct reader *reader, const struct node *root);

// Opens the file that `node` names, relative to the file that `node` stands in. NULL, and reported, where it cannot be read
// or is of another encoding.
const struct source *open_named_file(struct reader *reader, const struct node *node, struct slice name,
                                     size_t limit);

// The checks that need the whole policy.
void policy_check(struct reader *reader);

// Looks at what verbatim rules say: whether they are whole, start tracking, or publish a port that goes untracked.
void check_verbatim(struct reader *reader);

#define FIELD(key, scopes, reader, merge, about) field_reader read_##reader;
#include "policy/fields.def"
#undef FIELD
