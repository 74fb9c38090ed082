# SPDX-License-Identifier: GPL-2.0-or-later
"""Hostile policies that are too large, or too odd in their bytes, to be written down."""

import contextlib
import os
import random


from running import CTC

MEGA = 1 << 20
HEAD = b"version: 1\n"


class Generated:
    """A case: `make(folder)` writes its files, `errors` are (file, line, column, code) as in the written cases.

    others: further errors may be found. codes: in place of `errors`, the codes that errors may have wherever they
    are; without either, all that counts is that ctc comes to an end. allowance: how much more time and memory than
    usual it may take, since the text itself is large. stdin: a function from the folder to a file that is read.
    """

    def __init__(self, name, make, errors=None, others=False, codes=(), allowance=1, arguments=("policy.yaml",),
                 stdin=None):
        self.name, self.make, self.errors, self.others = f"generated: {name}", make, errors, others
        self.codes, self.allowance, self.arguments, self.stdin = codes, allowance, arguments, stdin


def pieces(*parts, name="policy.yaml"):
    """Makes a file of byte strings; (bytes, times) is a string that many times, written piece by piece."""
    def make(folder):
        with open(folder / name, "wb") as file:
            for part in parts:
                text, times = part if isinstance(part, tuple) else (part, 1)
                at_once = max(1, MEGA // max(1, len(text)))
                while times > 0:
                    file.write(text * min(times, at_once))
                    times -= at_once
    return make


def lines(texts, name="policy.yaml"):
    """Makes a file of lines from an iterable."""
    def make(folder):
        with open(folder / name, "w", encoding="utf-8") as file:
            file.writelines(text + "\n" for text in texts)
    return make


def both(*makers):
    def make(folder):
        for maker in makers:
            maker(folder)
    return make


def policy(text):
    return pieces(text.encode() if isinstance(text, str) else text)


def at(line, column, code, file="policy.yaml"):
    return [(file, line, column, code)]


def whole(code, file="policy.yaml"):
    return [(file, None, None, code)]


def encodings():
    """Bytes that are no UTF-8 text, and places in text where characters and bytes are not the same."""
    text = 'version: 1\nallow: [ssh]\n'
    yield Generated("no bytes at all", policy(b""), whole("not-a-policy"))
    yield Generated("blank lines alone", policy(b"\n\n  \n\n"), whole("not-a-policy"))
    yield Generated("one NUL", policy(b"\0"), at(1, 1, "yaml"))
    yield Generated("NULs alone", pieces((b"\0", 4096)), at(1, 1, "yaml"))
    yield Generated("a NUL in a word", policy(HEAD + b"allow: [s\0sh]\n"), at(2, 10, "yaml"))
    yield Generated("a NUL after the end", policy(HEAD + b"allow: [ssh]\n\0"), at(3, 1, "yaml"))
    yield Generated("a byte that is no UTF-8", policy(HEAD + b"allow: [s\xffsh]\n"), at(2, 10, "yaml"))
    yield Generated("Latin-1", policy(HEAD + 'description: "Büro"\n'.encode("latin-1")), at(2, 16, "yaml"))
    yield Generated("an overlong slash", policy(HEAD + b"include: a\xc0\xafb\n"), at(2, 11, "yaml"))
    yield Generated("half of a surrogate pair", policy(HEAD + b"include: a\xed\xa0\x80\n"), at(2, 11, "yaml"))
    yield Generated("a character cut at the end", policy(HEAD + b"# \xe2\x82"), at(2, 3, "yaml"))
    yield Generated("an escape character", policy(HEAD + b"# \x1b[2J\n"), at(2, 3, "yaml"))
    yield Generated("a bell", policy(HEAD + b"description: \x07\n"), at(2, 14, "yaml"))
    yield Generated("DEL", policy(HEAD + b"description: a\x7f\n"), at(2, 15, "yaml"))
    yield Generated("UTF-8 with a byte order mark", policy("\ufeff" + text), [])
    yield Generated("a byte order mark before a mistake", policy("\ufeffallow: [80]\n"),
                    at(1, 1, "missing-key") + at(1, 9, "service"))
    for encoding in ("utf-16-le", "utf-16-be", "utf-32-le", "utf-32-be"):
        yield Generated(f"{encoding} with a byte order mark", policy(("\ufeff" + text).encode(encoding)),
                        whole("encoding"))
        yield Generated(f"{encoding} without a byte order mark", policy(text.encode(encoding)),
                        codes=("encoding" if encoding.startswith("utf-16") else "yaml",))
    yield Generated("line ends of DOS before a mistake", policy(b"version: 1\r\nallow:\r\n  - {tcp: 0}\r\n"),
                    at(3, 11, "port"))
    yield Generated("line ends of DOS in an address file",
                    both(policy(HEAD + b"deny: {file: list}\n"), pieces(b"192.0.2.1\r\n192.0.2.300\r\n", name="list")),
                    at(2, 1, "address", "list"))
    yield Generated("no line end after a mistake", policy(HEAD + b"allow: [{tcp: 0}]"), at(2, 15, "port"))
    yield Generated("characters of two bytes before a mistake",
                    policy(HEAD + 'allow: [{name: "éßø", tcp: 0}]\n'.encode()), at(2, 28, "port"))
    yield Generated("characters of four bytes before a mistake",
                    policy(HEAD + 'allow: [{name: "🔥🧱", tcp: 0}]\n'.encode()), at(2, 27, "port"))
    yield Generated("a line separator in a comment before a mistake",
                    policy(HEAD + "# one\u2028# two\nallow: [{tcp: 0}]\n".encode()), at(2, 6, "yaml"))
    yield Generated("text that runs to the left",
                    policy(HEAD + 'allow: ["ssh\u202e"]\n'.encode()), at(2, 9, "service"))
    yield Generated("a C1 control in a word", policy(HEAD + 'allow: ["ssh\u009b2J"]\n'.encode()), at(2, 13, "yaml"))
    yield Generated("the program itself", lambda folder: os.symlink(CTC, folder / "policy.yaml"), whole("encoding"))
    yield Generated("gzip", policy(b"\x1f\x8b\x08\x00\x00\x00\x00\x00\x00\x03"), whole("encoding"))
    for seed in range(8):
        yield Generated(f"noise {seed}", policy(random.Random(seed).randbytes(4096)), codes=("yaml", "not-a-policy"))


def depths():
    """Structures inside each other."""
    depth = 32
    yield Generated("lists in lists", pieces(HEAD, b"allow: ", (b"[", 100000)), at(2, 8 + depth - 1, "too-large"))
    yield Generated("mappings in mappings", pieces(HEAD, b"allow: ", (b"{a: ", 100000)),
                    at(2, 8 + 4 * (depth - 1), "too-large"))
    yield Generated("keys of keys", pieces(HEAD, b"allow: ", (b"{", 100000)), codes=("yaml", "too-large"))
    yield Generated("lists in lists, closed", pieces(HEAD, b"allow: ", (b"[", 100000), (b"]", 100000), b"\n"),
                    at(2, 8 + depth - 1, "too-large"))
    yield Generated("lists in lists, by hyphens", pieces(HEAD, b"allow:\n  ", (b"- ", 100000), b"ssh\n"),
                    at(3, 3 + 2 * (depth - 1), "too-large"))
    yield Generated("mappings in mappings, by indentation",
                    lines(["version: 1"] + [" " * i + "allow:" for i in range(3000)]),
                    at(depth + 2, depth + 1, "too-large"))
    yield Generated("question marks", pieces(HEAD, (b"? ", 100000)), codes=("yaml", "too-large"))
    yield Generated("colons", pieces(HEAD, (b": ", 100000)), codes=("yaml", "too-large"))
    yield Generated("brackets closed and never opened", pieces(HEAD, b"allow: ", (b"]", 100000)),
                    at(2, 8, "yaml"))
    yield Generated("a billion laughs",
                    lines(["version: 1", "define:", "  l0: &l0 [10.0.0.1]"] +
                          [f"  l{i}: &l{i} [{', '.join([f'*l{i - 1}'] * 10)}]" for i in range(1, 10)]),
                    at(3, 7, "yaml"))


def chain(count, item):
    """define: n0 is item(1), n1 is item(2), ..., and the last one is an address."""
    return (["version: 1", "define:"] + [f"  n{i}: {item(i + 1)}" for i in range(count)] +
            [f"  n{count}: 192.0.2.1", "deny: $n0"])


def names():
    """Names that stand for names."""
    yield Generated("names that double forty times", lines(chain(40, lambda i: f"[$n{i}, $n{i}]")), [])
    yield Generated("names that take away forty times",
                    lines(chain(40, lambda i: f"[10.0.0.0/8, not $n{i}, $n{i}, not $n{i}, $n{i}]")), [])
    yield Generated("names that double, and a mistake at the end",
                    lines(chain(40, lambda i: f"[$n{i}, $n{i}]") + ["allow: [shh]"]), at(45, 9, "service"))
    yield Generated("a chain of a hundred thousand names", lines(chain(100000, lambda i: f"$n{i}")),
                    codes=("name-cycle", "too-large"), allowance=2)
    yield Generated("a circle of a hundred thousand names",
                    lines(["version: 1", "define:"] + [f"  n{i}: $n{(i + 1) % 100000}" for i in range(100000)] +
                          ["deny: $n0"]), codes=("name-cycle", "too-large"), allowance=2)


def amounts():
    """Much of everything."""
    yield Generated("a file of 100 MB", pieces(HEAD, b"description: ", (b"a", 100 * MEGA)), whole("file"))
    yield Generated("a sparse file of a terabyte", sparse("policy.yaml", 1 << 40), whole("file"))
    yield Generated("a scalar of 4 MB", pieces(HEAD, b'description: "', (b"a", 4 * MEGA), b'"\n'), [])
    yield Generated("an open quote of 4 MB", pieces(HEAD, b'description: "', (b"a", 4 * MEGA)),
                    codes=("yaml",))
    yield Generated("a key of a megabyte", pieces(HEAD, (b"a", MEGA), b": 1\n"), codes=("yaml",))
    yield Generated("a key of a megabyte, said to be one", pieces(HEAD, b"? ", (b"a", MEGA), b"\n: 1\n"),
                    at(2, 3, "unknown-key"))
    yield Generated("a name of a megabyte", pieces(HEAD, b"allow: [{tcp: 1, name: ", (b"a", MEGA), b"}]\n"),
                    at(2, 24, "text"))
    yield Generated("a port of a megabyte", pieces(HEAD, b"allow: [{tcp: ", (b"1", MEGA), b"}]\n"),
                    at(2, 15, "port"))
    yield Generated("an address of a megabyte", pieces(HEAD, b"deny: ", (b"1.", MEGA // 2), b"1\n"),
                    at(2, 7, "address"))
    yield Generated("a service of a megabyte", pieces(HEAD, b"allow: [", (b"a", MEGA), b"]\n"),
                    at(2, 9, "service"))
    yield Generated("a limit of a megabyte", pieces(HEAD, b"allow: [{tcp: 1, limit: ", (b"9", MEGA), b"/day}]\n"),
                    at(2, 25, "limit"))
    yield Generated("packets of a megabyte",
                    pieces(HEAD, b"expect: [{packets: ", (b"tcp ", MEGA // 4), b", verdict: accept}]\n"),
                    at(2, 24, "packets"))
    yield Generated("a line of half a megabyte with its mistake at the end",
                    pieces(HEAD, b"allow: [", (b"ssh, ", 100000), b"{tcp: 0}]\n"), at(2, 9 + 500000 + 6, "port"),
                    allowance=2)
    yield Generated("comments of 16 MB", pieces(HEAD, (b"# nothing to see here\n", 16 * MEGA // 22), b"allow: [80]\n"),
                    at(2 + 16 * MEGA // 22, 9, "service"))
    yield Generated("a hundred thousand blank lines", pieces(HEAD, (b"\n", 100000), b"allow: [80]\n"),
                    at(100002, 9, "service"))
    yield Generated("a hundred thousand unknown keys", lines(["version: 1"] + [f"k{i}: 1" for i in range(100000)]),
                    at(2, 1, "unknown-key") + at(500, 1, "unknown-key"), others=True)
    yield Generated("one key a hundred thousand times", pieces(HEAD, (b"log: true\n", 100000)),
                    at(3, 1, "duplicate-key") + at(501, 1, "duplicate-key"), others=True)
    yield Generated("a hundred thousand ports that are none",
                    pieces(HEAD, b"allow:\n", (b"  - {tcp: 0}\n", 100000)), at(3, 11, "port") + at(502, 11, "port"),
                    others=True, allowance=2)
    yield Generated("a hundred thousand addresses, the last one wrong",
                    lines(["version: 1", "deny:"] +
                          [f"  - 10.{i >> 16}.{i >> 8 & 255}.{i & 255}" for i in range(100000)] +
                          ["  - 10.0.0.256"]), at(100003, 5, "address"))
    yield Generated("a hundred thousand names, the last one wrong",
                    lines(["version: 1", "define:"] + [f"  n{i}: 10.0.0.1" for i in range(100000)] +
                          ["  n: 10.0.0.256"]),
                    at(100003, 6, "address"))
    yield Generated("a hundred thousand services, the last one wrong",
                    lines(["version: 1", "services:"] + [f"  s{i}: 1/tcp" for i in range(100000)] + ["  s: 0/tcp"]),
                    at(100003, 6, "port"))
    yield Generated("a hundred thousand ports of one entry, the last one wrong",
                    lines(["version: 1", "allow:", "  - tcp:"] +
                          [f"    - {65535 - 2 * (i % 32000)}" for i in range(100000)] +
                          ["    - 0"]), at(100004, 7, "port"))


def products():
    """Small texts that ask for much work or for many rules."""
    def two_lists(item, key):
        return both(lines(["version: 1", "include: site.yaml", f"{key}:"] + [item(i) for i in range(0, 100000, 2)]),
                    lines([f"{key}:"] + [item(i) for i in range(1, 100000, 2)], name="site.yaml"))

    interfaces = ", ".join(f"if{i}" for i in range(2000))
    addresses = ", ".join(f"10.{i >> 8}.{i & 255}.0/25" for i in range(2000))
    ports = ", ".join(str(1024 + 2 * i) for i in range(2000))

    yield Generated("names of two files, a hundred thousand in all",
                    two_lists(lambda i: f"  n{i}: 10.0.0.1", "define"), [], allowance=2)
    yield Generated("services of two files, a hundred thousand in all",
                    two_lists(lambda i: f"  s{i}: 1/tcp", "services"), [], allowance=2)
    yield Generated("two thousand interfaces to two thousand, from two thousand addresses to two thousand ports",
                    policy(HEAD + f"forward: [{{in: [{interfaces}], out: [{interfaces}], from: [{addresses}], "
                           f"to: [{addresses}], tcp: [{ports}]}}]\n".encode()), codes=("too-large",))
    yield Generated("two thousand interfaces, two thousand addresses, two thousand ports",
                    policy(HEAD + f"allow: [{{in: [{interfaces}], from: [{addresses}], tcp: [{ports}]}}]\n".encode()), [], allowance=4)
    yield Generated("twenty thousand helpers beside twenty thousand untracked entries",
                    lines(["version: 1", "tracking: selective", "allow:"] +
                          ["  - {tcp: 21, helper: ftp}", "  - {tcp: 22, track: false}"] * 20000), [], allowance=5)
    yield Generated("fifty thousand rules of a chain that is declared last",
                    both(policy(HEAD + b"verbatim: {ipv4: {file: rules}}\n"),
                         pieces(b"*filter\n", (b":other - [0:0]\n", 50000), (b"-A own -j ACCEPT\n", 50000),
                                b":own - [0:0]\nCOMMIT\n", name="rules")), [], allowance=2)
    yield Generated("a hundred thousand rules in a chain that one rule leads to",
                    lines(["*filter", ":INPUT ACCEPT [0:0]", ":ban - [0:0]", "-A INPUT -j ban"] +
                          [f"-A ban -s 10.{i >> 16}.{i >> 8 & 255}.{i & 255} -j DROP" for i in range(100000)] + ["COMMIT"],
                          name="rules"), [], allowance=4, arguments=("explain", "-4", "rules", "in any tcp"))
    yield Generated("thirty thousand holes",
                    lines(["version: 1", "allow:", "  - service: ssh", "    from:", "      - 10.0.0.0/8"] +
                          [f"      - not 10.{i >> 7}.{2 * (i & 127)}.{i & 255}" for i in range(30000)]), [],
                    allowance=2)
    yield Generated("every other port", policy(
        HEAD + f"allow: [{{tcp: [{', '.join(map(str, range(1, 65536, 2)))}]}}]\n".encode()), [], allowance=2)


def sparse(name, size):
    def make(folder):
        with open(folder / name, "wb") as file:
            file.truncate(size)
    return make


def fifo(name):
    return lambda folder: os.mkfifo(folder / name)


def link(name, target):
    return lambda folder: os.symlink(target, folder / name)


def address_files():
    named = policy(HEAD + b"deny: {file: list}\n")
    place = at(2, 14, "file")

    yield Generated("an address file that nobody writes to", both(named, fifo("list")))
    yield Generated("an address file that points nowhere", both(named, link("list", "nowhere")), place)
    yield Generated("an address file that points to itself", both(named, link("list", "list")), place)
    yield Generated("an address file with a name too long",
                    policy(HEAD + b"deny: {file: " + b"a" * 5000 + b"}\n"), place)
    yield Generated("an address file beyond the limit", both(named, sparse("list", 257 * MEGA)), place)
    yield Generated("an address file of 200 MB of nothing", both(named, sparse("list", 200 * MEGA)),
                    at(1, 1, "address", "list"), others=True, allowance=5)
    yield Generated("an address file of one long line", both(named, pieces((b"1", 16 * MEGA), name="list")),
                    at(1, 1, "address", "list"))
    yield Generated("an address file with NULs", both(named, pieces(b"192.0.2.1\0\n192.0.2.2\n", name="list")),
                    at(1, 1, "address", "list"))
    yield Generated("an address file of UTF-16",
                    both(named, pieces("\ufeff192.0.2.1\n".encode("utf-16-le"), name="list")),
                    whole("encoding", "list"))
    yield Generated("an address file with a byte order mark",
                    both(named, pieces("\ufeff192.0.2.1\n".encode(), name="list")))
    yield Generated("an address file with terminal escapes",
                    both(named, pieces(b"\x1b[2J\xc2\x9b31m\n", name="list")), at(1, 1, "address", "list"))
    yield Generated("an address file with bytes that are no UTF-8",
                    both(named, pieces(b"192.0.2.\xff\n", name="list")), at(1, 1, "address", "list"))
    yield Generated("an address file of a million lines, the last one wrong",
                    both(named, pieces((b"192.0.2.1\n", 1000000), b"192.0.2.256\n", name="list")),
                    at(1000001, 1, "address", "list"), allowance=2)
    yield Generated("an address file of a million lines, all wrong",
                    both(named, pieces((b"192.0.2.256\n", 1000000), name="list")),
                    at(1, 1, "address", "list") + at(500, 1, "address", "list"), others=True)


def includes():
    named = policy(HEAD + b"include: site.yaml\n")
    place = at(2, 10, "file")

    yield Generated("an include that nobody writes to", both(named, fifo("site.yaml")))
    yield Generated("an include that points nowhere", both(named, link("site.yaml", "nowhere")), place)
    yield Generated("an include that points to itself", both(named, link("site.yaml", "site.yaml")), place)
    yield Generated("an include that points back", both(named, link("site.yaml", "policy.yaml")), at(2, 10, "include"))
    yield Generated("an include of standard input", policy(HEAD + b'include: "-"\n'), at(2, 10, "value"))
    yield Generated("an include of 100 MB", both(named, sparse("site.yaml", 100 * MEGA)), place)

    def include_chain(folder):
        for i in range(1000):
            (folder / ("policy.yaml" if not i else f"a{i}.yaml")).write_text(f"version: 1\ninclude: a{i + 1}.yaml\n")
        (folder / "a1000.yaml").write_text("allow: [ssh]\n")

    def diamond(folder):
        for i in range(25):
            name = "policy.yaml" if not i else f"a{i}.yaml"
            (folder / name).write_text(f"version: 1\ninclude: [a{i + 1}.yaml, ./a{i + 1}.yaml]\n")
        (folder / "a25.yaml").write_text("allow: [ssh]\n")

    yield Generated("a chain of a thousand includes", include_chain, codes=("include",))
    yield Generated("includes that double 25 times", diamond, codes=("include",))
    yield Generated("one include ten thousand times",
                    both(lines(["version: 1", "include:"] + ["  - site.yaml"] * 10000),
                         pieces(b"log: true\n", name="site.yaml")),
                    [])
    yield Generated("ten thousand includes that are missing",
                    lines(["version: 1", "include:"] + [f"  - nowhere{i}" for i in range(10000)]),
                    at(3, 5, "file"), others=True)


def ways_in():
    """The policy itself as something else than a file."""
    def nothing(folder):
        del folder

    def opened(name):
        return lambda folder: open(folder / name, "rb")

    @contextlib.contextmanager
    def opened_folder(folder):
        descriptor = os.open(folder, os.O_RDONLY)
        yield descriptor
        os.close(descriptor)

    yield Generated("a policy that is missing", nothing, whole("file"))
    yield Generated("a policy that is a folder", lambda folder: (folder / "policy.yaml").mkdir(), whole("file"))
    yield Generated("a policy that points nowhere", link("policy.yaml", "nowhere"), whole("file"))
    yield Generated("a policy that points to itself", link("policy.yaml", "policy.yaml"), whole("file"))
    yield Generated("a policy that nobody writes to", fifo("policy.yaml"))
    yield Generated("a policy below a file", policy(HEAD), whole("file", "policy.yaml/policy.yaml"),
                    arguments=("policy.yaml/policy.yaml",))
    yield Generated("a policy without end", nothing, whole("file", "/dev/zero"), arguments=("/dev/zero",))
    yield Generated("a policy of memory", nothing, whole("file", "/proc/self/mem"), arguments=("/proc/self/mem",))
    yield Generated("a policy with a name too long", nothing, whole("file", "./" + "a" * 5000),
                    arguments=("./" + "a" * 5000,))
    yield Generated("a policy with an empty name", nothing, arguments=("",))
    yield Generated("a policy with terminal escapes in its name", nothing, arguments=("./\x1b[2J\n",))
    yield Generated("a policy from standard input without end", nothing, codes=("too-large", "file"),
                    arguments=("-",), stdin=lambda _: open("/dev/zero", "rb"))
    yield Generated("a policy from standard input with a mistake", policy(HEAD + b"allow: [80]\n"),
                    at(2, 9, "service", "<stdin>"), arguments=("-",), stdin=opened("policy.yaml"))
    yield Generated("a policy from standard input that is a folder", nothing, whole("file", "<stdin>"),
                    arguments=("-",), stdin=opened_folder)


def cases():
    for group in (encodings, depths, names, amounts, products, address_files, includes, ways_in):
        yield from group()
