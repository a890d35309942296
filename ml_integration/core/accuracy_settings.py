"""Settings of the watch on accuracy."""

from __future__ import annotations

from dataclasses import dataclass

from ml_integration.core.declaration import declared


@dataclass(frozen=True, slots=True)
class AccuracySettings:
    """What results are compared with, and from when on the node warns."""

    window: int = declared(
        200,
        'Pairs of result and ground truth that scores are about: the last ones, at least half '
        'as many.',
        ge=10,
        le=100_000,
    )
    tolerance_ms: float = declared(
        0.0,
        'Distance of the stamps of a result and its ground truth [ms]; 0: they are the same.',
        ge=0.0,
        le=10_000.0,
    )
    keep_mb: float = declared(
        64.0, 'Memory of results that wait for their ground truth [MB].', ge=1.0, le=10_000.0
    )
    score: str = declared(
        '', "Score that min or max is about, such as mAP50; empty: the task's first one."
    )
    min: float = declared(
        0.0, 'Value of that score below which the node warns; 0: none.', ge=0.0, le=1.0
    )
    max: float = declared(
        0.0, 'Value of an error above which the node warns; 0: none.', ge=0.0, le=1e9
    )
    min_expected: float = declared(
        0.0,
        'Accuracy below which the node warns when all of the interval that calibrated scores '
        'tell is below it; 0: never.',
        ge=0.0,
        le=1.0,
    )
    teacher: str = declared(
        '',
        'Another model of the same task and classes that sees some frames too, in spare time: '
        'name or name@version, in the stores of the first one; empty: none.',
        at_configure=True,
        decides_what_runs=True,
    )
    teacher_every: int = declared(
        30, 'The teacher sees one frame of so many of a stream.', ge=1, le=1_000_000
    )
    teacher_spare_cpus: float = declared(
        0.25,
        'CPUs that have to be free for the teacher to run [CPUs]; 0: it runs whatever else does.',
        ge=0.0,
        le=1024.0,
    )
    min_agreement: float = declared(
        0.0,
        "First score with the teacher's results as the truth, below which the node warns; 0: "
        'never.',
        ge=0.0,
        le=1.0,
    )
    max_flicker: float = declared(
        0.0,
        'Share of what is seen that is otherwise for one frame only, above which the node '
        'warns; 0: never.',
        ge=0.0,
        le=1.0,
    )
