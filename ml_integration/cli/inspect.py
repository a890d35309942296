"""Looks into an ONNX file, runs it once and proposes a manifest for it.

A file in a folder `<name>/<version>` gets a manifest for this whole folder.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import re
from dataclasses import dataclass
from pathlib import Path
from time import monotonic_ns, perf_counter
from typing import Any

import numpy as np

from ml_integration.cli.arguments import add_json, path
from ml_integration.cli.output import tell
from ml_integration.core import plugins
from ml_integration.core.contracts import Backend, Session
from ml_integration.core.datatypes import ModelContent, ModelIdentity, TensorSpec
from ml_integration.core.execution import ExecutionSettings
from ml_integration.deploy.loading import TIMEOUT_S
from ml_integration.errors import ExportError, InferenceError, ModelLoadError
from ml_integration.exports.claims import Claims
from ml_integration.exports.guessed_inputs import guess_inputs
from ml_integration.exports.outputs import Readings, read_outputs
from ml_integration.store.files import is_regular, open_named_file, why
from ml_integration.store.package.manifest import MANIFEST, SIGNATURE
from ml_integration.store.package.onnx_header import OnnxHeader, read_onnx_header
from ml_integration.store.package.proposal import Proposal, manifest_text

HELP = 'look into an ONNX file and propose a manifest'


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declares the arguments of this verb."""
    parser.add_argument('file', type=path, metavar='FILE.onnx')
    parser.add_argument(
        '--manifest-only', action='store_true', help='print nothing but the proposed manifest'
    )
    add_json(parser)


def run(args: argparse.Namespace) -> int:
    """Prints what the file and a run on zeros tell, and a manifest."""
    findings = _examine(args.file)
    readings = read_outputs(findings.inputs, findings.outputs, Claims(), ())
    manifest = manifest_text(_propose(args.file, findings, readings)) if readings.fits else ''
    if args.json:
        print(json.dumps(_document(findings, manifest, readings.refusal), indent=2))
    elif args.manifest_only:
        if not manifest:
            raise ExportError(readings.refusal, where=str(args.file))
        print(manifest, end='')
    else:
        for key, value in _lines(findings):
            tell(f'{key:12}{value}')
        if manifest:
            print(f'\nProposed {MANIFEST}, partly a guess:\n\n{manifest}', end='')
        else:
            tell(f'No {MANIFEST} is proposed: {readings.refusal}.')
    return 0


@dataclass(frozen=True, slots=True)
class _Findings:
    """Findings in the file and in a test run.

    Attributes:
        contents: the file, or all files of its package folder, by name.
        providers: what could be asked for here.
        outcome: how a run on zeros went, in words.
    """

    file: Path
    contents: dict[str, bytes]
    header: OnnxHeader
    inputs: tuple[TensorSpec, ...]
    outputs: tuple[TensorSpec, ...]
    providers: tuple[str, ...]
    outcome: str

    @property
    def sha256(self) -> str:
        return hashlib.sha256(self.contents[self.file.name]).hexdigest()


def _examine(file: Path) -> _Findings:
    contents = _read(file)
    header = read_onnx_header(contents[file.name], str(file))
    execution = ExecutionSettings()
    backend: Backend = plugins.load('backends', execution.engine)()
    external = {name: data for name, data in contents.items() if name != file.name}
    content = ModelContent(ModelIdentity(*_identity(file)), contents[file.name], external)
    session = backend.open(content, execution)
    try:
        outcome = _run_once(session)
        return _Findings(
            file, contents, header, session.inputs, session.outputs, backend.available(), outcome
        )
    finally:
        session.close()


def _read(file: Path) -> dict[str, bytes]:
    beside: list[Path] = []
    if _in_store(file):
        files = sorted(file.absolute().parent.iterdir())
        beside = [p for p in files if p.name not in (MANIFEST, SIGNATURE) and is_regular(p)]
    try:
        return {path.name: _content(path) for path in (file, *beside)}
    except (OSError, ValueError) as error:
        raise ModelLoadError(str(file), f'cannot be read: {why(error)}') from error


def _content(file: Path) -> bytes:
    with open_named_file(file) as stream:
        return stream.read()


def _in_store(file: Path) -> bool:
    return is_regular(file) and file.absolute().parent.name.isdecimal()


def _identity(file: Path) -> tuple[str, int]:
    if _in_store(file):
        folder = file.absolute().parent
        return folder.parent.name, int(folder.name)
    return re.sub(r'[^a-z0-9_.-]+', '_', file.stem.lower()).lstrip('_.-') or 'model', 1


def _run_once(session: Session) -> str:
    try:
        zeros = {s.name: np.zeros([n or 1 for n in s.shape], s.dtype) for s in session.inputs}
        until_ns = monotonic_ns() + int(TIMEOUT_S * 1e9)
        session.run(zeros, until_ns)  # the first run also allocates
        start = perf_counter()
        session.run(zeros, until_ns)
    except InferenceError as error:
        return f'no: {error}'
    except (MemoryError, ValueError) as error:
        return f'no: its inputs are too large for this machine: {error}'
    return f'yes, {(perf_counter() - start) * 1e3:.2f} ms on {session.device}'


def _propose(file: Path, findings: _Findings, readings: Readings) -> Proposal:
    name, version = _identity(file)
    best, *others = readings.equal
    remarks = [
        f'Proposed by: ml_model inspect {file}',
        f'The task and its settings are a guess: {best.why}.',
        *(f'This fits as well: task {o.task}, settings {dict(o.settings)}.' for o in others),
        *(f'{warning[0].upper()}{warning[1:]}.' for warning in readings.warnings),
        'Complete description, license, origin and labels; then run: ml_model check.',
    ]
    contents, model = findings.contents, file.name
    if not _in_store(file):
        contents, model = {'model.onnx': contents[model]}, 'model.onnx'
        remarks.append(f'Save it as {name}/{version}/{MANIFEST} in a store, the model beside it.')
    if len(findings.inputs) != 1 or len(findings.inputs[0].shape) != 4:
        remarks.append('The input does not look like one picture; its kind is a guess too.')
    return Proposal(
        name, version, contents, model, guess_inputs(findings.inputs, findings.outputs),
        best.outputs, best.task, best.settings, remarks,
    )  # fmt: skip


def _lines(findings: _Findings) -> list[tuple[str, str]]:
    opsets = ', '.join(f'{d or "onnx"} {v}' for d, v in findings.header.opsets.items())
    return [
        ('file', f'{findings.file}, {len(findings.contents[findings.file.name])} bytes'),
        ('sha256', findings.sha256),
        ('format', f'IR version {findings.header.ir_version}, opset {opsets}'),
        ('producer', findings.header.producer or 'not said'),
        *(('input', str(spec)) for spec in findings.inputs),
        *(('output', str(spec)) for spec in findings.outputs),
        ('providers', ', '.join(findings.providers)),
        ('runs here', findings.outcome),
    ]


def _document(findings: _Findings, manifest: str, refusal: str) -> dict[str, Any]:
    return {
        'file': str(findings.file),
        'size': len(findings.contents[findings.file.name]),
        'sha256': findings.sha256,
        'ir_version': findings.header.ir_version,
        'opsets': dict(findings.header.opsets),
        'producer': findings.header.producer,
        'inputs': [str(spec) for spec in findings.inputs],
        'outputs': [str(spec) for spec in findings.outputs],
        'providers': list(findings.providers),
        'runs_here': findings.outcome,
        'manifest': manifest,
        'refusal': refusal,
    }
