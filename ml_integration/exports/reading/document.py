"""Documents of foreign tools: what they say is taken out with its type checked."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from ml_integration.errors import ExportError
from ml_integration.exports.claims import Claim, Origin

MOST_NUMBERS = 64
"""Numbers of one list that are read."""
LONGEST_TEXT = 2000
"""Characters of a text that is read."""
DEEPEST = 64
"""Values in values of a JSON document."""


@dataclass(frozen=True, slots=True)
class Document:
    """Mapping of names to values in a foreign document. A name that is missing or null is None.

    Attributes:
        label: of the export, for errors.
        name: of the document, such as 'config.json' or 'config.json: size'.
        values: what it says.
        origin: kind of place that it comes from.
    """

    label: str
    name: str
    values: Mapping[str, Any] = field(default_factory=dict)
    origin: Origin = Origin.SIDECAR

    def __contains__(self, key: str) -> bool:
        return self.values.get(key) is not None

    def get(self, key: str) -> Any:
        """Returns a value as it is."""
        return self.values.get(key)

    def place(self, key: str) -> str:
        """Returns where a value is, for a person."""
        return f'{self.name}: {key}'

    def claim(self, key: str, value: Any, of: str) -> Claim:
        """Returns a claim that is made here.

        Args:
            key: of the manifest.
            value: for that key.
            of: name of the value here that says so.
        """
        return Claim(key, value, self.origin, self.place(of))

    def text(self, key: str) -> str:
        """Returns a text as one line that can be printed; empty if there is none.

        Raises:
            ExportError: it is something else.
        """
        value = self.values.get(key)
        if value is None:
            return ''
        if not isinstance(value, str) or len(value) > LONGEST_TEXT:
            raise self.wrong(key, 'a text')
        return one_line(value)

    def flag(self, key: str) -> bool | None:
        """Returns a truth value, which tools also write as 'True' or 'YES'.

        Raises:
            ExportError: it is something else.
        """
        value = self.values.get(key)
        if value is None or isinstance(value, bool):
            return value
        words = {'true': True, 'yes': True, '1': True, 'false': False, 'no': False, '0': False}
        found = words.get(str(value).strip().lower()) if isinstance(value, str | int) else None
        if found is None:
            raise self.wrong(key, 'true or false')
        return found

    def number(self, key: str) -> float | None:
        """Returns a finite number.

        Raises:
            ExportError: it is something else.
        """
        numbers = self.numbers(key)
        if numbers is not None and len(numbers) != 1:
            raise self.wrong(key, 'a number')
        return None if numbers is None else numbers[0]

    def whole(self, key: str, least: int = 1, most: int = 2**14) -> int | None:
        """Returns a whole number within limits, which are those of a side in pixels.

        Raises:
            ExportError: it is something else.
        """
        number = self.number(key)
        if number is None:
            return None
        if not (number.is_integer() and least <= number <= most):
            raise self.wrong(key, f'a whole number from {least} to {most}')
        return int(number)

    def numbers(self, key: str) -> tuple[float, ...] | None:
        """Returns one or several finite numbers, which may be written as a text.

        Raises:
            ExportError: it is something else.
        """
        value = self.values.get(key)
        if value is None:
            return None
        if isinstance(value, str):
            value = value.replace(',', ' ').strip(' []()').split()
        values = value if isinstance(value, list | tuple) else [value]
        if not 1 <= len(values) <= MOST_NUMBERS:
            raise self.wrong(key, f'1 to {MOST_NUMBERS} numbers')
        return tuple(self._finite(key, one) for one in values)

    def below(self, key: str) -> Document:
        """Returns the mapping under a name; an empty one if there is none."""
        value = self.values.get(key)
        values = value if isinstance(value, Mapping) else {}
        return replace(self, name=self.place(key), values=values)

    def each(self, key: str) -> tuple[Document, ...]:
        """Returns the mappings in the list under a name; none if there is no list."""
        value = self.values.get(key)
        found = value if isinstance(value, Sequence) and not isinstance(value, str) else ()
        return tuple(
            replace(self, name=f'{self.place(key)}[{number}]', values=one)
            for number, one in enumerate(found[:MOST_NUMBERS])
            if isinstance(one, Mapping)
        )

    def wrong(self, key: str, expected: str) -> ExportError:
        """Makes the error for a value that makes no sense."""
        try:
            got = repr(self.values.get(key))
        except ValueError:  # a whole number of thousands of digits
            got = 'a number that cannot be printed'
        got = got if len(got) <= 80 else f'{got[:77]}...'
        return ExportError(
            f"'{key}' of {self.name} makes no sense", where=self.label, got=got, expected=expected
        )

    def _finite(self, key: str, value: Any) -> float:
        try:
            if isinstance(value, bool) or not isinstance(value, int | float | str):
                raise self.wrong(key, 'numbers')
            number = float(value)
        except (ValueError, OverflowError) as error:
            raise self.wrong(key, 'numbers') from error
        if not math.isfinite(number) or abs(number) > 1e9:
            raise self.wrong(key, 'numbers up to a thousand million')
        return number


def one_line(text: str) -> str:
    """Returns a text without breaks of lines, and with '?' for what cannot be printed."""
    return ''.join(c if c.isprintable() else '?' for c in ' '.join(text.split()))


def json_document(data: bytes, label: str, name: str) -> Document:
    """Reads a JSON file that holds a mapping.

    Args:
        data: its content.
        label: of the export, for errors.
        name: of the file.

    Raises:
        ExportError: it is no JSON, holds something else or is nested too deep.
    """
    try:
        values = json.loads(data.decode('utf-8-sig'))
    except (ValueError, RecursionError) as error:
        reason = str(error).splitlines()[0][:100] if not isinstance(error, RecursionError) else ''
        what = f'{name} is no JSON: {reason or "it is nested too deep"}'
        raise ExportError(what, where=label, hint='Mend it, or take it away.') from error
    if not isinstance(values, dict) or _deeper(values, DEEPEST):
        raise ExportError(f'{name} is no mapping of names to values', where=label)
    return Document(label, name, values)


def _deeper(value: Any, limit: int) -> bool:
    level = [value]
    for _ in range(limit):
        level = [
            below
            for one in level
            for below in (one.values() if isinstance(one, dict) else one)
            if isinstance(below, dict | list)
        ]
        if not level:
            return False
    return True
