"""The models taken from Google's MediaPipe, by the names they have in `models/`."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from dev.models.packages import FACE_MESH, MEDIAPIPE, POSE, SELFIE, Member
from dev.models.placing import place_model
from dev.models.registry import Say, members_of

MODELS: Mapping[str, Member] = {
    'mediapipe_face_mesh': FACE_MESH,
    'mediapipe_pose': POSE,
    'mediapipe_selfie': SELFIE,
}


def fetch_models(store: Path, models: Mapping[str, Member], say: Say) -> bool:
    """Make `model.onnx` of each model; tell whether anything had to be done.

    Args:
        store: Folder of the models' packages.
        models: The network of each by the name of its package.
        say: Called with a line for each thing done.
    """
    made = [_fetch_model(store / name / '1', network, say) for name, network in models.items()]
    return any(made)


def _fetch_model(folder: Path, network: Member, say: Say) -> bool:
    def converted() -> bytes:
        # Only a conversion needs onnx: a call that finds the model in place stays quick.
        from dev.models.tflite import convert

        return convert(members_of(MEDIAPIPE, say)[network].read_bytes(), folder.parent.name)

    return place_model(folder, converted, say)
