"""Places where models are looked for, and installed, when nobody names any."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path

from ml_integration.errors import SettingError

VARIABLE = 'ML_INTEGRATION_STORES'
NO_HOME = (
    'The home folder is not known: HOME is not set, and this user has no entry in passwd. Name '
    'folders in full: --store, --into and --state-dir, or model_path and state_dir.'
)
_PACKAGE = Path(__file__).parents[2]


def default_stores(
    environment: Mapping[str, str] = os.environ, package: Path = _PACKAGE
) -> tuple[Path, ...]:
    """Returns the stores to search, in order.

    They are those of the variable ML_INTEGRATION_STORES (separated like PATH). Without it they
    are the user's own store, if it exists, and the models that came with the package: the
    `models` folder of a source checkout, or else the installed ones, which lie in
    `share/ml_integration/models` of the prefix that holds the package.

    Args:
        environment: the variables to look at.
        package: the folder of the package `ml_integration`.
    """
    listed = environment.get(VARIABLE, '')
    if listed:
        return stores_of(listed, VARIABLE, 'the environment')
    try:
        own = user_store(environment)
    except SettingError:  # a user without a home has no store there
        return _shipped(package)
    return (*([own] if own.is_dir() else []), *_shipped(package))


def ships_with_package(folder: Path, package: Path = _PACKAGE) -> bool:
    """Tells whether a folder of a model came with the package, whichever way leads to it."""
    return any(store.resolve() in folder.resolve().parents for store in _shipped(package))


def is_installed(folder: Path) -> bool:
    """Tells whether a folder of a model lies in a store that is searched when nobody names one."""
    stores = {store.resolve() for store in default_stores()}
    return not stores.isdisjoint(folder.resolve().parents)


def stores_of(text: str, key: str, where: str) -> tuple[Path, ...]:
    """Reads a list of stores, separated like PATH; see `expanded`."""
    return tuple(expanded(store, key, where) for store in text.split(os.pathsep) if store)


def expanded(text: str, key: str, where: str) -> Path:
    """Returns a path whose ~ or ~user is the home folder.

    Args:
        text: the path.
        key: name of what it was given for.
        where: who it was given to.

    Raises:
        SettingError: there is no such home folder.
    """
    try:
        return Path(text).expanduser()
    except (RuntimeError, KeyError):
        raise SettingError(key, text, 'a path without ~', where=where, hint=NO_HOME) from None


def home_folder(variable: str, default: str, environment: Mapping[str, str]) -> Path:
    """Returns the package's folder in one of the user's folders, whether it exists or not.

    Args:
        variable: names the user's folder, such as XDG_DATA_HOME.
        default: what it is below the home folder where the variable is empty.
        environment: the variables to look at.

    Raises:
        SettingError: the variable is empty, and the user has no home folder.
    """
    where, named = 'the environment', environment.get(variable, '')
    if named:
        return expanded(named, variable, where) / 'ml_integration'
    try:
        return Path('~', default, 'ml_integration').expanduser()
    except (RuntimeError, KeyError):
        raise SettingError(variable, named, 'a folder', where=where, hint=NO_HOME) from None


def user_store(environment: Mapping[str, str] = os.environ) -> Path:
    """Returns the store that models are installed into: that of the user.

    It is `ml_integration/models` in the user's data home (XDG_DATA_HOME, by default
    ~/.local/share).
    """
    return data_home(environment) / 'models'


def data_home(environment: Mapping[str, str] = os.environ) -> Path:
    """Returns the package's folder in the user's data home, whether it exists or not."""
    return home_folder('XDG_DATA_HOME', '.local/share', environment)


def share_folder(package: Path = _PACKAGE) -> Path | None:
    """Returns the folder of what came with the package besides code; None if nothing did.

    It is the source checkout, or else `share/ml_integration` of the prefix that holds the
    package.
    """
    checkout = package.resolve().parent
    if (checkout / 'package.xml').is_file():
        return checkout
    shares = (prefix / 'share/ml_integration' for prefix in package.absolute().parents)
    return next((share for share in shares if share.is_dir()), None)


def _shipped(package: Path) -> tuple[Path, ...]:
    share = share_folder(package)
    return () if share is None else (share / 'models',)
