"""One declaration drives defaults, checks and documentation."""

from dataclasses import dataclass, field

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ml_integration.core.declaration import build, declared, settings_of
from ml_integration.errors import SettingError


@dataclass(frozen=True)
class Inner:
    gain: float = declared(1.0, 'Gain [1].', ge=0.0, le=10.0)


@dataclass(frozen=True)
class Outer:
    name: str = declared('a', 'Name.', choices=('a', 'b'))
    count: int = declared(3, 'Count.', ge=1)
    on: bool = declared(False, 'On.')
    size: tuple[int, ...] = declared((1, 2), 'Size [px].', ge=0, length=2)
    every: float = declared(1.0, 'Period [s].', ge=0.5, le=9.0, off=0.0)
    inner: Inner = field(default_factory=Inner)


def test_what_is_not_given_keeps_its_default() -> None:
    assert build(Outer, {}, 'here') == Outer()


def test_nested_and_dotted_names_mean_the_same() -> None:
    nested = build(Outer, {'inner': {'gain': 2.0}}, 'here')
    assert nested == build(Outer, {'inner.gain': 2.0}, 'here')
    assert nested.inner.gain == 2.0


@pytest.mark.parametrize(
    ('values', 'part'),
    [
        ({'name': 'c'}, "got 'c'; expected str one of a, b"),  # not a choice
        ({'count': 0}, 'expected int >= 1'),  # too small
        ({'count': 2.0}, 'expected int'),  # a float is no int
        ({'count': True}, 'expected int'),  # nor is a bool
        ({'on': 1}, 'expected bool'),  # nor an int a bool
        ({'inner': {'gain': float('nan')}}, "'inner.gain'"),  # NaN passes no comparison
        ({'inner': {'gain': 11}}, '<= 10'),  # too large
        ({'size': [1, 2, 3]}, '2 items'),  # wrong length
        ({'size': [1, -1]}, '>= 0'),  # one item out of range
        ({'size': '12'}, 'list of int'),  # text is no list
        ({'nmae': 'a'}, "Did you mean 'name'?"),  # a typing error
    ],
)
def test_a_wrong_value_is_refused_with_where_got_and_expected(values: dict, part: str) -> None:
    with pytest.raises(SettingError) as caught:
        build(Outer, values, 'robot.yaml')
    assert part in str(caught.value)
    assert str(caught.value).startswith('robot.yaml: ')


def test_an_int_is_taken_where_a_float_is_meant() -> None:
    assert build(Inner, {'gain': 5}, 'here').gain == 5.0


def test_a_field_that_is_not_declared_is_a_programming_error() -> None:
    @dataclass(frozen=True)
    class Forgot:
        x: int = 1

    with pytest.raises(TypeError, match=r'Forgot\.x'):
        settings_of(Forgot)


@given(st.floats(allow_nan=True, allow_infinity=True))
def test_a_range_lets_through_exactly_what_is_inside(value: float) -> None:
    inside = 0.0 <= value <= 10.0
    try:
        assert build(Inner, {'gain': value}, 'here').gain == value
        assert inside
    except SettingError:
        assert not inside


@pytest.mark.parametrize('value', [0.0, -0.0, 0.5, 9.0])
def test_a_number_outside_the_range_may_mean_off(value: float) -> None:
    assert build(Outer, {'every': value}, 'here').every == value


@pytest.mark.parametrize('value', [0.1, 9.5, -1.0, float('nan'), float('inf')])
def test_beside_off_only_the_range_is_allowed(value: float) -> None:
    with pytest.raises(SettingError, match=r'expected float 0, or >= 0\.5 and <= 9'):
        build(Outer, {'every': value}, 'here')


@dataclass(frozen=True)
class Demanding:
    style: str = declared(
        '', 'Style.', choices=('x', 'y'), required=True, gone={'z': 'Write x instead.'}
    )


def test_a_required_setting_that_is_missing_is_named_with_its_choices() -> None:
    with pytest.raises(SettingError) as caught:
        build(Demanding, {}, 'here')
    assert str(caught.value) == "here: there is no 'style'; expected one of x, y. Style."
    assert build(Demanding, {'style': 'y'}, 'here').style == 'y'


def test_a_value_that_is_gone_says_what_to_write_instead() -> None:
    with pytest.raises(SettingError, match=r"got 'z'; .* Write x instead\."):
        build(Demanding, {'style': 'z'}, 'here')
