"""Model weights and videos that are fetched instead of kept in the repository."""

from __future__ import annotations

from collections.abc import Mapping

from dev.setup.journal import Journal
from dev.setup.request import ROOT, Request
from dev.setup.stamps import fingerprint

FETCHER = ROOT / 'dev' / 'models'
VIDEOS = ROOT / 'dev' / 'data'


def made_from() -> str:
    """Fingerprint of the fetching code and of which fetched files are there."""
    manifests = (ROOT / 'models').glob('*/*/manifest.yaml')
    fetched = [*(file.with_name('model.onnx') for file in manifests), *VIDEOS.glob('*')]
    present = [str(file) for file in sorted(fetched) if file.exists()]
    return fingerprint(*present, files=FETCHER.rglob('*.py'))


def fetch(request: Request, journal: Journal, environment: Mapping[str, str]) -> None:
    """Runs the fetcher, which reports its own progress."""
    print(flush=True)
    journal.run([request.python, '-m', 'dev.models.fetch'], environment, show=True)
