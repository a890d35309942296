"""Which engine opens a model is the robot's choice, which formats it opens the engine's."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from model_folders import read_manifest_document, write_manifest

from ml_integration.core.execution import ExecutionSettings
from ml_integration.deploy.loading import Loader
from ml_integration.errors import MlIntegrationError, ModelLoadError, PluginError
from ml_integration.store.package.package import read_package

ModelFolder = Callable[..., Path]


def test_an_engine_that_is_not_here_is_named(model_folder: ModelFolder) -> None:
    with pytest.raises(PluginError, match="there is no 'abacus'; expected one of"):
        Loader(ExecutionSettings(engine='abacus')).load(read_package(model_folder()))


def test_an_engine_that_does_not_open_the_format_says_which_it_opens(
    model_folder: ModelFolder,
) -> None:
    folder = model_folder()
    write_manifest(folder, {**read_manifest_document(folder), 'format': 'tflite'})
    sentence = (
        "tiny_detector@1: the engine 'onnx_runtime' opens onnx, the model is tflite. "
        'Choose another engine with the parameter execution.engine.'
    )
    with pytest.raises(ModelLoadError) as caught:
        Loader(ExecutionSettings()).load(read_package(folder))
    assert str(caught.value) == sentence


def test_how_a_picture_becomes_a_tensor_is_taken_from_the_input(model_folder: ModelFolder) -> None:
    folder = model_folder(encode={'resize': 'bend'})
    with pytest.raises(MlIntegrationError, match="got 'bend'; expected str one of letterbox"):
        Loader(ExecutionSettings()).load(read_package(folder))
    folder = model_folder('other', settings={'preprocess': {'resize': 'stretch'}})
    with pytest.raises(MlIntegrationError, match=r"'settings\.preprocess' .* to its 'encode'"):
        Loader(ExecutionSettings()).load(read_package(folder))
