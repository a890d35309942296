"""Our nodes derive from rclpy's, whose private attributes must not be overwritten."""

from __future__ import annotations

import ast
import inspect
from collections.abc import Iterator

import pytest
import rclpy
from rclpy.context import Context
from rclpy.lifecycle import LifecycleNode
from rclpy.signals import SignalHandlerOptions

from ml_integration.ros.inference.inference_node import InferenceNode
from ml_integration.ros.node.lifecycle_node import GuardedLifecycleNode
from ml_integration.ros.video.video_player import VideoPlayer

MEANT = {'__init__', 'on_configure', 'on_activate', 'on_deactivate', 'on_cleanup', 'on_shutdown',
         'on_error'}  # fmt: skip


@pytest.fixture(scope='module')
def rclpy_names(ros_domain: int) -> Iterator[set[str]]:
    """Everything a plain lifecycle node has."""
    context = Context()
    rclpy.init(context=context, signal_handler_options=SignalHandlerOptions.NO)
    node = LifecycleNode('plain', context=context, enable_logger_service=True)
    yield {*dir(node), *vars(node)}
    node.destroy_node()
    rclpy.shutdown(context=context)


def names_of(cls: type) -> set[str]:
    """The methods of a class and the attributes that its code sets."""
    (tree,) = ast.parse(inspect.getsource(cls)).body
    assert isinstance(tree, ast.ClassDef)
    methods = {item.name for item in tree.body if isinstance(item, ast.FunctionDef)}
    attributes = {
        node.attr
        for node in ast.walk(tree)
        if isinstance(node, ast.Attribute) and isinstance(node.ctx, ast.Store)
        if isinstance(node.value, ast.Name) and node.value.id == 'self'
    }
    return methods | attributes


@pytest.mark.parametrize('cls', [GuardedLifecycleNode, InferenceNode, VideoPlayer])
def test_no_attribute_of_ours_is_one_of_rclpy(cls: type, rclpy_names: set[str]) -> None:
    ours = names_of(cls)
    assert len(ours) >= 3
    assert ours & rclpy_names <= MEANT


@pytest.mark.parametrize('cls', [InferenceNode, VideoPlayer])
def test_no_private_attribute_of_a_node_is_one_of_its_base_class(cls: type) -> None:
    shared = names_of(cls) & names_of(GuardedLifecycleNode) - {'__init__'}
    assert not {name for name in shared if name.startswith('_')}
