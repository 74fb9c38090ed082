// SPDX-License-Identifier: GPL-2.0-or-later
//
// The whole compiler: any bytes as a policy file, compiled for both families. A line `%%%` ends the policy; what stands
// behind it is a file called `more`, which the policy may include or name as a list of addresses or of rules.
#include <fcntl.h>
#include <jansson.h>
#include <limits.h>
#include <string.h>
#include <unistd.h>

#include "compile.h"
#include "diag/render.h"
#include "findings/findings.h"
#include "fuzz/fuzz.h"

#define SEPARATOR "\n%%%\n"

// All that one run of the compiler gives.
struct outcome {
    bool fine;
    struct buf rules[FAMILY_COUNT];
    struct buf findings;
};

struct input_file {
    char path[PATH_MAX];
    int fd;
};

static struct input_file policy_file, more_file;

static void make_file(struct input_file *file, const char *directory, const char *name)
{
    snprintf(file->path, sizeof(file->path), "%s/%s", directory, name);
    file->fd = open(file->path, O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    REQUIRE(file->fd >= 0);
}

static void remove_files(void)
{
    char *slash = strrchr(policy_file.path, '/');

    unlink(policy_file.path);
    unlink(more_file.path);
    *slash = '\0';
    rmdir(policy_file.path);
}

// Files in a directory of their own, where relative names find nothing else.
static void make_files(void)
{
    const char *parent = getenv("TMPDIR") ? getenv("TMPDIR") : "/tmp";
    char directory[PATH_MAX - 32];

    if (policy_file.path[0])
        return;
    snprintf(directory, sizeof(directory), "%s/ctc-fuzz.XXXXXX", parent);
    REQUIRE(mkdtemp(directory));
    make_file(&policy_file, directory, "policy.yaml");
    make_file(&more_file, directory, "more");
    atexit(remove_files);
}

static void fill_file(const struct input_file *file, const uint8_t *bytes, size_t size)
{
    REQUIRE(ftruncate(file->fd, 0) == 0);
    REQUIRE(pwrite(file->fd, bytes, size, 0) == (ssize_t)size);
}

static void fill_files(const uint8_t *bytes, size_t size)
{
    const uint8_t *cut = size ? memmem(bytes, size, SEPARATOR, strlen(SEPARATOR)) : NULL;
    const size_t own = cut ? (size_t)(cut - bytes) : size;
    const size_t more = cut ? own + strlen(SEPARATOR) : size;

    fill_file(&policy_file, bytes, own);
    fill_file(&more_file, bytes + more, size - more);
}

// Files that are not the same at every reading, or that nobody ever writes to.
static bool names_system_files(const uint8_t *bytes, size_t size)
{
    return size && (memmem(bytes, size, "/proc", 5) || memmem(bytes, size, "/dev", 4) ||
                    memmem(bytes, size, "/sys", 4));
}

static size_t require_lines(const struct buf *text, bool tabs)
{
    const char *rest = text->bytes, *line;
    size_t left = text->length, length, count = 0;

    for (; next_line(&rest, &left, &line, &length); count++)
        REQUIRE(is_printable(line, length, tabs));
    REQUIRE(!text->length || text->bytes[text->length - 1] == '\n');
    return count;
}

static void require_json(const struct buf *text)
{
    json_error_t error;
    json_t *document = json_loadb(text->bytes, text->length, 0, &error);

    REQUIRE(json_is_object(document));
    json_decref(document);
}

// The formats for programs. They cost more than the compilation, so that not every input can have them.
static void require_formats(const struct diag_list *diags)
{
    struct buf json = {0}, sarif = {0}, commands = {0};

    render_json(&json, diags, &(struct checked_file){policy_file.path, false, diags}, 1);
    require_json(&json);
    render_sarif(&sarif, diags);
    require_json(&sarif);
    render_github(&commands, diags);
    // A line break in a command would begin another one.
    REQUIRE(require_lines(&commands, true) == diags->items.count);
    buf_clear(&json);
    buf_clear(&sarif);
    buf_clear(&commands);
}

static bool is_declared(const struct table *table, const char *line, size_t length)
{
    const char *end = memchr(line, ' ', length);
    const size_t name = end ? (size_t)(end - line) : length;

    for (size_t i = 0; i < table->count; i++)
        if (strlen(table->items[i]->name) == name && memcmp(table->items[i]->name, line, name) == 0)
            return true;
    return false;
}

static bool starts(const char *line, size_t length, const char *with)
{
    return length >= strlen(with) && memcmp(line, with, strlen(with)) == 0;
}

// The text of a table: its name, its chains, its rules, COMMIT, and not a line more.
static void require_table(const struct table *table, const char **rest, size_t *left)
{
    const char *line;
    size_t length, rules = 0;

    REQUIRE(next_line(rest, left, &line, &length));
    REQUIRE(line[0] == '*' && length == strlen(table->name) + 1 && starts(line + 1, length - 1, table->name));
    for (size_t i = 0; i < table->count; i++) {
        REQUIRE(next_line(rest, left, &line, &length));
        REQUIRE(starts(line, length, ":") && is_declared(table, line + 1, length - 1));
        rules += table->items[i]->count;
    }
    for (size_t i = 0; i < rules; i++) {
        REQUIRE(next_line(rest, left, &line, &length));
        REQUIRE(starts(line, length, "-A ") && is_declared(table, line + 3, length - 3));
    }
    REQUIRE(next_line(rest, left, &line, &length));
    REQUIRE(length == strlen("COMMIT") && starts(line, length, "COMMIT"));
}

// What names and descriptions hold cannot add a line, take one away, or make it another one.
static void require_rules(const struct ruleset *ruleset, const struct policy *policy, const struct buf *text)
{
    const char *rest = text->bytes, *line;
    size_t left = text->length, length;

    for (size_t i = 0; i < (policy->description ? 2 : 1); i++)
        REQUIRE(next_line(&rest, &left, &line, &length) && starts(line, length, "# "));
    for (size_t i = 0; i < ruleset->count; i++)
        require_table(&ruleset->items[i], &rest, &left);
    REQUIRE(left == 0);
}

static void compile_family(struct compilation *compilation, enum family family, struct outcome *outcome)
{
    static const struct compile_options with_comments = {.lower = {.comments = true}},
                                        bare = {.lower = {.comments = false}};
    struct buf *rules = &outcome->rules[family], fewer = {0};
    // Tabs stand in rules that the policy's author wrote.
    const bool tabs = compilation->policy->verbatim[family].count > 0;

    const struct ruleset *ruleset;

    outcome->fine = compile_rules(compilation, family, &with_comments, rules);
    ruleset = outcome->fine ? compilation->rules[family]->printed : NULL;
    REQUIRE(compile_rules(compilation, family, &bare, &fewer) == outcome->fine);
    if (outcome->fine) {
        REQUIRE(ruleset && !ruleset_broken_limit(&compilation->arena, ruleset));
        require_rules(ruleset, compilation->policy, rules);
        require_lines(rules, tabs);
        require_lines(&fewer, tabs);
    }
    buf_clear(&fewer);
}

static void compile(struct outcome *outcome, bool formats)
{
    struct compilation compilation;

    *outcome = (struct outcome){0};
    compilation_init(&compilation);
    outcome->fine = compile_read(&compilation, policy_file.path);
    // As `ctc check` does.
    if (outcome->fine)
        find_idle_entries(compilation.policy, compilation.diags.exit == EXIT_FINE, &compilation.diags);
    for (enum family family = 0; family < FAMILY_COUNT && outcome->fine; family++)
        compile_family(&compilation, family, outcome);
    REQUIRE(outcome->fine == (compilation.diags.exit == EXIT_FINE));
    REQUIRE(outcome->fine == (compilation.diags.counts[SEVERITY_ERROR] == 0));
    diag_sort(&compilation.diags);
    render_text(&outcome->findings, &compilation.diags, SEVERITY_NOTE, false);
    require_lines(&outcome->findings, true);
    if (formats)
        require_formats(&compilation.diags);
    compilation_clear(&compilation);
}

static bool same_text(const struct buf *a, const struct buf *b)
{
    return a->length == b->length && (!a->length || memcmp(a->bytes, b->bytes, a->length) == 0);
}

static void clear_outcome(struct outcome *outcome)
{
    for (enum family family = 0; family < FAMILY_COUNT; family++)
        buf_clear(&outcome->rules[family]);
    buf_clear(&outcome->findings);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
    struct outcome first, second;

    if (names_system_files(bytes, size))
        return -1;
    make_files();
    fill_files(bytes, size);
    compile(&first, size % 16 == 0);
    compile(&second, false);
    REQUIRE(first.fine == second.fine);
    for (enum family family = 0; family < FAMILY_COUNT; family++)
        REQUIRE(same_text(&first.rules[family], &second.rules[family]));
    REQUIRE(same_text(&first.findings, &second.findings));
    clear_outcome(&first);
    clear_outcome(&second);
    return 0;
}
