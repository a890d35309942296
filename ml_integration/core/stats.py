"""Statistics of messages and frames, of the last seconds and since the start."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from ml_integration.core.error_kinds import ErrorKind
from ml_integration.core.rhythm import Rhythm

STAGES = ('wait', 'decode', 'encode', 'infer', 'postprocess', 'validate', 'publish', 'total')
"""The stages of a frame in order of execution, and all of them together."""


@dataclass(frozen=True, slots=True)
class InputKey:
    """Key of the messages of one input of one stream.

    Attributes:
        stream: name of the stream; empty for the only stream of a node.
        source: the topic in the manifest that they come on.
        triggers: whether each of them starts a run, and so is a frame that can be dropped;
            samples of a window and values that are held are not.
        holds: whether each of them holds until the next one comes, as a camera info does.
    """

    stream: str = ''
    source: str = ''
    triggers: bool = True
    holds: bool = False


@dataclass(frozen=True, slots=True)
class Arrivals:
    """Counts of messages that arrived, and of messages that were lost on the way."""

    received: int = 0
    lost: int = 0

    @property
    def lost_ratio(self) -> float:
        return self.lost / max(self.received + self.lost, 1)


@dataclass(frozen=True, slots=True)
class Counts:
    """Counts of frames by how they ended.

    Attributes:
        received: messages that arrived to start a run.
        displaced: replaced by a newer one before the worker was free.
        stale: older than the deadline when the worker was free.
        published: results that went out.
        invalid: results that failed validation and were held back.
        failed: frames that ended in an error.
    """

    received: int = 0
    displaced: int = 0
    stale: int = 0
    published: int = 0
    invalid: int = 0
    failed: int = 0

    @property
    def drop_ratio(self) -> float:
        return (self.displaced + self.stale) / max(self.received, 1)

    @property
    def invalid_ratio(self) -> float:
        return self.invalid / max(self.published + self.invalid, 1)

    @property
    def error_ratio(self) -> float:
        return self.failed / max(self.published + self.invalid + self.failed, 1)


@dataclass(frozen=True, slots=True)
class Percentiles:
    """Percentiles of a duration [ms]."""

    p50: float
    p95: float
    p99: float

    @classmethod
    def of(cls, values: Iterable[float]) -> Percentiles:
        """Takes the percentiles of at least one value, with values between two of them.

        A sorted list takes a tenth of the time of numpy's way for what a window holds.
        """
        ordered = sorted(values)
        return cls(*(_at(ordered, share) for share in (0.5, 0.95, 0.99)))


def _at(ordered: Sequence[float], share: float) -> float:
    """Returns the value at a share of the way through sorted ones."""
    place = share * (len(ordered) - 1)
    below = int(place)
    above = min(below + 1, len(ordered) - 1)
    return ordered[below] + (place - below) * (ordered[above] - ordered[below])


@dataclass(frozen=True, slots=True)
class InputStats:
    """Statistics of the messages of one input of a stream.

    Attributes:
        source: the topic in the manifest that they come on.
        hz: messages per second of the window.
        since_s: time since the last message [s]; since the start if there was none.
        serialized_bytes: size of the last message as it came over the network; 0 if it was handed
            over inside the process, or if the middleware did not say.
        recent: counts inside the window.
        total: counts since the start.
        transport: from the message's stamp to its arrival [ms]; None without results, and where
            these messages do not start runs.
        behind_s: how much older their stamps are than those of what starts runs [s]; negative
            where they are newer, None where it is not known, and for what starts runs.
        ahead_s: how much later the last message's stamp is than the clock of the node was on its
            arrival [s]; negative where it is earlier, as it should be, None where it is not known.
        holds: whether a message holds until the next one comes, so that neither silence nor an
            old stamp is a fault.
        triggers: whether each of them starts a run.
        rhythm: of their stamps.
    """

    source: str
    hz: float
    since_s: float
    serialized_bytes: int
    recent: Arrivals
    total: Arrivals
    transport: Percentiles | None
    behind_s: float | None = None
    ahead_s: float | None = None
    holds: bool = False
    triggers: bool = True
    rhythm: Rhythm = field(default_factory=Rhythm)


@dataclass(frozen=True, slots=True)
class StreamStats:
    """Statistics of one stream: its messages, and what became of its frames.

    Attributes:
        name: empty for the only stream of a node.
        inputs: its messages, for each input of the model.
        recent: counts inside the window.
        total: counts since the start.
        age: from the stamp of the message that started a run to its result [ms]; None without
            results.
        missing: topics of the inputs that never came or are too old to be used.
    """

    name: str
    inputs: tuple[InputStats, ...]
    recent: Counts
    total: Counts
    age: Percentiles | None
    missing: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Stats:
    """Statistics of the last seconds and since the start.

    Attributes:
        window_s: length of the window [s]; shorter until that much time has passed.
        streams: each stream's messages and frames.
        output_hz: published results per second.
        together: frames per run, on average; 0 without results.
        recent: counts inside the window.
        total: counts since the start.
        stages: percentiles of each stage [ms], in order of execution, and of their 'total'.
        invalid_kinds: how often each kind of reason made a result invalid, since the start, the
            most frequent one first.
        recent_kinds: the same inside the window.
        last_invalid: why the last invalid result was; empty if there was none.
        spectators_failed: how often each spectator failed, such as the overlay, since the start.
        last_error: the last error's sentence, empty if there was none.
        since_error_s: time since the last error [s].
        omitted_kinds: how often something was left out of a published result, by kind, since the
            start, the most frequent one first.
        recent_incomplete: published results of the window that lack something.
        last_omitted: why something was left out last; empty if nothing was.
        histograms: by stage, 'total' and 'age' included, how many frames took at most as long as
            each bound of `core.histogram.BUCKETS`, since the start.
        errors: exceptions by the name of their type, since the start.
    """

    window_s: float
    streams: tuple[StreamStats, ...]
    output_hz: float
    together: float
    recent: Counts
    total: Counts
    stages: Mapping[str, Percentiles]
    invalid_kinds: Mapping[str, int]
    recent_kinds: Mapping[str, int]
    last_invalid: str
    spectators_failed: Mapping[str, int]
    last_error: str
    since_error_s: float
    omitted_kinds: Mapping[str, int] = field(default_factory=dict)
    recent_incomplete: int = 0
    last_omitted: str = ''
    histograms: Mapping[str, tuple[int, ...]] = field(default_factory=dict)
    errors: Mapping[str, ErrorKind] = field(default_factory=dict)
