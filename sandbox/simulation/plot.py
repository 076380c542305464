"""Draw the share of orders that differ between the two sides over time, as an SVG."""

from collections.abc import Sequence
from dataclasses import dataclass

WIDTH, HEIGHT = 860, 460
_LEFT, _RIGHT, _TOP, _BOTTOM = 70, 20, 60, 60
_INK, _GRID = "#1f2328", "#d8dee4"
COLOURS = ("#0969da", "#cf222e")


@dataclass(frozen=True, slots=True)
class Line:
    """A run: points are (minutes, percent)."""

    label: str
    points: Sequence[tuple[float, float]]


def svg(title: str, lines: Sequence[Line], *, x_label: str, y_label: str) -> str:
    """Return the picture; axes begin at zero."""
    right = max((x for line in lines for x, _ in line.points), default=1.0) or 1.0
    top = max((y for line in lines for _, y in line.points), default=1.0) or 1.0
    frame = _Frame(*_ticks(right), *_ticks(top))
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}" font-family="sans-serif" '
        f'font-size="13" fill="{_INK}"><rect width="{WIDTH}" height="{HEIGHT}" fill="#ffffff"/>',
        f'<text x="{_LEFT}" y="26" font-size="17">{title}</text>',
        *frame.axes(x_label, y_label),
        *(frame.line(line, colour) for line, colour in zip(lines, COLOURS, strict=False)),
        *(_legend(place, line.label, COLOURS[place]) for place, line in enumerate(lines)),
        "</svg>",
    ]
    return "\n".join(parts) + "\n"


@dataclass(frozen=True, slots=True)
class _Frame:
    x_step: float
    x_end: float
    y_step: float
    y_end: float

    def at(self, x: float, y: float) -> tuple[float, float]:
        across, up = WIDTH - _LEFT - _RIGHT, HEIGHT - _TOP - _BOTTOM
        return round(_LEFT + x / self.x_end * across, 1), round(HEIGHT - _BOTTOM - y / self.y_end * up, 1)

    def axes(self, x_label: str, y_label: str) -> list[str]:
        parts = []
        for place in range(round(self.x_end / self.x_step) + 1):
            x, y = self.at(place * self.x_step, 0)
            parts.append(f'<path d="M{x} {y}V{_TOP}" stroke="{_GRID}"/>')
            parts.append(f'<text x="{x}" y="{y + 20}" text-anchor="middle">{place * self.x_step:g}</text>')
        for place in range(round(self.y_end / self.y_step) + 1):
            x, y = self.at(0, place * self.y_step)
            parts.append(f'<path d="M{x} {y}H{WIDTH - _RIGHT}" stroke="{_GRID}"/>')
            parts.append(f'<text x="{x - 8}" y="{y + 4}" text-anchor="end">{place * self.y_step:g}</text>')
        middle = (_TOP + HEIGHT - _BOTTOM) / 2
        parts.append(f'<text x="{(_LEFT + WIDTH) / 2}" y="{HEIGHT - 16}" text-anchor="middle">{x_label}</text>')
        turned = f'transform="rotate(-90 20 {middle})"'
        parts.append(f'<text x="20" y="{middle}" text-anchor="middle" {turned}>{y_label}</text>')
        return parts

    def line(self, line: Line, colour: str) -> str:
        points = " ".join(f"{x},{y}" for x, y in (self.at(*point) for point in line.points))
        return f'<polyline points="{points}" fill="none" stroke="{colour}" stroke-width="2"/>'


def _ticks(highest: float) -> tuple[float, float]:
    """Return (step, end) of an axis with five to ten round steps."""
    step = next(s * 10**e for e in range(-3, 9) for s in (1.0, 2.0, 5.0) if highest / (s * 10**e) <= 8)
    return step, step * -(-highest // step)


def _legend(place: int, label: str, colour: str) -> str:
    x, y = _LEFT + place * 330, 46
    return f'<path d="M{x} {y - 4}h26" stroke="{colour}" stroke-width="3"/><text x="{x + 34}" y="{y}">{label}</text>'
