"""Judges what goes in by what is measured of it: limits in numbers, one sentence for each."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from math import isnan

from ml_integration.core.declaration import declared

FULL = 0.98
"""Share of a picture that leaves nothing to see, whatever is usual for the stream."""
MORE_SATURATED = 0.3
"""How much more than its usual share of a picture has to be saturated."""


@dataclass(frozen=True, slots=True)
class ContentSettings:
    """Limits for what the pictures and samples of a stream look like."""

    learn_s: float = declared(
        30.0,
        'Time of good input from which a stream learns what is usual for it [s].',
        ge=1.0,
        le=3600.0,
    )
    frozen_s: float = declared(
        10.0,
        'Time of identical content after which a stream or channel that always changed before '
        'is frozen [s]; never in simulated time; 0: off.',
        ge=0.1,
        le=3600.0,
        off=0.0,
    )
    min_brightness: float = declared(
        10.0, 'Brightness and contrast of 255 below which a picture is too dark.', ge=0.0, le=255.0
    )
    dark_ratio: float = declared(
        0.25,
        'Part of the usual brightness below which a picture is too dark; 0: off.',
        ge=0.0,
        le=1.0,
    )
    blur_ratio: float = declared(
        0.5,
        'Part of the usual sharpness below which a picture is blurred; 0: off.',
        ge=0.0,
        le=1.0,
    )
    max_saturated_ratio: float = declared(
        0.5,
        'Part of a picture that is saturated above which the node warns, if that is not usual '
        'for the stream.',
        ge=0.0,
        le=1.0,
    )
    max_nan_ratio: float = declared(
        0.0, 'Part of the numbers that are not finite above which the node warns.', ge=0.0, le=1.0
    )
    valid_ratio: float = declared(
        0.6,
        'Part of the usual number of valid distances below which the node warns; 0: off.',
        ge=0.0,
        le=1.0,
    )


@dataclass(frozen=True, slots=True)
class Symptom:
    """Something wrong with what goes in.

    Attributes:
        kind: what it is, in a word.
        sentence: the measure, its value, the limit, and what to do.
        spoils: the measures that cannot be learned from while it lasts.
    """

    kind: str
    sentence: str
    spoils: tuple[str, ...] = ()


def picture_symptoms(
    now: Mapping[str, float], usual: Mapping[str, float], settings: ContentSettings
) -> Iterator[Symptom]:
    """Yields what is wrong with pictures, the most telling first.

    Args:
        now: means of the last second, by measure.
        usual: what is usual for the stream; what is not known yet is missing.
        settings: the robot's limits.
    """
    black = now.get('black_share', 0.0)
    if black >= FULL:
        yield Symptom(
            'black',
            f'{black:.0%} of the picture is black (limit {FULL:.0%}): is the lens covered, the '
            'light off, or the exposure too short?',
            ('brightness', 'sharpness', 'saturated_share'),
        )
        return
    yield from _dark(now, usual, settings)
    yield from _saturated(now, usual, settings)
    sharp, usually = now.get('sharpness', float('nan')), usual.get('sharpness', float('nan'))
    if sharp < settings.blur_ratio * usually:
        yield Symptom(
            'blurred',
            f'sharpness {sharp:.1f} is below {settings.blur_ratio * usually:.1f}'
            f'{_usual(usual, "sharpness", 1)}: clean and focus the lens, or shorten the exposure',
            ('sharpness',),
        )


def _dark(
    now: Mapping[str, float], usual: Mapping[str, float], settings: ContentSettings
) -> Iterator[Symptom]:
    """Yields darkness; single lights in the night or few things on black are bright enough."""
    bright, contrast = now.get('brightness', 255.0), now.get('contrast', 255.0)
    limit = settings.dark_ratio * usual.get('brightness', 0.0)
    if contrast < settings.min_brightness:
        limit = max(limit, settings.min_brightness)
    if bright < limit:
        yield Symptom(
            'dark',
            f'brightness {bright:.0f} of 255 is below {limit:.0f}{_usual(usual, "brightness")}: '
            'turn on light, or raise exposure or gain',
            ('brightness', 'sharpness'),
        )


def _saturated(
    now: Mapping[str, float], usual: Mapping[str, float], settings: ContentSettings
) -> Iterator[Symptom]:
    share, usually = now.get('saturated_share', 0.0), usual.get('saturated_share')
    limit = FULL
    if usually is not None:
        limit = min(FULL, max(settings.max_saturated_ratio, usually + MORE_SATURATED))
    if share >= limit:
        yield Symptom(
            'saturated',
            f'{share:.0%} of the picture is saturated (limit {limit:.0%}): shorten the exposure, '
            'or turn the camera away from the light',
            ('brightness', 'sharpness', 'saturated_share'),
        )


def number_symptoms(
    now: Mapping[str, float], usual: Mapping[str, float], settings: ContentSettings
) -> Iterator[Symptom]:
    """Yields what is wrong with distances and samples; the arguments are as above."""
    missing = now.get('nan_share', 0.0)
    if missing > settings.max_nan_ratio:
        yield Symptom(
            'nan',
            f'{missing:.1%} of the numbers are not finite (limit {settings.max_nan_ratio:.1%}): '
            'look at the sensor that fills them',
            ('mean', 'std'),
        )
    valid, usually = now.get('valid_share', 1.0), usual.get('valid_share', 0.0)
    limit = settings.valid_ratio * usually
    if valid < limit or not valid:
        yield Symptom(
            'points',
            f'{valid:.0%} of the distances are valid, below {limit:.0%}'
            f'{_usual(usual, "valid_share", percent=True)}: clean the sensor, look for what '
            'covers it, for sunlight and for a lost part of its data',
            ('valid_share',),
        )


def _usual(
    usual: Mapping[str, float], name: str, digits: int = 0, *, percent: bool = False
) -> str:
    value = usual.get(name)
    if value is None or isnan(value):
        return ''
    return f' (usual {value:.0%})' if percent else f' (usual {value:.{digits}f})'
