// SPDX-License-Identifier: GPL-2.0-or-later
//
// Saved tables. A line is [FAMILY NUMBER] PROTOCOL NUMBER [SECONDS] [STATE] KEY=VALUE... [FLAG]..., where the second src, dst,
// sport and dport are the reply's. What is not known is passed over, for newer kernels and options of conntrack(8) add to it.
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "advice/table.h"
#include "base/protocols.h"
#include "base/text.h"

#define LINE_MOST 4096 // bytes; entries with all that they can show have some hundred
#define READ_SIZE ((size_t)256 << 10)

// Both directions as text: most replies are the mirror of the question, and are not read.
struct tuple {
    struct slice src, dst, sport, dport;
};

struct line {
    struct tuple ways[2];
    struct slice protocol, number, seconds, state;
    bool assured, unreplied, offloaded, helper;
};

static bool digits(struct slice word)
{
    for (size_t i = 0; i < word.length; i++)
        if (word.at[i] < '0' || word.at[i] > '9')
            return false;
    return word.length > 0;
}

// Like slice_is(), for words that are compared a million times over.
#define IS(word, text) ((word).length == sizeof(text) - 1 && memcmp((word).at, (text), sizeof(text) - 1) == 0)

// The next word of a line, which has blanks between its words and no others.
static struct slice next_word(struct slice *rest)
{
    struct slice word;
    const char *end = rest->at + rest->length;

    while (rest->at < end && *rest->at == ' ')
        rest->at++;
    word.at = rest->at;
    while (rest->at < end && *rest->at != ' ')
        rest->at++;
    word.length = (size_t)(rest->at - word.at);
    rest->length = (size_t)(end - rest->at);
    return word;
}

// The first of the two that is still empty.
static void fill(struct slice *first, struct slice *second, struct slice value)
{
    if (!first->length)
        *first = value;
    else if (!second->length)
        *second = value;
}

static void take_pair(struct line *line, struct slice key, struct slice value)
{
    if (IS(key, "src"))
        fill(&line->ways[0].src, &line->ways[1].src, value);
    else if (IS(key, "dst"))
        fill(&line->ways[0].dst, &line->ways[1].dst, value);
    else if (IS(key, "sport"))
        fill(&line->ways[0].sport, &line->ways[1].sport, value);
    else if (IS(key, "dport"))
        fill(&line->ways[0].dport, &line->ways[1].dport, value);
    else if (IS(key, "helper"))
        line->helper = true;
}

static void take_flag(struct line *line, struct slice word)
{
    if (IS(word, "[ASSURED]"))
        line->assured = true;
    else if (IS(word, "[UNREPLIED]"))
        line->unreplied = true;
    else if (IS(word, "[OFFLOAD]") || IS(word, "[HW_OFFLOAD]"))
        line->offloaded = true;
}

static void take_word(struct line *line, struct slice word)
{
    const char *sign;

    if (word.at[0] == '[') {
        take_flag(line, word);
    } else if ((sign = memchr(word.at, '=', word.length))) {
        const size_t length = (size_t)(sign - word.at);

        take_pair(line, (struct slice){word.at, length}, (struct slice){sign + 1, word.length - length - 1});
    } else if (!line->ways[0].src.length && !line->state.length) {
        line->state = word;
    }
}

static void split(struct slice rest, struct line *line)
{
    struct slice word = next_word(&rest);

    if (IS(word, "ipv4") || IS(word, "ipv6")) {
        next_word(&rest);
        word = next_word(&rest);
    }
    line->protocol = word;
    line->number = next_word(&rest);
    word = next_word(&rest);
    if (digits(word)) {
        line->seconds = word;
        word = next_word(&rest);
    }
    for (; word.length; word = next_word(&rest))
        take_word(line, word);
}

static bool read_address(struct slice text, struct addr *addr, uint8_t *family)
{
    struct addr_range range;
    enum family read;

    if (memchr(text.at, '-', text.length) || memchr(text.at, '/', text.length) ||
        addr_parse(text, &read, &range) != ADDR_FINE)
        return false;
    *addr = range.first;
    *family = (uint8_t)read;
    return true;
}

static bool read_port(struct slice text, uint16_t *port)
{
    uint64_t number = 0;

    if (text.length && !parse_number(text, UINT16_MAX, &number))
        return false;
    *port = (uint16_t)number;
    return true;
}

static bool slices_equal(struct slice one, struct slice other)
{
    return one.length == other.length && memcmp(one.at, other.at, one.length) == 0;
}

// A reply without ports is none that was translated.
static bool is_mirror(const struct tuple *question, const struct tuple *reply)
{
    return slices_equal(question->src, reply->dst) && slices_equal(question->dst, reply->src) &&
           (!reply->sport.length ||
            (slices_equal(question->sport, reply->dport) && slices_equal(question->dport, reply->sport)));
}

static uint8_t state_of(const struct line *line, uint8_t protocol)
{
    for (int state = 0; protocol == PROTOCOL_TCP && line->state.length && state <= CT_STATE_SYN_SENT2;
         state++)
        if (slice_is(line->state, state_names[state]))
            return (uint8_t)state;
    if (protocol == PROTOCOL_TCP)
        return line->offloaded ? CT_STATE_ESTABLISHED : CT_STATE_NONE;
    return line->unreplied ? CT_STATE_UNREPLIED : CT_STATE_REPLIED;
}

// NULL, or what is wrong with the line.
static const char *read_line(struct slice text, struct dump *table, struct arena *arena)
{
    struct connection connection = {0};
    struct line line = {0};
    uint64_t number = 0, seconds = 0;

    split(text, &line);
    if (!line.protocol.length || !digits(line.number) || !parse_number(line.number, UINT8_MAX, &number))
        return "it does not begin with a protocol and its number";
    if (line.seconds.length && !parse_number(line.seconds, UINT32_MAX, &seconds))
        return "its timeout is no number of seconds";
    if (!line.ways[1].src.length || !line.ways[1].dst.length)
        return "it lacks a src and a dst for each of its two directions";
    if (!read_address(line.ways[0].src, &connection.source, &connection.family) ||
        !read_address(line.ways[0].dst, &connection.target, &connection.family))
        return "src or dst is no address";
    if (!read_port(line.ways[0].sport, &connection.source_port) ||
        !read_port(line.ways[0].dport, &connection.target_port))
        return "sport or dport is no port";
    connection.protocol = (uint8_t)number;
    connection.timeout = (uint32_t)seconds;
    connection.state = state_of(&line, connection.protocol);
    connection.flags =
        (uint8_t)((line.assured ? CONNECTION_ASSURED : 0) | (line.unreplied ? CONNECTION_UNREPLIED : 0) |
                  (line.helper ? CONNECTION_HELPER : 0) |
                  (is_mirror(&line.ways[0], &line.ways[1]) ? 0 : CONNECTION_NAT));
    *vec_push(arena, &table->connections) = connection;
    return NULL;
}

struct text {
    struct arena *arena;
    struct dump *table;
    const char *name;
    unsigned long number; // of the line
};

static const char *take_line(struct text *text, struct slice line)
{
    const char *problem;

    text->number++;
    line = slice_trim(line);
    if (line.length && line.at[line.length - 1] == '\r')
        line.length--;
    // What conntrack(8) counts on standard error.
    if (!line.length || slice_starts(line, "conntrack v"))
        return NULL;
    if (slice_starts(line, "<?xml"))
        problem = "this is XML: save the table without -o xml";
    else
        problem = read_line(line, text->table, text->arena);
    if (!problem)
        return NULL;
    return arena_printf(text->arena, "%s:%lu: not an entry of a tracking table: %s", text->name, text->number,
                        problem);
}

// Gives the lines of `bytes` to take_line(), and in `*rest` where the last, unfinished one begins.
static const char *take_lines(struct text *text, const char *bytes, size_t length, size_t *rest)
{
    const char *problem = NULL, *end;

    *rest = 0;
    while (!problem && (end = memchr(bytes + *rest, '\n', length - *rest))) {
        problem = take_line(text, (struct slice){bytes + *rest, (size_t)(end - bytes) - *rest});
        *rest = (size_t)(end - bytes) + 1;
    }
    if (!problem && length - *rest > LINE_MOST)
        problem = arena_printf(text->arena, "%s:%lu: a line of more than %d bytes: this is no tracking table",
                               text->name, text->number + 1, LINE_MOST);
    return problem;
}

static const char *read_lines(struct text *text, int fd)
{
    char *bytes = arena_alloc(text->arena, READ_SIZE);
    size_t length = 0, rest;
    const char *problem = NULL;

    for (;;) {
        const ssize_t more = read(fd, bytes + length, READ_SIZE - length);

        if (more < 0 && errno == EINTR)
            continue;
        if (more < 0)
            return arena_printf(text->arena, "cannot read %s: %s", text->name, strerror(errno));
        if (more == 0)
            break;
        length += (size_t)more;
        problem = take_lines(text, bytes, length, &rest);
        if (problem)
            return problem;
        memmove(bytes, bytes + rest, length - rest);
        length -= rest;
    }
    return length ? take_line(text, (struct slice){bytes, length}) : NULL;
}

const char *table_read_bytes(struct arena *arena, const char *name, struct slice bytes, struct dump *table)
{
    struct text text = {arena, table, name, 0};
    size_t rest;
    const char *problem = take_lines(&text, bytes.at, bytes.length, &rest);

    return problem || rest == bytes.length
               ? problem
               : take_line(&text, (struct slice){bytes.at + rest, bytes.length - rest});
}

const char *table_read_text(struct arena *arena, const char *path, struct dump *table)
{
    const bool standard = strcmp(path, "-") == 0;
    struct text text = {arena, table, standard ? "<stdin>" : path, 0};
    const int fd = standard ? STDIN_FILENO : open(path, O_RDONLY | O_CLOEXEC);
    const char *problem;

    if (fd < 0)
        return arena_printf(arena, "cannot read %s: %s", path, strerror(errno));
    problem = read_lines(&text, fd);
    if (!standard)
        close(fd);
    return problem;
}
