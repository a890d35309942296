"""Explains the engine's messages to a person."""

from __future__ import annotations

import re

_CAUSES = (
    (r'protobuf parsing failed|No graph was found',
     'the file is not an ONNX model, or it is truncated', 'Fetch or export it again.'),
    (r'Unsupported model IR version|Opset \d+ is under development|till opset \d+',
     'the model was exported for a newer ONNX than this ONNX Runtime knows',
     'Export it with a lower opset, or upgrade onnxruntime.'),
    (r'External file: (\S+) not found|/dev/null/([^"\]]+)',
     "the file '{}' with its external weights is missing",
     "List it under 'files' (needs onnxruntime 1.24), or save the model as one file."),
    (r'External initializer: .* out of bounds or can not be read',
     'a file with its external weights is too short', 'Fetch or export it again.'),
    (r'is not a registered function|No Op registered for',
     'the model needs an operator that ONNX Runtime does not have',
     'Export it with standard operators only.'),
    (r'NOT_IMPLEMENTED|Could not find an implementation',
     'the provider cannot execute one of the operators with these element types',
     'Export the model in float32, or choose another provider.'),
    (r'Type Error|INVALID_GRAPH', 'the graph of the model contradicts itself', 'Export it again.'),
)  # fmt: skip


def cause(message: str) -> tuple[str, str]:
    """Returns a cause in plain words, followed by the engine's message, and what to do."""
    for pattern, text, hint in _CAUSES:
        if found := re.search(pattern, message):
            name = next(filter(None, found.groups()), '')
            return f'{text.format(name)} ({shortened(message)})', hint
    return f'ONNX Runtime refuses the model ({shortened(message)})', ''


def shortened(message: str) -> str:
    """Removes the engine's tag, source positions and line breaks; at most 200 characters stay."""
    tag, position = r'\[ONNXRuntimeError\] : \d+ : \w+ : ', r'\S*/\S+\.(cc|h):\d+ .*?\) (?=[A-Z])'
    text = ' '.join(re.sub(f'{tag}|{position}', '', message).split())
    return text if len(text) <= 200 else text[:197] + '...'
