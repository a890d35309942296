"""Hook of MkDocs: a page that would fetch something from the network fails the build."""

from __future__ import annotations

import logging
import re
from pathlib import Path
from typing import Any

LOADED = re.compile(
    r'<(?:script|img|iframe|source|video)\b[^>]*\ssrc=["\']?((?:https?:)?//[^"\'\s>]+)'
    r'|<link\b(?=[^>]*rel=["\']?(?:stylesheet|preload|preconnect|icon|modulepreload))'
    r'[^>]*\shref=["\']?((?:https?:)?//[^"\'\s>]+)'
    r'|url\(["\']?((?:https?:)?//[^"\')]+)|@import\s+["\']((?:https?:)?//[^"\']+)',
    re.IGNORECASE,
)


def loaded_from_elsewhere(text: str) -> list[str]:
    """Lists the addresses of other hosts that a page or style sheet loads; links are none."""
    return [next(filter(None, found)) for found in LOADED.findall(text)]


def on_post_build(config: dict[str, Any]) -> None:
    """Warns of each address, which ends a strict build; called by MkDocs."""
    log = logging.getLogger('mkdocs.hooks.no_network')
    site = Path(config['site_dir'])
    for file in sorted([*site.rglob('*.html'), *site.rglob('*.css'), *site.rglob('*.svg')]):
        for address in loaded_from_elsewhere(file.read_text(encoding='utf-8')):
            log.warning('%s would load %s', file.relative_to(site), address)
