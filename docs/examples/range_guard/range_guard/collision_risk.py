"""A task: one number between 0 and 1, and whether to stop."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from ml_integration.core.contracts import MessageTypes, Topic
from ml_integration.core.datatypes import (
    Geometry,
    ModelDescription,
    Prediction,
    Reason,
    Tensors,
    Verdict,
)
from ml_integration.core.declaration import declared
from ml_integration.errors import ModelMismatchError


class CollisionRisk:
    """Publishes the model's only output on `~/risk`, and `~/stop` where it is high."""

    topics = (Topic('risk', 'std_msgs/msg/Float32'), Topic('stop', 'std_msgs/msg/Bool'))
    batched = True

    @dataclass(frozen=True, slots=True)
    class Settings:
        """Settings that belong to the model."""

        stop_above: float = declared(0.5, 'Risk from which on to stop.', ge=0.0, le=1.0)

    def __init__(self, settings: Settings, model: ModelDescription) -> None:
        self._settings = settings
        if [output.shape[1:] for output in model.outputs] != [(1,)]:
            got = '; '.join(map(str, model.outputs))
            raise ModelMismatchError(str(model.identity), 'no risk', got, 'one output [1, 1]')
        self._output = model.outputs[0].name

    def postprocess(self, outputs: Tensors, geometry: Geometry) -> float:
        """Reads the number; what is returned must not be a view, the next run writes over it."""
        return float(outputs[self._output].flat[0])

    def validate(self, result: float, geometry: Geometry) -> Verdict:
        """Holds back what is no risk; NaN is none either."""
        if 0.0 <= result <= 1.0:
            return Verdict()
        return Verdict((Reason('risk_range', f'the risk is {result:g}, not 0 to 1'),))

    def encode(
        self, prediction: Prediction, header: Any, messages: MessageTypes
    ) -> Iterator[tuple[str, Any]]:
        """Builds one message for each topic."""
        risk = float(prediction.result)
        for topic, data in zip(self.topics, (risk, risk > self._settings.stop_above), strict=True):
            message = messages(topic.message_type)()
            message.data = data
            yield topic.name, message
