// SPDX-License-Identifier: GPL-2.0-or-later
//
// A saved tracking table, and behind a line `%%%` a policy that the advice is put into. Every report is well-formed, counts
// each entry once, and the policy with the advice in it is one that has all of it.
#include <jansson.h>

#include "advice/edit.h"
#include "advice/report.h"
#include "base/difference.h"
#include "compile.h"
#include "fuzz/fuzz.h"
#include "source/document.h"

#define SEPARATOR "\n%%%\n"
#define PATH      "policy.yaml"

static bool read_policy(struct compilation *compilation, struct source *ahead, struct slice text)
{
    compilation_init(compilation);
    *ahead = (struct source){.name = PATH, .path = PATH};
    ahead->bytes = arena_copy(&compilation->arena, text.at, text.length);
    ahead->length = text.length;
    compilation->sources.given = ahead;
    compilation->sources.given_path = PATH;
    return compile_read(compilation, PATH);
}

static uint64_t untracked_entries(const struct policy *policy)
{
    const struct entry_list *lists[] = {&policy->trust, &policy->allow, &policy->connect};
    uint64_t count = 0;

    for (size_t list = 0; list < 3; list++)
        for (size_t i = 0; i < lists[list]->count; i++)
            count += lists[list]->items[i].track == CHOICE_NO;
    return count;
}

static uint64_t advised_entries(const struct advice *advice)
{
    uint64_t count = 0;

    for (size_t i = 0; i < advice->items.count; i++)
        count += advice->items.items[i].worthwhile && !advice->items.items[i].repeated;
    return count;
}

static void require_edit(struct arena *arena, const struct compilation *compilation,
                         const struct report *report)
{
    const struct source *source = compilation->sources.items[0];
    struct diag_list diags = {.arena = arena};
    const struct node *root = document_read(arena, source, &diags);
    struct compilation again;
    struct source ahead;
    struct buf text = {0}, difference = {0};

    if (edit_policy(arena, &text, source, root, compilation->policy, report->advice)) {
        REQUIRE(!text.length);
        return;
    }
    put_difference(&difference, PATH, (struct slice){source->bytes, source->length},
                   (struct slice){text.bytes, text.length});
    REQUIRE(strstr(difference.bytes, "@@ -"));
    // Where the edited policy is refused, it is not written.
    if (read_policy(&again, &ahead, (struct slice){text.bytes, text.length})) {
        REQUIRE(again.policy->tracking == TRACKING_SELECTIVE);
        REQUIRE(untracked_entries(again.policy) ==
                untracked_entries(compilation->policy) + advised_entries(report->advice));
    }
    compilation_clear(&again);
    buf_clear(&text);
    buf_clear(&difference);
}

static void require_reports(const struct report *report)
{
    struct buf text = {0};
    json_error_t error;
    json_t *document;
    uint64_t entries = 0;

    put_report_text(&text, report, &(struct style){80, true, true});
    put_report_prometheus(&text, report);
    text.length = 0;
    put_report_json(&text, report);
    document = json_loadb(text.bytes, text.length, 0, &error);
    REQUIRE(json_is_object(document));
    json_decref(document);
    for (size_t i = 0; i < report->census->groups.count; i++)
        entries += report->census->groups.items[i].entries;
    REQUIRE(entries == report->census->entries);
    buf_clear(&text);
}

static void advise_on(struct slice dump, struct slice policy)
{
    struct arena arena = {0};
    struct dump table = {0};
    struct addr_set local = {0};
    struct compilation compilation;
    struct source ahead;
    struct report report = {.source = "dump", .local = &local, .guessed = true, .top = 3};
    const bool has_policy = read_policy(&compilation, &ahead, policy);

    if (!table_read_bytes(&arena, "dump", dump, &table)) {
        table_guess_local(&arena, &table, &local);
        report.census =
            census_take(&arena, &table, &local, has_policy ? compilation.policy : NULL, report.top);
        report.advice = advise(&arena, &table, report.census, &local, has_policy ? compilation.policy : NULL);
        require_reports(&report);
        if (has_policy && report.advice->saved)
            require_edit(&arena, &compilation, &report);
    }
    compilation_clear(&compilation);
    arena_clear(&arena);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
    const char *text = (const char *)bytes;
    const char *cut = size ? memmem(bytes, size, SEPARATOR, strlen(SEPARATOR)) : NULL;
    const size_t own = cut ? (size_t)(cut - text) : size, more = cut ? own + strlen(SEPARATOR) : size;

    // A policy may name files, which are none of this harness's business.
    if (size && (memmem(bytes, size, "file", 4) || memmem(bytes, size, "include", 7)))
        return 0;
    advise_on((struct slice){text, own}, (struct slice){text + more, size - more});
    return 0;
}
