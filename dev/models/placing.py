"""Put a converted model where its manifest is, if it is what the manifest promises."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import yaml

from dev.models.errors import FetchError
from dev.models.registry import Say
from dev.models.whole_files import is_right, require_right, write_whole

MODEL_FILE = 'model.onnx'
ROOT = Path(__file__).resolve().parents[2]


@dataclass(frozen=True)
class Pin:
    """Promise of the manifest about one file: digest (hexadecimal) and size [bytes]."""

    sha256: str
    size: int


def place_model(folder: Path, convert: Callable[[], bytes], say: Say) -> bool:
    """Make the model file of a package; tell whether anything had to be done.

    Args:
        folder: Where `manifest.yaml` is.
        convert: Makes the content; called only if it is not there yet.
        say: Called with a line when the file has been written.

    Raises:
        FetchError: The content is not what the manifest promises; nothing is written then.
    """
    target = folder / MODEL_FILE
    pin = _pin(folder / 'manifest.yaml', target.name)
    if is_right(target, pin.sha256, pin.size):
        return False
    content = convert()
    advice = 'the converter has changed, or this version of onnx writes other bytes'
    require_right(content, pin.sha256, f'{target} as converted', advice)
    write_whole(target, content)
    say(f'wrote {short(target)} ({len(content) / 1e6:.1f} MB, sha256 {pin.sha256[:12]}...)')
    return True


def short(path: Path) -> str:
    """Return a path as it is told: from the repository's root on, where it lies in there."""
    return str(path.relative_to(ROOT)) if path.is_relative_to(ROOT) else str(path)


def _pin(manifest: Path, name: str) -> Pin:
    try:
        entry = yaml.safe_load(manifest.read_text(encoding='utf-8'))['files'][name]
        return Pin(str(entry['sha256']), int(entry['size']))
    except (OSError, yaml.YAMLError, KeyError, TypeError, ValueError) as error:
        raise FetchError(
            f'{manifest}: files: {name}: expected sha256 and size, got {error!r}; '
            'restore the file from git'
        ) from error
