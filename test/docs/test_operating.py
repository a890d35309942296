"""The page for operators names every status and every reason to hold a result back."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from ml_integration.core.health import CONCERNS

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / 'docs/operate.md').read_text(encoding='utf-8')
KIND = re.compile(r"(?:first_wrong|Reason)\(\s*'([a-z_]+)'")


def test_each_status_has_a_row() -> None:
    rows = re.findall(r'^\| `(\w+)` \| ', PAGE, re.MULTILINE)
    assert rows == list(CONCERNS)


@pytest.mark.parametrize('concern', CONCERNS)
def test_something_is_said_to_be_done_about_each_status(concern: str) -> None:
    table = PAGE.partition('## Something is wrong')[2]
    assert f'| `{concern}`: ' in table


def test_each_reason_to_hold_detections_back_is_named() -> None:
    names = ('judging', 'judging_boxes')
    files = (*(f'ops/{name}.py' for name in names), 'tasks/instance_segmentation.py')
    sources = [(ROOT / 'ml_integration' / file).read_text() for file in files]
    kinds = {kind for source in sources for kind in KIND.findall(source)}
    assert len(kinds) > 4
    (sentence,) = re.findall(r'Kinds of invalid results.*?\n\n', PAGE, re.DOTALL)
    assert set(re.findall(r'`(\w+)`', sentence)) == kinds
