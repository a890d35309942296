from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from model_folders import write_model_folder

from ml_integration.errors import IntegrityError, ModelNotFoundError, SettingError
from ml_integration.store.package.package import read_manifest
from ml_integration.store.state.model_state import ModelState, Quarantine
from ml_integration.store.state.model_store import ModelStore
from ml_integration.store.state.state_dir import StateDir

ModelFolder = Callable[..., Path]


def barred(reasons: dict[int, str]) -> tuple[Quarantine, ...]:
    """Any content of these versions."""
    return tuple(Quarantine(version, '', reason) for version, reason in reasons.items())


@pytest.mark.parametrize(
    ('reference', 'version'),
    [
        ('detector', 10),  # the highest, by number and not by text
        ('detector@latest', 10),
        ('detector@2', 2),
    ],
)
def test_reference_finds_a_version(
    model_folder: ModelFolder, store: Path, reference: str, version: int
) -> None:
    for number in (2, 10, 9):
        model_folder('detector', number, golden=False)
    model_folder('detector.v2', 30, golden=False)
    assert ModelStore([store]).find(reference) == store / 'detector' / str(version)


@pytest.mark.parametrize(
    'reference',
    ['', '@', 'detector@', 'detector@0', 'detector@-1', 'detector@01', 'detector@newest',
     '../detector', 'a/b', 'Detector', 'detector@1@2', 'detector\n', 'detector @1'],
)  # fmt: skip
def test_malformed_reference_is_refused_and_no_path(reference: str, store: Path) -> None:
    with pytest.raises(SettingError, match='expected name, name@3, name@latest or'):
        ModelStore([store]).find(reference)


@pytest.mark.parametrize('reference', ['other', 'detector@2', 'detector.@1'])
def test_missing_model_lists_what_is_there(
    model_folder: ModelFolder, store: Path, reference: str
) -> None:
    model_folder('detector', 1, golden=False)
    model_folder('classifier', 3, golden=False)
    with pytest.raises(ModelNotFoundError) as caught:
        ModelStore([store]).find(reference)
    assert f"no model '{reference}'" in str(caught.value)
    assert 'one of classifier@3, detector@1' in str(caught.value)


def test_a_misspelled_name_is_corrected(model_folder: ModelFolder, store: Path) -> None:
    model_folder('detector', 1, golden=False)
    with pytest.raises(ModelNotFoundError, match="Did you mean 'detector'"):
        ModelStore([store]).find('detektor@2')


@pytest.mark.parametrize(
    ('prepare', 'sentence'),
    [(str, 'store (there is no such folder): '), (Path.touch, 'store (a file, not a folder): ')],
)
def test_a_store_that_is_none_is_named_as_that(
    prepare: Callable[[Path], object], sentence: str, tmp_path: Path
) -> None:
    prepare(tmp_path / 'store')
    with pytest.raises(ModelNotFoundError) as caught:
        ModelStore([tmp_path / 'store']).find('detector')
    assert f"{sentence}there is no model 'detector'" in str(caught.value)


def test_stores_are_searched_in_order(tmp_path: Path) -> None:
    ours, theirs = tmp_path / 'ours', tmp_path / 'theirs'
    for folder, versions in ((ours, (1, 2)), (theirs, (2, 3))):
        for version in versions:
            write_model_folder(folder, 'detector', version, golden=False)
    store = ModelStore([ours, tmp_path / 'missing', theirs])
    assert store.versions('detector') == (1, 2, 3)
    assert store.find('detector@2') == ours / 'detector' / '2'
    assert store.find('detector') == theirs / 'detector' / '3'


def test_listing_shows_every_version_with_its_manifest(
    model_folder: ModelFolder, store: Path
) -> None:
    model_folder('detector', 10, golden=False)
    model_folder('detector', 9, golden=False)
    model_folder('classifier', 1, golden=False)
    models = ModelStore([store]).models()
    assert [str(model) for model in models] == ['classifier@1', 'detector@9', 'detector@10']
    assert all(model.manifest and not model.error for model in models)


def test_listing_shows_what_cannot_be_read_with_the_reason(
    model_folder: ModelFolder, store: Path
) -> None:
    model_folder('detector', 1, golden=False)
    (store / 'empty' / '1').mkdir(parents=True)
    (model_folder('broken', 1, golden=False) / 'manifest.yaml').write_text('name: [')
    broken, detector, empty = ModelStore([store]).models()
    assert detector.manifest is not None
    assert broken.manifest is None
    assert 'plain YAML' in broken.error
    assert 'there is no manifest.yaml in this folder' in empty.error


def test_listing_skips_what_is_no_model(model_folder: ModelFolder, store: Path) -> None:
    model_folder('detector', 1, golden=False)
    (store / 'README.md').touch()
    (store / '.git' / '1').mkdir(parents=True)
    (store / 'detector' / 'notes').mkdir()
    (store / 'detector' / '2').touch()
    assert [str(model) for model in ModelStore([store, store / 'README.md']).models()] == [
        'detector@1'
    ]


def test_no_store_at_all_has_no_models() -> None:
    store = ModelStore([])
    assert store.models() == ()
    with pytest.raises(ModelNotFoundError, match='no model store'):
        store.find('detector')


@pytest.fixture
def state(tmp_path: Path, model_folder: ModelFolder) -> StateDir:
    """The store holds m@1 to m@4; nothing is remembered yet."""
    for version in range(1, 5):
        model_folder('m', version, golden=False)
    return StateDir(tmp_path / 'state')


@pytest.mark.parametrize(
    ('remembered', 'reference', 'version'),
    [
        (ModelState(), 'm', 4),  # nothing is active: the latest
        (ModelState(active=2, previous=1), 'm', 2),
        (ModelState(active=2, previous=1), 'm@latest', 4),
        (ModelState(active=2, previous=1), 'm@previous', 1),
        (ModelState(active=2, previous=1), 'm@3', 3),
        (ModelState(quarantined=barred({4: 'x'})), 'm', 3),
        (ModelState(quarantined=barred({4: 'x', 3: 'x'})), 'm@latest', 2),
        (
            ModelState(active=2, previous=1, quarantined=barred({2: 'x'})),
            'm',
            1,
        ),  # the last good one
        (ModelState(active=2, quarantined=barred({2: 'x'})), 'm', 4),
        (ModelState(active=9, previous=1), 'm', 1),  # the active one is gone
        (ModelState(active=9, previous=8), 'm', 4),
    ],
)
def test_reference_follows_what_is_remembered(
    state: StateDir, store: Path, remembered: ModelState, reference: str, version: int
) -> None:
    state.update_model_state('m', lambda _: remembered)
    assert ModelStore([store], state).find(reference) == store / 'm' / str(version)


@pytest.mark.parametrize(
    ('remembered', 'reference', 'reason'),
    [
        (
            ModelState(quarantined=barred({3: 'it was tampered with'})),
            'm@3',
            'it was tampered with',
        ),
        (ModelState(previous=1, quarantined=barred({1: 'bad'})), 'm@previous', 'bad'),
        (ModelState(quarantined=barred({n: f'reason {n}' for n in range(1, 5)})), 'm', 'reason 4'),
    ],
)
def test_quarantined_version_is_refused_with_the_reason(
    state: StateDir, store: Path, remembered: ModelState, reference: str, reason: str
) -> None:
    state.update_model_state('m', lambda _: remembered)
    with pytest.raises(IntegrityError, match=f'is quarantined, any content: {reason}'):
        ModelStore([store], state).find(reference)


@pytest.mark.parametrize('remembered', [ModelState(), ModelState(previous=9)])
def test_previous_version_that_is_not_there_is_not_found(
    state: StateDir, store: Path, remembered: ModelState
) -> None:
    state.update_model_state('m', lambda _: remembered)
    with pytest.raises(ModelNotFoundError, match="no model 'm@previous'"):
        ModelStore([store], state).find('m@previous')


def test_a_quarantine_is_that_of_a_content_and_says_how_it_ends(
    state: StateDir, store: Path
) -> None:
    digest = read_manifest(store / 'm/4').digest
    state.update_model_state('m', lambda now: now.with_quarantine(4, digest, 'it was changed'))
    models = ModelStore([store], state)
    assert models.find('m') == store / 'm/3'
    with pytest.raises(IntegrityError) as caught:
        models.find('m@4')
    options = f'--state-dir {state.path}'
    assert f'm@4 is quarantined, {digest[:12]}: it was changed' in str(caught.value)
    assert f'ml_model install SRC --into {store} {options}' in str(caught.value)
    command = f'ml_model release m@4 --digest {digest[:12]} --store {store} {options}.'
    assert command in str(caught.value)
    with (store / 'm/4/manifest.yaml').open('a') as file:
        file.write('# other content\n')
    assert models.find('m') == models.find('m@4') == store / 'm/4'
