"""package.xml, setup.py, the pins and the code name the same things."""

from __future__ import annotations

import ast
import os
import re
import subprocess
import sys
from importlib.metadata import entry_points
from pathlib import Path

import pytest
from ament_index_python import get_package_share_directory
from catkin_pkg.package import Package, parse_package

import ml_integration
from ml_integration.core.declaration import settings_of
from ml_integration.ros.node.parameters import InferenceNodeParameters

NAME = 'ml_integration'
ROOT = Path(__file__).parents[2]
PINS = ROOT / 'dev' / 'pins'

MESSAGE_TYPE = re.compile(r'[a-z_]+/(msg|srv)/[A-Z]')

# What rosdep calls the packages whose import name is not their key.
ROSDEP_KEYS = {
    'catkin_pkg': 'python3-catkin-pkg-modules',
    'cryptography': 'python3-cryptography',
    'cv2': 'python3-opencv',
    'hypothesis': 'python3-hypothesis',
    'jsonschema': 'python3-jsonschema',
    'matplotlib': 'python3-matplotlib',
    'numpy': 'python3-numpy',
    'PIL': 'python3-pil',
    'prometheus_client': 'python3-prometheus-client',
    'psutil': 'python3-psutil',
    'pytest': 'python3-pytest',
    'rich': 'python3-rich',
    'yaml': 'python3-yaml',
}
# What rosdep does not know, and the file that names it instead.
WITHOUT_KEY = {
    'onnxruntime': 'requirements.txt',
    'rosbags': 'requirements.txt',
    'onnx': 'requirements-test.txt',
    'grafana_foundation_sdk': 'requirements-test.txt',
}


def imported_by(*folders: str) -> set[str]:
    """Top-level names of everything imported, outside the standard library and this package.

    Message types that the code names as text count as well: 'std_msgs/msg/Header'.
    """
    found = set()
    for folder in folders:
        for file in (ROOT / folder).rglob('*.py'):
            for node in ast.walk(ast.parse(file.read_text())):
                if isinstance(node, ast.Import):
                    found |= {alias.name for alias in node.names}
                elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
                    found.add(node.module)
                elif isinstance(node, ast.Constant) and MESSAGE_TYPE.match(str(node.value)):
                    found.add(str(node.value).split('/')[0])
    return {name.split('.')[0] for name in found} - set(sys.stdlib_module_names) - {NAME}


def keys(imports: set[str]) -> set[str]:
    return {ROSDEP_KEYS.get(name, name) for name in imports if name not in WITHOUT_KEY}


@pytest.fixture(scope='module')
def package() -> Package:
    warnings: list[str] = []
    package = parse_package(str(ROOT / 'package.xml'), warnings=warnings)
    package.validate(warnings=warnings)
    assert not warnings
    return package


def test_the_manifest_says_what_setup_py_says(package: Package) -> None:
    asked = ('name', 'version', 'license', 'maintainer-email')
    printed = subprocess.run(
        [sys.executable, 'setup.py', '--quiet', *(f'--{field}' for field in asked)],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    ).stdout.splitlines()
    declared = [package.name, package.version, *package.licenses, package.maintainers[0].email]
    assert printed[-len(asked) :] == declared


def test_it_is_an_ament_python_package(package: Package) -> None:
    # colcon silently treats a package whose manifest it cannot read as plain Python.
    assert package.get_build_type() == 'ament_python'


def test_everything_the_code_imports_is_declared(package: Package) -> None:
    declared = {entry.name for entry in (*package.build_depends, *package.exec_depends)}
    assert keys(imported_by(NAME, 'launch')) - declared == set()


def test_everything_declared_is_imported(package: Package) -> None:
    declared = {entry.name for entry in (*package.build_depends, *package.exec_depends)}
    used = keys(imported_by(NAME, 'launch'))
    assert declared - used == set()


def test_everything_the_tests_import_is_declared(package: Package) -> None:
    local = {file.stem for file in (ROOT / 'test/helpers').glob('*.py')} | {'benchmarks', 'dev'}
    needed = keys(imported_by('test') - local)
    runtime = {entry.name for entry in (*package.build_depends, *package.exec_depends)}
    declared = {entry.name for entry in package.test_depends}
    assert needed - runtime - declared == set()
    # pytest-timeout is named in the configuration and nowhere else.
    assert declared - needed == {'python3-pytest-timeout'}


@pytest.mark.parametrize(('name', 'file'), WITHOUT_KEY.items())
def test_what_rosdep_cannot_install_is_in_a_requirements_file(name: str, file: str) -> None:
    lines = (ROOT / file).read_text().splitlines()
    assert name in [line.split('>')[0] for line in lines]


def test_the_floor_is_what_is_declared(package: Package) -> None:
    lines = (PINS / 'floor.txt').read_text().splitlines()
    pins = [line.lower().split(';')[0] for line in lines if line and line[0] != '#']
    floor = dict(pin.split('==') for pin in reversed(pins))  # the older one of two comes first
    names = {'opencv': 'opencv-python-headless', 'pil': 'pillow', 'yaml': 'pyyaml'}
    depends = (*package.build_depends, *package.exec_depends, *package.test_depends)
    declared = {
        names.get(name, name): entry.version_gte
        for entry in depends
        if (name := entry.name.removeprefix('python3-')) != entry.name and entry.version_gte
    }
    for line in (ROOT / 'requirements.txt').read_text().splitlines():
        if line[0] != '#':
            found = re.fullmatch(r'(\w+)>=([0-9.]+),<[12]', line)
            assert found is not None, line
            declared[found[1]] = found[2]
    runtime = {
        line.split('==')[0].lower() for line in (PINS / 'runtime.txt').read_text().splitlines()
    }
    assert declared.keys() == {name for name in runtime if name[:1] != '#'}
    for name, version in declared.items():
        assert (floor[name] + '.0').startswith(version + '.'), name


@pytest.mark.parametrize('file', sorted(PINS.glob('*.txt')), ids=lambda file: file.name)
def test_every_pin_is_exact(file: Path) -> None:
    lines = [line for line in file.read_text().splitlines() if line and line[0] != '#']
    assert lines
    assert [line for line in lines if line.split(';')[0].count('==') != 1] == []


def test_no_package_is_pinned_twice() -> None:
    for distribution in PINS.glob('ros-*.txt'):
        files = [PINS / f'{kind}.txt' for kind in ('runtime', 'test', 'transitive')]
        lines = [line for file in (*files, distribution) for line in file.read_text().splitlines()]
        # One line a package and Python: those with a marker come as a pair.
        pins = [line.split('==')[0].lower() for line in lines if line and '<' not in line]
        assert len(pins) == len(set(pins))


@pytest.mark.parametrize('group', ['console_scripts', 'rclpy_components'])
def test_every_entry_point_loads(group: str) -> None:
    ours = [entry for entry in entry_points(group=group) if entry.value.startswith(f'{NAME}.')]
    assert ours
    for entry in ours:
        assert callable(entry.load()), entry.name


@pytest.mark.parametrize('folder', ['launch', 'config', 'models'])
def test_the_share_folder_holds_what_the_repository_holds(folder: str) -> None:
    share = Path(get_package_share_directory(NAME))
    names = {
        str(file.relative_to(ROOT))
        for file in (ROOT / folder).rglob('*')
        if file.is_file() and file.name[0] != '.' and '__pycache__' not in file.parts
    }
    assert names
    installed = {
        str(file.relative_to(share)) for file in (share / folder).rglob('*') if file.is_file()
    }
    assert installed == names, 'the set-up links new files: run make setup'
    assert (share / 'package.xml').read_text() == (ROOT / 'package.xml').read_text()


def test_the_model_that_is_served_unasked_comes_with_the_package() -> None:
    (name,) = (s.default for s in settings_of(InferenceNodeParameters) if s.name == 'model')
    files = [file for file in (ROOT / 'models' / name).rglob('*') if file.is_file()]
    assert [file for file in files if file.name == 'model.onnx']
    ignored = subprocess.run(
        ['git', 'check-ignore', *files], cwd=ROOT, capture_output=True, text=True
    )
    if ignored.returncode == 128:
        pytest.skip('this is no checkout')
    assert ignored.stdout == ''


def test_files_that_the_code_reads_are_installed_beside_it() -> None:
    installed = Path(ml_integration.__file__).parent
    for name in ('py.typed', 'store/package/manifest.schema.json'):
        assert (installed / name).is_file(), name


@pytest.mark.skipif('ML_INTEGRATION_INSTALL_BASE' not in os.environ, reason='not under colcon')
def test_a_workspace_tests_its_installed_copy() -> None:
    base = Path(os.environ['ML_INTEGRATION_INSTALL_BASE'])
    assert Path(ml_integration.__file__).is_relative_to(base)
    assert Path(get_package_share_directory(NAME)).is_relative_to(base)
