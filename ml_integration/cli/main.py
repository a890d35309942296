"""`ml_model`: gets, checks, runs and takes back models; needs no ROS.

Every other module of this folder that has `HELP`, `add_arguments(parser)` and
`run(args) -> int` is a verb of the module's name, with dashes.
"""

from __future__ import annotations

import argparse
import importlib
import os
import pkgutil
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from types import ModuleType
from typing import NoReturn

from ml_integration import cli
from ml_integration.cli.groups import overview
from ml_integration.cli.last_resort import INTERRUPTED, ended_by_second_interrupt
from ml_integration.cli.output import complain
from ml_integration.cli.software import software_version
from ml_integration.errors import MlIntegrationError, escaped

FAILED, WRONG = 1, 2
TRACEBACK = 'ML_MODEL_TRACEBACK'
"""Variable that lets an error which nobody foresaw end with a traceback, for its report."""


def verbs() -> dict[str, ModuleType]:
    """Returns the modules that are verbs, by name."""
    names = (module.name for module in pkgutil.iter_modules(cli.__path__))
    modules = {name: _module(name) for name in names if name != 'main'}
    return {
        name.replace('_', '-'): module
        for name, module in modules.items()
        if hasattr(module, 'add_arguments')
    }


def _module(name: str) -> ModuleType:
    return importlib.import_module(f'{cli.__name__}.{name}')


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs a verb; every error is one sentence on stderr.

    Args:
        arguments: the command line without the program's name; that of the process if None.

    Returns:
        The exit status: 0, 1 after an error, or 130 when interrupted. Wrong usage exits with 2.
    """
    try:
        with _all_written(), ended_by_second_interrupt():
            return _run(sys.argv[1:] if arguments is None else arguments)
    except KeyboardInterrupt:
        return INTERRUPTED
    except BrokenPipeError:  # the reader, such as `head`, has seen enough
        return FAILED
    except MlIntegrationError as error:
        complain(str(error))
    except MemoryError:
        complain('there is not enough memory for this')
    except OSError as error:
        place = f'{os.fsdecode(error.filename)}: ' if error.filename else ''
        complain(f'{place}{error.strerror or error}')
    except Exception as error:
        if os.environ.get(TRACEBACK):
            raise
        hint = f'This is a fault of ml_model; with {TRACEBACK}=1 it tells more.'
        complain(f'{type(error).__name__}: {error}. {hint}')
    return FAILED


@contextmanager
def _all_written() -> Iterator[None]:
    """Writes what is still in memory, while an error can be told."""
    try:
        yield
        _flush()
    except SystemExit:  # of argparse, which has printed something
        _flush()
        raise
    except BaseException:
        with suppress(OSError, ValueError):
            _flush()
        raise


def _flush() -> None:
    if sys.stdout is None:  # closed by whoever started this
        return
    try:
        sys.stdout.flush()
    except OSError:
        # Python would try once more at the end and print a traceback.
        with suppress(OSError, ValueError):
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        raise


class _Parser(argparse.ArgumentParser):
    def error(self, message: str) -> NoReturn:
        super().error(escaped(message))


def _run(arguments: Sequence[str]) -> int:
    if not arguments:  # as git does: it is no command, and a person wants to know which there are
        _parser(verbs()).print_help(sys.stderr)
        raise SystemExit(WRONG)
    args = _parser(_meant(arguments[0])).parse_args(arguments)
    status: int = args.run(args)
    return status


def _meant(word: str) -> dict[str, ModuleType]:
    """Returns the verb alone if it is one: importing all of them takes half a second."""
    name = word.replace('-', '_')
    names = {module.name for module in pkgutil.iter_modules(cli.__path__)} - {'main'}
    if name in names and '_' not in word:
        module = _module(name)
        if hasattr(module, 'add_arguments'):
            return {word: module}
    return verbs()


def _parser(known: Mapping[str, ModuleType]) -> argparse.ArgumentParser:
    parser = _Parser(
        prog='ml_model',
        usage='ml_model [--version] VERB ...',
        description='Gets, checks, runs and takes back models; ml_model VERB --help tells more.',
        epilog=overview({name: module.HELP for name, module in known.items()}),
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument('--version', action='version', version=f'ml_model {software_version()}')
    subparsers = parser.add_subparsers(metavar='VERB', required=True, help=argparse.SUPPRESS)
    for name, module in known.items():
        subparser = subparsers.add_parser(
            name, prog=f'ml_model {name}', description=module.__doc__
        )
        module.add_arguments(subparser)
        subparser.set_defaults(run=module.run)
    return parser


if __name__ == '__main__':
    sys.exit(main())
