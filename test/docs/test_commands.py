"""Every shell line of README.md and docs/ does what is said there.

They are typed into bash, with the real `ros2` where the verb is installed and `plain_ros2`
otherwise. What cannot be typed on any machine is named, with the reason, as a warning.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import warnings
from collections.abc import Callable, Iterator
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import cv2
import onnx
import onnx_models
import pytest
from documented_commands import ROOT, Block, Command, blocks, distinct_blocks
from frozen_frames import write_frozen
from inference_processes import GREEN, RED, NodeUnderTest, image_message, set_stamp, squares
from launch_prefix import make_prefix
from ros_client import Client
from ros_processes import Process, wait_until
from sensor_msgs.msg import CompressedImage
from swapping_nodes import SwappingNode, value

from dev.site.pictures import photograph

LIMIT_S = 90
COCO = ROOT / 'models/coco_yolov3_tiny/1'
EXAMPLE = ROOT / 'docs/examples/range_guard'
REAL = 'import sys; from ros2cli.cli import main; sys.exit(main())'
PLAIN = ('run', 'lifecycle', 'param', 'service', 'topic', 'pkg')
NOT_TYPED = {
    r'cd ~/|git clone|colcon |source ': 'a workspace of ROS; `make colcon` builds and tests one',
    r'pip install|rosdep ': 'it would install something into this machine',
    r'ros2 run rqt_': 'it opens a window',
    r'make ': 'it would run all tests, or for long; the target exists',
}
TIME = r'20\d\d-\d\d-\d\dT[\d:.]+\+00:00'
LASTING = re.compile(r'ros2 (launch|topic echo|run ml_integration (?!ml_model|ml_top|ml_report))')
PROGRAMS = {
    'inference_node': 'ml_integration.ros.inference.inference_node',
    'video_player': 'ml_integration.ros.video.video_player',
    'ml_integration_run': 'ml_integration.ros.composition.run',
    'component_container': 'ml_integration.ros.composition.component_container',
    'ml_model': 'ml_integration.cli.main',
    'performance_monitor': 'ml_integration.ros.monitoring.performance_monitor',
    'ml_top': 'ml_integration.ros.monitoring.top',
    'ml_report': 'ml_integration.ros.monitoring.report',
}
DETECTOR = ('run', 'ml_integration', 'inference_node', '--ros-args', '-r', '__node:=detector',
            '-p', 'model:=shapes@1', '-p', 'autostart:=true', '-r', 'image:=/camera/image_raw',
            '-p', 'probation.good_frames:=1', '-p', 'probation.seconds:=0.0')  # fmt: skip


def reason_not_to_type(text: str) -> str:
    """Why a command is not typed; empty if it is."""
    for pattern, reason in NOT_TYPED.items():
        if re.match(pattern, text):
            return reason
    verb = text.split()[1] if text.startswith('ros2 ') else ''
    if verb and verb not in PLAIN and find_spec(f'ros2{verb}') is None:
        return f'ros2{verb} is missing'
    return ''


class Terminal:
    """A shell of somebody who has the package installed, models, and a camera that works."""

    def __init__(
        self, home: Path, spawn: Callable[..., Process], client: Client, exports: Path
    ) -> None:
        self.client = client
        self.home = home
        self._exports = exports
        self._spawn = spawn
        self._lasting: list[tuple[str, Process]] = []
        self._timers: list[Any] = []
        self._fill_home()
        prefix = make_prefix(home / 'prefix', **PROGRAMS)
        prefixes = [str(prefix), *filter(None, [os.environ.get('AMENT_PREFIX_PATH')])]
        self.environment = {
            'AMENT_PREFIX_PATH': os.pathsep.join(prefixes),
            'ML_INTEGRATION_STORES': str(home / 'models'),
            'XDG_DATA_HOME': str(home / 'data'),
            'ML_INTEGRATION_STATE_DIR': str(home / 'state'),
            'ROS_LOG_DIR': str(home / 'log'),
            'PATH': os.pathsep.join([str(home / 'bin'), os.environ['PATH']]),
            'PYTHONPATH': os.pathsep.join(filter(None, [str(ROOT), os.environ.get('PYTHONPATH')])),
        }

    def show(self, topic: str) -> None:
        """Lets the camera publish on a topic until the end, as image_transport does."""
        pixels = squares(RED, GREEN)
        data = cv2.imencode('.jpg', pixels)[1].tobytes()
        pictures = (
            (topic, image_message(pixels)),
            (f'{topic}/compressed', CompressedImage(format='jpeg', data=data)),
        )
        publishers = [
            (self.client.node.create_publisher(type(picture), name, 1), picture)
            for name, picture in pictures
        ]

        def publish() -> None:
            for publisher, picture in publishers:
                set_stamp(picture, self.client.node.get_clock().now().nanoseconds)
                publisher.publish(picture)

        self._timers.append(self.client.node.create_timer(0.05, publish))

    def type(self, command: Command) -> None:
        """Types a command; one that lasts is left running once it works."""
        text = self._here(command.text)
        if 'ml_integration_run' in text:  # it does the same as the launch before it
            self._end_lasting()
        if LASTING.match(text):
            process = self._spawn(
                'env', '-C', str(self.home), 'bash', '-c', f'exec {text}',
                environment=self.environment,
            )  # fmt: skip
            self._lasting.append((text, process))
            self._wait_until_it_works(text, process)
            return
        done = self._done(text)
        said = done.stdout + done.stderr
        assert command.shown or done.returncode == 0, f'$ {text}\n{said}'
        for line in command.shown:
            assert re.search(_pattern(self._here(line)), said), f'$ {text}\n{said}\nlacks {line}'
        if ' model ' in text and 'Set parameter successful' in said:
            self._wait_for_model(text.split()[-1])

    def bring_an_export(self) -> None:
        """Puts a detector that somebody has trained and exported into the home."""
        if not (COCO / 'model.onnx').exists():
            pytest.skip('the detector is not fetched: make setup')
        stores = (self.home / 'models', self.home / 'data/ml_integration/models')
        self.environment['ML_INTEGRATION_STORES'] = os.pathsep.join(map(str, stores))
        if not (self._exports / 'best.onnx').exists():
            self._make_an_export()
        for name in ('best.onnx', 'street.jpg'):
            shutil.copy(self._exports / name, self.home / name)

    def add_the_export(self) -> None:
        """Adds it as the documents say; where that has been done, brings what came of it."""
        added = self._exports / 'data'
        if added.exists():
            shutil.copytree(added, self.home / 'data')
            return
        self.type(Command('ml_model add best.onnx --sample street.jpg'))
        shutil.copytree(self.home / 'data', added)

    def _make_an_export(self) -> None:
        model = onnx.load(COCO / 'model.onnx')
        labels = (COCO / 'labels.txt').read_text().split('\n')
        facts = {
            'description': 'Ultralytics model', 'task': 'detect', 'stride': '32', 'batch': '1',
            'imgsz': '[416, 416]', 'license': 'public domain',
            'names': str({number: label for number, label in enumerate(labels) if label}),
        }  # fmt: skip
        for key, fact in facts.items():
            model.metadata_props.add(key=key, value=fact)
        onnx.save(model, self._exports / 'best.onnx')
        cv2.imwrite(str(self._exports / 'street.jpg'), photograph())

    def bring_the_example(self) -> None:
        """Installs the package of docs/examples, and makes the home look like a checkout."""
        source = shutil.copytree(EXAMPLE, self.home / 'docs/examples' / EXAMPLE.name)
        copy = shutil.copytree(EXAMPLE, self.home / 'source')  # the build leaves files there
        words = ['--no-deps', '--no-build-isolation', '--no-index', '--target', self.home / 'site']
        subprocess.run(
            [sys.executable, '-m', 'pip', 'install', *words, copy],
            capture_output=True, timeout=LIMIT_S, check=True,
        )  # fmt: skip
        assert source.is_dir()
        path = (str(self.home / 'site'), self.environment['PYTHONPATH'])
        self.environment['PYTHONPATH'] = os.pathsep.join(path)

    def _done(self, text: str) -> subprocess.CompletedProcess[str]:
        """What came of a command, tried again while it has not found a node yet."""
        outcomes: list[subprocess.CompletedProcess[str]] = []

        def found() -> bool:
            outcomes.append(
                subprocess.run(
                    ['bash', '-c', text], cwd=self.home, env={**os.environ, **self.environment},
                    capture_output=True, text=True, timeout=LIMIT_S, check=False,
                )
            )  # fmt: skip
            return not re.search('[Uu]nable to find|not found', outcomes[-1].stderr)

        wait_until(found, f'{text} to find what it is for', LIMIT_S)
        return outcomes[-1]

    def wait_until_proven(self) -> None:
        SwappingNode(self._node(), self.home).wait_for_summary(
            lambda status: value(status, 'proven') == 'True', 'a proven model'
        )

    def close(self) -> None:
        """Ends what lasts; none of it may have ended by itself, or have failed."""
        for timer in self._timers:
            self.client.node.destroy_timer(timer)
        self._end_lasting()

    def _end_lasting(self) -> None:
        for text, process in self._lasting:
            assert process.returncode is None, f'{text} has ended:\n{process.log}'
            assert 'Traceback' not in process.log, process.log
            process.end()
        self._lasting.clear()

    def _wait_until_it_works(self, text: str, process: Process) -> None:
        if 'topic echo' in text:
            wait_until(lambda: process.log.count('---') >= 2, f'{text}:\n{process.log}', LIMIT_S)
            return
        known = (
            ('composed', '/camera_1/detector'),
            ('ml_integration_run', '/camera_1/detector'),
            ('video_player', '/video_player'),
            ('inference', '/inference_node'),
        )
        named = re.search(r'__node:=(\w+)', text)
        node = f'/{named[1]}' if named else next(name for word, name in known if word in text)
        if 'run ml_integration inference_node' in text and 'autostart' not in text:
            self.client.state(node, LIMIT_S)
        else:
            self.client.wait_for_state(node, 'active', LIMIT_S)

    def _wait_for_model(self, model: str) -> None:
        SwappingNode(self._node(), self.home).wait_for_serving(model)

    def _node(self) -> NodeUnderTest:
        return NodeUnderTest(self._lasting[0][1], self.client, '/detector')

    def _here(self, text: str) -> str:
        """The command with the places of this machine."""
        for theirs, ours in (
            ('/robot/models', f'{self.home}/models'),
            ('/robot/keys', f'{self.home}'),
            ('/path/to/video.mp4', f'{self.home}/drive.mp4'),
            ('FOLDER', 'drafts/best/1'),
        ):
            text = text.replace(theirs, ours)
        return text

    def _fill_home(self) -> None:
        models = self.home / 'models'
        shutil.copytree(ROOT / 'models/shapes', models / 'shapes')
        for name in ('best.onnx', 'model.onnx'):
            (self.home / name).write_bytes(onnx_models.tiny_detector())
        # A picture plays like a video, whatever its name.
        cv2.imwrite(str(self.home / 'drive.png'), squares(RED, GREEN))
        (self.home / 'drive.png').rename(self.home / 'drive.mp4')
        self._write_programs(self.home / 'bin')

    def _write_programs(self, folder: Path) -> None:
        folder.mkdir()
        plain = Path(__file__).parents[1] / 'helpers/plain_ros2.py'
        verbs = '|'.join(verb for verb in PLAIN if find_spec(f'ros2{verb}') is None) or 'none'
        (folder / 'ros2').write_text(
            '#!/bin/sh\ncase "$1" in\n'
            f'  {verbs}) exec {sys.executable} {plain} "$@";;\n'
            f'  *) exec {sys.executable} -c "{REAL}" "$@";;\nesac\n'
        )
        (folder / 'ml_model').write_text(
            f'#!/bin/sh\nexec {sys.executable} -m {PROGRAMS["ml_model"]} "$@"\n'
        )
        for program in folder.iterdir():
            program.chmod(0o755)


def _pattern(shown: str) -> str:
    """What a shown line looks like at another time, with other keys, in a table as wide as is."""
    words = r'\s+'.join(TIME if re.fullmatch(TIME, w) else re.escape(w) for w in shown.split())
    return re.sub(r'[0-9a-f]{16}', '[0-9a-f]{16}', words)


@pytest.fixture(scope='module')
def exports(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Keeps what takes long to make, and is the same for every block."""
    return tmp_path_factory.mktemp('exports')


@pytest.fixture(scope='module', autouse=True)
def _daemon_ends(ros_domain: int) -> Iterator[None]:
    """Ends the daemon that the real `ros2` leaves running."""
    yield
    if find_spec('ros2cli') is not None:
        subprocess.run(
            [sys.executable, '-c', REAL, 'daemon', 'stop'], capture_output=True, check=False,
            timeout=LIMIT_S,
        )  # fmt: skip


@pytest.fixture
def terminal(
    spawn: Callable[..., Process], client_node: Client, tmp_path: Path, exports: Path
) -> Terminal:
    return Terminal(tmp_path, spawn, client_node, exports)


def prepare(terminal: Terminal, block: Block) -> None:
    """What stands before the block in the document: a node that runs, and cameras."""
    served = 'model:=best' in block.text and not reason_not_to_type('ros2 launch')
    if served or re.search(r'ml_model (add|run) best', block.text):
        terminal.bring_an_export()
    if served or 'ml_model run best' in block.text:
        terminal.add_the_export()
    for name in re.findall(r'ml_model replay (\w+-results\.mcap)', block.text):
        write_frozen(terminal.home / name, ROOT / 'models/shapes/1', squares(RED, GREEN))
    if 'range_guard' in block.text:
        terminal.bring_the_example()
    if re.search('ml_(top|report) ', block.text):
        terminal.type(Command(' '.join(('ros2', *DETECTOR))))
    if '/inference_node/' in block.text:
        terminal.show('image')
        node = (
            'ros2 run ml_integration inference_node --ros-args -p autostart:=true -r image:=/image'
        )
        terminal.type(Command(node))
    for topic in set(re.findall(r'image(?:_topic)?:=(/\S+)', block.text)):
        terminal.show(topic)
    if re.search(r'(param set|service call|rollout start) /detector', block.text):
        terminal.show('/camera/image_raw')
        terminal.type(Command(' '.join(('ros2', *DETECTOR))))
        terminal.wait_until_proven()
    if block.text.startswith('ml_model check') or 'FOLDER' in block.text:
        folder = terminal.home / 'drafts/best/1'
        folder.mkdir(parents=True)
        shutil.copy(terminal.home / 'best.onnx', folder / 'model.onnx')
        inspect = 'ml_model inspect best.onnx --manifest-only > drafts/best/1/manifest.yaml'
        terminal.type(Command(inspect))


@pytest.mark.parametrize('block', distinct_blocks(), ids=lambda block: block.place)
def test_what_is_written_can_be_typed(block: Block, terminal: Terminal) -> None:
    reasons = {command: reason_not_to_type(command.text) for command in block.commands}
    left = [command for command in block.commands if not reasons[command]]
    for command, reason in reasons.items():
        if reason:
            warnings.warn(f'not typed: {command.text}: {reason}', stacklevel=1)
    if not left:
        pytest.skip('; '.join(dict.fromkeys(reasons.values())))
    prepare(terminal, block)
    for command in left:
        terminal.type(command)
    terminal.close()


def test_every_command_is_in_a_block_that_is_typed() -> None:
    typed = {command.text for block in distinct_blocks() for command in block.commands}
    assert typed == {command.text for block in blocks() for command in block.commands}


def test_every_document_with_commands_is_read() -> None:
    places = {block.place.partition(':')[0] for block in blocks()}
    assert {'README.md', 'docs/composition.md', 'docs/swapping.md', 'docs/execution.md'} <= places
    assert all(block.commands for block in blocks())


@pytest.mark.skipif(shutil.which('make') is None, reason='make is missing')
def test_targets_that_are_not_made_are_there() -> None:
    targets = {command.text for block in blocks() for command in block.commands}
    for text in sorted(text for text in targets if text.startswith('make ')):
        dry = ['make', '-n', *text.split()[1:]]
        assert subprocess.run(dry, cwd=ROOT, capture_output=True, check=False).returncode == 0
