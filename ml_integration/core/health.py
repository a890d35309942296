"""Judges the health of a node: statistics and limits in, a level with reasons out."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from ml_integration.core.declaration import declared
from ml_integration.core.endpoints import Endpoint
from ml_integration.core.findings import Finding, Health, Level
from ml_integration.core.silence import CLOCKS_APART_S, causes, clock_is_off
from ml_integration.core.stats import Counts, InputStats, Stats, StreamStats

STUCK_S = 5.0
"""Time after which a run of the engine counts as frozen [s]."""
FEWEST_STALE = 3
"""Number of frames from which it is no accident that all of them are too old."""
FRAME_CONCERNS = ('input', 'latency', 'drops', 'results', 'errors')
CONCERNS = ('model', *FRAME_CONCERNS)
_REMEDIES = {
    'jump': "look at the clock of the sensor's machine, or at what plays a recording again",
    'rate': "look at the sensor's exposure and settings, or set health.expected_rate_hz",
    'jitter': "look at the load of the sensor's machine, and at who else uses its bus",
}
"""What to do about an input that comes, but not as it should, by the kind of finding."""


@dataclass(frozen=True, slots=True)
class HealthSettings:
    """Limits of a healthy node; ratios are taken over the last ten seconds."""

    input_timeout_ms: float = declared(
        2000.0, 'Time without input of a camera after which the node warns [ms].', ge=1.0
    )
    max_lost_ratio: float = declared(
        0.05, 'Share of messages lost on the way above which the node warns.', ge=0.0, le=1.0
    )
    max_ahead_ms: float = declared(
        200.0, "Time that stamps may be ahead of the node's clock before it warns [ms].", ge=0.0
    )
    expected_rate_hz: float = declared(
        0.0,
        'Rate of the messages that start runs [Hz]; 0: the one of their first stable minute.',
        ge=0.0,
        le=1e5,
    )
    max_rate_ratio: float = declared(
        0.4,
        'Part by which a rate may differ from what is expected before the node warns; 0: any.',
        ge=0.0,
    )
    max_jitter_ratio: float = declared(
        1.5,
        "Jitter of a known rate's stamps (p95), as a part of its period, above which the node "
        'warns; 0: any.',
        ge=0.0,
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
class Alarms:
    """Faults of the models of a node: facts, not measurements.

    Attributes:
        complaints: reasons why a model is not used, or a state not stored.
        fallback: reason why another device than the wanted one executes the model; empty if none.
        unchecked: whether any file is loaded as a model, unverified.
        tampering: how the serving model's files have changed; empty if they have not.
        quarantined: why no start may use what serves; empty if one may.
        start: what is to be told of the last start, however bad that is.
        exposed: folders that anybody may change.
        leaked: secrets that belong on no robot.
    """

    complaints: tuple[str, ...] = ()
    fallback: str = ''
    unchecked: bool = False
    tampering: str = ''
    quarantined: str = ''
    start: tuple[Finding, ...] = ()
    exposed: tuple[str, ...] = ()
    leaked: tuple[str, ...] = ()

    def findings(self) -> tuple[Finding, ...]:
        """Returns one finding for each fault, the worst one first, and then what is no fault."""
        sentences = [*self.complaints, self.fallback, *self.exposed]
        if self.unchecked:
            sentences.append('INTEGRITY IS OFF: any file is loaded as a model')
        found = [Finding('model', Level.WARN, text, hard=True) for text in sentences if text]
        found[:0] = [Finding('model', Level.ERROR, text, hard=True) for text in self.leaked]
        if self.quarantined:
            found.insert(0, Finding('model', Level.ERROR, self.quarantined, hard=True))
        if self.tampering:
            sentence = f'changed on disk and quarantined: {self.tampering}'
            found.insert(0, Finding('model', Level.ERROR, sentence, hard=True))
        return tuple(sorted((*self.start, *found), key=lambda one: -one.level))


def judge(
    stats: Stats,
    endpoints: Sequence[Endpoint],
    busy_s: float,
    alarms: Alarms,
    settings: HealthSettings,
    latency_ms: float | None = None,
    watched: Sequence[Finding] = (),
) -> Health:
    """Judges an active node by what is known in this second.

    Args:
        stats: statistics of the last seconds.
        endpoints: one for each input of each stream.
        busy_s: time since work on the current frames began [s]; 0 if there are none.
        alarms: what is wrong with the models.
        settings: the robot's limits.
        latency_ms: the model's limit for the p95 of all stages of a frame together [ms]; None
            when it promises none.
        watched: what the watches have found.
    """
    return Health(
        (
            _model(alarms),
            _input(stats, endpoints, settings),
            _latency(stats, latency_ms),
            _drops(stats, settings),
            _results(stats, settings),
            _errors(stats, busy_s, settings),
            *watched,
        )
    )


def judge_idle(state: str, alarms: Alarms, watched: Iterable[Finding] = ()) -> Health:
    """Judges a node whose `state` is not 'active': its models, as there are no frames.

    Args:
        state: of the lifecycle.
        alarms: what is wrong with the models.
        watched: what the watches say of an idle node.
    """
    idle = (Finding(concern, Level.OK, state) for concern in FRAME_CONCERNS)
    return Health((_model(alarms), *idle, *watched))


def _model(alarms: Alarms) -> Finding:
    return next(iter(alarms.findings()), Finding('model', Level.OK, ''))


def _input(stats: Stats, endpoints: Iterable[Endpoint], settings: HealthSettings) -> Finding:
    """Judges the inputs: the sentence says what is wrong, or the rates if nothing is."""
    at = {(endpoint.stream, endpoint.source): endpoint for endpoint in endpoints}
    found = tuple(
        _one_input(stream, one, at[stream.name, one.source], settings)
        for stream in stats.streams
        for one in stream.inputs
    )
    wrong = [finding for finding in found if finding.level != Level.OK]
    if not wrong:
        rates = (f'{finding.subject} {finding.sentence}'.strip() for finding in found)
        return Finding('input', Level.OK, ', '.join(rates), parts=found)
    level = max(finding.level for finding in wrong)
    sentence = ' | '.join(finding.sentence for finding in wrong)
    return Finding('input', level, sentence, any(one.hard for one in wrong), parts=found)


def _name(stream: StreamStats, one: InputStats) -> str:
    """Returns a name that is unique among the node's inputs; empty if there is only one."""
    return ' '.join(filter(None, (stream.name, one.source if len(stream.inputs) > 1 else '')))


def _one_input(
    stream: StreamStats, one: InputStats, endpoint: Endpoint, settings: HealthSettings
) -> Finding:
    name = _name(stream, one)
    kind, symptom = next(_symptoms(stream, one, settings), ('', ''))
    max_ahead_s = settings.max_ahead_ms / 1e3
    cause = next(causes(stream, one, endpoint, bool(symptom), max_ahead_s), None)
    if not symptom and cause is None:
        return Finding('input', Level.OK, f'{one.hz:.1f} Hz', subject=name)
    what = f'{symptom or f"{one.hz:.1f} Hz"} on {endpoint.topic}'
    publishers = f'{endpoint.publishers or "no"} publisher{"s" * (endpoint.publishers > 1)}'
    if cause is None:
        sentence = '; '.join(filter(None, (what, publishers, _REMEDIES.get(kind))))
        return Finding('input', Level.WARN, sentence, kind=kind, subject=name)
    sentence = f'{what}; {publishers}; {cause.sentence}'
    return Finding('input', Level.WARN, sentence, cause.certain, cause.kind, name)


def _symptoms(
    stream: StreamStats, one: InputStats, settings: HealthSettings
) -> Iterator[tuple[str, str]]:
    """Yields what is wrong with an input: a word and a sentence."""
    if one.source in stream.missing:
        yield 'missing', f"input '{one.source}' is missing"
    is_kept = one.holds and one.total.received
    if not is_kept and one.since_s * 1e3 > settings.input_timeout_ms:
        ever = 'no message' if one.total.received else 'no message yet'
        yield 'silent', f'{ever} for {one.since_s:.1f} s'
    recent = one.recent
    if recent.lost_ratio > settings.max_lost_ratio:
        sent = recent.received + recent.lost
        yield 'lost', f'{recent.lost} of {sent} messages lost on the way'
    if clock_is_off(one, settings.max_ahead_ms / 1e3):
        yield 'clock', f'stamps from the {"future" if (one.ahead_s or 0.0) > 0 else "past"}'
    if not one.holds:
        yield from _off_beat(one, settings)


def _off_beat(one: InputStats, settings: HealthSettings) -> Iterator[tuple[str, str]]:
    """Yields what is wrong with the rhythm of an input, likewise."""
    rhythm = one.rhythm
    if rhythm.jumps:
        way = 'back' if rhythm.jump_s < 0 else 'ahead'
        yield 'jump', f'stamps jumped {way} by {abs(rhythm.jump_s):.2f} s'
    expected_hz = (settings.expected_rate_hz if one.triggers else 0.0) or rhythm.usual_hz
    if not expected_hz or rhythm.rate_hz is None:
        return
    off = abs(rhythm.rate_hz - expected_hz) / expected_hz
    if settings.max_rate_ratio and off > settings.max_rate_ratio:
        limit = f'(limit {settings.max_rate_ratio:.0%} off)'
        yield 'rate', f'{rhythm.rate_hz:.1f} Hz instead of {expected_hz:.1f} Hz {limit}'
    jitter_ms, limit_ms = rhythm.jitter_ms or 0.0, settings.max_jitter_ratio * 1e3 / expected_hz
    if limit_ms and jitter_ms > limit_ms:
        yield 'jitter', f'stamps jitter by {jitter_ms:.1f} ms (limit {limit_ms:.1f} ms)'


def _latency(stats: Stats, latency_ms: float | None) -> Finding:
    total = stats.stages.get('total')
    if total is None:
        return Finding('latency', Level.OK, 'no results in the window')
    if latency_ms is None:
        return Finding('latency', Level.OK, f'p95 {total.p95:.1f} ms, the model has no limit')
    sentence = f'p95 {total.p95:.1f} ms of {latency_ms:g} ms allowed'
    return Finding('latency', Level.WARN if total.p95 > latency_ms else Level.OK, sentence)


def _drops(stats: Stats, settings: HealthSettings) -> Finding:
    """Judges how many frames are dropped, and whether clocks that differ are the cause."""
    recent = stats.recent
    sentence = f'{recent.displaced} displaced and {recent.stale} stale of {recent.received} frames'
    late = [stream.name for stream in stats.streams if _all_stale(stream.recent)]
    if late:
        which = f'every frame of {" or ".join(late)}' if any(late) else 'every frame'
        ages = [one.ahead_s for stream in stats.streams for one in stream.inputs
                if stream.name in late and one.ahead_s is not None]  # fmt: skip
        by = f', by up to {-min(ages):.1f} s' if ages and min(ages) < -CLOCKS_APART_S else ''
        hint = f'{which} is too old{by}: does the publisher use the same clock (use_sim_time)?'
        return Finding('drops', Level.ERROR, f'{sentence}; {hint}', hard=True, kind='stale')
    if recent.drop_ratio <= settings.max_drop_ratio:
        return Finding('drops', Level.OK, sentence)
    missing = dict.fromkeys(topic for stream in stats.streams for topic in stream.missing)
    if missing and recent.displaced:
        hint = f'they wait in vain for {" and ".join(missing)}, as the status of the input says'
        return Finding('drops', Level.WARN, f'{sentence}; {hint}', kind='waiting')
    together = any(len(stream.inputs) > 1 for stream in stats.streams)
    why = 'the model is slower than the camera'
    why += ', or what belongs to a picture comes too late' if together else ''
    hint = f'{why}; that is harmless if the results come often enough'
    if recent.stale > recent.displaced:
        hint = 'most are older than deadline_ms when their turn comes'
    return Finding('drops', Level.WARN, f'{sentence}; {hint}', kind='dropped')


def _all_stale(recent: Counts) -> bool:
    others = recent.displaced + recent.failed
    return recent.stale >= FEWEST_STALE and recent.stale >= recent.received - others


def _results(stats: Stats, settings: HealthSettings) -> Finding:
    recent = stats.recent
    bad = recent.invalid_ratio > settings.max_invalid_ratio
    sentence = f'{stats.output_hz:.1f} Hz, {recent.invalid} invalid and held back'
    if not bad:
        return _complete(stats, sentence, settings)
    kinds = ', '.join(f'{count} {kind}' for kind, count in stats.recent_kinds.items())
    sentence += f' ({kinds}; the last one: {stats.last_invalid})'
    if recent.published:
        return Finding('results', Level.ERROR, sentence, kind='invalid')
    sentence += '; nothing goes out: ml_model check tells whether the manifest fits the model'
    return Finding('results', Level.ERROR, sentence, hard=True, kind='all_invalid')


def _complete(stats: Stats, sentence: str, settings: HealthSettings) -> Finding:
    """Judges whether valid results lack what a stage should have added."""
    lacking, published = stats.recent_incomplete, stats.recent.published
    if lacking <= settings.max_invalid_ratio * published:
        return Finding('results', Level.OK, sentence)
    sentence += f', {lacking} incomplete (the last one: {stats.last_omitted})'
    level = Level.ERROR if lacking >= published else Level.WARN
    return Finding('results', level, sentence, kind='incomplete')


def _errors(stats: Stats, busy_s: float, settings: HealthSettings) -> Finding:
    if busy_s >= STUCK_S:
        sentence = f'one frame has been in work for {busy_s:.0f} s: the engine seems to be frozen'
        return Finding('errors', Level.ERROR, sentence, hard=True)
    recent = stats.recent
    sentence = f'{recent.failed} failed frames'
    if recent.failed:
        sentence += f', the last one: {stats.last_error}'
    if recent.error_ratio > settings.max_error_ratio:
        none_good = not recent.published and not recent.invalid
        return Finding('errors', Level.ERROR, sentence, hard=none_good)
    return Finding('errors', Level.WARN if recent.failed else Level.OK, sentence)
