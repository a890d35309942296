"""Settings of a staged rollout."""

from __future__ import annotations

from dataclasses import dataclass

from ml_integration.core.declaration import declared


@dataclass(frozen=True, slots=True)
class RolloutSettings:
    """What a new version has to show, how it gets its frames, and when a person is asked."""

    candidate: str = declared(
        '',
        'Version that is rolled out in steps, name@version: shadow, shares of the frames, all '
        'of them; empty: none.',
        decides_what_runs=True,
    )
    shares: tuple[float, ...] = declared(
        (5.0, 25.0, 50.0),
        'Shares of the frames that the candidate gets, one step after the other [%].',
        ge=0.1,
        le=100.0,
    )
    minimum_frames: int = declared(
        1000, 'Frames that the candidate has to see in each step before the next one.', ge=1
    )
    minimum_s: float = declared(60.0, 'Time that each step takes at least [s].', ge=0.0, le=1e6)
    longest_s: float = declared(
        7200.0, 'Time without a decision in a step after which a person is asked [s].', ge=1.0
    )
    watch_s: float = declared(
        3600.0, 'Time that a promoted candidate is watched, and taken back by itself [s].', ge=0.0
    )
    only_when: str = declared(
        '',
        'State of the robot in which a next step may be taken, such as docked and speed < 0.01 '
        '(of ~/robot_state and odom); empty: any.',
    )
    robot_state: str = declared(
        '',
        'State of the robot, such as docked, where nobody publishes ~/robot_state; empty: not '
        'known.',
    )
    max_wait_s: float = declared(
        3600.0, 'Time that a step waits for only_when or for the group, then a person is '
        'asked [s].', ge=0.0,
    )  # fmt: skip
    group: tuple[str, ...] = declared(
        (), 'Full names of the other nodes that change together with this one, or not at all.'
    )
    spare_cpus: float = declared(
        0.25,
        'CPUs that have to be free for the candidate to run in spare time [CPUs]; 0: it runs '
        'whatever else does.',
        ge=0.0,
        le=1024.0,
    )
    latency_ratio: float = declared(
        1.3, "Most p99 latency, in those of the stable model's p99.", ge=1.0
    )
    unlike_latency_ratio: float = declared(
        3.0,
        'The same where both are not measured alike: in shadow the candidate only gets spare '
        'time, and is held above it; when it is promoted, the stable model is only remembered.',
        ge=1.0,
    )
    late_ratio: float = declared(
        0.02, 'Share of missed deadlines that the candidate may have more.', ge=0.0, le=1.0
    )
    error_ratio: float = declared(
        0.01, 'Share of failed frames that the candidate may have more.', ge=0.0, le=1.0
    )
    invalid_ratio: float = declared(
        0.01, 'Share of invalid results that the candidate may have more.', ge=0.0, le=1.0
    )
    disagreement: float = declared(
        0.15,
        'Share of what both models say that they may not have in common, as the task tells it; '
        'where there is truth, that decides.',
        ge=0.0,
        le=1.0,
    )
    score_loss: float = declared(
        0.02, 'Loss of a score against truth, such as mAP.', ge=0.0, le=1.0
    )
    score_growth: float = declared(
        0.05, 'Growth of an error against truth, as a part of it.', ge=0.0
    )
    useful_loss: float = declared(
        0.05, 'Loss of the share of results that were of use.', ge=0.0, le=1.0
    )
    memory_growth_mb: float = declared(
        64.0, 'Growth of the process in a step [MB].', ge=0.0, le=1e6
    )
    false_alarms: float = declared(
        0.05,
        'Probability that a rollout is taken back by chance, of a candidate at the limits.',
        ge=1e-6,
        le=0.2,
    )
    misses: float = declared(
        0.05, 'Probability that a step lets a candidate pass by chance, likewise.', ge=1e-6, le=0.2
    )
    crashes: int = declared(
        3, 'Ends of the process in a rollout after which its candidate is rejected.', ge=1
    )
