"""What a node remembers belongs to one process at a time."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

from ml_integration.store.state.state_dir import StateDir

NODE = '/robot/eye'
KILLED = """
import os, signal, sys
from pathlib import Path
from ml_integration.store.state.state_dir import StateDir
claim = StateDir(Path(sys.argv[1])).claim_node(sys.argv[2])
assert not claim.holder
os.kill(os.getpid(), signal.SIGKILL)
"""


def test_the_second_claim_names_who_has_the_first_until_that_is_closed(tmp_path: Path) -> None:
    state_dir = StateDir(tmp_path / 'state')
    first = state_dir.claim_node(NODE)
    second = state_dir.claim_node(NODE)
    assert (first.holder, second.holder) == ('', f'process {os.getpid()}')
    second.close()
    assert state_dir.claim_node(NODE).holder  # a refused one took nothing away
    first.close()
    third = state_dir.claim_node(NODE)
    assert third.holder == ''
    third.close()


def test_nodes_of_other_names_and_folders_do_not_meet(tmp_path: Path) -> None:
    claims = [
        StateDir(tmp_path / folder).claim_node(name)
        for folder, name in (('a', '/eye'), ('a', '/robot/eye'), ('b', '/eye'))
    ]
    assert [claim.holder for claim in claims] == ['', '', '']
    for claim in claims:
        claim.close()


def test_a_killed_process_holds_nothing(tmp_path: Path) -> None:
    command = [sys.executable, '-c', KILLED, str(tmp_path), NODE]
    assert subprocess.run(command, check=False, timeout=60).returncode == -9
    claim = StateDir(tmp_path).claim_node(NODE)
    assert claim.holder == ''
    claim.close()


def test_where_there_can_be_no_lock_nobody_holds_it(tmp_path: Path) -> None:
    (tmp_path / 'state').write_text('a file where the folder should be')
    claim = StateDir(tmp_path / 'state').claim_node(NODE)
    assert claim.holder == ''
    claim.close()


def test_a_link_in_its_place_is_not_followed(tmp_path: Path) -> None:
    target = tmp_path / 'precious'
    target.write_text('keep me')
    (tmp_path / 'nodes').mkdir()
    (tmp_path / 'nodes' / '%2Frobot%2Feye.lock').symlink_to(target)
    claim = StateDir(tmp_path).claim_node(NODE)
    claim.close()
    assert target.read_text() == 'keep me'
