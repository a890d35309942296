"""The compared ones: each has a process, is fed frames, and says how long its session ran."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any, Protocol

from composition_interfaces.srv import LoadNode
from lifecycle_msgs.srv import ChangeState
from rcl_interfaces.srv import SetParameters
from rclpy.parameter import Parameter

from benchmarks.side_by_side import frame_source
from benchmarks.side_by_side.frame_source import Sent, Stream
from benchmarks.side_by_side.line_process import LineProcess
from benchmarks.side_by_side.models import Model
from benchmarks.side_by_side.place import Place, without_profile
from ml_integration.ros.client.child_process import ChildProcess

NAIVE_DEFAULT, NAIVE = 'naive, default DDS', 'naive'
OURS, OURS_DEFAULT, COMPOSED = 'ours', 'ours, default DDS', 'ours, composed'
BARE, FLOOR = 'bare over DDS', 'floor'
WHO = (NAIVE_DEFAULT, NAIVE, OURS_DEFAULT, OURS, COMPOSED, BARE, FLOOR)


class Subject(Protocol):
    """A node under test."""

    who: str
    node: str
    pid: int

    def stream(self, picture: Path, rate_hz: float) -> None:
        """Feeds it frames from now on."""

    def sent(self) -> Sent | None:
        """Asks what was sent until now, where the camera can say it."""

    def silence(self) -> None:
        """Feeds it nothing any more."""

    def runs(self) -> Any:
        """A context: how long its session ran [ms] by stamp [ns], complete at its end."""


class Fed:
    """A node of a process of its own that is fed by a camera process."""

    def __init__(self, who: str, child: ChildProcess, camera: LineProcess, place: Place) -> None:
        self.who = who
        self.node = child.name
        self.pid = child.pid
        self._child = child
        self._camera = camera
        self._place = place

    def stream(self, picture: Path, rate_hz: float) -> None:
        self._child.check()
        topic = f'{self.node}/image'
        self._camera.ask(Stream([topic], str(picture), rate_hz), Sent)

    def sent(self) -> Sent:
        return self._camera.ask(frame_source.GO_ON, Sent)

    def silence(self) -> None:
        self._camera.ask(frame_source.SILENCE, Sent)

    @contextmanager
    def runs(self) -> Iterator[dict[int, float]]:
        with self._place.observer.provenance(self.node) as runs:
            yield runs


class FedPrinting(Fed):
    """The same for a node that prints how long its session ran."""

    @contextmanager
    def runs(self) -> Iterator[dict[int, float]]:
        log, runs = self._place.out / f'{self.node[1:]}.log', dict[int, float]()
        begin = log.stat().st_size
        yield runs
        with log.open() as lines:
            lines.seek(begin)
            for line in lines:
                stamp_ns, _, spent_ms = line.partition(' ')
                if stamp_ns.isdigit() and line.endswith('\n'):
                    runs[int(stamp_ns)] = float(spent_ms)


class Composed:
    """A video player and an inference node in one container, with in-process hand-over."""

    who = COMPOSED

    def __init__(self, container: ChildProcess, place: Place, model: Model, state: Path) -> None:
        self.node = f'/composed_{model.name}'
        self.pid = container.pid
        self._player = f'/player_{model.name}'
        self._child = container
        self._container = container.name
        self._observer = place.observer
        self._playing = ''
        self._observer.meet(self._container, (LoadNode, '_container/load_node'))
        values = {'model': model.reference, 'model_path': str(place.store), 'autostart': True}
        self._load('VideoPlayer', self._player, {})
        self._load('InferenceNode', self.node, {**values, 'state_dir': str(state)})
        services = (ChangeState, 'change_state'), (SetParameters, 'set_parameters')
        self._observer.meet(self._player, *services)

    def stream(self, picture: Path, rate_hz: float) -> None:
        self._child.check()
        wanted = f'{picture} {rate_hz}'
        if wanted != self._playing:
            if self._playing:
                self._observer.change_state(self._player, 'cleanup')
            self._observer.set_parameters(
                self._player, source=str(picture), rate_hz=float(rate_hz)
            )
            self._observer.change_state(self._player, 'configure')
            self._playing = wanted
        self._observer.change_state(self._player, 'activate')

    def sent(self) -> None:
        return None

    def silence(self) -> None:
        self._observer.change_state(self._player, 'deactivate')

    @contextmanager
    def runs(self) -> Iterator[dict[int, float]]:
        with self._observer.provenance(self.node) as runs:
            yield runs

    def _load(self, plugin: str, name: str, values: dict[str, Any]) -> None:
        request = LoadNode.Request(
            package_name='ml_integration',
            plugin_name=f'ml_integration::{plugin}',
            node_name=name[1:],
            remap_rules=[f'image:={self.node}/image'],
            parameters=_messages(values),
            extra_arguments=_messages({'use_intra_process_comms': True}),
        )
        service = f'{self._container}/_container/load_node'
        answer = self._observer.client.call(LoadNode, service, request)
        if not answer.success:
            raise SystemExit(f'{self._container}: {answer.error_message}')


def subjects_of(model: Model, place: Place, resources: ExitStack) -> list[Any]:
    """Starts all subjects of a model; `resources` ends them."""
    state, plain = place.out / 'state', without_profile()

    def ending(child: ChildProcess) -> ChildProcess:
        resources.callback(child.end)
        return child

    def images(node: str) -> tuple[str, str]:
        return '-r', f'image:=/{node}/image'

    names = [
        f'{kind}_{model.name}' for kind in ('naive_default', 'naive', 'ours', 'container', 'bare')
    ]
    naive_default = ending(place.naive(names[0], model, plain, *images(names[0])))
    naive = ending(place.naive(names[1], model, os.environ, *images(names[1])))
    ours = ending(place.ours(names[2], model.reference, state / names[2], *images(names[2])))
    bare = ending(place.bare(names[4], model, *images(names[4])))
    module = 'ml_integration.ros.composition.component_container'
    container = ending(place.child(names[3], module, os.environ))
    return [
        FedPrinting(NAIVE_DEFAULT, naive_default, place.cameras.default, place),
        FedPrinting(NAIVE, naive, place.cameras.profile, place),
        Fed(OURS, ours, place.cameras.profile, place),
        Composed(container, place, model, state / names[3]),
        FedPrinting(BARE, bare, place.cameras.profile, place),
        Fed(OURS_DEFAULT, ours, place.cameras.default, place),
    ]


def _messages(values: Mapping[str, Any]) -> list[Any]:
    return [Parameter(name, value=value).to_parameter_msg() for name, value in values.items()]
