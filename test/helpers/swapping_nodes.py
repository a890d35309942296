"""Models to swap between, and an inference node that is asked to."""

from __future__ import annotations

import shutil
import threading
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

import odd_backends
import onnx_models
from diagnostic_msgs.msg import DiagnosticArray, DiagnosticStatus
from inference_processes import (
    GREEN,
    RED,
    NodeUnderTest,
    image_message,
    running_node,
    set_stamp,
    squares,
    stamp_of,
    value,
)
from model_folders import pin_files, read_manifest_document, write_manifest, write_model_folder
from rcl_interfaces.msg import SetParametersResult
from ros_client import Client
from ros_processes import WAIT_S, wait_until
from std_srvs.srv import Trigger
from vision_msgs.msg import Detection2DArray

from ml_integration.errors import MlIntegrationError
from ml_integration.ros.node import qos

FRUIT, GARDEN = ('tomato', 'lime', 'plum'), ('rose', 'leaf', 'sky')
LOAD_S = 60.0
PICTURE = squares(RED, GREEN)


def write_good_models(store: Path) -> None:
    """`m@1` and `m@2`: other labels, another input size and another threshold."""
    write_model_folder(store, 'm', 1, labels=FRUIT)
    settings = {'decoder': 'yolo', 'score_threshold': 0.9}
    model = onnx_models.tiny_detector(128)
    write_model_folder(store, 'm', 2, model=model, labels=GARDEN, settings=settings)


def write_waiting_model(store: Path, version: int) -> None:
    """A copy of m@2 that loads when the test lets it: see `SwappingNode.loading`."""
    folder = copy_version(store, 2, version)
    odd_backends.spoil(folder, odd_backends.WAITING)


def replace_model(folder: Path, model: bytes) -> None:
    """Another model file under the same manifest, which pins it."""
    (folder / 'model.onnx').write_bytes(model)
    pin_files(folder)


def change_settings(folder: Path, **settings: object) -> None:
    write_manifest(folder, {**read_manifest_document(folder), 'settings': settings})


def copy_version(store: Path, version: int, new: int) -> Path:
    """Copies `m@<version>` as another version; returns its folder."""
    folder = shutil.copytree(store / f'm/{version}', store / f'm/{new}')
    write_manifest(folder, {**read_manifest_document(folder), 'version': new})
    return Path(folder)


class SwappingNode(NodeUnderTest):
    """An inference node and what it says about its models."""

    def __init__(self, node: NodeUnderTest, gate: Path) -> None:
        super().__init__(node.process, node.client, node.name)
        self.gate = gate
        self._models = self.client.collect(DiagnosticArray, f'{self.name}/models', qos.latched())

    def set_model(self, reference: str) -> SetParametersResult:
        return self.client.set_parameter(self.name, 'model', reference)

    @contextmanager
    def loading(self, reference: str) -> Iterator[None]:
        """Asks for a model of `write_waiting_model`, which is being loaded during the block."""
        self.gate.touch()
        try:
            assert self.set_model(reference).successful
            yield
        finally:
            self.gate.unlink()

    def parameter(self) -> str:
        """The parameter `model`."""
        return str(self.client.parameter(self.name, 'model'))

    def verb(self, name: str) -> Trigger.Response:
        """Calls `~/swap`, `~/rollback` or `~/reload` and waits for the answer."""
        request = Trigger.Request()
        answer: Trigger.Response = self.client.call(
            Trigger, f'{self.name}/{name}', request, LOAD_S
        )
        return answer

    def wait_for_summary(
        self, condition: Callable[[DiagnosticStatus], object], what: str
    ) -> DiagnosticStatus:
        """Waits until `~/models` says something about the node as a whole; returns it."""

        def newest() -> list[DiagnosticStatus]:
            return [message.status[0] for message in self._models.messages[-1:]]

        try:
            wait_until(lambda: any(map(condition, newest())), what, LOAD_S)
        except MlIntegrationError as error:
            raise AssertionError(f'{error}; {newest()}\n{self.process.log}') from None
        return newest()[0]

    def wait_for_serving(self, model: str) -> DiagnosticStatus:
        return self.wait_for_summary(
            lambda status: value(status, 'serving') == model and not value(status, 'problem'),
            f'{model} to serve',
        )

    def wait_for_problem(self, text: str) -> DiagnosticStatus:
        return self.wait_for_summary(
            lambda status: text in value(status, 'problem'), f'a problem with {text!r}'
        )

    def version(self, model: str) -> DiagnosticStatus:
        """What `~/models` said last about one version."""
        return next(s for s in self._models.messages[-1].status if s.name == model)

    def ask_once(self, timeout_s: float = WAIT_S) -> Detection2DArray:
        """Publishes one picture, once, and returns its result."""
        message, results = image_message(PICTURE, frame_id='eye'), self.results()
        set_stamp(message, self.now_ns())
        self.feed().publish(message)

        def answers() -> list[Any]:
            return [r for r in results.messages[-9:] if stamp_of(r) == stamp_of(message)]

        wait_until(answers, f'the result of a frame; the log:\n{self.process.log}', timeout_s)
        assert answers()[0].header == message.header
        return answers()[0]

    def words(self) -> set[str]:
        """The class names of the serving model, by asking it."""
        return names(self.ask_once())

    @contextmanager
    def frames_flowing(self) -> Iterator[list[Detection2DArray]]:
        """Asks frame after frame meanwhile; each one has to be answered. Gives the answers."""
        answers: list[Detection2DArray] = []
        failures: list[BaseException] = []
        ended = threading.Event()
        self.feed(), self.results()

        def flow() -> None:
            try:
                while not ended.wait(0.01):
                    answers.append(self.ask_once(LOAD_S))
            except MlIntegrationError as error:
                failures.append(error)

        thread = threading.Thread(target=flow)
        thread.start()
        try:
            wait_until(lambda: answers or failures, 'the first answer')
            yield answers
            enough = len(answers) + 5
            wait_until(lambda: len(answers) >= enough or failures, 'more answers')
        finally:
            ended.set()
            thread.join()
        assert not failures, failures


@contextmanager
def swapping_node(
    folder: Path, store: Path, *more: str, name: str = '/swapping', **parameters: object
) -> Iterator[SwappingNode]:
    """Runs an unconfigured inference node on `store` until the end of the block."""
    fixed = {
        'model_path': store,
        'deadline_ms': 0,
        'sensor_qos': 'reliable',
        'execution__engine': odd_backends.ENGINE,
    }
    odd = odd_backends.register(folder / f'odd_backends_of_{name[1:]}')
    with (
        closing(Client()) as client,
        running_node(
            folder, client, *more, name=name, environment=odd, **{**fixed, **parameters}
        ) as node,
    ):
        yield SwappingNode(node, Path(odd[odd_backends.GATE]))


def names(message: Detection2DArray) -> set[str]:
    return {detection.results[0].hypothesis.class_id for detection in message.detections}


def content(message: Detection2DArray) -> list[tuple[str, float, float, float, float, float]]:
    """Everything that was detected, to be compared."""
    return [
        (d.results[0].hypothesis.class_id, round(d.results[0].hypothesis.score, 4),
         round(d.bbox.center.position.x, 2), round(d.bbox.center.position.y, 2),
         round(d.bbox.size_x, 2), round(d.bbox.size_y, 2)) for d in message.detections
    ]  # fmt: skip
