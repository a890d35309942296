from __future__ import annotations

from pathlib import Path

import pytest

from ml_integration.store.state.places import default_stores, user_store


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A home without a store of its own."""
    folder = made(tmp_path / 'home')
    monkeypatch.setenv('HOME', str(folder))
    return folder


def made(folder: Path) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    return folder


def test_the_variable_comes_first(tmp_path: Path) -> None:
    checkout = made(tmp_path / 'ml_integration')
    (tmp_path / 'package.xml').touch()
    environment = {'ML_INTEGRATION_STORES': '/a::/b c'}
    assert default_stores(environment, checkout) == (Path('/a'), Path('/b c'))


@pytest.mark.parametrize('environment', [{}, {'ML_INTEGRATION_STORES': ''}])
def test_a_checkout_uses_its_own_models(tmp_path: Path, environment: dict[str, str]) -> None:
    checkout = made(tmp_path / 'ml_integration')
    (tmp_path / 'package.xml').touch()
    made(tmp_path / 'share/ml_integration/models')
    assert default_stores(environment, checkout) == (tmp_path / 'models',)


def test_a_link_to_a_checkout_is_a_checkout(tmp_path: Path) -> None:
    checkout = made(tmp_path / 'source' / 'ml_integration')
    (tmp_path / 'source' / 'package.xml').touch()
    link = made(tmp_path / 'build') / 'ml_integration'
    link.symlink_to(checkout)
    assert default_stores({}, link) == (tmp_path / 'source' / 'models',)


@pytest.mark.parametrize(
    'site',
    [
        'lib/python3.12/site-packages',  # colcon and virtual environments
        'local/lib/python3.12/dist-packages',  # colcon on Ubuntu 22.04 and later
        'lib/python3/dist-packages',  # Debian packages
    ],
)
def test_an_installed_package_finds_the_installed_models(tmp_path: Path, site: str) -> None:
    package = made(tmp_path / site / 'ml_integration')
    models = made(tmp_path / 'share/ml_integration/models')
    assert default_stores({}, package) == (models,)


def test_nothing_installed_is_no_store(tmp_path: Path) -> None:
    assert default_stores({}, made(tmp_path / 'ml_integration')) == ()


@pytest.mark.parametrize('variable', ['', 'XDG_DATA_HOME'])
def test_the_users_own_store_comes_before_the_shipped_models(
    tmp_path: Path, home: Path, variable: str
) -> None:
    environment = {variable: str(tmp_path / 'data')} if variable else {}
    base = tmp_path / 'data' if variable else home / '.local/share'
    checkout = made(tmp_path / 'source' / 'ml_integration')
    (checkout.parent / 'package.xml').touch()
    assert default_stores(environment, checkout) == (checkout.parent / 'models',)
    own = made(base / 'ml_integration/models')
    assert user_store(environment) == own
    assert default_stores(environment, checkout) == (own, checkout.parent / 'models')
