"""Node for the tests of a file that swap models."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from swapping_nodes import SwappingNode, swapping_node


@pytest.fixture(scope='module')
def running(
    store: Path, ros_domain: int, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[SwappingNode]:
    """An unconfigured node on the models of the file's own fixture `store`."""
    with swapping_node(tmp_path_factory.mktemp('log'), store) as node:
        yield node
