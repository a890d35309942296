"""Places where models are looked for, and installed, when nobody names any."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path

VARIABLE = 'ML_INTEGRATION_STORES'
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
        return tuple(Path(store) for store in listed.split(os.pathsep) if store)
    own = user_store(environment)
    return (*([own] if own.is_dir() else []), *_shipped(package))


def ships_with_package(folder: Path, package: Path = _PACKAGE) -> bool:
    """Tells whether a folder of a model came with the package, whichever way leads to it."""
    return any(store.resolve() in folder.resolve().parents for store in _shipped(package))


def user_store(environment: Mapping[str, str] = os.environ) -> Path:
    """Returns the store that models are installed into: that of the user.

    It is `ml_integration/models` in the user's data home (XDG_DATA_HOME, by default
    ~/.local/share).
    """
    return data_home(environment) / 'models'


def data_home(environment: Mapping[str, str] = os.environ) -> Path:
    """Returns the package's folder in the user's data home, whether it exists or not."""
    home = environment.get('XDG_DATA_HOME', '') or Path.home() / '.local/share'
    return Path(home) / 'ml_integration'


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
