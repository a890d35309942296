"""Nodes of users that have no home, and folders with ~ in parameters."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

from homeless import homeless
from inference_processes import MODULE, ros_arguments
from model_folders import write_model_folder
from ros_processes import Process

NO_HOME = 'HOME is not set, and this user has no entry in passwd'


def test_without_a_home_explicit_folders_do(spawn: Callable[..., Process], tmp_path: Path) -> None:
    write_model_folder(tmp_path, 'tiny')
    folders = {'model_path': tmp_path, 'state_dir': tmp_path / 'state'}
    arguments = ros_arguments(model='tiny', autostart=True, **folders)
    node = spawn(*homeless(MODULE, *arguments))
    node.wait_for_log('tiny@1 on CPUExecutionProvider')
    assert 'no log file' in node.log


def test_without_a_home_a_sentence_says_what_to_give(
    spawn: Callable[..., Process], tmp_path: Path
) -> None:
    node = spawn(*homeless(MODULE, *ros_arguments(autostart=True)))
    node.wait_for_log('cannot configure: ')
    assert NO_HOME in node.log and 'the parameter state_dir' in node.log


def test_a_tilde_in_a_parameter_is_the_home(spawn: Callable[..., Process], tmp_path: Path) -> None:
    write_model_folder(tmp_path / 'mine', 'tiny')
    folders = {'model_path': '~/none:~/mine', 'state_dir': '~/state'}
    arguments = ros_arguments(model='tiny', autostart=True, **folders)
    node = spawn('-m', MODULE, *arguments, environment={'HOME': str(tmp_path)})
    node.wait_for_log('tiny@1 on CPUExecutionProvider')
    node.stop()
    assert (tmp_path / 'state').is_dir()
    shutil.rmtree(tmp_path / 'state')
