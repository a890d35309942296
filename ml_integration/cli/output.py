"""Writes to the terminal: what strangers wrote cannot steer it, and every text fits it."""

from __future__ import annotations

import sys
from contextlib import suppress

from ml_integration.errors import escaped


def on_terminal() -> bool:
    """Tells whether a person reads stdout as it is written."""
    return sys.stdout is not None and sys.stdout.isatty()


def tell(*parts: object) -> None:
    """Prints one line on stdout, at once; control characters in it become escapes."""
    print(escaped(' '.join(map(str, parts))), flush=True)


def warn(sentence: str) -> None:
    """Tells a person what does not stop the program."""
    complain(f'warning: {sentence}')


def complain(sentence: str) -> None:
    """Prints one line on stderr; nobody may be there to read it."""
    with suppress(OSError, ValueError):
        if sys.stderr is not None:  # print would take stdout
            print('ml_model:', escaped(' '.join(sentence.split())), file=sys.stderr)
