"""What cannot be converted is refused with the place, the reason and what was expected."""

from __future__ import annotations

import struct

import pytest

from dev.models.darknet import convert
from dev.models.errors import DarknetError

NET = '[net]\nwidth=8\nheight=8\nchannels=3\n'
CONV = '[convolutional]\nfilters=12\nsize=1\nactivation=linear\n'
YOLO = '[yolo]\nmask=0,1\nanchors=9,9, 3,5\nnum=2\nclasses=1\n'
HEADER = struct.pack('<3iq', 0, 2, 0, 0)
FITTING = HEADER + bytes(4 * (12 + 12 * 3))


def refusal(cfg: str, weights: bytes = FITTING) -> str:
    with pytest.raises(DarknetError) as caught:
        convert(cfg, weights, 'refused')
    return str(caught.value)


def test_weights_that_are_too_short_name_the_layer_and_the_counts() -> None:
    text = refusal(NET + CONV + YOLO, FITTING[:-4])
    assert 'too short at layer_000 kernel: 36 values wanted, 35 of 47 left' in text


def test_weights_that_are_too_long_name_both_counts() -> None:
    text = refusal(NET + CONV + YOLO, FITTING + bytes(8))
    assert 'too long: the network uses 48 values, the file has 50' in text


def test_weights_that_are_cut_inside_a_float_are_refused() -> None:
    assert 'expected a multiple of 4' in refusal(NET + CONV + YOLO, FITTING[:-3])


def test_weights_without_a_header_are_refused() -> None:
    assert '7 bytes hold no header' in refusal(NET + CONV + YOLO, b'nothing')


def test_an_old_header_is_four_bytes_shorter() -> None:
    old = struct.pack('<3ii', 0, 1, 0, 0) + FITTING[len(HEADER) :]
    assert convert(NET + CONV + YOLO, old, 'x') == convert(NET + CONV + YOLO, FITTING, 'x')


@pytest.mark.parametrize(
    ('cfg', 'expected'),
    [
        (NET + '[lstm]\noutput=3\n' + YOLO, 'layer 0 [lstm]: layer type [lstm] is not supported'),
        (NET + CONV.replace('linear', 'mish') + YOLO, 'activation=mish is not supported'),
        (NET + CONV + YOLO + 'scale_x_y=1.05\n', '[yolo]: option scale_x_y is not supported'),
        (NET + CONV + YOLO.replace('classes=1', 'classes=2'), 'got 12 channels, expected 14'),
        (NET + CONV + YOLO.replace('num=2', 'num=3'), 'got 4 values, expected 6 (num=3)'),
        (NET + CONV + YOLO.replace('mask=0,1', 'mask=0,2'), 'expected numbers below 2'),
        (NET + CONV + YOLO.replace('mask=0,1\n', ''), 'option mask is missing'),
        (NET + CONV.replace('size=1', 'size=big') + YOLO, "size: got 'big', expected int"),
        (NET + CONV + '[route]\nlayers=-5\n' + YOLO, 'points at layer -4'),
        (NET + CONV + 'groups=2\n' + YOLO, '3 channels cannot be parted into groups=2'),
        (NET + CONV, 'no [yolo] section'),
        (NET + 'oops\n' + CONV + YOLO, "cfg line 5: got 'oops', expected key=value"),
        ('width=8\n' + NET, "'width=8' comes before any [section]"),
        (CONV + YOLO, 'the first section must be [net]'),
        ('', 'the first section must be [net]'),
    ],
)
def test_what_is_not_understood_is_refused_by_name(cfg: str, expected: str) -> None:
    assert expected in refusal(cfg)


def test_layers_of_different_sizes_cannot_be_joined() -> None:
    pooled = NET + CONV + '[maxpool]\nsize=2\nstride=2\n[route]\nlayers=-1,-2\n' + YOLO
    assert 'layers of different sizes cannot be joined' in refusal(pooled)


def test_layers_of_different_shapes_cannot_be_added() -> None:
    pooled = NET + CONV + '[maxpool]\nsize=2\nstride=2\n[shortcut]\nfrom=-2\n' + YOLO
    assert 'layers of different shapes cannot be added' in refusal(pooled)


def test_a_mask_for_a_head_that_is_not_there_is_refused() -> None:
    with pytest.raises(DarknetError, match='a mask is given for head 3, found 1 heads'):
        convert(NET + CONV + YOLO, FITTING, 'x', {3: '0,1'})
