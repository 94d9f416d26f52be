#!/usr/bin/env python3
"""Plots of how the cost of ingest grows, from the JSON of `furrow bench all -o json`.

    tests/bench/plot.py bench.json docs/img

Writes one SVG per growth: the cost of a frame (CPU of node and server, bytes on disk) and the rate,
by machines, identifiers, frames in a block, rate and flush interval.
"""
import json
import math
import pathlib
import sys

WIDTH, HEIGHT, LEFT, TOP, BOTTOM = 520, 260, 60, 34, 46
COLOURS = {"node": "#2b6cb0", "server": "#c05621", "generator": "#718096"}
GROWTHS = {  # name in the JSON: (field of the plan, what it says below)
    "growth: machines": ("machines", "machines, flat out"),
    "growth: ids": ("ids", "identifiers on each machine's bus, flat out"),
    "growth: block": ("block_frames", "frames in a gateway's block, flat out"),
    "growth: rate": ("rate", "frames a second and machine, 1,000 machines"),
    "growth: flush": ("flush_ms", "flush interval of the node in ms, 100 k frames/s"),
}


def text(x, y, words, anchor="middle", size=12, colour="#1a202c"):
    words = str(words).replace("&", "&amp;").replace("<", "&lt;")
    return (f'<text x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}" font-size="{size}" '
            f'fill="{colour}">{words}</text>')


def short(number):
    for limit, unit in ((1e6, "M"), (1e3, "k")):
        if number >= limit:
            return f"{number / limit:.3g} {unit}"
    return f"{number:.3g}"


def nice_top(highest):
    step = 10 ** math.floor(math.log10(highest))
    return next(step * f for f in (1, 2, 5, 10) if step * f >= highest)


def plot(title, below, runs):
    """Stacked bars: CPU per frame of node and server, with frames/s and bytes per frame above."""
    bars = [(value, run) for value, run in runs]
    parts = [f'<svg xmlns="http://www.w3.org/2000/svg" width="{WIDTH}" height="{HEIGHT}" '
             f'font-family="sans-serif"><rect width="100%" height="100%" fill="white"/>',
             text(WIDTH / 2, 16, title, size=13)]
    sums = [sum(run["cpu_ns_per_frame"].values()) for _, run in bars]
    top = nice_top(max(sums))
    room = HEIGHT - TOP - BOTTOM - 14
    floor = HEIGHT - BOTTOM
    for i in range(5):
        y = floor - room * i / 4
        parts.append(f'<line x1="{LEFT}" x2="{WIDTH - 10}" y1="{y:.1f}" y2="{y:.1f}" '
                     f'stroke="#e2e8f0"/>')
        parts.append(text(LEFT - 6, y + 4, short(top * i / 4), "end", 11))
    parts.append(text(14, TOP + 4, "ns", "start", 11))
    slot = (WIDTH - 10 - LEFT) / len(bars)
    for at, (value, run) in enumerate(bars):
        x, y = LEFT + slot * (at + 0.25), floor
        for who, cost in run["cpu_ns_per_frame"].items():
            tall = room * cost / top
            y -= tall
            parts.append(f'<rect x="{x:.1f}" y="{y:.1f}" width="{slot / 2:.1f}" '
                         f'height="{tall:.1f}" fill="{COLOURS[who]}"/>')
        middle = LEFT + slot * (at + 0.5)
        parts.append(text(middle, y - 5, f'{short(run["frames_per_second"])}/s, '
                          f'{run["bytes_per_frame"]:.1f} B', size=11))
        parts.append(text(middle, floor + 15, value, size=11))
    parts.append(text((WIDTH + LEFT) / 2, floor + 31, below, size=11))
    for at, who in enumerate(("node", "server")):
        x = LEFT + at * 90
        parts.append(f'<rect x="{x}" y="{HEIGHT - 11}" width="9" height="9" '
                     f'fill="{COLOURS[who]}"/>')
        parts.append(text(x + 13, HEIGHT - 3, who, "start", 10))
    return "\n".join(parts) + "\n</svg>\n"


def main(arguments):
    if len(arguments) != 2:
        print(__doc__, file=sys.stderr)
        return 2
    source, folder = arguments
    measured = json.loads(pathlib.Path(source).read_text())
    pathlib.Path(folder).mkdir(parents=True, exist_ok=True)
    for name, (field, below) in GROWTHS.items():
        runs = [(run["plan"][field], run) for run in measured["runs"] if run.get("name") == name]
        if not runs:
            print(f"plot: {source} has no runs named '{name}'", file=sys.stderr)
            continue
        path = pathlib.Path(folder) / f"ingest-by-{field.replace('_', '-')}.svg"
        path.write_text(plot("CPU a frame, frames/s, bytes a frame on disk", below, runs))
        print(path)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
