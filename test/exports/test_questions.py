"""The flags that a question proposes give exactly the answer that it proposes."""

from __future__ import annotations

import shlex
from typing import Any

import pytest

from ml_integration.exports.asking.answers import answers_of
from ml_integration.exports.asking.questions import Choice
from ml_integration.exports.claims import Origin


@pytest.mark.parametrize(
    ('key', 'value'),
    [
        ('encode.std', (0.26862954, 0.26130258, 0.27577711)),
        ('encode.mean', (0.485, 0.456, 0.406)),
        ('encode.scale', 127.5),
        ('encode.color', 'bgr'),
        ('settings.softmax', True),
        ('settings.decoder_options.class_offset', 1),
    ],
)
def test_flags_say_exactly_what_was_proposed(key: str, value: Any) -> None:
    option, said = shlex.split(Choice('', ((key, value),)).flags)
    assert option == '--set'
    (claim,) = answers_of([said], '', None)
    assert (claim.key, claim.value, claim.origin) == (key, value, Origin.PERSON)
