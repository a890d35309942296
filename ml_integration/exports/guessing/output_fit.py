"""One way to read a model's outputs."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from ml_integration.core.datatypes import TensorSpec


@dataclass(frozen=True, slots=True)
class Fit:
    """Task that fits a model's outputs.

    Attributes:
        task: the task's name.
        settings: of the task, as a manifest has them.
        outputs: those that the task reads, which a manifest has to state.
        score: points, to compare with other readings.
        why: the reason in words.
        sure: False if no more than a shape speaks for it, which other models have as well.
        encode: settings of the picture's encoder that go with it by convention; less sure than
            what the export says about them.
        doubt: what speaks against it, in words; empty if nothing does.
        labels: names of the classes, if the way to read the outputs tells them.
    """

    task: str
    settings: Mapping[str, Any]
    outputs: tuple[TensorSpec, ...]
    score: float
    why: str
    sure: bool = True
    encode: Mapping[str, Any] = field(default_factory=dict)
    doubt: str = ''
    labels: tuple[str, ...] = ()

    def same(self, other: Fit) -> bool:
        """Tells whether another fit gives the same manifest."""
        mine = (self.task, self.settings, self.outputs)
        return mine == (other.task, other.settings, other.outputs)
