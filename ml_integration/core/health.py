"""The one judge: statistics and limits in, a level with reasons out."""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum

from ml_integration.core.declaration import declared
from ml_integration.core.stats import InputStats, Stats


class Level(IntEnum):
    """Severity; the numbers are those of diagnostic_msgs/DiagnosticStatus."""

    OK = 0
    WARN = 1
    ERROR = 2


@dataclass(frozen=True, slots=True)
class HealthSettings:
    """When a node calls itself unwell; ratios are taken over the last ten seconds."""

    input_timeout_ms: float = declared(
        2000.0, 'Time without input of a camera after which the node warns [ms].', ge=1.0
    )
    max_lost_ratio: float = declared(
        0.05, 'Share of messages lost on the way above which the node warns.', ge=0.0, le=1.0
    )
    max_drop_ratio: float = declared(
        0.5, 'Share of displaced or stale frames above which the node warns.', ge=0.0, le=1.0
    )
    max_invalid_ratio: float = declared(
        0.1, 'Share of invalid results above which the node reports an error.', ge=0.0, le=1.0
    )
    max_error_ratio: float = declared(
        0.05, 'Share of failed frames above which the node reports an error.', ge=0.0, le=1.0
    )


@dataclass(frozen=True, slots=True)
class Finding:
    """The judgment of one concern, as one sentence."""

    concern: str
    level: Level
    sentence: str


@dataclass(frozen=True, slots=True)
class Health:
    """The judgment of all concerns.

    Attributes:
        findings: one per concern.
        inputs: the one about input for each camera.
    """

    findings: tuple[Finding, ...]
    inputs: tuple[Finding, ...]

    @property
    def level(self) -> Level:
        return max((finding.level for finding in self.findings), default=Level.OK)

    def of(self, concern: str) -> Finding:
        """The finding about one concern: input, latency, drops, results or errors."""
        return next(finding for finding in self.findings if finding.concern == concern)


def judge(stats: Stats, settings: HealthSettings, latency_ms: float | None) -> Health:
    """Judges a window.

    Args:
        stats: the window.
        settings: the robot's limits.
        latency_ms: the model's limit for the p95 of all stages of a frame together [ms]; None
            when it promises none.
    """
    inputs = tuple(_input(one, settings) for one in stats.inputs)
    return Health(
        (
            max(inputs, key=lambda finding: finding.level),
            _latency(stats, latency_ms),
            _drops(stats, settings),
            _results(stats, settings),
            _errors(stats, settings),
        ),
        inputs,
    )


def _input(stats: InputStats, settings: HealthSettings) -> Finding:
    if stats.since_s * 1e3 > settings.input_timeout_ms:
        ever = 'no message' if stats.total.received else 'no message yet'
        return Finding('input', Level.WARN, f'{ever} for {stats.since_s:.1f} s')
    recent = stats.recent
    if recent.lost_ratio > settings.max_lost_ratio:
        sent = recent.received + recent.lost
        return Finding('input', Level.WARN, f'{recent.lost} of {sent} messages lost on the way')
    return Finding('input', Level.OK, f'{stats.hz:.1f} Hz')


def _latency(stats: Stats, latency_ms: float | None) -> Finding:
    total = stats.stages.get('total')
    if total is None:
        return Finding('latency', Level.OK, 'no results in the window')
    if latency_ms is None:
        return Finding('latency', Level.OK, f'p95 {total.p95:.1f} ms, the model has no limit')
    sentence = f'p95 {total.p95:.1f} ms of {latency_ms:g} ms allowed'
    return Finding('latency', Level.WARN if total.p95 > latency_ms else Level.OK, sentence)


def _drops(stats: Stats, settings: HealthSettings) -> Finding:
    recent = stats.recent
    sentence = f'{recent.displaced} displaced and {recent.stale} stale of {recent.received} frames'
    late = recent.drop_ratio > settings.max_drop_ratio
    return Finding('drops', Level.WARN if late else Level.OK, sentence)


def _results(stats: Stats, settings: HealthSettings) -> Finding:
    recent = stats.recent
    bad = recent.invalid_ratio > settings.max_invalid_ratio
    sentence = f'{stats.output_hz:.1f} Hz, {recent.invalid} invalid and held back'
    return Finding('results', Level.ERROR if bad else Level.OK, sentence)


def _errors(stats: Stats, settings: HealthSettings) -> Finding:
    recent = stats.recent
    sentence = f'{recent.failed} failed frames'
    if recent.failed:
        sentence += f', the last one: {stats.last_error}'
    if recent.error_ratio > settings.max_error_ratio:
        return Finding('errors', Level.ERROR, sentence)
    return Finding('errors', Level.WARN if recent.failed else Level.OK, sentence)
