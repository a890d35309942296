"""Assemble an ONNX graph node by node into bytes that are the same on every machine."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import TensorProto, helper

# Old enough for every ONNX Runtime in use; pinned because the bytes' sha256 is pinned.
OPSET = 13
IR_VERSION = 7
PRODUCER = 'ml_integration'


@dataclass(frozen=True)
class Value:
    """A named tensor in the graph and its shape."""

    name: str
    shape: tuple[int, ...]


@dataclass
class GraphBuilder:
    """Collects nodes and constants; names come from the caller, so they are stable."""

    name: str
    _nodes: list[onnx.NodeProto] = field(default_factory=list)
    _constants: dict[str, onnx.TensorProto] = field(default_factory=dict)

    def constant(self, name: str, array: NDArray[Any]) -> str:
        """Store `array` under `name`, little-endian on every machine, and return the name."""
        tensor = onnx.TensorProto()
        tensor.name = name
        tensor.data_type = helper.np_dtype_to_tensor_dtype(array.dtype)
        tensor.dims.extend(array.shape)
        tensor.raw_data = array.astype(array.dtype.newbyteorder('<')).tobytes()
        self._constants[name] = tensor
        return name

    def floats(self, name: str, values: Any) -> str:
        """Store float32 values."""
        return self.constant(name, np.asarray(values, np.float32))

    def integers(self, name: str, values: Any) -> str:
        """Store int64 values."""
        return self.constant(name, np.asarray(values, np.int64))

    def node(
        self, operator: str, inputs: list[str], outputs: list[str], **attributes: Any
    ) -> None:
        """Add one node; its name is its first output's."""
        self._nodes.append(
            helper.make_node(operator, inputs, outputs, name=outputs[0], **attributes)
        )

    def serialize(self, inputs: Sequence[Value], outputs: Sequence[Value]) -> bytes:
        """Check the whole graph and return the model's bytes."""
        graph = helper.make_graph(
            self._nodes,
            self.name,
            [_float_tensor(value) for value in inputs],
            [_float_tensor(value) for value in outputs],
            list(self._constants.values()),
        )
        model = helper.make_model(
            graph,
            opset_imports=[helper.make_opsetid('', OPSET)],
            ir_version=IR_VERSION,
            producer_name=PRODUCER,
        )
        onnx.checker.check_model(model, full_check=True)
        return bytes(model.SerializeToString(deterministic=True))


def _float_tensor(value: Value) -> onnx.ValueInfoProto:
    return helper.make_tensor_value_info(value.name, TensorProto.FLOAT, value.shape)
