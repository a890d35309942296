"""Whether one model may take the place of another in a running node."""

from __future__ import annotations

from ml_integration.errors import SwapError
from ml_integration.store.package.manifest import Manifest


def check_replaceable(serving: Manifest, new: Manifest) -> None:
    """Topics and message types are fixed while a node runs, so both models have to share them.

    Raises:
        SwapError: they have different tasks or are fed by different sensors.
    """
    if new.task != serving.task or _feeds(new) != _feeds(serving):
        raise SwapError(
            f'{new.identity} cannot take the place of {serving.identity}',
            got=_needs(new),
            expected=_needs(serving),
            hint=f'Start another inference_node with -p model:={new.identity} for it.',
        )


def _feeds(manifest: Manifest) -> tuple[tuple[str, str], ...]:
    return tuple((item.kind, item.topic) for item in manifest.sensor_inputs)


def _needs(manifest: Manifest) -> str:
    feeds = ', '.join(f"{kind} on '{topic}'" for kind, topic in _feeds(manifest))
    return f'{manifest.task} of {feeds}'
