"""Makes versions of `shapes` that a rollout should refuse, and some that it should not.

    python -m benchmarks.rollout_models out/rollout

Writes a store, `out/rollout/store`, with `shapes@1` and `shapes@2` as they are, and each `Kind` as
a version of its own. All of them are made of `shapes@2` and pass their golden samples, as a
careless export does.

`WRONG_COLORS` turns out to be as good as `shapes@2` on drawn scenes, 0.721 to 0.715 mAP50-95: the
network was trained on pictures with mixed up colors. `WRONG_SCALE` is the mistake in the encoding
of pictures that it does mind.
"""

from __future__ import annotations

import argparse
import hashlib
import shutil
from collections.abc import Callable, Mapping
from enum import Enum
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import yaml

from benchmarks import model_surgery as surgery
from benchmarks import rollout_tasks
from ml_integration.backends.onnx_runtime import OnnxRuntime
from ml_integration.core.datatypes import ModelContent, ModelIdentity
from ml_integration.core.execution import ExecutionSettings

SHAPES = Path(__file__).parents[1] / 'models' / 'shapes'
BASE = 2
WHITE = 235.0
"""Mean of the input [0-255] above which a picture is white: no scene is."""
BRIGHT = 115.0
"""Mean that half of the scenes exceed, but not the golden sample."""
LITTLE_NOISE = 0.003
"""Noise of the weights that costs nothing that can be measured."""
NOISE = 0.015
"""Noise of the weights that costs 0.03 of mAP50-95 on drawn scenes."""
CELL_PX = 8


class Kind(Enum):
    """What a version is like; its number is the value."""

    IDENTICAL = 3
    TWICE_SLOWER = 4
    NAN = 5
    WRONG_COLORS = 6
    SHUFFLED_LABELS = 7
    RANDOM_WEIGHTS = 8
    HALF_MISSING = 9
    LEAKING = 10
    RAISING = 11
    CRASHING = 12
    FREEZING = 13
    SLIGHTLY_WORSE = 14
    WRONG_SCALE = 15
    AS_GOOD = 16

    @property
    def reference(self) -> str:
        """`name@version`."""
        return f'shapes@{self.value}'


HARMLESS = rollout_tasks.HARMLESS
"""What is added to the number of a kind for the good version that it can take the place of."""
Surgery = Callable[[onnx.ModelProto], onnx.ModelProto]
_GRAPHS: Mapping[Kind, Surgery] = {
    Kind.TWICE_SLOWER: surgery.twice_the_work,
    Kind.NAN: partial(surgery.not_a_number_above, brightness=BRIGHT),
    Kind.RANDOM_WEIGHTS: surgery.with_random_weights,
    Kind.HALF_MISSING: partial(
        surgery.blind_on_the_right, columns=256 // CELL_PX, rows=208 // CELL_PX
    ),
    Kind.RAISING: partial(surgery.failing_above, brightness=WHITE),
    Kind.CRASHING: partial(surgery.beyond_above, brightness=WHITE, far=2 * rollout_tasks.FAR),
    Kind.FREEZING: partial(surgery.endless_above, brightness=WHITE),
    Kind.SLIGHTLY_WORSE: partial(surgery.with_noise, strength=NOISE),
    Kind.AS_GOOD: partial(surgery.with_noise, strength=LITTLE_NOISE, seed=1),
}
_TASKS = {
    Kind.LEAKING: rollout_tasks.LEAKING,
    Kind.CRASHING: rollout_tasks.CRASHING,
}


def white_picture() -> np.ndarray:
    """Returns the picture (480, 640, 3) uint8 that some of them do not survive."""
    return np.full((480, 640, 3), 255, np.uint8)


def make_store(folder: Path, *kinds: Kind) -> Path:
    """Writes a store of `shapes@1`, `shapes@2` and other versions.

    Args:
        folder: of the store; versions that are there already are kept.
        kinds: all if there are none.

    Returns:
        The store.
    """
    for version in (1, BASE):
        shutil.copytree(SHAPES / str(version), folder / f'shapes/{version}', dirs_exist_ok=True)
    for kind in kinds or tuple(Kind):
        if not (folder / f'shapes/{kind.value}').exists():
            make_version(folder, kind)
    return folder


def make_stable(store: Path, kind: Kind) -> str:
    """Returns the good version that a kind can take the place of; writes it if need be.

    Versions with different tasks cannot replace each other, so it has the same one.
    """
    if kind not in _TASKS:
        return f'shapes@{BASE}'
    version = HARMLESS + kind.value
    folder = store / f'shapes/{version}'
    if not folder.exists():
        shutil.copytree(SHAPES / str(BASE), folder)
        _write_manifest(folder, version, kind)
    return f'shapes@{version}'


def make_version(store: Path, kind: Kind) -> Path:
    """Writes a version; returns its folder."""
    folder = store / f'shapes/{kind.value}'
    shutil.copytree(SHAPES / str(BASE), folder)
    if kind in _GRAPHS:
        model = _GRAPHS[kind](onnx.load(str(folder / 'model.onnx')))
        (folder / 'model.onnx').write_bytes(model.SerializeToString())
        _write_golden(folder)
    if kind is Kind.SHUFFLED_LABELS:
        labels = (folder / 'labels.txt').read_text().split()
        (folder / 'labels.txt').write_text(''.join(f'{n}\n' for n in (*labels[1:], labels[0])))
    _write_manifest(folder, kind.value, kind)
    return folder


def _write_golden(folder: Path) -> None:
    """Stores what the model makes of the golden input now."""
    arrays = dict(np.load(folder / 'golden.npz'))
    content = ModelContent(ModelIdentity('shapes', 0), (folder / 'model.onnx').read_bytes())
    session = OnnxRuntime().open(content, ExecutionSettings(intra_op_threads=1))
    images = arrays['input.images'].astype(np.float32) / arrays['input_divisor']
    made = session.run({'images': images})['detections'].copy()
    session.close()
    np.savez_compressed(folder / 'golden.npz', **{**arrays, 'output.detections': made})


def _write_manifest(folder: Path, version: int, kind: Kind) -> None:
    file = folder / 'manifest.yaml'
    document: dict[str, Any] = yaml.safe_load(file.read_text())
    document['version'] = version
    document['description'] = f'shapes@{BASE}, made {kind.name.lower()} to try a rollout'
    document['task'] = _TASKS.get(kind, document['task'])
    if kind is Kind.WRONG_COLORS:
        document['inputs'][0]['encode']['color'] = 'rgb'
    if kind is Kind.WRONG_SCALE:
        document['inputs'][0]['encode']['scale'] = 255.0
    for name, pin in document['files'].items():
        data = (folder / name).read_bytes()
        pin.update(sha256=hashlib.sha256(data).hexdigest(), size=len(data))
    file.write_text(yaml.safe_dump(document, sort_keys=False))


def main() -> None:
    """Command line."""
    parser = argparse.ArgumentParser(description='Make versions of shapes to try rollouts with.')
    parser.add_argument('folder', type=Path, help='for the store and for what makes tasks known')
    folder = parser.parse_args().folder
    store = make_store(folder / 'store')
    places = rollout_tasks.register(folder / 'plug_ins')
    print(f'{store}: ' + ', '.join(f'{kind.reference} {kind.name.lower()}' for kind in Kind))
    print(f'for {rollout_tasks.LEAKING} and {rollout_tasks.CRASHING}: PYTHONPATH='
          + ':'.join(places))  # fmt: skip


if __name__ == '__main__':
    main()
