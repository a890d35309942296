"""Checks a model package as a node would before it serves: manifest, files, settings, engine.

The model is opened, compared with its manifest and its task, warmed up and run on its golden
sample. A model for pictures then runs on some, through its task and its validation.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Callable, Iterable
from functools import partial
from time import perf_counter
from typing import Any, TypeVar

from ml_integration.cli.arguments import (
    add_json,
    add_model,
    add_stores,
    add_trust,
    folder_of,
    path,
    trust_of,
)
from ml_integration.cli.output import tell, warn
from ml_integration.core.pipeline import Pipeline
from ml_integration.deploy.loading import Loader
from ml_integration.errors import ModelError
from ml_integration.exports.counted import counted
from ml_integration.exports.trying.annotated_pictures import save_pictures
from ml_integration.exports.trying.picture_check import PictureCheck, check_on_pictures
from ml_integration.exports.trying.sample_pictures import pictures_of
from ml_integration.exports.trying.trial import takes_pictures
from ml_integration.exports.trying.verdict import Finding, Level
from ml_integration.store.package.manifest import Manifest
from ml_integration.store.package.package import ModelPackage, read_manifest, read_package

HELP = 'check a model package and run its golden sample'
T = TypeVar('T')


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declares the arguments of this verb."""
    add_model(parser)
    add_stores(parser)
    add_trust(parser)
    add_json(parser)
    parser.add_argument(
        '--sample',
        type=path,
        metavar='FILE',
        help='pictures to run it on, and to compare ways to prepare them: a picture, a folder, a '
        'video, a bag or an .npy file (default: a few photographs that come with the package)',
    )
    parser.add_argument(
        '--annotated', type=path, metavar='DIR', help='save the pictures with their results here'
    )
    parser.add_argument(
        '--strict', action='store_true', help='fail where the results on pictures are suspicious'
    )


def run(args: argparse.Namespace) -> int:
    """Runs all checks; the first that fails ends it."""
    folder, trust = folder_of(args), trust_of(args)
    report = _Report(quiet=args.json)
    manifest = report.step('manifest', lambda: read_manifest(folder), _about_manifest)
    package = report.step('files', lambda: read_package(folder, trust), _about_files)
    pipeline = report.step('pipeline', lambda: Loader().load(package), _about_pipeline)
    try:
        seen = None
        if takes_pictures(pipeline) or args.sample is not None:
            work = partial(_check_on_pictures, package, pipeline, args)
            seen = report.step('pictures', work, str)
    finally:
        pipeline.close()
    golden = 'reproduced' if package.golden is not None else 'none, so its results are unproven'
    findings = () if seen is None else seen.findings
    if args.json:
        result = {
            'model': str(manifest.identity),
            'golden': golden,
            'steps': report.steps,
            'findings': [{'level': one.level.value, 'sentence': one.sentence} for one in findings],
        }
        print(json.dumps(result, indent=2))
    else:
        tell(f'ok  golden sample: {golden}')
        _tell(findings)
    suspicious = any(one.level is Level.WARNING for one in findings)
    return int(args.strict and suspicious)


def _check_on_pictures(
    package: ModelPackage, pipeline: Pipeline, args: argparse.Namespace
) -> PictureCheck:
    """Runs a model on pictures.

    Raises:
        ModelError: nothing of what it gives would be published.
    """
    pictures = () if args.sample is None else pictures_of(args.sample)
    seen = check_on_pictures(package, pipeline, pictures)
    if args.annotated is not None:
        save_pictures(args.annotated, seen.trial, seen.comparison)
    failures = seen.of(Level.FAILURE)
    if failures:
        for sentence in () if args.json else seen.of(Level.WARNING):
            warn(sentence)
        raise ModelError(failures[0].removesuffix('.'), where=str(package.content.identity))
    return seen


def _tell(findings: Iterable[Finding]) -> None:
    for one in findings:
        if one.level is Level.NOTE:
            tell(f'note: {one.sentence}')
        else:
            warn(one.sentence)


class _Report:
    """Runs steps and tells how each one went; an error ends the check."""

    def __init__(self, quiet: bool) -> None:
        self.steps: list[dict[str, Any]] = []
        self._quiet = quiet

    def step(self, name: str, work: Callable[[], T], about: Callable[[T], str]) -> T:
        start = perf_counter()
        result = work()
        ms = (perf_counter() - start) * 1e3
        self.steps.append({'step': name, 'detail': about(result), 'ms': round(ms, 3)})
        if not self._quiet:
            tell(f'ok  {name}: {about(result)} ({ms:.1f} ms)')
        return result


def _about_manifest(manifest: Manifest) -> str:
    return f'{manifest.identity}, {manifest.task}, {manifest.format}'


def _about_files(package: ModelPackage) -> str:
    pins, by = package.manifest.files.values(), package.verified_by
    signed = '' if by == 'digest' else f', {by}'
    return (
        f'{counted(len(pins), "file")}, {sum(pin.size for pin in pins)} bytes, as pinned{signed}'
    )


def _about_pipeline(pipeline: Pipeline) -> str:
    specs = [*pipeline.session.inputs, *pipeline.session.outputs]
    return f'{"; ".join(map(str, specs))}; runs on {pipeline.session.device}'
