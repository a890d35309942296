from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from model_folders import read_manifest_document, write_manifest, write_model_folder

from ml_integration.deploy.admission import Admission, Candidate
from ml_integration.errors import MlIntegrationError, SwapError
from ml_integration.store.package.package import read_manifest
from ml_integration.store.state.model_state import ModelState
from ml_integration.store.state.model_store import ModelStore
from ml_integration.store.trust.policy import DIGEST

CALLS = 400


@contextmanager
def exchanged(link: Path, targets: list[Path]) -> Iterator[None]:
    """Makes a link lead to one target after the other, as fast as it can."""
    ended = threading.Event()

    def exchange() -> None:
        number = 0
        while not ended.is_set():
            number += 1
            new = link.with_name('.new')
            new.symlink_to(targets[number % len(targets)])
            new.replace(link)

    thread = threading.Thread(target=exchange)
    thread.start()
    try:
        yield
    finally:
        ended.set()
        thread.join()


def test_what_was_checked_is_what_is_loaded(tmp_path: Path) -> None:
    """The folder is exchanged all the time, with one that may not take the place."""
    good = write_model_folder(tmp_path / 'good', 'm', 1)
    other = write_model_folder(tmp_path / 'other', 'm', 1)
    document = read_manifest_document(other)
    document['inputs'][0]['topic'] = 'elsewhere'
    write_manifest(other, document)
    (tmp_path / 'store').mkdir()
    link = tmp_path / 'store' / 'm'
    link.symlink_to(good.parent)
    admission = Admission(ModelStore([tmp_path / 'store']), DIGEST, lambda name: ModelState())
    serving = read_manifest(good)

    def admit() -> Candidate | None:
        try:
            return admission.admit('m@1', serving)
        except MlIntegrationError:
            return None

    with exchanged(link, [good.parent, other.parent]):
        packages = [found.package for _ in range(CALLS) if (found := admit())]
    assert packages  # most calls saw one folder
    assert {package.manifest.inputs[0].topic for package in packages if package} == {'image'}
    link.unlink()
    link.symlink_to(other.parent)
    with pytest.raises(SwapError):
        admission.admit('m@1', serving)
