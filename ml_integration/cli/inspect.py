"""Looks into an export, runs it and proposes a manifest for it; nothing is written.

A file in a folder `<name>/<version>` gets a manifest for this whole folder. Where one is there
already, the differences are shown.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from ml_integration.cli.arguments import add_json, path
from ml_integration.cli.claims_table import claim_document, question_document, show_claims
from ml_integration.cli.output import tell, warn
from ml_integration.errors import ExportError, ManifestError
from ml_integration.exports.asking.questions import written
from ml_integration.exports.packing.inspection import Inspection, differences, inspect_export
from ml_integration.store.files import is_regular, read_named_file, why
from ml_integration.store.package.manifest import MANIFEST
from ml_integration.store.package.plain_yaml import LARGEST, load_yaml

HELP = 'look into an ONNX file or export and propose a manifest'


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declares the arguments of this verb."""
    parser.add_argument(
        'file', type=path, metavar='SOURCE', help='an .onnx, a folder or an archive'
    )
    parser.add_argument('--model', default='', metavar='FILE', help='which model of a folder')
    parser.add_argument(
        '--manifest-only', action='store_true', help='print nothing but the proposed manifest'
    )
    add_json(parser)


def run(args: argparse.Namespace) -> int:
    """Prints what the export and runs of it tell, and a manifest."""
    found = inspect_export(args.file, args.model)
    if args.manifest_only:
        if not found.manifest:
            raise ExportError(found.refusal)
        print(found.manifest, end='')
    elif args.json:
        print(json.dumps(_document(args.file, found), indent=2))
    else:
        _show(args.file, found)
    return 0


def _show(file: Path, found: Inspection) -> None:
    for key, value in _lines(file, found):
        tell(f'{key:12}{value}')
    if found.draft is None:
        warn(f'no manifest can be proposed: {found.refusal}')
        return
    show_claims(found.claims)
    for sentence in found.draft.conflicts:
        warn(sentence)
    for number, fit in enumerate(found.draft.readings.fits):
        tell(f'{"outputs" if number == 0 else "or":12}{fit.task}: {fit.why}')
    for question in found.draft.questions:
        tell(f'{"open":12}{question.sentence}')
        for choice in question.choices:
            tell(f'{"":12}{choice.flags}')
    there = _manifest_beside(file)
    if there is None:
        print(f'\nProposed {MANIFEST}, partly a guess:\n\n{found.manifest}', end='')
        return
    _tell_differences(there, found)


def _tell_differences(there: Path, found: Inspection) -> None:
    compared = _compared(there, found)
    if not compared:
        tell(f'{there} is there and says the same.')
        return
    tell(f'{there} is there and stays as it is; where it differs from what would be proposed:')
    for key, old, new in compared:
        tell(f'  {key}: {_said(old)} there, {_said(new)} proposed')


def _manifest_beside(file: Path) -> Path | None:
    folder = file if file.is_dir() else file.parent
    manifest = folder / MANIFEST
    return manifest if is_regular(manifest) and manifest.stat().st_size else None


def _compared(manifest: Path, found: Inspection) -> list[tuple[str, Any, Any]]:
    try:
        old = load_yaml(read_named_file(manifest, LARGEST), manifest)
    except (OSError, ValueError) as error:
        warn(f'{manifest} cannot be read: {why(error)}')
        old = {}
    except ManifestError as error:
        warn(str(error))
        old = {}
    new = load_yaml(found.manifest.encode(), Path(f'proposed {MANIFEST}'))
    return list(differences(old if isinstance(old, dict) else {}, new))


def _said(value: Any) -> str:
    return 'nothing' if value is None else written(value)


def _lines(file: Path, found: Inspection) -> Iterator[tuple[str, str]]:
    source = found.source
    header, export = source.header, source.export
    opsets = ', '.join(f'{d or "onnx"} {v}' for d, v in header.opsets.items())
    inside = f' ({export.model})' if file.name != export.model else ''
    yield 'file', f'{file}{inside}, {len(source.content)} bytes'
    for name, content in source.external.items():
        yield 'weights', f'{name}, {len(content)} bytes'
    if source.alternatives:
        yield 'not taken', f'{", ".join(source.alternatives)}; choose one by --model'
    yield 'sha256', found.sha256
    yield 'format', f'IR version {header.ir_version}, opset {opsets}'
    yield 'producer', header.producer or 'not said'
    yield from (('input', str(spec)) for spec in export.inputs)
    yield from (('output', str(spec)) for spec in export.outputs)
    yield 'providers', ', '.join(found.providers)
    yield 'runs here', found.outcome


def _document(file: Path, found: Inspection) -> dict[str, Any]:
    source, draft = found.source, found.draft
    there = _manifest_beside(file) if draft else None
    return {
        'file': str(file),
        'size': len(source.content),
        'sha256': found.sha256,
        'ir_version': source.header.ir_version,
        'opsets': dict(source.header.opsets),
        'producer': source.header.producer,
        'inputs': [str(spec) for spec in source.export.inputs],
        'outputs': [str(spec) for spec in source.export.outputs],
        'weights': list(source.external),
        'not_taken': list(source.alternatives),
        'conflicts': list(draft.conflicts) if draft else [],
        'providers': list(found.providers),
        'runs_here': found.outcome,
        'claims': [claim_document(claim) for claim in found.claims],
        'open': [question_document(one) for one in draft.questions] if draft else [],
        'refusal': found.refusal,
        'manifest': found.manifest,
        'differences': [
            {'key': key, 'there': old, 'proposed': new}
            for key, old, new in _compared(there, found)
        ]
        if there
        else [],
    }
