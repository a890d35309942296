"""Makes an installed model of an export: a file, folder or archive of some training tool.

It reads what the export says about itself, runs the model on pictures, asks what nobody says,
proves the package as a node would and installs it. Whatever fails leaves nothing behind.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import replace
from pathlib import Path

from ml_integration.cli.added import Added, document_of, show
from ml_integration.cli.arguments import add_json, add_state, path, state_of
from ml_integration.cli.asking import ask, is_terminal, list_open
from ml_integration.cli.auditing import audited
from ml_integration.cli.claims_table import claim_document, question_document, show_claims
from ml_integration.cli.output import warn
from ml_integration.errors import ExportError, MlIntegrationError
from ml_integration.exports.adding import (
    name_claim,
    next_version,
    prove,
    put_into,
    same_in,
)
from ml_integration.exports.answers import answers_of
from ml_integration.exports.claims import Claim
from ml_integration.exports.contact_sheet import contact_sheet, write_picture
from ml_integration.exports.drafting import Draft, draft, with_tensors
from ml_integration.exports.package_writer import Written, write_package
from ml_integration.exports.picture_check import PictureCheck
from ml_integration.exports.questions import proposals
from ml_integration.exports.sample_pictures import Picture, own_pictures, pictures_of
from ml_integration.exports.source import open_source
from ml_integration.store.state.places import data_home, user_store

HELP = 'make an installed model of an export such as best.onnx'
OPEN_QUESTIONS = 3
"""Exit status when something is open and nobody can be asked."""
MOST_ROUNDS = 5
"""Times that a person is asked: an answer may open another question."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declares the arguments of this verb."""
    parser.add_argument(
        'source', type=path, metavar='SOURCE', help='an .onnx, a folder or an archive'
    )
    parser.add_argument('--name', default='', help="the model's name (default: the file's)")
    parser.add_argument('--model', default='', metavar='FILE', help='which model of a folder')
    parser.add_argument('--labels', type=path, metavar='FILE', help='class names, one per line')
    parser.add_argument('--task', default='', help='what the outputs mean')
    parser.add_argument(
        '--set',
        action='append',
        default=[],
        metavar='KEY=VALUE',
        help='a key of the manifest, such as encode.color=bgr or settings.decoder=yolo',
    )
    parser.add_argument(
        '--sample',
        type=path,
        metavar='FILE',
        help='picture, folder, video, .npy or bag (default: photographs that come along)',
    )
    parser.add_argument(
        '--private',
        action='store_true',
        help='keep the sample out of the package: its golden sample is made of a photograph that '
        'comes along',
    )
    parser.add_argument('--yes', action='store_true', help='take what is proposed')
    parser.add_argument(
        '--into',
        type=path,
        metavar='DIR',
        help='the store (default: ~/.local/share/ml_integration/models)',
    )
    parser.add_argument(
        '--picture', type=path, metavar='FILE', help='where to write the picture with the results'
    )
    add_state(parser)
    add_json(parser)


def run(args: argparse.Namespace) -> int:
    """Adds the model, or says what is open."""
    if args.picture is not None and args.picture.exists():
        raise ExportError('there is something already', where=str(args.picture))
    source = with_tensors(open_source(args.source, args.model))
    name = name_claim(source, args.source, args.name)
    sample = pictures_of(args.sample) if args.sample else ()
    answers = answers_of(args.set, args.task, args.labels)
    drafted = draft(source, answers, sample or own_pictures())
    for _ in range(MOST_ROUNDS):
        if not drafted.questions:
            break
        answers += _answers(args, drafted)
        if not answers:
            break
        drafted = draft(source, answers, sample or own_pictures())
    if drafted.questions:
        return _left_open(drafted, args.json)
    result = _add(args, drafted, name, sample)
    if args.json:
        print(json.dumps(document_of(result), indent=2))
    else:
        show(result)
    return 0


def _answers(args: argparse.Namespace, drafted: Draft) -> tuple[Claim, ...]:
    """Returns answers to what is open; none if nobody can be asked."""
    if args.yes:
        return proposals(drafted.questions)
    if args.json or not is_terminal():
        return ()
    show_claims(drafted.claims)
    return ask(drafted.questions)


def _left_open(drafted: Draft, as_json: bool) -> int:
    if as_json:
        questions = [question_document(question) for question in drafted.questions]
        claims = [claim_document(claim) for claim in drafted.claims]
        print(json.dumps({'open': questions, 'claims': claims}, indent=2))
    else:
        show_claims(drafted.claims)
        list_open(drafted.questions)
    return OPEN_QUESTIONS


def _add(
    args: argparse.Namespace, drafted: Draft, name: Claim, sample: Sequence[Picture]
) -> Added:
    store = args.into or user_store()
    version = next_version(store, str(name.value))
    shared = () if args.private else sample
    written = write_package(drafted, name, version, (shared or own_pictures())[0])
    check = prove(written, sample, drafted.source.export.label)
    there = same_in(store, written)
    directory = there or _installed(args, store, written, name)
    model = f'{name.value}@{directory.name}'
    told = str(args.sample) if args.sample else 'photographs that come with ml_model'
    added = Added(model, directory, there is None, drafted, written, check, told, bool(shared))
    if there is not None and args.picture is None:
        return added
    return replace(added, picture=_picture(args.picture, check, model))


def _installed(args: argparse.Namespace, store: Path, written: Written, name: Claim) -> Path:
    with audited(state_of(args), 'add', str(name.value)) as record:
        installed = put_into(store, written)
        record.model = str(installed.manifest.identity)
        record.reason = f'made of {args.source}'
        return installed.directory


def _picture(file: Path | None, check: PictureCheck, model: str) -> Path | None:
    """Writes a picture of the results; the model is installed, so a failure is only told.

    Where pictures prepared in another way give better results, both are beside it.
    """
    if file is None:
        folder = data_home() / 'pictures'
        with suppress(OSError):  # told when it is written; nobody else has to see the sample
            folder.mkdir(mode=0o700, parents=True)
        names = (f'{model}{suffix}.jpg' for suffix in ('', *(f'_{n}' for n in range(2, 100))))
        free = (one for name in names if not (one := folder / name).exists())
        file = next(free, folder / f'{model}.jpg')
    try:
        both = check.comparison.side_by_side()
        if both is not None:
            compared = write_picture(file.with_stem(f'{file.stem}_compared'), both)
            warn(f'declared and better preparation of pictures, side by side: {compared}')
        return write_picture(file, contact_sheet(check.trial))
    except MlIntegrationError as error:
        warn(str(error))
        return None
