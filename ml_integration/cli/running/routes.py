"""Finds out which recorded topic each input of a model is fed from."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from ml_integration.core.transports import RAW, SENSORS
from ml_integration.errors import RecordingError, SettingError
from ml_integration.ops.compressed_pictures import COMPRESSED_IMAGE
from ml_integration.recordings import HasTopics, Recording, open_recording

IMAGE = 'sensor_msgs/msg/Image'


@dataclass(frozen=True, slots=True)
class Source:
    """A recording and what its messages are for.

    Attributes:
        path: as it was given.
        recording: nothing but the messages that the model needs.
        routes: topics in the manifest, by recorded topic.
        guessed: sentences about topics that nobody named.
    """

    path: Path
    recording: Recording
    routes: Mapping[str, Sequence[str]]
    guessed: tuple[str, ...] = ()


def parse_remapping(texts: Iterable[str], option: str = '--topic') -> dict[str, str]:
    """Reads `NAME:=RECORDED` as ROS has it.

    Raises:
        SettingError: it is not of this form.
    """
    pairs = {}
    for text in texts:
        name, sign, recorded = text.partition(':=')
        if not (name and sign and recorded):
            expected = 'NAME:=RECORDED, such as image:=/camera/image_raw'
            raise SettingError(option, text, expected, where='ml_model')
        pairs[_plain(name)] = recorded
    return pairs


def open_source(path: Path, wanted: Mapping[str, str], remapping: Mapping[str, str]) -> Source:
    """Opens a recording for a model.

    Args:
        path: file or folder.
        wanted: message type of each topic in the manifest.
        remapping: recorded topics, by the topic in the manifest; the others are found by their
            name, or by their type where one topic alone has it.

    Raises:
        RecordingError: it cannot be read, or does not hold what the model needs.
        SettingError: the model has no topic of that name.
    """
    recording = open_recording(path)
    unknown = remapping.keys() - {_plain(name) for name in wanted}
    if unknown:
        expected = ', '.join(wanted)
        raise SettingError('--topic', ', '.join(sorted(unknown)), expected, where='ml_model')
    if not isinstance(recording, HasTopics):
        return Source(path, recording, {'': (_only_picture(path, wanted),)})
    routes: dict[str, list[str]] = {}
    guessed = []
    for name, kind in wanted.items():
        found, by_name = _find(path, name, kind, recording.topics, remapping)
        routes.setdefault(found, []).append(name)
        if not by_name:
            of = recording.topics[found]
            guessed.append(f"'{name}' is taken from {found}, the only {of} in {path}")
    return Source(path, recording.only(routes), routes, tuple(guessed))


def _only_picture(path: Path, wanted: Mapping[str, str]) -> str:
    others = [f"'{name}' ({kind})" for name, kind in wanted.items() if kind != IMAGE]
    pictures = [name for name, kind in wanted.items() if kind == IMAGE]
    if len(pictures) == 1 and not others:
        return pictures[0]
    needs = ', '.join([*(f"'{name}' ({IMAGE})" for name in pictures), *others])
    raise RecordingError(
        'pictures alone are not enough for this model',
        where=str(path),
        expected=f'a bag with {needs}',
    )


def _find(
    path: Path,
    name: str,
    kind: str,
    topics: Mapping[str, str],
    remapping: Mapping[str, str],
) -> tuple[str, bool]:
    """Returns the recorded topic for a topic in the manifest, and whether its name says so."""
    named = remapping.get(_plain(name))
    by_name = {_plain(topic): topic for topic in topics}
    wanted = _plain(named or name)
    found = by_name.get(wanted)
    if found is None and kind == IMAGE:
        found = next((by_name[one] for one in _below(wanted) if one in by_name), None)
    if found is not None and _fits(topics[found], kind):
        return found, True
    if named is not None:
        got = topics[found] if found is not None else 'no such topic'
        what = f"'{name}' cannot be taken from {named}"
        raise RecordingError(what, where=str(path), got=got, expected=_listed(topics, kind))
    right = [topic for topic, of in topics.items() if of == kind]
    right = right or [topic for topic, of in topics.items() if _fits(of, kind)]
    if len(right) == 1:
        return right[0], False
    raise _ambiguous(path, name, kind, topics) if right else _missing(path, name, kind, topics)


def _ambiguous(path: Path, name: str, kind: str, topics: Mapping[str, str]) -> RecordingError:
    return RecordingError(
        f"several topics could be meant by the model's '{name}'",
        where=str(path),
        expected=_listed(topics, kind),
        hint=f'Choose one: --topic {_plain(name)}:=TOPIC.',
    )


def _missing(path: Path, name: str, kind: str, topics: Mapping[str, str]) -> RecordingError:
    there = ', '.join(f'{topic} ({of})' for topic, of in topics.items()) or 'no topic at all'
    what = f"it has no {kind} for the model's '{name}'"
    return RecordingError(what, where=str(path), got=there)


def _fits(recorded: str, kind: str) -> bool:
    """Tells whether messages of a recorded type are of a wanted type, or become it."""
    return recorded == kind or (recorded == COMPRESSED_IMAGE and kind == IMAGE)


def _below(topic: str) -> Iterator[str]:
    """Yields the names that image_transport gives the compressed pictures of a topic."""
    return (f'{topic}/{form}' for form in SENSORS if form != RAW)


def _listed(topics: Mapping[str, str], kind: str) -> str:
    fitting = (topic for topic, of in topics.items() if _fits(of, kind))
    return ', '.join(fitting) or f'a topic with {kind}'


def _plain(topic: str) -> str:
    return topic.removeprefix('/')
