"""Says what a file is that somebody took for an ONNX model, and how to get one from it."""

from __future__ import annotations

_TORCH = (
    'a PyTorch file, whose weights need the Python code that made them',
    'Export it where it was trained: yolo export model=best.pt format=onnx, or torch.onnx.export.',
)
_TENSORRT = (
    'a TensorRT engine, which is built for one kind of GPU',
    'Give the ONNX file that it was built from; the TensorRT provider builds engines itself.',
)
_TENSORFLOW = (
    'a TensorFlow model',
    'Convert it: python -m tf2onnx.convert --saved-model FOLDER --output model.onnx.',
)
_TFLITE = (
    'a TensorFlow Lite model',
    'Convert it: python -m tf2onnx.convert --tflite FILE --output model.onnx.',
)
_KERAS = (
    'a Keras model',
    "Export it where it was trained: model.export('model.onnx', format='onnx').",
)
_TRANSFORMERS = (
    'only weights, without the graph that uses them',
    'Export its folder: optimum-cli export onnx --model FOLDER OUTPUT_FOLDER.',
)
_OPENVINO = (
    'an OpenVINO model',
    'Export it as ONNX where it was trained: OpenVINO files cannot be converted back.',
)
_COREML = ('a Core ML model', 'Export it as ONNX where it was trained.')
_DEVICE = (
    'compiled for one device, from which no ONNX model can be made',
    'Give the ONNX file that it was compiled from.',
)
_PICKLE = (
    'a Python pickle, which can run any program when it is opened',
    'Export it as ONNX where it was trained, such as with skl2onnx.',
)
KINDS = {
    **dict.fromkeys(('.pt', '.pth', '.ckpt', '.torchscript', '.pt2'), _TORCH),
    **dict.fromkeys(('.engine', '.plan', '.trt'), _TENSORRT),
    **dict.fromkeys(('.safetensors', '.bin'), _TRANSFORMERS),
    **dict.fromkeys(('.pb',), _TENSORFLOW),
    **dict.fromkeys(('.tflite', '.lite'), _TFLITE),
    **dict.fromkeys(('.h5', '.keras', '.hdf5'), _KERAS),
    **dict.fromkeys(('.xml',), _OPENVINO),
    **dict.fromkeys(('.mlmodel', '.mlpackage'), _COREML),
    **dict.fromkeys(('.hef', '.rknn', '.blob', '.superblob', '.ort', '.dlc'), _DEVICE),
    **dict.fromkeys(('.pkl', '.pickle', '.joblib'), _PICKLE),
}
"""What files of an ending are, and how to go on."""
_BEGINNINGS = (
    (
        b'version https://git-lfs',
        'a pointer of Git LFS, not the model itself',
        'Fetch the model: git lfs pull.',
    ),
    (b'PK\x03\x04', *_TORCH),
    (b'\x80\x02', *_TORCH),
    (b'\x89HDF\r\n', *_KERAS),
    (b'<', 'a web page or XML, not a model', 'Download the file itself, not the page about it.'),
    (b'ftrt', *_TENSORRT),
)


def kind_by_name(name: str) -> tuple[str, str] | None:
    """Returns what a file of this name is and how to go on; None for what nobody knows."""
    lower = name.lower()
    found = next((kind for ending, kind in KINDS.items() if lower.endswith(ending)), None)
    if lower.endswith('.bin') and 'pytorch_model' not in lower:
        return None
    return found


def kind_by_content(content: bytes) -> tuple[str, str] | None:
    """Returns what begins like this and how to go on; None for what nobody knows."""
    if content[4:8] in (b'TFL3', b'ORTM'):
        return _TFLITE if content[4:8] == b'TFL3' else _DEVICE
    start = content[:64].lstrip()
    return next(
        ((what, hint) for begin, what, hint in _BEGINNINGS if start.startswith(begin)), None
    )
