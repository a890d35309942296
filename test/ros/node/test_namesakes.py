"""A second node of the same name is told once it is certain that it is alive."""

from __future__ import annotations

from typing import Any

from ml_integration.ros.node.namesakes import PATIENCE, Namesakes

OWN = ('eye', '/robot')


class Graph:
    """A node that sees what it is told to see, and keeps what it logs."""

    def __init__(self) -> None:
        self.nodes = [OWN]
        self.lines: list[tuple[str, str]] = []

    def __getattr__(self, name: str) -> Any:
        answers = {
            'get_name': OWN[0],
            'get_namespace': OWN[1],
            'get_fully_qualified_name': '/robot/eye',
            'get_node_names_and_namespaces': self.nodes,
            'get_logger': self,
        }
        if name in answers:
            return lambda: answers[name]
        return lambda sentence: self.lines.append((name, sentence))


def test_another_node_of_the_name_is_told_once_it_is_no_ghost_and_once_it_is_gone() -> None:
    graph: Any = Graph()
    names = Namesakes(graph)
    graph.nodes = [OWN, ('eye', '/other'), ('ear', '/robot')]
    assert {names.look() for _ in range(100)} == {''}
    graph.nodes = [OWN, OWN]
    assert {names.look() for _ in range(PATIENCE - 1)} == {''}
    assert graph.lines == []
    sentences = {names.look() for _ in range(100)}
    (sentence,) = sentences
    assert sentence.startswith('another node is called /robot/eye too')
    graph.nodes = [OWN]
    assert names.look() == ''
    names.look()
    gone = 'no other node is called /robot/eye any more'
    assert graph.lines == [('warning', sentence), ('info', gone)]
