"""Lets the engine see only models whose weights are all among the verified bytes."""

from __future__ import annotations

import re
from collections.abc import Mapping

from ml_integration.core.datatypes import ModelContent
from ml_integration.errors import ModelLoadError
from ml_integration.ops.onnx_weights import CompiledPart, ExternalWeights, taken_from_files

# The name of a file as manifests write it: no absolute path, no way up, no detour. The engine
# takes some other names, such as */_ORT_MEM_ADDR_/*, for something else than a file.
_PLAIN = re.compile(r'[A-Za-z0-9_][A-Za-z0-9_.-]*(/[A-Za-z0-9_][A-Za-z0-9_.-]*)*')
_HERE = './'
"""What some exporters write before the name of a file beside the model; the engine drops it."""
_ENGINE_FORMAT = b'ORTM'
_ONE_FILE = 'Save the model as one file, with all its weights inside.'
_LIST_IT = "List it under 'files' (needs onnxruntime 1.24), or save the model as one file."


def check_weights(content: ModelContent, from_memory: bool) -> None:
    """Checks that a model takes nothing from files but from those it came with.

    Args:
        content: the model and its files.
        from_memory: whether the engine can take external weights from memory.

    Raises:
        ModelLoadError: it is no ONNX model, or something of it is elsewhere.
    """
    model = str(content.identity)
    if content.model[4:8] == _ENGINE_FORMAT:  # the engine would tell by these bytes as well
        reason = "the file is not an ONNX model, but one in ONNX Runtime's own format"
        raise ModelLoadError(model, reason, 'Export it as ONNX.')
    sizes = {name: len(data) for name, data in content.external.items()}
    try:
        for part in taken_from_files(content.model):
            _check(part, sizes, from_memory, model)
    except ValueError as error:
        reason = f'the file is not an ONNX model, or it is truncated ({error})'
        raise ModelLoadError(model, reason, 'Fetch or export it again.') from error


def _check(
    part: ExternalWeights | CompiledPart, sizes: Mapping[str, int], from_memory: bool, model: str
) -> None:
    if isinstance(part, CompiledPart):
        reason = (
            'a part of it is compiled for one device, and may be in a file that is not checked'
        )
        raise ModelLoadError(model, reason, 'Export it without nodes of the type EPContext.')
    tensor, file = _shown(part.tensor), _shown(part.location)
    if part.flaw:
        reason = f'the external weights of {tensor} are described in an odd way: {part.flaw}'
        raise ModelLoadError(model, reason, _ONE_FILE)
    name = part.location.removeprefix(_HERE)
    if not _PLAIN.fullmatch(name):
        reason = f'the external weights of {tensor} are in {file}, which is no file of a package'
        raise ModelLoadError(model, reason, _ONE_FILE)
    if name not in sizes:
        raise ModelLoadError(
            model, f'the file {file} with its external weights is missing', _LIST_IT
        )
    needed, there = part.offset + (part.length or 0), sizes[name]
    if needed > there:
        reason = (
            f'the file {file} with its external weights is too short: {there} bytes of {needed}'
        )
        raise ModelLoadError(model, reason, 'Fetch or export it again.')
    if part.place:
        reason = f'the engine cannot take the external weights of {tensor}, in a {part.place}'
        raise ModelLoadError(model, f'{reason}, from verified bytes', _ONE_FILE)
    if not from_memory:
        reason = f'this ONNX Runtime cannot take the external weights of {tensor} from memory'
        raise ModelLoadError(model, reason, 'Save the model as one file: needs onnxruntime 1.24.')


def _shown(name: str) -> str:
    """Returns a name from a file in quotes, such that it can be printed."""
    return ascii(name if len(name) <= 80 else f'{name[:77]}...')
