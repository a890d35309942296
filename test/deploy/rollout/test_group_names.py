"""Groups name the other nodes in full, each once."""

from __future__ import annotations

import pytest

from ml_integration.deploy.rollout.group_names import check_group, is_full_name
from ml_integration.errors import SettingError


@pytest.mark.parametrize('names', [(), ('/tracker',), ('/robot1/tracker', '/robot1/_map2')])
def test_names_that_nodes_can_have(names: tuple[str, ...]) -> None:
    check_group(names, '/detector')


@pytest.mark.parametrize(
    ('names', 'hint'),
    [
        (('tracker',), "Write '/tracker'"),
        (('/tracker', '/tracker'), "Correct '/tracker'"),
        (('/detector',), 'Leave /detector out'),
        (('',), "Correct ''"),
        (('/',), "Correct '/'"),
        (('/a/',), "Correct '/a/'"),
        (('/2d',), "Correct '/2d'"),
        (('/a__b',), "Correct '/a__b'"),
        (('/a b',), "Correct '/a b'"),
    ],
)
def test_other_names_are_refused(names: tuple[str, ...], hint: str) -> None:
    with pytest.raises(SettingError) as caught:
        check_group(names, '/detector')
    assert str(caught.value).startswith("/detector: 'rollout.group' is not valid; got [")
    assert hint in str(caught.value)


def test_a_full_name_is_no_path_of_the_disk() -> None:
    assert not is_full_name('/../../x') and not is_full_name('/ä')
