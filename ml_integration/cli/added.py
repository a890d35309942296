"""Tells what came of adding a model."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ml_integration.cli.claims_table import claim_document, show_claims
from ml_integration.cli.output import tell, warn
from ml_integration.exports.counted import counted
from ml_integration.exports.packing.drafting import Draft
from ml_integration.exports.packing.package_writer import Written
from ml_integration.exports.trying.picture_check import PictureCheck
from ml_integration.exports.trying.verdict import Level
from ml_integration.store.state.places import default_stores


@dataclass(frozen=True, slots=True)
class Added:
    """Model that was added.

    Attributes:
        model: `name@version`.
        directory: of this version.
        is_new: False if the same content was installed already.
        drafted: what it was made of.
        written: the files.
        check: what came of it on the sample.
        sample: what that is, for a person.
        holds_sample: whether the package holds a picture of a person's sample.
        picture: file with the results; None if there is none.
    """

    model: str
    directory: Path
    is_new: bool
    drafted: Draft
    written: Written
    check: PictureCheck
    sample: str
    holds_sample: bool = False
    picture: Path | None = None

    @property
    def next_commands(self) -> tuple[str, ...]:
        """What to type next: a node that serves it, and a look at its results."""
        store = self.directory.parents[1]
        known = store.absolute() in [place.absolute() for place in default_stores()]
        path = '' if known else f' model_path:={store.absolute()}'
        return (
            f'ros2 launch ml_integration inference.launch.py model:={self.model}{path} '
            'image_topic:=/camera/image_raw',
            'ros2 run rqt_image_view rqt_image_view /inference_node/overlay',
        )


def show(added: Added) -> None:
    """Prints the origin of each value, what the model made of the sample, and what is next."""
    show_claims(added.written.claims)
    for sentence in added.drafted.conflicts:
        warn(sentence)
    others = added.drafted.source.alternatives
    if others:
        tell(f'Not taken: {", ".join(others)}; choose one by --model.')
    counts = added.check.trial.counts
    ran = f'Ran on {counted(len(counts), "picture")} ({added.sample})'
    tell(f'{ran}: {counted(sum(counts), "result")}.')
    for sentence in _about_reading(added):
        warn(sentence)
    for finding in added.check.findings:
        if finding.level is Level.NOTE:
            tell(f'Note: {finding.sentence}')
        else:
            warn(finding.sentence)
    golden = added.written.claims.get('golden')
    if added.holds_sample and added.is_new and golden is not None:
        tell(
            f'The package holds {golden.source} as its golden sample: whoever gets the package '
            'can see that picture. With --private it holds a photograph that comes along.'
        )
    if added.picture is not None:
        tell(f'Look at what it sees: {added.picture}')
    if added.is_new:
        tell(f'Installed {added.model} in {added.directory}')
    else:
        tell(f'{added.model} is installed already in {added.directory}')
    tell('Next, with your camera as image_topic:')
    for command in added.next_commands:
        tell(f'  {command}')


def _about_reading(added: Added) -> list[str]:
    """Returns warnings about how outputs are read; missing labels are a finding already."""
    warnings = added.drafted.readings.warnings
    return [one for one in warnings if added.drafted.claims.get('labels') or 'labels' not in one]


def document_of(added: Added) -> dict[str, Any]:
    """Returns all of it as plain data."""
    return {
        'model': added.model,
        'directory': str(added.directory),
        'new': added.is_new,
        'claims': [claim_document(claim) for claim in added.written.claims],
        'readings': [
            {'task': fit.task, 'settings': dict(fit.settings), 'score': fit.score, 'why': fit.why}
            for fit in added.drafted.readings.fits
        ],
        'conflicts': list(added.drafted.conflicts),
        'not_taken': list(added.drafted.source.alternatives),
        'warnings': _about_reading(added),
        'sample': added.sample,
        'holds_sample': added.holds_sample,
        'results': list(added.check.trial.counts),
        'findings': [
            {'level': one.level.value, 'sentence': one.sentence} for one in added.check.findings
        ],
        'picture': None if added.picture is None else str(added.picture),
        'next': list(added.next_commands),
    }
