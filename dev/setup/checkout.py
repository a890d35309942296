"""Makes the checkout the installed package: edits take effect without installing again."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from dev.setup.journal import Journal
from dev.setup.request import ROOT, Request

NAME = 'ml_integration'
DATA_FOLDERS = ('launch', 'config', 'models')

# Read at every start of the environment's Python, so that packages installed into its prefix are
# found with nothing sourced. Last on the path: a workspace sourced on top of it wins.
AMENT_HOOK = (
    "import os, sys; v = 'AMENT_PREFIX_PATH'; os.environ[v] = os.pathsep.join(dict.fromkeys("
    "[*filter(None, os.environ.get(v, '').split(os.pathsep)), sys.prefix]))\n"
)


def description_files() -> list[Path]:
    """The files that an installed package's metadata and scripts come from."""
    return [ROOT / 'setup.py', ROOT / 'setup.cfg', ROOT / 'package.xml']


def install(request: Request, journal: Journal, environment: Mapping[str, str]) -> None:
    """Registers metadata, entry points, console scripts and where the code lies."""
    words: list[str | Path] = [request.python, '-m', 'pip', 'install', '--no-deps']
    words += ['--disable-pip-version-check', '--editable', ROOT]
    if not request.system_ros:
        # The pinned setuptools; a distribution's may be too old to do this alone.
        words.append('--no-build-isolation')
    journal.run(words, environment)
    (site_packages,) = request.venv.glob('lib/python*/site-packages')
    (site_packages / 'ament_prefix.pth').write_text(AMENT_HOOK)


def link_data(request: Request) -> None:
    """Brings share/ and lib/ of the package in line with the checkout.

    Every file is a link of its own: pip follows links to folders when it uninstalls and would
    delete the checkout's files through them.
    """
    share = request.venv / 'share'
    wanted = {
        share / NAME / file.relative_to(ROOT): file
        for file in (ROOT / 'package.xml', *_data_files())
    }
    wanted[share / 'ament_index' / 'resource_index' / 'packages' / NAME] = ROOT / 'resource' / NAME
    # `ros2 run` and launch files look for executables in lib/<package>.
    for script in _console_scripts(request):
        wanted[request.venv / 'lib' / NAME / script.name] = script
    for folder in (share / NAME, request.venv / 'lib' / NAME):
        for present in [*folder.rglob('*')]:
            if present not in wanted and not present.is_dir():
                present.unlink()
    for link, target in wanted.items():
        _link(link, target)


def _data_files() -> list[Path]:
    return [
        file
        for folder in DATA_FOLDERS
        for file in (ROOT / folder).rglob('*')
        if file.is_file() and not _is_left_out(file.relative_to(ROOT))
    ]


def _is_left_out(path: Path) -> bool:
    """Caches and hidden files, as in setup.py."""
    return any(part.startswith(('.', '__pycache__')) for part in path.parts)


def _console_scripts(request: Request) -> list[Path]:
    """The installed scripts, as listed in the package's metadata."""
    scripts = []
    for listing in request.venv.glob(f'lib/python*/site-packages/{NAME}-*.dist-info/RECORD'):
        for line in listing.read_text().splitlines():
            name = Path(line.split(',')[0])
            if name.parent.name == 'bin':
                scripts.append(request.venv / 'bin' / name.name)
    return scripts


def _link(link: Path, target: Path) -> None:
    if link.is_symlink() and link.readlink() == target:
        return
    link.parent.mkdir(parents=True, exist_ok=True)
    link.unlink(missing_ok=True)
    link.symlink_to(target)
