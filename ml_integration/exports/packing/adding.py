"""Makes an installed model of an export: draft, files, proof, store."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path, PurePosixPath

from ml_integration.deploy.loading import Loader
from ml_integration.errors import MlIntegrationError, ModelError
from ml_integration.exports.claims import Claim, Origin
from ml_integration.exports.packing.package_writer import Written
from ml_integration.exports.reading.source import Source
from ml_integration.exports.trying.picture_check import PictureCheck, check_on_pictures
from ml_integration.exports.trying.sample_pictures import Picture
from ml_integration.exports.trying.verdict import Level
from ml_integration.store.install.installing import Installed, install
from ml_integration.store.install.staging import staging
from ml_integration.store.package.manifest import MANIFEST, Manifest, parse_manifest
from ml_integration.store.package.package import package_of, read_manifest
from ml_integration.store.state.model_store import ModelStore, check_name

NAMELESS = ('model', 'best', 'last', 'model_quantized', 'model_fp16', 'weights', 'export')
"""Names of model files that say nothing about the model."""
LONGEST = 100
"""Characters of a model's name, as manifests have it."""


def name_claim(source: Source, path: Path, said: str) -> Claim:
    """Returns the model's name: that of a person, or one made of the export's.

    Raises:
        SettingError: the name is none that a model can have.
    """
    if said:
        return Claim('name', check_name(said), Origin.PERSON, '--name')
    whole = path.absolute()
    stem = whole.stem if whole.suffix.lower() == '.onnx' else whole.name.split('.')[0]
    if whole.is_dir():
        inner = PurePosixPath(source.export.model).stem
        stem = inner if inner not in NAMELESS else whole.name
    name = re.sub(r'[^a-z0-9_.-]+', '_', stem.lower())[:LONGEST].strip('_.-') or 'model'
    return Claim(
        'name', name, Origin.DEFAULT, f'the name of {path.name or path}; --name gives another'
    )


def next_version(store: Path, name: str) -> Claim:
    """Returns the version after the highest one in a store."""
    number = max(ModelStore([store]).versions(name), default=0) + 1
    return Claim('version', number, Origin.DEFAULT, 'the next one in the store')


def same_in(store: Path, written: Written) -> Path | None:
    """Returns the folder of a version with the same content; None if there is none.

    The golden sample and comments may differ: they follow from the picture and from who asks.
    """
    new = parse_manifest(written.contents[MANIFEST], Path(MANIFEST))
    for folder in ModelStore([store]).folders(new.name).values():
        try:
            if _essence(read_manifest(folder)) == _essence(new):
                return folder
        except MlIntegrationError:
            continue
    return None


def prove(written: Written, sample: Sequence[Picture], label: str) -> PictureCheck:
    """Runs a package as a node would: pipeline, golden sample, task and validation.

    Args:
        written: the files.
        sample: a person's pictures; none: those that come with the package.
        label: of the export, for errors.

    Raises:
        ModelError: it cannot serve, or nothing of what it gives would be published.
    """
    package = package_of(written.contents, Path(label))
    pipeline = Loader().load(package)
    try:
        check = check_on_pictures(package, pipeline, sample)
    finally:
        pipeline.close()
    if failures := check.of(Level.FAILURE):
        hint = 'Is its preprocessing the right one, and are its outputs read in the right way?'
        raise ModelError(failures[0].removesuffix('.'), where=label, hint=hint)
    return check


def put_into(store: Path, written: Written) -> Installed:
    """Writes the files beside the models and installs them; a failure leaves nothing behind.

    Raises:
        StateError: the store cannot be written.
        InstallError: this version has come in the meantime.
    """
    with staging(store) as folder:
        draft = folder / 'draft'
        for name, content in written.contents.items():
            file = draft / name
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_bytes(content)
        return install(draft, store)


def _essence(manifest: Manifest) -> tuple[object, ...]:
    """Returns what makes a difference when a model runs."""
    pins = {name: pin for name, pin in manifest.files.items() if name != manifest.golden}
    return (
        pins, manifest.task, manifest.model, manifest.inputs, manifest.trigger, manifest.outputs,
        dict(manifest.settings), manifest.labels,
    )  # fmt: skip
