# SPDX-License-Identifier: GPL-2.0-or-later
"""Growth as a picture: seconds over entries, both as powers of ten, beside lines of N log N."""

import math

WIDTH, HEIGHT, LEFT, RIGHT, TOP, BOTTOM = 760, 460, 70, 230, 30, 50
COLOURS = ("#1b6ca8", "#c0392b", "#2e8b57", "#8e44ad")


def growth_picture(series):
    """SVG of {name: [(N, seconds), …]}."""
    points = [point for line in series.values() for point in line]
    lowest = math.floor(min(math.log10(seconds) for _, seconds in points))
    highest = math.ceil(max(math.log10(seconds) for _, seconds in points))
    first, last = (math.log10(end(count for count, _ in points)) for end in (min, max))

    def place(count, seconds):
        across = (math.log10(count) - first) / (last - first or 1)
        up = (math.log10(seconds) - lowest) / (highest - lowest)
        return LEFT + across * (WIDTH - LEFT - RIGHT), HEIGHT - BOTTOM - up * (HEIGHT - TOP - BOTTOM)

    def text(x, y, words, anchor="middle", colour="#333"):
        return f'<text x="{x:.0f}" y="{y:.0f}" text-anchor="{anchor}" fill="{colour}">{words}</text>'

    def path(line, colour, more=""):
        return (f'<polyline fill="none" stroke="{colour}" {more}points="'
                + " ".join(f"{x:.1f},{y:.1f}" for x, y in (place(*point) for point in line)) + '"/>')

    right = WIDTH - RIGHT
    out = [f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}" font-family="sans-serif" '
           'font-size="12">',
           "<!-- SPDX-License-Identifier: GPL-2.0-or-later -->",
           "<title>Seconds of the processor that ctc takes, over the number of entries</title>",
           f'<rect width="{WIDTH}" height="{HEIGHT}" fill="#fff"/>']
    for power in range(lowest, highest + 1):
        _, y = place(10**first, 10**power)
        out += [f'<path d="M{LEFT} {y:.1f}H{right}" stroke="#ddd"/>', text(LEFT - 8, y + 4, f"{10**power:g} s", "end")]
    for power in range(math.ceil(first), math.floor(last) + 1):
        x, _ = place(10**power, 10**lowest)
        out += [f'<path d="M{x:.1f} {TOP}V{HEIGHT - BOTTOM}" stroke="#ddd"/>',
                text(x, HEIGHT - BOTTOM + 18, f"{10**power:,}")]
    out.append(text((LEFT + right) / 2, HEIGHT - 10, "entries"))
    ends = []
    for colour, (name, line) in zip(COLOURS, series.items()):
        begin, cost = line[0]
        n_log_n = [(count, cost * count * math.log(count) / (begin * math.log(begin))) for count, _ in line]
        visible = [point for point in n_log_n if lowest <= math.log10(point[1]) <= highest]
        out += [path(visible, colour, 'stroke-dasharray="3 4" '), path(line, colour, 'stroke-width="2" ')]
        out += [f'<circle cx="{x:.1f}" cy="{y:.1f}" r="3" fill="{colour}"/>' for x, y in (place(*p) for p in line)]
        ends.append([place(*line[-1])[1] + 4, name, colour])
    ends.sort()
    for i, (y, name, colour) in enumerate(ends):
        ends[i][0] = y = max(y, ends[i - 1][0] + 15) if i else y
        out.append(text(right + 10, y, name, "start", colour))
    out.append(text(right + 10, ends[-1][0] + 30, "dashed: N log N from the first point", "start"))
    return "\n".join(out) + "\n</svg>\n"
