"""Results that the demo saw, with their latencies, and how they are written down."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from ml_integration.core.stats import Percentiles


@dataclass(frozen=True, slots=True)
class Detection:
    """An object that was detected.

    Attributes:
        label: the class's name.
        score: from 0 to 1.
        box_xyxy: left, top, right and bottom in the video's picture [px].
    """

    label: str
    score: float
    box_xyxy: tuple[float, float, float, float]


@dataclass(frozen=True, slots=True)
class Result:
    """Answer of the detector to one frame.

    Attributes:
        stamp_ns: the frame's stamp, the moment it was published [ns].
        latency_ms: from the stamp to the arrival of the result here [ms].
        detections: what was detected, possibly nothing.
    """

    stamp_ns: int
    latency_ms: float
    detections: tuple[Detection, ...]

    def to_json(self) -> str:
        detections = [
            {
                'class': detection.label,
                'score': round(detection.score, 4),
                'box_xyxy': [round(value, 1) for value in detection.box_xyxy],
            }
            for detection in self.detections
        ]
        return json.dumps(
            {
                'stamp_ns': self.stamp_ns,
                'latency_ms': round(self.latency_ms, 3),
                'detections': detections,
            }
        )


@dataclass(slots=True)
class Results:
    """Results so far. Grows in one thread while another reads."""

    all: list[Result] = field(default_factory=list)

    @property
    def hz(self) -> float:
        """Results per second, by the stamps of their frames."""
        if len(self.all) < 2:
            return 0.0
        return (len(self.all) - 1) * 1e9 / (self.all[-1].stamp_ns - self.all[0].stamp_ns)

    @property
    def latency(self) -> Percentiles | None:
        """Percentiles of all latencies [ms]; None without results."""
        latencies = [result.latency_ms for result in self.all]
        return Percentiles.of(latencies) if latencies else None

    def labels(self) -> Counter[str]:
        """Counts how often each class was detected."""
        return Counter(d.label for result in list(self.all) for d in result.detections)

    def write(self, file: Path) -> None:
        """Writes one JSON object per line and result."""
        file.write_text(''.join(f'{result.to_json()}\n' for result in self.all), encoding='utf-8')


def in_words(detections: Sequence[Detection]) -> str:
    """The detections by class, the surest first: 'person 0.91 0.85, car 0.60'."""
    by_label: dict[str, list[str]] = {}
    for detection in sorted(detections, key=lambda d: -d.score):
        by_label.setdefault(detection.label, []).append(f'{detection.score:.2f}')
    return ', '.join(f'{label} {" ".join(scores)}' for label, scores in by_label.items())
