"""Read a Darknet .cfg text into a Network: input size and typed layers."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

from dev.models.darknet_layers import Layer, read_layer
from dev.models.darknet_options import Options
from dev.models.errors import DarknetError


@dataclass(frozen=True)
class Network:
    """A network's input size [px], its number of color channels and its layers in order."""

    width: int
    height: int
    channels: int
    layers: tuple[Layer, ...]


def parse_cfg(text: str, head_masks: Mapping[int, str] | None = None) -> Network:
    """Parse a Darknet network description.

    Args:
        text: The content of the .cfg file.
        head_masks: Replacement for the `mask` option of the n-th [yolo] section, counted from 0,
            for descriptions that do not say what their weights were trained with.

    Returns:
        The network with every layer checked on its own; shapes are checked by the converter.
    """
    sections = [_options(index, lines) for index, lines in enumerate(_sections(text))]
    if not sections or sections[0].kind not in ('net', 'network'):
        raise DarknetError('cfg: the first section must be [net]')
    net, *layers = sections
    layers = _with_masks(layers, head_masks or {})
    return Network(
        width=net.integer('width', 416),
        height=net.integer('height', 416),
        channels=net.integer('channels', 3),
        layers=tuple(read_layer(options, number) for number, options in enumerate(layers)),
    )


def _sections(text: str) -> list[list[tuple[int, str]]]:
    sections: list[list[tuple[int, str]]] = []
    for line_number, raw in enumerate(text.splitlines(), start=1):
        line = raw.split('#')[0].split(';')[0].strip()
        if not line:
            continue
        if line.startswith('['):
            sections.append([])
        elif not sections:
            raise DarknetError(f'cfg line {line_number}: {line!r} comes before any [section]')
        sections[-1].append((line_number, line))
    return sections


def _options(index: int, lines: list[tuple[int, str]]) -> Options:
    line_number, header = lines[0]
    kind = header.strip('[]').strip()
    values: dict[str, str] = {}
    for number, line in lines[1:]:
        key, equals, value = line.partition('=')
        if not equals:
            raise DarknetError(f'cfg line {number}: got {line!r}, expected key=value')
        values[key.strip()] = value.strip()
    return Options(kind, f'cfg line {line_number}, layer {index - 1} [{kind}]', values)


def _with_masks(sections: list[Options], head_masks: Mapping[int, str]) -> list[Options]:
    heads = [number for number, options in enumerate(sections) if options.kind == 'yolo']
    changed = list(sections)
    for head, mask in head_masks.items():
        if head >= len(heads):
            raise DarknetError(f'cfg: a mask is given for head {head}, found {len(heads)} heads')
        options = sections[heads[head]]
        changed[heads[head]] = replace(options, values={**options.values, 'mask': mask})
    return changed
