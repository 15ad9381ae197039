"""The ratios as an SVG: a bar for each peer in each kind of work, on a logarithmic scale, and a
mark where the requirement is. A dozen rectangles do not need a plotting library."""

import math
import statistics
from xml.sax.saxutils import escape

import rounds
import verdicts

WIDTH, LEFT, RIGHT = 860, 190, 70
BAR, GAP, TOP, BOTTOM = 16, 14, 64, 40
LABEL = 36  # width of a number behind its bar
COLOURS = {"redis": "#c8503c", "postgres": "#36699c", "fdatasync": "#8a8a8a"}


def bars(samples):
    """[(work, [(peer, ratio, requirement or None)])]"""
    wanted = {(shape, operation, peer): least
              for shape, operation, peer, least in verdicts.RATIOS}
    for shape, operation in (*rounds.COMPARED, rounds.COMPARED_LAST):
        group = []
        for peer in COLOURS:
            values = verdicts.ratio_to(samples, shape, operation, peer)
            if values:
                group.append((peer, statistics.median(values),
                              wanted.get((shape, operation, peer))))
        if group:
            yield f"{operation} ({shape})", group


def scale_of(groups):
    """Turns a ratio into a place; and the ratios with a line."""
    values = [value for _, group in groups for _, ratio, least in group
              for value in (ratio, least) if value]
    low = 10 ** math.floor(math.log10(min([*values, 0.5])))
    high = max([*values, 10]) * 1.1

    def place(ratio):
        share = (math.log10(ratio) - math.log10(low)) / (math.log10(high) - math.log10(low))
        return LEFT + share * (WIDTH - LEFT - RIGHT)
    lines = [step * 10 ** power for power in range(-2, 5) for step in (1, 2, 5)]
    return place, low, [line for line in lines if low <= line <= high]


def svg(samples):
    groups = list(bars(samples))
    place, low, lines = scale_of(groups)
    height = TOP + BOTTOM + sum(len(group) * BAR + GAP for _, group in groups)
    out = [f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height}" '
           f'width="{WIDTH}" height="{height}" font-family="sans-serif" font-size="12">',
           f'<rect width="{WIDTH}" height="{height}" fill="white"/>',
           f'<text x="{LEFT}" y="20" font-size="15">rstmdb, as many times the rate of</text>']
    for at, (peer, colour) in enumerate(COLOURS.items()):
        left = LEFT + at * 130
        out.append(f'<rect x="{left}" y="32" width="12" height="12" fill="{colour}"/>'
                   f'<text x="{left + 17}" y="42">{verdicts.TITLES[peer]}</text>')
    left = LEFT + len(COLOURS) * 130
    out.append(f'<path d="M{left + 6} 30v16" stroke="black" stroke-width="3"/>'
               f'<text x="{left + 17}" y="42">to reach</text>')
    for line in lines:
        colour = "#555" if line == 1 else "#ddd"
        out.append(f'<path d="M{place(line):.1f} {TOP - 6}V{height - BOTTOM + 4}" '
                   f'stroke="{colour}"/><text x="{place(line):.1f}" y="{height - BOTTOM + 20}" '
                   f'text-anchor="middle">{line:g}</text>')
    top = TOP
    for work, group in groups:
        middle = top + len(group) * BAR / 2 + 4
        out.append(f'<text x="{LEFT - 10}" y="{middle}" text-anchor="end">{escape(work)}</text>')
        for peer, ratio, least in group:
            end = place(ratio)
            out.append(f'<rect x="{place(low):.1f}" y="{top + 1}" '
                       f'width="{end - place(low):.1f}" height="{BAR - 2}" '
                       f'fill="{COLOURS[peer]}"/>')
            edge = end
            if least:
                mark = place(least)
                edge = mark if end <= mark < end + LABEL else end  # beside the number
                out.append(f'<path d="M{mark:.1f} {top - 1}v{BAR + 2}" stroke="black" '
                           'stroke-width="3"/>')
            number = f"{ratio:.2g}" if ratio < 10 else f"{ratio:.0f}"
            out.append(f'<text x="{edge + 6:.1f}" y="{top + BAR - 4}">{number}</text>')
            top += BAR
        top += GAP
    out.append("</svg>")
    return "\n".join(out) + "\n"
