"""Makes an empty package for a task: a manifest that says what to fill in."""

from __future__ import annotations

import argparse
import json
import os
import shutil
from pathlib import Path

from ml_integration.cli.arguments import add_json, path
from ml_integration.cli.output import tell
from ml_integration.core import plugins
from ml_integration.errors import ExportError
from ml_integration.exports.packing.blank_package import blank_manifest
from ml_integration.store.files import why
from ml_integration.store.package.manifest import MANIFEST
from ml_integration.store.state.durable import write_durably
from ml_integration.store.state.model_store import check_name

HELP = 'make an empty package to fill in'


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declares the arguments of this verb."""
    parser.add_argument('task', help=f'one of {", ".join(plugins.names("tasks"))}')
    parser.add_argument('name', help="the model's name")
    parser.add_argument(
        '--into',
        type=path,
        default=Path(),
        metavar='DIR',
        help='the folder that gets NAME/1/ (default: this one)',
    )
    add_json(parser)


def run(args: argparse.Namespace) -> int:
    """Writes the manifest into a folder of its own."""
    folder = args.into / check_name(args.name) / '1'
    text = blank_manifest(args.task, args.name, str(folder))
    missing = _missing(folder)
    try:
        folder.mkdir(parents=True)
    except FileExistsError as error:
        what = 'there is something already'
        raise ExportError(what, where=str(folder), hint='Choose another name.') from error
    except OSError as error:
        raise ExportError(f'it cannot be made: {why(error)}', where=str(folder)) from error
    try:
        write_durably(folder / MANIFEST, text.encode())
    except BaseException:
        shutil.rmtree(missing, ignore_errors=True)
        raise
    if args.json:
        print(json.dumps({'manifest': str(folder / MANIFEST)}))
        return 0
    tell(f'made {folder / MANIFEST}')
    tell(f'Put model.onnx beside it, fill it in, then: ml_model pin {folder}')
    return 0


def _missing(folder: Path) -> Path:
    """Returns the outermost folder that is not there yet."""
    above = [parent for parent in folder.parents if not os.path.lexists(parent)]
    return above[-1] if above else folder
