"""Arguments that several verbs take."""

from __future__ import annotations

import argparse
import os
from collections.abc import Mapping
from pathlib import Path
from types import ModuleType

from ml_integration.errors import ModelNotFoundError, SettingError
from ml_integration.store.package.manifest import MANIFEST
from ml_integration.store.state.model_store import ModelStore
from ml_integration.store.state.places import VARIABLE, default_stores, expanded
from ml_integration.store.state.state_dir import VARIABLE as STATE_VARIABLE
from ml_integration.store.state.state_dir import StateDir, default_state_dir
from ml_integration.store.trust.encryption import VARIABLE as KEY_VARIABLE
from ml_integration.store.trust.policy import Trust, load_trust


def path(text: str) -> Path:
    """Reads the argument for a file or folder; ~ is the home folder."""
    try:
        return expanded(text, 'the path', 'ml_model')
    except SettingError as error:
        raise argparse.ArgumentTypeError(str(error)) from error


def add_into(parser: argparse.ArgumentParser) -> None:
    """Declares the store that a model goes into."""
    parser.add_argument(
        '--into',
        type=path,
        metavar='DIR',
        help='the store (default: ~/.local/share/ml_integration/models)',
    )


def add_verbs(parser: argparse.ArgumentParser, verbs: Mapping[str, ModuleType]) -> None:
    """Declares verbs below a verb, with their arguments; `run_verb` runs the one that is named.

    Args:
        parser: of the verb above.
        verbs: a module for each, by its name, with HELP, `add_arguments` and `run`.
    """
    below = parser.add_subparsers(
        metavar='VERB', required=True, help='what to do; each one takes --json'
    )
    for name, module in verbs.items():
        verb = below.add_parser(name, help=module.HELP, description=module.__doc__)
        module.add_arguments(verb)
        verb.set_defaults(run_below=module.run)


def run_verb(args: argparse.Namespace) -> int:
    """Runs the verb below a verb."""
    status: int = args.run_below(args)
    return status


def add_json(parser: argparse.ArgumentParser) -> None:
    """Adds `--json`."""
    parser.add_argument('--json', action='store_true', help='print JSON, for programs')


def add_stores(parser: argparse.ArgumentParser) -> None:
    """Adds `--store` and `--state-dir`, read by `store_of`."""
    parser.add_argument(
        '--store',
        action='append',
        type=path,
        metavar='DIR',
        help=f"a model store; may be repeated (default: {VARIABLE}, else the user's own store "
        'and the models that came with the package)',
    )
    add_state(parser)


def add_own_stores(parser: argparse.ArgumentParser) -> None:
    """Adds `--store` and `--state-dir` of a verb that takes models away."""
    parser.add_argument(
        '--store',
        action='append',
        type=path,
        metavar='DIR',
        help="a model store; may be repeated (default: the user's own store)",
    )
    add_state(parser)


def add_state(parser: argparse.ArgumentParser) -> None:
    """Adds `--state-dir`, read by `state_of`."""
    parser.add_argument(
        '--state-dir',
        type=path,
        metavar='DIR',
        help='remembers active versions and holds the audit log '
        f'(default: {STATE_VARIABLE}, else ~/.local/state/ml_integration)',
    )


def add_model(parser: argparse.ArgumentParser) -> None:
    """Adds the model that a verb works on, read by `folder_of`."""
    parser.add_argument(
        'model', help='a package folder, or name, name@3, name@latest or name@previous'
    )


def add_trust(parser: argparse.ArgumentParser) -> None:
    """Adds what a package has to show, read by `trust_of`."""
    parser.add_argument(
        '--trusted-keys',
        type=path,
        metavar='DIR',
        help='ask for a signature by one of the public keys (*.pem) in this folder',
    )
    parser.add_argument(
        '--model-key',
        type=path,
        metavar='FILE',
        help=f'key of encrypted models (default: the variable {KEY_VARIABLE})',
    )


def store_of(args: argparse.Namespace) -> ModelStore:
    """Returns the stores that were given, or the default ones."""
    return ModelStore(args.store or default_stores(), state_of(args))


def state_of(args: argparse.Namespace) -> StateDir:
    """Returns the state directory that was given, or the default one."""
    return StateDir(args.state_dir or default_state_dir())


def trust_of(args: argparse.Namespace) -> Trust:
    """Reads what a package has to show.

    Raises:
        SettingError: a key is missing or unusable.
    """
    policy = 'digest' if args.trusted_keys is None else 'signed'
    return load_trust(policy, args.trusted_keys, args.model_key)


def folder_of(args: argparse.Namespace) -> Path:
    """Returns the folder that `model` means: itself if it is a path, else what a store holds.

    Raises:
        SettingError: it is neither a path nor a model reference.
        ModelNotFoundError: no store holds it.
        IntegrityError: it is quarantined.
    """
    folder = expanded(args.model, 'model', 'ml_model')
    if os.sep in args.model or os.path.lexists(folder / MANIFEST) or args.model == os.curdir:
        return folder
    try:
        return store_of(args).find(args.model)
    except ModelNotFoundError:
        if os.path.lexists(folder):  # what is wrong with it says whoever reads it
            return folder
        raise
