"""Forms in which the pictures of a robot come: raw, or compressed by a plug-in of image_transport.

The robot chooses them, not the model: an input of the kind 'image' stays what it is.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from types import MappingProxyType

from ml_integration.errors import SettingError

RAW = 'raw'
PICTURES = 'image'
"""Sensor plug-in of raw pictures; inputs of other kinds have one form only."""
SENSORS: Mapping[str, str] = MappingProxyType(
    {RAW: PICTURES, 'compressed': 'compressed_image', 'compressedDepth': 'compressed_image'}
)
"""Sensor plug-in that reads each form. Its name, unless raw, follows the topic's after a slash."""
KEY = 'image_transport'


@dataclass(frozen=True, slots=True)
class Transports:
    """Form of the pictures on each topic.

    Attributes:
        every: of all topics that are not named.
        by_topic: of those that are, by their names in the manifest or the stage.
    """

    every: str = RAW
    by_topic: Mapping[str, str] = field(default_factory=lambda: MappingProxyType({}))

    def of(self, kind: str, topic: str) -> str:
        """Returns the form of the messages of an input or companion.

        Args:
            kind: its sensor plug-in.
            topic: its topic.
        """
        return self.by_topic.get(topic, self.every) if kind == PICTURES else RAW

    def sensor(self, kind: str, topic: str) -> str:
        """Returns the sensor plug-in that reads the messages of an input or companion."""
        return SENSORS[self.of(kind, topic)] if kind == PICTURES else kind

    def check_topics(self, pictures: Collection[str], where: str) -> None:
        """Checks that each named topic is one of pictures.

        Raises:
            SettingError: one is not.
        """
        for topic in self.by_topic:
            if topic not in pictures:
                expected = f'topics of pictures: {", ".join(pictures) or "this model has none"}'
                raise SettingError(KEY, topic, expected, where=where)


def parse_transports(text: str, where: str) -> Transports:
    """Reads 'compressed', or 'compressed, depth:compressedDepth' where some topics differ.

    Raises:
        SettingError: there is no such form, or it is given twice.
    """
    chosen: dict[str, str] = {}
    for part in text.split(','):
        topic, sign, form = part.strip().rpartition(':')
        if form not in SENSORS or topic in chosen or (sign and not topic):
            expected = (
                f'{", ".join(SENSORS)} once for all pictures, or more of them with a topic each, '
                "such as 'compressed, depth:compressedDepth'"
            )
            raise SettingError(KEY, text, expected, where=where)
        chosen[topic] = form
    return Transports(chosen.pop('', RAW), MappingProxyType(chosen))
