"""Places that decide what a node runs, and who else may change them."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import pytest
from signing import write_keys

from ml_integration.store.trust.exposure import Exposure, Places


@pytest.fixture
def places(tmp_path: Path, model_folder: Callable[..., Path]) -> Places:
    """A store with a model, a state folder and trusted keys, as they should be."""
    model_folder('m', 1)
    (tmp_path / 'state/nodes').mkdir(parents=True)
    (tmp_path / 'state/nodes/eye.json').touch()
    keys = write_keys(tmp_path / 'keys')
    (tmp_path / 'secret').mkdir()
    (tmp_path / 'secret/model.key').write_text('00' * 32)
    key = tmp_path / 'secret/model.key'
    return Places((tmp_path / 'store',), tmp_path / 'state', keys, key)


def sentences(places: Places) -> list[str]:
    return [one.sentence for one in places.exposures()]


def test_places_of_this_user_only_are_fine(places: Places) -> None:
    assert places.exposures() == ()


def test_places_that_are_not_there_are_fine(tmp_path: Path) -> None:
    assert Places((tmp_path / 'no',), tmp_path / 'nothing').exposures() == ()


@pytest.mark.parametrize(
    ('place', 'words'),
    [
        ('store', 'change the model store {store}. '),
        ('store/m', 'change an entry of the model store {store}. '),
        ('store/m/1/model.onnx', 'change an entry of the model store {store}. '),
        ('state', 'change the state folder '),
        ('state/nodes/eye.json', 'change an entry of the state folder '),
        ('keys/trusted', 'change the folder of trusted keys '),
        ('keys/trusted/key.pem', 'change an entry of the folder of trusted keys '),
        ('keys', 'change a folder above the folder of trusted keys '),
        ('secret/model.key', 'change the key of encrypted models '),
        ('secret', 'change a folder above the key of encrypted models '),
    ],
)
def test_what_everybody_may_change_is_named_with_the_remedy(
    places: Places, tmp_path: Path, place: str, words: str
) -> None:
    path = tmp_path / place
    path.chmod(path.stat().st_mode | 0o002)
    (sentence,) = sentences(places)
    assert words.format(store=tmp_path / 'store') in sentence
    assert sentence.endswith(f'Take the right away: chmod o-w {path}')
    assert not any(one.is_secret for one in places.exposures())


def test_a_folder_where_all_may_add_but_not_replace_is_fine_above_a_place_only(
    places: Places, tmp_path: Path
) -> None:
    tmp_path.chmod(0o1777)  # such as /tmp
    assert places.exposures() == ()
    (tmp_path / 'store').chmod(0o1777)
    assert len(places.exposures()) == 1


def test_a_link_leads_to_the_place_that_counts(places: Places, tmp_path: Path) -> None:
    (tmp_path / 'link').symlink_to('store')
    linked = Places((tmp_path / 'link',), places.state)
    assert linked.exposures() == ()  # the link itself has all rights, and they mean nothing
    (tmp_path / 'store').chmod(0o777)
    assert f'chmod o-w {tmp_path / "store"}' in sentences(linked)[0]


@pytest.mark.parametrize(
    'place', ['keys/trusted/acme.pem', 'store/signer', 'store/m/1/key.txt', 'state/cache.bin']
)
def test_a_private_key_is_found_under_any_name(places: Places, tmp_path: Path, place: str) -> None:
    (tmp_path / place).write_bytes((tmp_path / 'keys/key.private.pem').read_bytes())
    (found,) = places.exposures()
    assert found == Exposure(
        f'{tmp_path / place}: a private key lies on this robot. Move it to where models are '
        'signed, and replace it: it may be known by now.',
        is_secret=True,
    )


def test_what_cannot_be_read_keeps_nobody(places: Places, tmp_path: Path) -> None:
    os.mkfifo(tmp_path / 'store/pipe')
    (tmp_path / 'store/zero').symlink_to('/dev/zero')
    (tmp_path / 'store/loop').symlink_to('loop')
    with (tmp_path / 'store/large.pem').open('wb') as stream:
        stream.truncate(2**40)
    assert places.exposures() == ()
