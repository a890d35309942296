"""The set-up does what is needed, nothing twice, and says in one sentence what stops it."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

import pytest

from dev.setup import checkout, machine, overlay, program, system_packages, wheels
from dev.setup.journal import Journal
from dev.setup.program import Step
from dev.setup.request import Request, is_ros_sourced
from dev.setup.stamps import Stamps, fingerprint

ROOT = Path(__file__).parents[2]
ALL_TOOLS = {'cmake': 'cmake', 'make': 'make', 'cc': 'build-essential', 'c++': 'build-essential'}


def run_setup(*arguments: str, **environ: str) -> subprocess.CompletedProcess[str]:
    """Runs the program with the base interpreter and exactly this environment."""
    base = os.path.realpath(sys.executable)
    return subprocess.run(
        [base, '-m', 'dev.setup', *arguments],
        cwd=ROOT,
        env=environ,
        capture_output=True,
        text=True,
        timeout=60,
    )


@pytest.fixture
def request_(tmp_path: Path) -> Request:
    return Request('jazzy', tmp_path / 'venv', system_ros=False)


def test_without_tools_one_sentence_names_the_apt_packages(tmp_path: Path) -> None:
    venv = tmp_path / 'venv'
    result = run_setup('--venv', str(venv), PATH=str(tmp_path))
    assert result.returncode == 1
    (sentence,) = result.stderr.splitlines()
    assert sentence.startswith('Missing here: cmake, make, a C compiler, a C++ compiler;')
    assert sentence.endswith('sudo apt-get install cmake make build-essential')
    assert result.stdout == ''
    assert not venv.exists()


@pytest.mark.parametrize('tool', ALL_TOOLS)
def test_each_missing_tool_is_named(
    tool: str, request_: Request, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for present in ALL_TOOLS.keys() - {tool}:
        (tmp_path / present).symlink_to('/bin/true')
    monkeypatch.setenv('PATH', str(tmp_path))
    assert list(machine.missing_tools(build=True).values()) == [ALL_TOOLS[tool]]
    assert ALL_TOOLS[tool] in (machine.complaint(request_) or '')


@pytest.mark.parametrize(
    ('module', 'package'),
    [
        ('ensurepip', 'python3-venv'),  # Debian's Python without the package
        ('venv', 'python3-venv'),
    ],
)
def test_a_python_without_venv_is_named(
    module: str, package: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    find = machine.importlib.util.find_spec
    monkeypatch.setattr(
        machine.importlib.util, 'find_spec', lambda name: None if name == module else find(name)
    )
    assert package in machine.missing_tools(build=False).values()


def test_a_python_without_headers_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(machine.sysconfig, 'get_path', lambda _: '/nowhere')
    assert machine.missing_tools(build=True)['Python.h'] == 'python3-dev'


def test_another_architecture_is_sent_to_its_distribution(
    request_: Request, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(machine.platform, 'machine', lambda: 'aarch64')
    assert "aarch64: install your distribution's ROS 2" in (machine.complaint(request_) or '')


@pytest.mark.parametrize('what', ['docs', 'exporters'])
def test_an_environment_apart_needs_no_compiler_no_ros_and_no_models(
    what: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(machine.platform, 'machine', lambda: 'aarch64')
    monkeypatch.setenv('PATH', str(tmp_path))
    request = Request('none', tmp_path, system_ros=False, **{what: True})
    assert machine.complaint(request) is None
    assert [step.name for step in program.plan(request)] == ['environment', 'packages']
    assert [file.name for file in wheels.pin_files(request)] == [f'{what}.txt']


def test_an_unknown_distribution_is_refused(tmp_path: Path) -> None:
    sentence = machine.complaint(Request('humble', tmp_path, system_ros=False))
    assert sentence == 'ROS_DISTRO=humble has no pinned wheels here: use jazzy or kilted.'


@pytest.mark.parametrize('version', [(3, 9, 18), (3, 14, 0)])
def test_another_python_is_refused_in_one_sentence(version: tuple[int, int, int]) -> None:
    code = (
        f'import sys, runpy; sys.version_info = {version}; '
        "runpy.run_module('dev.setup', run_name='__main__')"
    )
    result = subprocess.run([sys.executable, '-c', code], cwd=ROOT, capture_output=True, text=True)
    assert result.returncode == 1
    (sentence,) = result.stderr.splitlines()
    assert 'needs Python 3.10 to 3.13' in sentence
    assert f'this one is {version[0]}.{version[1]}' in sentence


def test_a_sourced_ros_needs_no_compiler_no_wheels_and_no_overlay(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert is_ros_sourced({'AMENT_PREFIX_PATH': '/home/me/ws/install:/opt/ros/jazzy'})
    assert not is_ros_sourced({'AMENT_PREFIX_PATH': '/home/me/ws/install'})
    request = Request('rolling', tmp_path, system_ros=True)
    monkeypatch.setenv('PATH', str(tmp_path))
    assert machine.complaint(request) is None
    assert 'overlay' not in [step.name for step in program.plan(request)]
    assert [file.name for file in wheels.pin_files(request)] == ['runtime.txt', 'test.txt']


def test_beside_a_sourced_ros_only_what_is_missing_is_installed(tmp_path: Path) -> None:
    pins = tmp_path / 'pins.txt'
    pins.write_text(
        'numpy==1.0\n'  # here, and compiled modules depend on which
        'PyYAML==1.0\n'  # here, under another name
        "nowhere==2.1; python_version < '3.11'\nnowhere==2.2; python_version >= '3.11'\n"
    )
    wanted = system_packages.requirements(Path(sys.executable), [pins], os.environ)
    import numpy

    assert wanted[:2] == [
        "nowhere<=2.1; python_version < '3.11'",
        "nowhere<=2.2; python_version >= '3.11'",
    ]
    assert f'numpy=={numpy.__version__}' in wanted[2:]
    assert not [line for line in wanted if line.startswith('PyYAML')]


class Recorder:
    """Steps that only note that they ran."""

    def __init__(self) -> None:
        self.ran: list[str] = []
        self.sources = {'first': 'a', 'second': 'b'}
        self.broken = ''

    def plan(self, request: Request) -> list[Step]:
        return [
            Step(name, f'doing {name}', lambda name=name: fingerprint(self.sources[name]), action)
            for name, action in (('first', self.first), ('second', self.second))
        ]

    def first(self, request: Request, journal: Journal, environ: Mapping[str, str]) -> None:
        self.ran.append('first')

    def second(self, request: Request, journal: Journal, environ: Mapping[str, str]) -> None:
        self.ran.append('second')
        code = f'print("deep trouble"); raise SystemExit({3 if self.broken else 0})'
        journal.run([sys.executable, '-c', code], environ)


@pytest.fixture
def steps(monkeypatch: pytest.MonkeyPatch) -> Recorder:
    recorder = Recorder()
    monkeypatch.setattr(program, 'plan', recorder.plan)
    monkeypatch.setattr(program.machine, 'complaint', lambda request: None)
    monkeypatch.setattr(program.checkout, 'link_data', lambda request: None)
    return recorder


def test_a_second_call_does_nothing_and_says_nothing(
    steps: Recorder, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    call = ['--venv', str(tmp_path / 'venv')]
    assert program.main(call) == 0
    assert '[1/2] doing first ... ' in capsys.readouterr().out
    assert program.main(call) == 0
    assert capsys.readouterr().out == ''
    assert steps.ran == ['first', 'second']


def test_only_what_changed_is_done_again(steps: Recorder, tmp_path: Path) -> None:
    call = ['--venv', str(tmp_path / 'venv')]
    program.main(call)
    steps.sources['second'] = 'changed'
    program.main(call)
    assert steps.ran == ['first', 'second', 'second']


def test_a_failure_shows_the_end_of_the_output_and_the_log_and_is_tried_again(
    steps: Recorder, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    call = ['--venv', str(tmp_path / 'venv')]
    steps.broken = 'yes'
    assert program.main(call) == 1
    shown = capsys.readouterr()
    log = tmp_path / 'venv' / '.setup' / 'setup.log'
    assert 'doing second ... failed' in shown.out
    assert 'deep trouble' in shown.err
    assert 'ended with status 3' in shown.err
    assert str(log) in shown.err
    assert 'deep trouble' in log.read_text()
    steps.broken = ''
    assert program.main(call) == 0
    assert steps.ran == ['first', 'second', 'second']


@pytest.mark.parametrize(
    ('step', 'files'),
    [
        ('packages', [wheels.PINS / 'runtime.txt', wheels.PINS / 'ros-jazzy.txt']),
        ('overlay', [overlay.SOURCES / 'vision_msgs' / 'msg' / 'Pose2D.msg']),
        ('package', [checkout.ROOT / 'setup.py', checkout.ROOT / 'package.xml']),
    ],
)
def test_a_changed_source_makes_its_step_outdated(
    step: str, files: list[Path], request_: Request, monkeypatch: pytest.MonkeyPatch
) -> None:
    (planned,) = [entry for entry in program.plan(request_) if entry.name == step]
    before = planned.made_from()
    read = Path.read_bytes
    for changed in files:
        monkeypatch.setattr(
            Path, 'read_bytes', lambda file, it=changed: read(file) + b'x' * (file == it)
        )
        assert planned.made_from() != before, changed


def test_the_wheels_cmake_files_come_to_name_this_python() -> None:
    line = (
        'INTERFACE_INCLUDE_DIRECTORIES "/opt/python/cp311-cp311/include/python3.11;'
        '/opt/python/cp311-cp311/lib/python3.11/site-packages/numpy/_core/include;'
        '/opt/python/cp311-cp311/lib/python3.11/site-packages/x;${x}/include"'
    )
    fixed = overlay.pointed(line, '/include', '/site', '/numpy/core/include')
    expected = '"/include;/numpy/core/include;/site/x;${x}/include"'
    assert fixed == f'INTERFACE_INCLUDE_DIRECTORIES {expected}'


def test_the_oldest_packages_take_the_place_of_todays(tmp_path: Path) -> None:
    today = Request('jazzy', tmp_path, system_ros=False)
    names = [file.name for file in wheels.pin_files(today)]
    floor = [file.name for file in wheels.pin_files(replace(today, floor=True))]
    assert names[0] == 'runtime.txt'
    assert floor == ['floor.txt', *names[1:]]


@pytest.fixture
def linked(request_: Request, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A checkout with one launch file whose data has been linked."""
    root = tmp_path / 'checkout'
    for name in ('package.xml', 'resource/ml_integration', 'launch/a.launch.py'):
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text(name)
    monkeypatch.setattr(checkout, 'ROOT', root)
    checkout.link_data(request_)
    return root


def test_data_follows_the_checkout(linked: Path, request_: Request) -> None:
    share = request_.venv / 'share' / 'ml_integration'
    (linked / 'launch' / 'a.launch.py').unlink()
    (linked / 'launch' / 'b.launch.py').write_text('new')
    checkout.link_data(request_)
    assert [file.name for file in (share / 'launch').iterdir()] == ['b.launch.py']
    assert (share / 'launch' / 'b.launch.py').read_text() == 'new'
    assert (share.parent / 'ament_index/resource_index/packages/ml_integration').exists()


def test_removing_installed_data_leaves_the_checkout_alone(
    linked: Path, request_: Request
) -> None:
    installed = request_.venv / 'share' / 'ml_integration' / 'launch' / 'a.launch.py'
    assert installed.is_symlink()
    installed.unlink()
    assert (linked / 'launch' / 'a.launch.py').exists()


def test_make_setup_does_and_says_nothing_when_all_is_there() -> None:
    if not Path(sys.prefix).is_relative_to(ROOT):
        pytest.skip('this Python is not of an environment that make has made')
    distro = 'jazzy' if Path(sys.prefix).name == '.venv' else Path(sys.prefix).name.split('-')[-1]
    request = Request(distro, Path(sys.prefix), is_ros_sourced(os.environ))
    stamps_folder = request.state / 'stamps'
    stamps = Stamps(stamps_folder)
    if not all(stamps.is_current(step.name, step.made_from()) for step in program.plan(request)):
        pytest.skip('this environment is not up to date, and bringing it there takes minutes')
    written = {file: file.stat().st_mtime_ns for file in stamps_folder.iterdir()}
    result = subprocess.run(
        ['make', '--no-print-directory', 'setup', f'ROS_DISTRO={distro}'],
        cwd=ROOT,
        capture_output=True,
        text=True,
    )
    assert (result.returncode, result.stdout, result.stderr) == (0, '', '')
    assert {file: file.stat().st_mtime_ns for file in stamps_folder.iterdir()} == written


def test_make_clean_leaves_what_is_tracked(tmp_path: Path) -> None:
    shutil.copy(ROOT / 'Makefile', tmp_path)
    made = ['.venv/bin/python', '.venv-kilted/x', '.venv.lock', 'out/demo.png', 'build/x', 'log/x']
    made += ['models/coco_yolov3_tiny/1/model.onnx', 'models/mediapipe_pose/1/model.onnx']
    made += ['dev/__pycache__/x.pyc', 'dev/data/x.avi']
    kept = ['dev/setup/program.py', 'models/coco_yolov3_tiny/1/manifest.yaml']
    kept += ['models/mediapipe_pose/1/manifest.yaml', 'models/shapes/1/model.onnx']
    for name in (*made, *kept):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).touch()
    subprocess.run(['make', 'clean'], cwd=tmp_path, check=True, capture_output=True)
    left = {str(file.relative_to(tmp_path)) for file in tmp_path.rglob('*') if file.is_file()}
    assert left == {'Makefile', *kept}


def test_make_help_names_every_target() -> None:
    printed = subprocess.run(
        ['make', '--no-print-directory', 'help'], cwd=ROOT, capture_output=True, text=True
    ).stdout
    for target in ('setup', 'test', 'test-floor', 'demo', 'lint', 'colcon', 'clean'):
        assert f'  {target}\t' in printed
