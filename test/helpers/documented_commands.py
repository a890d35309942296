"""The commands that the documents tell people to type, and what they show of the answers."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parents[2]
BLOCK = re.compile(r'^```(bash|console|sh)\n(.*?)^```$', re.DOTALL | re.MULTILINE)
COMMENT = re.compile(r'\s+#\s.*$')


@dataclass(frozen=True)
class Command:
    """What to type, and lines of the answer; none where the document shows none."""

    text: str
    shown: tuple[str, ...] = ()


@dataclass(frozen=True)
class Block:
    """A fenced block: `README.md:47` and its commands."""

    place: str
    commands: tuple[Command, ...]

    @property
    def text(self) -> str:
        return '\n'.join(command.text for command in self.commands)


def documents() -> list[Path]:
    return sorted([ROOT / 'README.md', *ROOT.glob('docs/*.md')])


def blocks() -> list[Block]:
    """Every fenced shell block of README.md and docs/."""
    return [block for file in documents() for block in _blocks(file)]


def distinct_blocks() -> list[Block]:
    """Those blocks of which some command, or what it shows, is in no block before."""
    known: set[Command] = set()
    distinct = []
    for block in blocks():
        if not known.issuperset(block.commands):
            distinct.append(block)
        known.update(block.commands)
        known.update(Command(command.text) for command in block.commands)
    return distinct


def _blocks(file: Path) -> Iterator[Block]:
    text = file.read_text(encoding='utf-8')
    for match in BLOCK.finditer(text):
        line = text[: match.start()].count('\n') + 1
        content = match[2].replace('\\\n', ' ')
        read = _console if match[1] == 'console' else _script
        yield Block(f'{file.relative_to(ROOT)}:{line}', tuple(read(content)))


def _script(content: str) -> Iterator[Command]:
    for line in content.splitlines():
        if line.strip() and not line.startswith('#'):
            for part in COMMENT.sub('', line).split(' && '):
                yield Command(' '.join(part.split()))


def _console(content: str) -> Iterator[Command]:
    for entry in re.split(r'^\$ ', content, flags=re.MULTILINE)[1:]:
        text, *shown = entry.splitlines()
        yield Command(text, tuple(shown))
