// SPDX-License-Identifier: GPL-2.0-or-later
#include "kernel/samples.h"

#include <errno.h>
#include <sys/socket.h>
#include <unistd.h>

#include "kernel/entry.h"
#include "kernel/extensions.h"

void sample_begin(struct buf *question, const char *table, const char *chain, size_t number,
                  const void *header, size_t length)
{
    buf_append(question, table, strlen(table) + 1);
    buf_append(question, chain, strlen(chain) + 1);
    buf_append(question, (const char *)&number, sizeof(number));
    buf_append(question, header, length);
}

void sample_text(struct buf *question, struct slice text)
{
    buf_append(question, text.at, text.length);
    buf_char(question, '\0');
}

void sample_end(struct buf *question)
{
    buf_char(question, '\0');
}

// In the process that is asked.

// A rule in the making.
struct draft {
    _Alignas(struct _xt_align) char bytes[ENTRY_BYTES_MAX + 1];
    size_t length;
};

static void append(struct draft *draft, const void *bytes, size_t length)
{
    if (length > ENTRY_BYTES_MAX - draft->length)
        extensions_fail(ENTRY_TOO_LONG);
    memcpy(draft->bytes + draft->length, bytes, length);
    draft->length += length;
}

static const char *take(const char **at, size_t length)
{
    const char *from = *at;

    *at += length;
    return from;
}

static const char *take_text(const char **at)
{
    return take(at, strlen(*at) + 1);
}

static void add_text(struct draft *draft, const struct entry_layout *layout, struct slice text)
{
    if (strncmp(text.at, "-m", 2) == 0) {
        const struct xt_entry_match *match = extension_match(text, draft->bytes);

        append(draft, match, match->u.match_size);
        entry_put_number(draft->bytes, layout->matches, draft->length);
    } else if (strncmp(text.at, "-j", 2) == 0) {
        const struct xt_entry_target *target = extension_target(text, draft->bytes);

        append(draft, target, target->u.target_size);
    } else {
        extension_header(text, draft->bytes);
    }
}

static void make_rule(struct buf *out, struct draft *draft, const struct entry_layout *layout,
                      const char **at)
{
    const char *table = take_text(at), *chain = take_text(at);
    size_t number;

    memcpy(&number, take(at, sizeof(number)), sizeof(number));
    extensions_at(table, chain, number);
    draft->length = 0;
    append(draft, take(at, layout->body), layout->body);
    entry_put_number(draft->bytes, layout->matches, draft->length);
    for (const char *text; *(text = take_text(at));)
        add_text(draft, layout, slice_of(text));
    entry_put_number(draft->bytes, layout->length, draft->length);
    buf_append(out, draft->bytes, draft->length);
}

static bool read_all(int descriptor, char *bytes, size_t length)
{
    while (length > 0) {
        const ssize_t got = read(descriptor, bytes, length);

        if (got == 0 || (got < 0 && errno != EINTR))
            return false;
        bytes += got > 0 ? got : 0;
        length -= got > 0 ? (size_t)got : 0;
    }
    return true;
}

struct start {
    enum family family;
    int ends[2]; // of the socket: the asker's, and that of the one that is asked
};

static int serve(const void *context, int output)
{
    static struct draft draft;
    const struct start *start = context;
    struct buf question = {0}, out = {0};
    const struct extension_size *sizes;
    const char *at;
    size_t length, count;

    close(start->ends[0]);
    if (!read_all(start->ends[1], (char *)&length, sizeof(length)))
        return 0; // nobody asks
    buf_grow(&question, length + 1);
    if (!read_all(start->ends[1], question.bytes, length))
        return 1;
    extensions_open(start->family);
    for (at = question.bytes; at < question.bytes + length;)
        make_rule(&out, &draft, &entry_layouts[start->family], &at);
    sizes = extension_sizes(&count);
    buf_append(&out, (const char *)sizes, count * sizeof(*sizes));
    return child_write(output, (struct slice){out.bytes, out.length}) ? 0 : 1;
}

// In the process that asks.

bool sampler_start(struct sampler *sampler, enum family family)
{
    struct start start = {.family = family};

    *sampler = (struct sampler){0};
    if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, start.ends) < 0)
        return false;
    sampler->started = child_start(&sampler->child, serve, &start);

    const int problem = errno;

    close(start.ends[1]);
    if (sampler->started)
        sampler->questions = start.ends[0];
    else
        close(start.ends[0]);
    errno = problem;
    return sampler->started;
}

static bool send_all(int socket, const char *bytes, size_t length)
{
    while (length > 0) {
        const ssize_t sent = send(socket, bytes, length, MSG_NOSIGNAL);

        if (sent < 0 && errno != EINTR)
            return false;
        bytes += sent > 0 ? sent : 0;
        length -= sent > 0 ? (size_t)sent : 0;
    }
    return true;
}

void sampler_ask(struct sampler *sampler, const struct buf *question)
{
    sampler->asked = send_all(sampler->questions, (const char *)&question->length, sizeof(size_t)) &&
                     send_all(sampler->questions, question->bytes, question->length);
}

static bool finish(struct sampler *sampler, struct buf *answer, struct buf *said)
{
    shutdown(sampler->questions, SHUT_WR); // processes that were started since have it open, too
    close(sampler->questions);
    sampler->started = false;
    return child_finish(&sampler->child, answer, said) && sampler->asked;
}

bool sampler_answer(struct sampler *sampler, struct buf *answer, struct kernel_error *error)
{
    struct buf said = {0};
    const bool fine = finish(sampler, answer, &said);

    if (!fine)
        kernel_fail(error, KERNEL_RULE, "%s", child_reason(&said));
    buf_clear(&said);
    return fine;
}

void sampler_stop(struct sampler *sampler)
{
    struct buf ignored = {0};

    if (sampler->started)
        finish(sampler, &ignored, &ignored);
    buf_clear(&ignored);
}
