"""Makes an installed model of an export: a file, folder or archive of some training tool.

It reads what the export says about itself, runs the model on pictures, asks what nobody says,
proves the package as a node would and installs it. Whatever fails leaves nothing behind.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path
from tempfile import mkdtemp

from ml_integration.cli.added import Added, document_of, show
from ml_integration.cli.arguments import add_into, add_json, add_state, path, state_of
from ml_integration.cli.asking import ask, is_terminal, list_open
from ml_integration.cli.auditing import audited
from ml_integration.cli.claims_table import claim_document, question_document, show_claims
from ml_integration.cli.output import complain, warn
from ml_integration.core import plugins
from ml_integration.core.datatypes import Array
from ml_integration.errors import ExportError, MlIntegrationError
from ml_integration.exports.asking.answers import answers_of
from ml_integration.exports.asking.choice_pictures import picture_of_choices
from ml_integration.exports.asking.doubts import RESULTS, doubts
from ml_integration.exports.asking.questions import ACCEPTED, Question, proposals
from ml_integration.exports.claims import Claim, Claims, Origin
from ml_integration.exports.packing.adding import (
    name_claim,
    next_version,
    prove,
    put_into,
    same_in,
)
from ml_integration.exports.packing.drafting import Draft, draft, with_tensors
from ml_integration.exports.packing.package_writer import Written, in_order, write_package
from ml_integration.exports.reading.source import open_source
from ml_integration.exports.trying.contact_sheet import contact_sheet, write_picture
from ml_integration.exports.trying.picture_check import PictureCheck
from ml_integration.exports.trying.sample_pictures import Picture, own_pictures, pictures_of
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
    known = ', '.join(plugins.names('tasks'))
    parser.add_argument('--task', default='', help=f'what the outputs mean: {known}')
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
    add_into(parser)
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
    for _ in range(MOST_ROUNDS):
        drafted = draft(source, answers, sample or own_pictures())
        proof, questions = None, drafted.questions
        if not questions:
            proof = _proof(args, drafted, name, sample)
            questions = () if args.yes or proof.there else doubts(proof.check, drafted.claims)
            if not questions:
                return _told(args, _add(args, proof, name))
        questions = _pictured(args, drafted, answers, proof, questions, sample)
        said = _answers(args, drafted, questions)
        if not said:
            break
        if proof is not None and said[0].key == ACCEPTED:
            return _on_suspicion(args, proof, name, said[0])
        answers += said
    return _left_open(drafted, questions, args.json)


@dataclass(frozen=True, slots=True)
class _Proof:
    """Package that was run, not yet installed.

    Attributes:
        drafted: what it was made of.
        written: its files.
        check: what came of it on the sample.
        there: folder in which the same is installed already; None if it is new.
        sample: what that is, for a person.
        shared: whether the package holds a picture of a person's sample.
    """

    drafted: Draft
    written: Written
    check: PictureCheck
    there: Path | None
    sample: str
    shared: bool


def _proof(
    args: argparse.Namespace, drafted: Draft, name: Claim, sample: Sequence[Picture]
) -> _Proof:
    store = args.into or user_store()
    version = next_version(store, str(name.value))
    shared = () if args.private else sample
    written = write_package(drafted, name, version, (shared or own_pictures())[0])
    check = prove(written, sample, drafted.source.export.label)
    told = str(args.sample) if args.sample else 'photographs that come with ml_model'
    return _Proof(drafted, written, check, same_in(store, written), told, bool(shared))


def _on_suspicion(args: argparse.Namespace, proof: _Proof, name: Claim, accepted: Claim) -> int:
    """Installs a model whose results look wrong if a person wants it."""
    if accepted.value:
        return _told(args, _add(args, proof, name))
    complain('nothing was installed')
    return OPEN_QUESTIONS


def _told(args: argparse.Namespace, result: Added) -> int:
    if args.json:
        print(json.dumps(document_of(result), indent=2))
    else:
        show(result)
    return 0


def _answers(
    args: argparse.Namespace, drafted: Draft, questions: Sequence[Question]
) -> tuple[Claim, ...]:
    """Returns answers to what is open; none if nobody can be asked."""
    if args.yes:
        return proposals(questions)
    if args.json or not is_terminal():
        return ()
    show_claims(drafted.claims)
    return ask(questions)


def _pictured(
    args: argparse.Namespace,
    drafted: Draft,
    answers: Sequence[Claim],
    proof: _Proof | None,
    questions: Sequence[Question],
    sample: Sequence[Picture],
) -> tuple[Question, ...]:
    """Writes a picture of what comes of each answer, for a person who has to choose."""
    if args.yes:
        return tuple(questions)
    first, found = (sample or own_pictures())[0], []
    for question in questions:
        pixels = picture_of_choices(drafted.source, answers, question, first)
        if proof is not None and question.key == RESULTS:
            pixels = contact_sheet(proof.check.trial)
        file = None if pixels is None else _open_picture(args.picture, question.key, pixels)
        found.append(replace(question, picture=file))
    return tuple(found)


def _open_picture(file: Path | None, key: str, pixels: Array) -> Path | None:
    """Writes a picture beside the one that is asked for, or where temporary files are."""
    place = file or Path(mkdtemp(prefix='ml_model_')) / 'open.jpg'
    try:
        return write_picture(place.with_stem(f'{place.stem}_{key}'), pixels)
    except ExportError as error:
        warn(str(error))
        return None


def _left_open(drafted: Draft, open_: Sequence[Question], as_json: bool) -> int:
    if as_json:
        questions = [question_document(question) for question in open_]
        claims = [claim_document(claim) for claim in drafted.claims]
        print(json.dumps({'open': questions, 'claims': claims}, indent=2))
    else:
        show_claims(drafted.claims)
        list_open(open_)
    return OPEN_QUESTIONS


def _add(args: argparse.Namespace, proof: _Proof, name: Claim) -> Added:
    store, there = args.into or user_store(), proof.there
    drafted, written, check, told = proof.drafted, proof.written, proof.check, proof.sample
    directory = there or _installed(args, store, written, name)
    model = f'{name.value}@{directory.name}'
    if there is not None:
        claims = Claims((_version_there(there),)).then(written.claims)
        written = replace(written, claims=in_order(claims))
    added = Added(model, directory, there is None, drafted, written, check, told, proof.shared)
    if there is not None and args.picture is None:
        return added
    return replace(added, picture=_picture(args.picture, check, model))


def _version_there(folder: Path) -> Claim:
    return Claim('version', int(folder.name), Origin.DEFAULT, 'the one that is installed already')


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
