"""The store that the rollout demo plays with: two versions as they are, and one that is bad."""

from __future__ import annotations

import hashlib
import re
import shutil
from pathlib import Path

from ml_integration.demos.swap_demo.stage import NAME, source_of

OLD, BETTER, BAD = (f'{NAME}@{version}' for version in (1, 2, 3))


def make_store(folder: Path) -> Path:
    """Copies two versions into a store, and adds version 3: version 2 with its labels mixed up.

    Every file of it is pinned, and its golden sample passes, as after a careless export: only the
    names of what it sees are one line off.

    Raises:
        MlIntegrationError: the model is not where models come from.
    """
    for version, source in ((1, 1), (2, 2), (3, 2)):
        shutil.copytree(source_of(NAME) / str(source), folder / NAME / str(version))
    bad = folder / NAME / '3'
    first, *others = (bad / 'labels.txt').read_text().split()
    labels = ''.join(f'{label}\n' for label in (*others, first)).encode()
    (bad / 'labels.txt').write_bytes(labels)
    manifest = (bad / 'manifest.yaml').read_text().replace('\nversion: 2\n', '\nversion: 3\n')
    digest = hashlib.sha256(labels).hexdigest()
    (bad / 'manifest.yaml').write_text(_pinned(manifest, 'labels.txt', digest))
    return folder


def _pinned(manifest: str, file: str, digest: str) -> str:
    """Returns a manifest with another digest of a file that is as long as before."""
    return re.sub(rf'({re.escape(file)}:\s+sha256: )[0-9a-f]{{64}}', rf'\g<1>{digest}', manifest)
