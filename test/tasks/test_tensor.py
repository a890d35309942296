"""Outputs as they are: which ones, what their dimensions are called, and when they are none."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from ml_integration.core.datatypes import (
    ModelDescription,
    ModelIdentity,
    Prediction,
    TensorSpec,
    Verdict,
)
from ml_integration.core.declaration import build
from ml_integration.errors import ModelMismatchError
from ml_integration.tasks.tensor import Tensor

Shapes = dict[str, tuple[int | None, ...]]


def task_of(shapes: Shapes, dtype: str = 'float32', **values: Any) -> Tensor:
    outputs = tuple(TensorSpec(name, dtype, shape) for name, shape in shapes.items())
    model = ModelDescription(ModelIdentity('m', 1), (), (), outputs)
    return Tensor(build(Tensor.Settings, values, 'test'), model)


def messages(type_name: str) -> Any:
    """Empty stand-ins of std_msgs."""
    makers = {
        'std_msgs/msg/Float32MultiArray': lambda: SimpleNamespace(layout=SimpleNamespace(dim=[])),
        'std_msgs/msg/MultiArrayDimension': SimpleNamespace,
    }
    return makers[type_name]


def published(task: Tensor, **outputs: np.ndarray) -> dict[str, Any]:
    """The message of each topic."""
    result = task.postprocess(outputs, {})
    prediction = Prediction(0, '', {}, ModelIdentity('m', 1), result, Verdict(), {})
    return dict(task.encode(prediction, None, messages))


def labels(message: Any) -> list[str]:
    return [dimension.label for dimension in message.layout.dim]


def test_every_output_is_published_in_the_model_s_order() -> None:
    task = task_of({'b': (1, 2), 'a': (3,)})
    assert [topic.name for topic in task.topics] == ['tensor/b', 'tensor/a']
    assert {topic.message_type for topic in task.topics} == {'std_msgs/msg/Float32MultiArray'}
    found = published(task, a=np.array([1, 2, 3]), b=np.array([[4, 5]]))
    assert {name: list(message.data) for name, message in found.items()} == {
        'tensor/b': [4, 5],
        'tensor/a': [1, 2, 3],
    }


def test_only_wanted_outputs_are_published_in_the_wanted_order() -> None:
    shapes: Shapes = {'a': (1,), 'b': (1,), 'c': (1,)}
    task = task_of(shapes, outputs=['c', 'a'])
    assert [topic.name for topic in task.topics] == ['tensor/c', 'tensor/a']
    outputs = {name: np.array([value]) for name, value in (('a', 1), ('b', np.nan), ('c', 3))}
    assert list(published(task, **outputs)) == ['tensor/c', 'tensor/a']
    assert task.validate(task.postprocess(outputs, {}), {}).ok  # nobody asked for b


def test_the_dimensions_of_the_first_output_have_the_names_they_are_given() -> None:
    task = task_of({'a': (1, 2), 'b': (1, 2)}, dimensions=['batch', 'joint'])
    found = published(task, a=np.zeros((1, 2)), b=np.zeros((1, 2)))
    assert labels(found['tensor/a']) == ['batch', 'joint']
    assert labels(found['tensor/b']) == ['b.0', 'b.1']
    second = task_of({'a': (1, 2), 'b': (1,)}, outputs=['b', 'a'], dimensions=['batch'])
    found = published(second, a=np.zeros((1, 2)), b=np.zeros(1))
    assert (labels(found['tensor/b']), labels(found['tensor/a'])) == (['batch'], ['a.0', 'a.1'])


@given(
    arrays.arrays(
        st.sampled_from((np.float32, np.float16, np.int32, np.uint8, np.bool_)),
        arrays.array_shapes(min_dims=0, max_dims=4, min_side=0, max_side=4),
    )
)
def test_a_reader_that_follows_the_layout_finds_every_number(array: np.ndarray) -> None:
    """Element (i, j, k) is at stride[1] * i + stride[2] * j + k, as std_msgs says."""
    view = array[::-1] if array.ndim else array  # its memory is in another order
    message = published(task_of({'out': view.shape}), out=view)['tensor/out']
    dimensions = message.layout.dim
    assert tuple(dimension.size for dimension in dimensions) == view.shape
    assert message.data.typecode == 'f' and len(message.data) == view.size
    if dimensions and view.size:
        assert dimensions[0].stride == view.size
    strides = [*(dimension.stride for dimension in dimensions[1:]), 1]
    for index in np.ndindex(view.shape):
        place = sum(i * stride for i, stride in zip(index, strides, strict=False))
        np.testing.assert_array_equal(message.data[place], np.float32(view[index]))


@pytest.mark.parametrize('bad', [np.nan, np.inf, -np.inf])
def test_what_is_no_number_is_counted_by_output(bad: float) -> None:
    task = task_of({'a': (2,), 'b': (1, 3), 'c': (1,)})
    outputs = {'a': np.array([1, bad]), 'b': np.array([[bad, 0, bad]]), 'c': np.zeros(1)}
    reasons = task.validate(task.postprocess(outputs, {}), {}).reasons
    assert [(reason.kind, reason.detail) for reason in reasons] == [
        ('not_finite', "1 values of 'a'"),
        ('not_finite', "2 values of 'b'"),
    ]


@pytest.mark.filterwarnings('error')
def test_a_number_that_is_too_large_for_the_message_is_none() -> None:
    task = task_of({'a': (2,)}, 'float64')
    result = task.postprocess({'a': np.array([1e300, 1.0])}, {})
    (reason,) = task.validate(result, {}).reasons
    assert reason.kind == 'not_finite'


@pytest.mark.parametrize(
    ('shapes', 'values', 'got'),
    [
        ({'a': (1, 2)}, {'outputs': ['b']}, "outputs ['b']"),  # there is none
        ({'a': (1, 2)}, {'dimensions': ['x']}, "dimensions ['x']"),  # one name for two
        ({'a': (1,), 'b': (1, 2)}, {'outputs': ['b'], 'dimensions': ['x']}, "['x']"),
        ({'a': (1, 2)}, {'outputs': ['a', 'a']}, "outputs ['a', 'a']"),  # one topic twice
        ({'a/b': (1,), 'a.b': (1,)}, {}, "outputs ['a/b', 'a.b']"),  # two of one name
    ],
)
def test_settings_that_do_not_fit_the_outputs_are_refused(
    shapes: Shapes, values: dict[str, Any], got: str
) -> None:
    with pytest.raises(ModelMismatchError) as caught:
        task_of(shapes, **values)
    assert got in caught.value.got and 'm@1' in str(caught.value)
    assert all(name in caught.value.expected for name in shapes)


def test_of_two_outputs_with_one_topic_each_can_be_published_alone() -> None:
    task = task_of({'a/b': (1,), 'a.b': (1,)}, outputs=['a.b'])
    assert [topic.name for topic in task.topics] == ['tensor/a_b']


@pytest.mark.parametrize(
    ('output', 'topic'),
    [
        ('output', 'output'),
        ('StatefulPartitionedCall:0', 'StatefulPartitionedCall_0'),
        ('/model/head/Add_output_0', 'model_head_Add_output_0'),
        ('1234', 'output_1234'),  # a name in ROS does not begin with a digit
        ('größe', 'gr__e'),  # nor hold such letters
        ('::', 'output'),  # nothing is left
    ],
)
def test_names_of_outputs_become_names_of_topics(output: str, topic: str) -> None:
    (found,) = task_of({output: (1,)}).topics
    assert found.name == f'tensor/{topic}'


@pytest.mark.parametrize(
    ('shapes', 'batched'),
    [
        ({'a': (None, 2), 'b': (None,)}, True),
        ({'a': (None, 2), 'b': ()}, False),  # one number for all of them
    ],
)
def test_observations_run_together_where_every_output_has_an_axis_for_them(
    shapes: Shapes, batched: bool
) -> None:
    assert task_of(shapes).batched is batched
