"""`ml_model`: installs, checks, activates and takes back models; needs no ROS.

Every other module of this folder that has `HELP`, `add_arguments(parser)` and
`run(args) -> int` is a verb of the module's name.
"""

from __future__ import annotations

import argparse
import importlib
import os
import pkgutil
import sys
from collections.abc import Sequence
from types import ModuleType

from ml_integration import cli
from ml_integration.errors import MlIntegrationError

FAILED, INTERRUPTED = 1, 130


def verbs() -> dict[str, ModuleType]:
    """Returns the modules that are verbs, by name."""
    names = (module.name for module in pkgutil.iter_modules(cli.__path__))
    modules = {
        name: importlib.import_module(f'{cli.__name__}.{name}') for name in names if name != 'main'
    }
    return {name: module for name, module in modules.items() if hasattr(module, 'add_arguments')}


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs a verb; every error we know is one sentence on stderr.

    Args:
        arguments: the command line without the program's name; that of the process if None.

    Returns:
        The exit status: 0, or 1 after an error. Wrong usage exits with 2.
    """
    args = _parser().parse_args(arguments)
    try:
        status: int = args.run(args)
        sys.stdout.flush()
    except MlIntegrationError as error:
        print('ml_model:', ' '.join(str(error).split()), file=sys.stderr)
        return FAILED
    except BrokenPipeError:  # the reader, such as `head`, has seen enough
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return FAILED
    except KeyboardInterrupt:
        return INTERRUPTED
    return status


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog='ml_model', description='Installs, checks, activates and takes back models.'
    )
    subparsers = parser.add_subparsers(metavar='VERB', required=True)
    for name, module in verbs().items():
        subparser = subparsers.add_parser(name, help=module.HELP, description=module.__doc__)
        module.add_arguments(subparser)
        subparser.set_defaults(run=module.run)
    return parser


if __name__ == '__main__':
    sys.exit(main())
