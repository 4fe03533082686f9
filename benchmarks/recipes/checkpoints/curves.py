"""Draw the metrics of a training run (metrics.jsonl) as an SVG: loss, and BLEU on held-out pairs.

python benchmarks/recipes/checkpoints/curves.py metrics.jsonl curves.svg
"""

import json
import sys
from collections.abc import Sequence
from pathlib import Path

WIDTH, HEIGHT, LEFT, TOP, GAP = 360, 220, 48, 34, 72

Point = tuple[float, float]


def read(path: Path) -> list[dict[str, float]]:
    """The reports of a run, in order."""
    return [json.loads(line) for line in path.read_text("utf-8").splitlines()]


def panel(left: float, title: str, lines: Sequence[tuple[str, Sequence[Point]]]) -> str:
    """One diagram: named lines over training steps, with their extremes on the axes."""
    points = [point for _, line in lines for point in line]
    last = max(step for step, _ in points)
    low, high = min(value for _, value in points), max(value for _, value in points)

    def place(point: Point) -> str:
        x = left + WIDTH * point[0] / last
        y = TOP + HEIGHT * (1 - (point[1] - low) / (high - low or 1))
        return f"{x:.1f},{y:.1f}"

    parts = [
        f'<text x="{left}" y="{TOP - 12}" font-weight="bold">{title}</text>',
        f'<rect x="{left}" y="{TOP}" width="{WIDTH}" height="{HEIGHT}" fill="none" stroke="#ccc"/>',
        f'<text x="{left - 6}" y="{TOP + 10}" text-anchor="end">{high:.1f}</text>',
        f'<text x="{left - 6}" y="{TOP + HEIGHT}" text-anchor="end">{low:.1f}</text>',
        f'<text x="{left}" y="{TOP + HEIGHT + 18}">0</text>',
        f'<text x="{left + WIDTH}" y="{TOP + HEIGHT + 18}" text-anchor="end">'
        f"{last:.0f} steps</text>",
    ]
    for (name, line), colour in zip(lines, ("#1d4ed8", "#c2410c"), strict=False):
        path = " ".join(map(place, line))
        parts.append(f'<polyline points="{path}" fill="none" stroke="{colour}" stroke-width="2"/>')
        parts.append(
            f'<text x="{left + WIDTH - 8}" y="{TOP + 20 + 18 * len(parts) % 60}" '
            f'text-anchor="end" fill="{colour}">{name}</text>'
        )
    return "\n".join(parts)


def draw(reports: Sequence[dict[str, float]]) -> str:
    """The whole picture."""
    measured = [report for report in reports if report["dev_bleu"] is not None]
    losses = [
        ("training, smoothed", [(r["step"], r["translation_loss"]) for r in reports]),
        ("held out", [(r["step"], r["dev_loss"]) for r in measured]),
    ]
    scores = [("BLEU, greedy", [(r["step"], r["dev_bleu"]) for r in measured])]
    width = 2 * (LEFT + WIDTH) + GAP
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {HEIGHT + TOP + 34}" '
        'font-family="Helvetica, Arial, sans-serif" font-size="13">\n'
        f'<rect width="100%" height="100%" fill="#fff"/>\n'
        f"{panel(LEFT, 'Nats for a target token', losses)}\n"
        f"{panel(LEFT + WIDTH + GAP, 'BLEU on the held-out pairs', scores)}\n</svg>\n"
    )


if __name__ == "__main__":
    metrics, picture = map(Path, sys.argv[1:])
    picture.write_text(draw(read(metrics)), "utf-8")
