"""The documentation as a site loads nothing from the network, and its pages are all in it."""

from __future__ import annotations

import logging
import re
from collections.abc import Callable
from pathlib import Path

import pytest

from dev.site.diagrams import DIAGRAMS
from dev.site.drawing import Drawing
from dev.site.no_network import loaded_from_elsewhere, on_post_build
from dev.site.task_sheet import SHEET, TILES

ROOT = Path(__file__).parents[2]


@pytest.mark.parametrize(
    'text',
    [
        '<script src="https://cdn.example/x.js"></script>',
        '<img alt="a" src=//cdn.example/x.png>',
        '<link href="https://fonts.example/a.css" rel="stylesheet">',
        '<link rel=preconnect href="https://fonts.example" crossorigin>',
        '@font-face{src:url(https://fonts.example/a.woff2)}',
        '@import "https://fonts.example/a.css";',
    ],
)
def test_what_a_page_would_fetch_is_found(text: str) -> None:
    (address,) = loaded_from_elsewhere(text)
    assert 'example' in address


@pytest.mark.parametrize(
    'text',
    [
        '<a href="https://squidfunk.example">read on</a>',
        '<script src="assets/x.js"></script><img src="../x.png">',
        '<svg xmlns="http://www.w3.org/2000/svg"><path d="M0 0"/></svg>',
        '<link rel="canonical" href="https://here.example/page">',
        'a{background:url(data:image/png;base64,AAAA)}',
    ],
)
def test_links_and_own_files_are_fine(text: str) -> None:
    assert loaded_from_elsewhere(text) == []


def test_a_page_that_would_fetch_something_is_a_warning(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    (tmp_path / 'page.html').write_text('<img src="https://cdn.example/x.png">')
    with caplog.at_level(logging.WARNING):
        on_post_build({'site_dir': str(tmp_path)})
    assert 'page.html would load https://cdn.example/x.png' in caplog.text


def test_every_document_is_a_page_of_the_site() -> None:
    named = re.findall(r'^ +- .*: (\S+\.md)$', (ROOT / 'mkdocs.yml').read_text(), re.MULTILINE)
    assert sorted(named) == sorted(file.name for file in ROOT.glob('docs/*.md'))


@pytest.mark.parametrize('diagram', DIAGRAMS, ids=lambda diagram: diagram.__name__)
def test_a_diagram_is_what_its_function_draws(diagram: Callable[[], Drawing]) -> None:
    file = ROOT / 'docs/pictures' / f'{diagram.__name__}.svg'
    assert file.read_text(encoding='utf-8') == str(diagram())


def test_no_page_links_to_what_is_not_part_of_the_site() -> None:
    outside = {
        file.name: found
        for file in ROOT.glob('docs/*.md')
        if (found := re.findall(r'\]\(\.\./[^)]*\)', file.read_text(encoding='utf-8')))
    }
    assert outside == {}


def test_pictures_are_small() -> None:
    pictures = [file for file in (ROOT / 'docs').rglob('*') if file.suffix in ('.png', '.jpg')]
    shown = {SHEET: len(TILES)}
    assert all(file.stat().st_size < 150_000 * shown.get(file, 1) for file in pictures)
