"""What may lie where a file should: things that block, never end or are larger than any disk."""

from __future__ import annotations

import os
import shutil
import socket
from pathlib import Path

KINDS = ('fifo', 'zeros', 'loop', 'socket', 'folder', 'huge')


def put_odd(path: Path, kind: str) -> None:
    """Puts something of a kind where a file is or should be."""
    path.parent.mkdir(parents=True, exist_ok=True)
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path)
    path.unlink(missing_ok=True)
    match kind:
        case 'fifo':
            os.mkfifo(path)
        case 'zeros':
            path.symlink_to('/dev/zero')
        case 'loop':
            path.symlink_to(path.name)
        case 'socket':
            put_socket(path)
        case 'folder':
            path.mkdir()
        case 'huge':
            with path.open('wb') as file:
                file.truncate(2**40)


def put_socket(path: Path) -> None:
    """Puts a socket there, whose own path may not be longer than 107 bytes."""
    folder = os.open(path.parent, os.O_RDONLY | os.O_DIRECTORY)
    try:
        with socket.socket(socket.AF_UNIX) as bound:
            bound.bind(f'/proc/self/fd/{folder}/{path.name}')
    finally:
        os.close(folder)
