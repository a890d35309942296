"""The Darknet layers that can be converted, each read from its options and checked."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from dev.models.darknet_options import Options
from dev.models.errors import DarknetError

ACTIVATIONS = ('linear', 'leaky', 'relu', 'logistic')


@dataclass(frozen=True)
class Convolution:
    """A square convolution with bias or batch normalization; `padding` [px] is on every side."""

    filters: int
    size: int
    stride: int
    padding: int
    groups: int
    batch_normalize: bool
    activation: str


@dataclass(frozen=True)
class MaxPool:
    """Largest of a square window; `padding` [px] is the sum of both sides, the end gets more."""

    size: int
    stride: int
    padding: int


@dataclass(frozen=True)
class Upsample:
    """Nearest-neighbor enlargement by a whole factor."""

    stride: int


@dataclass(frozen=True)
class Route:
    """Concatenation of earlier layers' channels, named by their absolute numbers."""

    sources: tuple[int, ...]


@dataclass(frozen=True)
class Shortcut:
    """Sum of the previous layer and an earlier one of the same shape."""

    source: int
    activation: str


@dataclass(frozen=True)
class YoloHead:
    """Detection head; `anchors_wh` are this head's own anchors, in pixels of the network input."""

    anchors_wh: tuple[tuple[float, float], ...]
    classes: int


Layer = Convolution | MaxPool | Upsample | Route | Shortcut | YoloHead


def read_layer(options: Options, number: int) -> Layer:
    """Read layer `number` from its section; an unknown kind or option is an error."""
    reader = _READERS.get(options.kind)
    if reader is None:
        raise DarknetError(
            f'{options.place}: layer type [{options.kind}] is not supported; '
            f'supported: {", ".join(sorted(_READERS))}'
        )
    layer = reader(options, number)
    options.refuse_unread()
    return layer


def _convolution(options: Options, number: int) -> Convolution:
    size = options.integer('size', 1)
    explicit_padding = options.integer('padding', 0)
    return Convolution(
        filters=options.integer('filters', 1),
        size=size,
        stride=options.integer('stride', 1),
        padding=size // 2 if options.integer('pad', 0) else explicit_padding,
        groups=options.integer('groups', 1),
        batch_normalize=bool(options.integer('batch_normalize', 0)),
        activation=options.choice('activation', 'logistic', ACTIVATIONS),
    )


def _max_pool(options: Options, number: int) -> MaxPool:
    stride = options.integer('stride', 1)
    size = options.integer('size', stride)
    return MaxPool(size, stride, options.integer('padding', size - 1))


def _upsample(options: Options, number: int) -> Upsample:
    return Upsample(options.integer('stride', 2))


def _route(options: Options, number: int) -> Route:
    sources = options.integers('layers')
    return Route(tuple(_earlier(options, number, source) for source in sources))


def _shortcut(options: Options, number: int) -> Shortcut:
    source = _earlier(options, number, options.integers('from')[0])
    return Shortcut(source, options.choice('activation', 'linear', ACTIVATIONS))


def _yolo(options: Options, number: int) -> YoloHead:
    flat = options.floats('anchors')
    pairs = tuple(zip(flat[::2], flat[1::2], strict=False))
    count = options.integer('num', len(pairs))
    if len(flat) != 2 * count:
        raise DarknetError(
            f'{options.place}: anchors: got {len(flat)} values, expected {2 * count} (num={count})'
        )
    mask = options.integers('mask')
    if not all(0 <= index < count for index in mask):
        raise DarknetError(f'{options.place}: mask: got {mask}, expected numbers below {count}')
    return YoloHead(tuple(pairs[index] for index in mask), options.integer('classes', 20))


def _earlier(options: Options, number: int, source: int) -> int:
    absolute = number + source if source < 0 else source
    if not 0 <= absolute < number:
        raise DarknetError(
            f'{options.place}: points at layer {absolute}, expected one of 0..{number - 1}'
        )
    return absolute


_READERS: dict[str, Callable[[Options, int], Layer]] = {
    'convolutional': _convolution,
    'maxpool': _max_pool,
    'upsample': _upsample,
    'route': _route,
    'shortcut': _shortcut,
    'yolo': _yolo,
}
