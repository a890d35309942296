"""Draws boxes, arrows and words as SVG: small, sharp, and readable on light and dark pages."""

from __future__ import annotations

from html import escape

GRAY, BLUE, GREEN, RED, YELLOW = '#eceff1', '#dbe9f9', '#dcf0dc', '#f9dedc', '#fdf1cf'
INK, FAINT = '#263238', '#546e7a'
FONT = 'font-family="Helvetica, Arial, DejaVu Sans, sans-serif"'


class Drawing:
    """A picture of boxes and arrows; lengths in pixels, y downwards.

    Args:
        width: of the picture.
        height: of the picture.
        title: what it shows, for those who cannot see it.
    """

    def __init__(self, width: int, height: int, title: str) -> None:
        self._parts = [
            f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" '
            f'width="{width}" height="{height}" role="img">',
            f'<title>{escape(title)}</title>',
            '<defs><marker id="tip" viewBox="0 0 8 8" refX="7" refY="4" markerWidth="8" '
            f'markerHeight="8" orient="auto"><path d="M0 0 8 4 0 8z" fill="{FAINT}"/></marker>'
            '</defs>',
            f'<rect width="{width}" height="{height}" rx="8" fill="#ffffff"/>',
        ]

    def box(
        self, x: float, y: float, w: float, h: float, words: str, more: str = '', fill: str = GRAY
    ) -> None:
        """Draws a box with words in its middle and more of them, smaller, below; '|' breaks."""
        self._parts.append(
            f'<rect x="{x}" y="{y}" width="{w}" height="{h}" rx="6" fill="{fill}" '
            f'stroke="{FAINT}"/>'
        )
        lines = [(line, 14, INK) for line in words.split('|')]
        lines += [(line, 11, FAINT) for line in more.split('|') if more]
        top = y + h / 2 - 8 * len(lines) + 13
        for row, (line, size, color) in enumerate(lines):
            self.text(x + w / 2, top + 16 * row, line, size, color, 'middle')

    def arrow(self, *points: tuple[float, float], dashed: bool = False) -> None:
        """Draws an arrow through points, each an x and a y."""
        path = 'M' + ' L'.join(f'{x} {y}' for x, y in points)
        dash = ' stroke-dasharray="4 3"' if dashed else ''
        self._parts.append(
            f'<path d="{path}" fill="none" stroke="{FAINT}" stroke-width="1.5"{dash} '
            'marker-end="url(#tip)"/>'
        )

    def text(
        self, x: float, y: float, words: str, size: int = 12, color: str = FAINT,
        anchor: str = 'start',
    ) -> None:  # fmt: skip
        """Writes words; `anchor` says which part of them is at x: start, middle or end."""
        self._parts.append(
            f'<text x="{x}" y="{y}" {FONT} font-size="{size}" fill="{color}" '
            f'text-anchor="{anchor}">{escape(words)}</text>'
        )

    def __str__(self) -> str:
        return '\n'.join([*self._parts, '</svg>', ''])
