"""Progress of long work, on stderr while that is a terminal; it leaves nothing behind."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TextIO

from rich.progress import (
    BarColumn,
    DownloadColumn,
    MofNCompleteColumn,
    Progress,
    ProgressColumn,
    TextColumn,
    TimeRemainingColumn,
)

from ml_integration.cli.tables import console
from ml_integration.errors import escaped

Show = Callable[[int, int], None]
"""Is told how much is done, and of how much; 0 where that is not known."""


@contextmanager
def progress(
    title: str, stream: TextIO | None = None, of_bytes: bool = True, quiet: bool = False
) -> Iterator[Show]:
    """Shows a bar in the block.

    Args:
        title: what is being worked on.
        stream: where to draw; stderr if not given.
        of_bytes: whether bytes are counted, or pieces.
        quiet: whether there is no bar.
    """
    amount: ProgressColumn = DownloadColumn() if of_bytes else MofNCompleteColumn()
    place = console(stream or sys.stderr)
    if quiet or not place.is_interactive:
        yield lambda done, total: None
        return
    bar = Progress(
        TextColumn('{task.description}', markup=False),
        BarColumn(),
        amount,
        TimeRemainingColumn(),
        console=place,
        transient=True,
        redirect_stdout=False,  # results may go into a file, whatever stderr is
    )
    task = bar.add_task(escaped(title), total=None)
    with bar:
        yield lambda done, total: bar.update(task, completed=done, total=total or None)
