"""Makes smaller numbers of a model's weights: int8 as they are used, or half precision."""

from __future__ import annotations

import importlib
import logging
import tempfile
from pathlib import Path
from typing import Any

from ml_integration.backends.onnx_runtime.causes import shortened
from ml_integration.core.datatypes import ModelContent
from ml_integration.errors import ModelLoadError

CONVERSIONS = ('int8', 'fp16')


def converted(content: ModelContent, to: str) -> bytes:
    """Returns a model with other numbers; inputs and outputs stay as they are.

    Raises:
        ModelLoadError: what it takes is not installed, or the model cannot be converted.
    """
    model = str(content.identity)
    if content.external:
        raise ModelLoadError(model, 'its weights are in files of their own, so it stays as it is')
    try:
        onnx = importlib.import_module('onnx')
        convert = {'int8': _int8, 'fp16': _fp16}[to]
    except ImportError as error:
        raise ModelLoadError(model, str(error), 'Install it: pip install onnx.') from error
    try:
        logging.disable(logging.WARNING)  # advice for those who convert by hand
        return convert(onnx, content.model)
    except Exception as error:  # the tools have no common base for what they raise
        raise ModelLoadError(model, f'{to}: {shortened(str(error))}') from error
    finally:
        logging.disable(logging.NOTSET)


def _int8(onnx: Any, model: bytes) -> bytes:
    quantization = importlib.import_module('onnxruntime.quantization')
    with tempfile.TemporaryDirectory() as folder:
        before, after = Path(folder) / 'before.onnx', Path(folder) / 'after.onnx'
        before.write_bytes(model)
        # The engine's CPU kernels of convolutions take unsigned weights only.
        quantization.quantize_dynamic(before, after, weight_type=quantization.QuantType.QUInt8)
        return after.read_bytes()


def _fp16(onnx: Any, model: bytes) -> bytes:
    float16 = importlib.import_module('onnxruntime.transformers.float16')
    half = float16.convert_float_to_float16(onnx.load_from_string(model), keep_io_types=True)
    data: bytes = half.SerializeToString()
    return data
