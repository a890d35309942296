"""Files of frozen frames: a bag of ROS 2 (.mcap), whose inputs any tool for bags can open.

Beside the messages as they came, a topic of JSON says which run saw which of them, and what came
of it. Nothing in it is ever executed.
"""

from __future__ import annotations

import base64
import hashlib
import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from functools import cache
from mmap import ACCESS_READ, mmap
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np

from ml_integration.core.arrivals import Arrival
from ml_integration.core.datatypes import Array, ModelIdentity
from ml_integration.core.freeze_frame import FrozenFrame, Source
from ml_integration.errors import RecordingError
from ml_integration.store.files import open_named_file
from ml_integration.store.state.durable import write_durably

SUFFIX = '.mcap'
SCHEMA = 1
LARGEST = 2**33
FRAMES, MANIFEST = '/freeze_frame/frames', '/freeze_frame/manifest'
RESULTS = '/freeze_frame/results'
DIAGNOSTICS = Source('/diagnostics', 'diagnostic_msgs/msg/DiagnosticArray')
STRING = 'std_msgs/msg/String'
DAMAGED = 'Copy the file again from the robot; what is written is complete or not there.'


@dataclass(frozen=True, slots=True)
class Freeze:
    """Content of one file; all messages are serialized.

    Attributes:
        node: full name of the node.
        reason: why it was written.
        image_transport: how pictures came.
        threads: that worked on a run; 0: not told.
        graph_optimization: how far the graph was optimized; empty: not told.
        frames: the runs, those of a stream one after another.
        statuses: of the last seconds, with the time of each [ns].
    """

    node: str
    reason: str
    image_transport: str
    threads: int
    graph_optimization: str
    frames: tuple[FrozenFrame, ...]
    statuses: tuple[tuple[int, bytes], ...] = ()


@dataclass(frozen=True, slots=True)
class _Entry:
    source: Source
    at_ns: int
    data: bytes


def write_freeze(file: Path, freeze: Freeze) -> None:
    """Writes a file that only its owner may read; it is complete or not there.

    Raises:
        StateError: it cannot be written.
        OSError: there is no room for it.
    """
    with TemporaryDirectory(prefix='ml_integration_') as folder:
        bag = Path(folder) / 'bag'
        _write_bag(bag, list(_entries(freeze)))
        (made,) = bag.glob(f'*{SUFFIX}')
        write_durably(file, made.read_bytes(), mode=0o600)


def is_freeze(file: Path) -> bool:
    """Tells whether a file seems to be one of these; a damaged one does as well."""
    if file.suffix != SUFFIX:
        return False
    with (
        suppress(OSError, ValueError),
        open_named_file(file, LARGEST) as stream,
        mmap(stream.fileno(), 0, access=ACCESS_READ) as content,
    ):
        return content.find(FRAMES.encode()) >= 0
    return False


def read_freeze(file: Path) -> Freeze:
    """Reads a file and checks that every message is the one that was written.

    Raises:
        RecordingError: it cannot be read, is damaged or is of another schema.
    """
    try:
        entries = _read_bag(file)
        told = [one for one in entries if one.source.topic == MANIFEST]
        manifest = _document(told[0])
        others = [one for one in entries if one.source.topic != MANIFEST]
        if manifest['schema'] != SCHEMA:
            raise ValueError(f'it is of schema {manifest["schema"]}, not {SCHEMA}')
        if _checksum(others) != manifest['checksum']:
            raise ValueError('its messages are not the ones that were written')
        return _parsed(manifest, others)
    except Exception as error:  # whatever a damaged file makes of those who read it
        reason = str(error) or type(error).__name__
        what = f'the freeze frame cannot be read: {reason}'
        raise RecordingError(what, where=str(file), hint=DAMAGED) from error


def _entries(freeze: Freeze) -> Iterator[_Entry]:
    entries = {}
    for frame in freeze.frames:
        for one in _messages(frame):
            entries[one.source, hashlib.sha256(one.data).digest()] = one
    for at_ns, data in freeze.statuses:
        entries[DIAGNOSTICS, at_ns.to_bytes(8, 'little')] = _Entry(DIAGNOSTICS, at_ns, data)
    every = [*entries.values()]
    for number, frame in enumerate(freeze.frames):
        every.append(_text(FRAMES, number, _frame_document(frame)))
    manifest = {
        'schema': SCHEMA,
        'node': freeze.node,
        'reason': freeze.reason,
        'image_transport': freeze.image_transport,
        'threads': freeze.threads,
        'graph_optimization': freeze.graph_optimization,
        'checksum': _checksum(every),
    }
    yield from every
    yield _text(MANIFEST, 0, manifest)


def _messages(frame: FrozenFrame) -> Iterator[_Entry]:
    below = f'/{frame.stream}' if frame.stream else ''
    for name, arrivals in frame.arrivals.items():
        source = frame.sources[name]
        at = replace(source, topic=f'{below}/{source.topic}')
        yield from (_Entry(at, max(one.stamp_ns, 0), one.message) for one in arrivals)
    for source, data in frame.published:
        at = replace(source, topic=f'{RESULTS}{below}/{source.topic}')
        yield _Entry(at, max(frame.trigger.stamp_ns, 0), data)


def _frame_document(frame: FrozenFrame) -> dict[str, Any]:
    return {
        'stream': frame.stream,
        'trigger': [frame.trigger.stamp_ns, frame.trigger.number],
        'arrivals': {
            name: [[_sha256(one.message), one.stamp_ns, one.number] for one in arrivals]
            for name, arrivals in frame.arrivals.items()
        },
        'sources': {
            name: [source.topic, source.message_type] for name, source in frame.sources.items()
        },
        'state': {name: _array_document(array) for name, array in frame.state.items()},
        'model': [frame.model.name, frame.model.version, frame.model.sha256],
        'outcome': frame.outcome,
        'reason': frame.reason,
        'digest': frame.digest,
        'published': [
            [source.topic, source.message_type, _sha256(data)] for source, data in frame.published
        ],
        'together': frame.together,
        'stages': list(frame.stages),
    }


def _parsed(manifest: Mapping[str, Any], entries: Sequence[_Entry]) -> Freeze:
    by_digest = {_sha256(one.data): one.data for one in entries}
    documents = sorted(
        (one for one in entries if one.source.topic == FRAMES), key=lambda one: one.at_ns
    )
    frames = tuple(_frame(_document(one), by_digest) for one in documents)
    statuses = tuple((one.at_ns, one.data) for one in entries if one.source == DIAGNOSTICS)
    return Freeze(
        str(manifest['node']),
        str(manifest['reason']),
        str(manifest['image_transport']),
        int(manifest['threads']),
        str(manifest['graph_optimization']),
        frames,
        statuses,
    )


def _frame(document: Mapping[str, Any], by_digest: Mapping[str, bytes]) -> FrozenFrame:
    stamp_ns, number = document['trigger']
    arrivals = {
        name: tuple(Arrival(by_digest[sha256], at_ns, 0, count) for sha256, at_ns, count in each)
        for name, each in document['arrivals'].items()
    }
    name, version, sha256 = document['model']
    return FrozenFrame(
        document['stream'],
        Arrival(None, stamp_ns, 0, number),
        arrivals,
        {name: Source(*source) for name, source in document['sources'].items()},
        {name: _array(one) for name, one in document['state'].items()},
        ModelIdentity(name, version, sha256),
        document['outcome'],
        document['reason'],
        document['digest'],
        tuple((Source(topic, kind), by_digest[one]) for topic, kind, one in document['published']),
        document['together'],
        tuple(document['stages']),
    )


def _array_document(array: Array) -> list[Any]:
    data = base64.b64encode(np.ascontiguousarray(array).tobytes()).decode()
    return [array.dtype.str, list(array.shape), data]


def _array(document: Sequence[Any]) -> Array:
    kind, shape, data = document
    return np.frombuffer(base64.b64decode(data), np.dtype(kind)).reshape(shape).copy()


def _text(topic: str, at_ns: int, document: Mapping[str, Any]) -> _Entry:
    text = json.dumps(document)
    data = typestore().serialize_cdr(typestore().types[STRING](text), STRING)
    return _Entry(Source(topic, STRING), at_ns, bytes(data))


def _document(entry: _Entry) -> dict[str, Any]:
    document = json.loads(typestore().deserialize_cdr(entry.data, STRING).data)
    if not isinstance(document, dict):
        raise ValueError(f'{entry.source.topic} holds no document')
    return document


def _checksum(entries: Iterable[_Entry]) -> str:
    """Returns a digest of all messages, in whatever order they are read."""
    digests = sorted(f'{one.source.topic} {_sha256(one.data)}' for one in entries)
    return _sha256('\n'.join(digests).encode())


def _sha256(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


@cache
def typestore() -> Any:
    """Returns the definitions of ROS 2's own messages."""
    from rosbags.typesys import Stores, get_typestore  # here, as nodes seldom need it

    return get_typestore(Stores.ROS2_JAZZY)


def _write_bag(folder: Path, entries: Sequence[_Entry]) -> None:
    from rosbags.rosbag2 import StoragePlugin, Writer

    store, connections = typestore(), {}
    with Writer(folder, version=9, storage_plugin=StoragePlugin.MCAP) as writer:
        for one in entries:
            kind = one.source.message_type
            if one.source not in connections:
                known = kind in store.types
                connections[one.source] = (
                    writer.add_connection(one.source.topic, kind, typestore=store)
                    if known
                    else writer.add_connection(
                        one.source.topic, kind, msgdef='', rihs01='RIHS01_' + 64 * '0'
                    )
                )
            writer.write(connections[one.source], one.at_ns, one.data)


def _read_bag(file: Path) -> list[_Entry]:
    from rosbags.rosbag2 import Reader

    with Reader(file) as reader:
        return [
            _Entry(Source(connection.topic, connection.msgtype), at_ns, bytes(data))
            for connection, at_ns, data in reader.messages()
        ]
