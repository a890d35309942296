"""Ways to execute a model on a CPU, and what one is chosen for."""

from __future__ import annotations

from dataclasses import dataclass, replace

from ml_integration.core.cpus import usable_cpus
from ml_integration.core.execution import ExecutionSettings


@dataclass(frozen=True, slots=True)
class Way:
    """Way to execute a model.

    Attributes:
        threads: inside one operator.
        spinning: one of SPINNING, but 'auto'.
    """

    threads: int
    spinning: str = 'never'

    def of(self, settings: ExecutionSettings) -> ExecutionSettings:
        """Returns the settings that mean this; the same ones if they do already."""
        if self == usual_way():
            return settings
        return replace(settings, intra_op_threads=self.threads, spinning=self.spinning)

    def __str__(self) -> str:
        threads = f'{self.threads} thread{"s" if self.threads > 1 else ""}'
        return f'{threads}, spinning {self.spinning}' if self.threads > 1 else threads


@dataclass(frozen=True, slots=True)
class Load:
    """What a model is used for.

    Attributes:
        streams: number of cameras, or whatever its frames come from.
        together: frames of a run, at most.
    """

    streams: int = 1
    together: int = 1

    @property
    def spinning(self) -> str:
        """How threads wait that are worth waking: those that spin take the CPU from others.

        Between two frames of one camera nobody else wants it; several cameras leave no such time.
        """
        return 'within_run' if self.streams == 1 else 'never'


def usual_way() -> Way:
    """Returns the way in which a model is executed of which nothing is known."""
    return Way(usable_cpus())
