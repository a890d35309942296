"""Counts things in words."""

from __future__ import annotations


def counted(count: int, noun: str) -> str:
    """Returns a number with its noun: '1 picture', '3 pictures'.

    Args:
        count: how many.
        noun: what one of them is called; its plural ends with an s.
    """
    return f'{count} {noun}{"" if count == 1 else "s"}'
