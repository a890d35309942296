"""Names what nodes were given and do not know: misspelt parameters, values for other nodes.

ROS passes over such things in silence: a node declares what it knows and looks for nothing else.
"""

from __future__ import annotations

import difflib
import sys
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from rclpy.node import Node
from rclpy.parameter import Parameter

from ml_integration.store.state.parameter_file import Section, read_sections

FREE_NAMES = 'qos_overrides.'
"""Beginning of the names that rclpy declares when a topic is made, if that allows for it."""


@dataclass(frozen=True, slots=True)
class Assignment:
    """What a command line gives to nodes in one place.

    Attributes:
        place: the place, as the person wrote it.
        sections: names or patterns of the nodes, with the values for each.
    """

    place: str
    sections: tuple[Section, ...]


def given_parameters(node: Node) -> Mapping[str, Parameter]:
    """Returns what files, the command line or a container give to a node, declared or not.

    rclpy has no public way to it.
    """
    given: Mapping[str, Parameter] = getattr(node, '_parameter_overrides', {})
    return given


def unknown_names(node: Node) -> tuple[str, ...]:
    """Returns the names of parameters that a node was given and has not declared."""
    return tuple(
        name
        for name in given_parameters(node)
        if not node.has_parameter(name) and not name.startswith(FREE_NAMES)
    )


def unknown_sentence(name: str, node: Node) -> str:
    """Returns the sentence on a parameter that a node does not have."""
    close = close_name(name, node.get_parameters_by_prefix(''))
    hint = f"Did you mean '{close}'?" if close else 'It has no effect.'
    return f"there is no parameter '{name}'. {hint}"


def nobodys_parameters(nodes: Sequence[Node]) -> tuple[str, ...]:
    """Returns sentences on what nodes of one process were given and none of them has.

    A command line reaches all nodes of a process, so that each of them may take what it knows.
    """
    found: dict[str, str] = {}
    for node in nodes:
        for name in unknown_names(node):
            if any(other.has_parameter(name) for other in nodes):
                continue
            close = close_name(name, node.get_parameters_by_prefix(''))
            if name not in found or (close and 'Did you mean' not in found[name]):
                found[name] = unknown_sentence(name, node)
    return tuple(found.values())


def close_name(name: str, known: Iterable[str]) -> str:
    """Returns the known name that is meant, also if its section was left out; empty if none."""
    names = list(known)
    ends = [other for other in names if other.endswith(f'.{name}')]
    return next(iter(ends or difflib.get_close_matches(name, names, n=1)), '')


def assignments(arguments: Sequence[str] | None) -> Iterator[Assignment]:
    """Yields what the ROS arguments of a command line give to nodes by name.

    Args:
        arguments: the command line; that of the process if None.
    """
    for flag, value in _ros_arguments(sys.argv if arguments is None else arguments):
        if flag == '--params-file':
            yield Assignment(value, read_sections(Path(value)))
        elif flag in ('-p', '--param'):
            node, named, name = value.partition(':=')[0].partition(':')
            if named:
                yield Assignment(f'-p {node}:{name}', (Section(f'/{node}', {name: None}),))


def parameter_files(arguments: Sequence[str]) -> Iterator[str]:
    """Yields the files of parameters that a command line names."""
    for flag, value in _ros_arguments(arguments):
        if flag == '--params-file':
            yield value


def stray_sentences(given: Iterable[Assignment], nodes: Sequence[str]) -> Iterator[str]:
    """Yields a sentence on each assignment, or section of a file, that is meant for no node.

    Args:
        given: of the command line.
        nodes: full names of the nodes that get them.
    """
    for assignment in given:
        names = [section.node for section in assignment.sections]
        used = [s for s in assignment.sections if any(map(s.applies_to, nodes))]
        if names and not used:
            yield _stray(assignment.place, names, nodes)
            continue
        if any('*' not in section.node for section in used):
            continue  # a file for several nodes, whose names may well be alike
        for section in assignment.sections:
            if section not in used and (close := _misspelt(section.node, nodes)):
                yield f'{assignment.place}: no node is called {section.node}. {_hint(close)}'


def _ros_arguments(arguments: Sequence[str]) -> Iterator[tuple[str, str]]:
    """Yields pairs of a flag and what follows it, from the parts that are for ROS."""
    inside = False
    for one, after in zip(arguments, [*arguments[1:], ''], strict=True):
        if one in ('--ros-args', '--'):
            inside = one == '--ros-args'
        elif inside and one.startswith('-'):
            yield one, after


def _stray(place: str, names: Sequence[str], nodes: Sequence[str]) -> str:
    pairs = ((name, _misspelt(name, nodes) or _elsewhere(name, nodes)) for name in names)
    close = next((close for _, close in pairs if close), '')
    what = f'{place}: it is for {", ".join(names)}, and reaches none of {", ".join(nodes)}'
    if close and place.startswith('-p '):
        # A command line knows no namespaces.
        hint = _hint(close) if close.count('/') == 1 else 'Write it without a node, or in a file.'
    else:
        hint = _hint(close)
    return f'{what}. {hint}'


def _hint(close: str) -> str:
    return f"Did you mean '{close}'?" if close else 'It has no effect.'


def _misspelt(name: str, nodes: Sequence[str]) -> str:
    """Returns the node of the same namespace whose name is almost this one; empty if none."""
    namespace, _, own = name.rpartition('/')
    for node in nodes:
        other_namespace, _, other = node.rpartition('/')
        differs = _letters(own) != _letters(other)
        alike = difflib.get_close_matches(own, [other], n=1, cutoff=0.75)
        if namespace == other_namespace and differs and alike:
            return node
    return ''


def _elsewhere(name: str, nodes: Sequence[str]) -> str:
    """Returns the node that is meant where its namespace is another one, or anything is."""
    own = name.rpartition('/')[2]
    same = [node for node in nodes if node.rpartition('/')[2] == own]
    return next(iter(same or difflib.get_close_matches(name, nodes, n=1)), '')


def _letters(name: str) -> str:
    """Returns a name without numbers: 'eye_1' and 'eye_2' are two nodes, and no mistake."""
    return ''.join(letter for letter in name if letter.isalpha())
