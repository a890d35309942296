"""Pins to add to a distribution's own Python packages."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Iterable, Mapping
from pathlib import Path

# Where the import name is not the name in the pin. Imports are asked for because Debian's
# OpenCV comes without metadata.
IMPORT_NAMES = {
    'opencv-python-headless': 'cv2',
    'pyyaml': 'yaml',
    'pillow': 'PIL',
    'colcon-common-extensions': 'colcon_core',
    'types-pyyaml': 'yaml-stubs',
    'types-jsonschema': 'jsonschema-stubs',
    'types-psutil': 'psutil-stubs',
}

# The distribution's compiled modules and pytest plugins were made for these very versions.
KEPT = ('numpy', 'pytest', 'setuptools')

PROBE = """
import importlib.metadata, importlib.util, json, sys
imports, kept = json.loads(sys.argv[1])
found = [name for name in imports if importlib.util.find_spec(name)]
versions = {}
for name in kept:
    try:
        versions[name] = importlib.metadata.version(name)
    except importlib.metadata.PackageNotFoundError:
        pass
print(json.dumps([found, versions]))
"""


def pinned(files: Iterable[Path]) -> dict[str, list[str]]:
    """Name in lower case -> its requirements, one for each range of Python versions."""
    pins: dict[str, list[str]] = {}
    for file in files:
        for line in file.read_text().splitlines():
            requirement = line.split('#')[0].strip()
            if requirement:
                pins.setdefault(requirement.split('==')[0].lower(), []).append(requirement)
    return pins


def requirements(python: Path, files: Iterable[Path], environment: Mapping[str, str]) -> list[str]:
    """Lists what pip has to be asked for so that every pinned package can be imported.

    A pin is an upper bound here, since an older release may be what fits beside the
    distribution's numpy or pytest.

    Args:
        python: Interpreter of an environment that sees the distribution's packages.
        files: Pins of what is imported directly.
        environment: Environment of the interpreter.
    """
    pins = pinned(files)
    imports = {name: IMPORT_NAMES.get(name, name.replace('-', '_')) for name in pins}
    question = json.dumps([list(imports.values()), KEPT])
    answer = subprocess.run(
        [python, '-c', PROBE, question], env=dict(environment), capture_output=True, check=True
    ).stdout
    found, versions = json.loads(answer)
    wanted = [
        requirement.replace('==', '<=', 1)
        for name, lines in pins.items()
        if imports[name] not in found
        for requirement in lines
    ]
    if not wanted:
        return []
    return wanted + [f'{name}=={version}' for name, version in versions.items()]
