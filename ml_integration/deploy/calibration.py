"""Chooses how many threads a model is worth by what is measured, and remembers it."""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import replace

from ml_integration.core.cpus import cpu_model, process_cpus, usable_cpus
from ml_integration.core.execution import SPINNING, ExecutionSettings
from ml_integration.deploy.comparison import Comparison
from ml_integration.deploy.way import Load, Way
from ml_integration.store.state.measurements import Measurements

_KIND = 'threads'
_one_at_a_time = threading.Lock()
_chosen: dict[tuple[str, ...], Way] = {}
"""Choices of this process, whose nodes share loaded models that are executed in the same way."""


class Calibration:
    """Chooses threads and spinning for models whose settings leave both open.

    Args:
        measurements: remember the choices.
        tell: is called with a sentence about each choice that is made.
    """

    def __init__(self, measurements: Measurements, tell: Callable[[str], None]) -> None:
        self._measurements = measurements
        self._tell = tell

    def known(
        self, digest: str, engine: str, settings: ExecutionSettings, load: Load
    ) -> Way | None:
        """Returns the way that was chosen for a model on this machine; None if none was.

        Args:
            digest: of the model file.
            engine: its name and version.
            settings: how the model is executed otherwise.
            load: what it is used for.
        """
        key = _circumstances(digest, engine, settings, load)
        numbers = self._measurements.get(_KIND, *key)
        if not numbers:
            return _chosen.get(key)
        return Way(int(numbers['threads']), SPINNING[int(numbers['spinning'])])

    def choose(
        self,
        model: str,
        digest: str,
        engine: str,
        settings: ExecutionSettings,
        comparison: Comparison,
    ) -> Way | None:
        """Measures and remembers; returns None if there was nothing to choose or too little time.

        Args:
            model: `name@version`, for what is told.
            digest: of the model file.
            engine: its name and version.
            settings: how the model is executed otherwise.
            comparison: runs the model.
        """
        load = comparison.load
        with _one_at_a_time:  # two would measure each other
            known = self.known(digest, engine, settings, load)  # by another node, meanwhile
            way = known or comparison.best()
        if way is not None and known is None:
            numbers = {'threads': way.threads, 'spinning': SPINNING.index(way.spinning)}
            key = _circumstances(digest, engine, settings, load)
            self._measurements.put(_KIND, *key, numbers=numbers)
            _chosen[key] = way
            self._tell(f'{model}: {way}, as measured{comparison.told()}')
        return way

    def write(self) -> None:
        """Writes what was chosen to disk."""
        self._measurements.write()


def _circumstances(
    digest: str, engine: str, settings: ExecutionSettings, load: Load
) -> tuple[str, ...]:
    """Returns everything that a choice depends on."""
    machine = (cpu_model(), str(len(process_cpus())), str(usable_cpus()))
    executed = str(replace(settings, engine='', cache_optimized=True))
    return (digest, engine, *machine, executed, f'{load.streams}/{load.together}')
