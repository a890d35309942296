"""A plug-in is one file with one class of the same name."""

import subprocess
import sys
from importlib.metadata import EntryPoint

import pytest

from ml_integration.core import plugins
from ml_integration.errors import PluginError


@pytest.mark.parametrize('kind', plugins.KINDS)
def test_every_file_holds_the_class_its_name_promises(kind: str) -> None:
    assert plugins.names(kind)
    for name in plugins.names(kind):
        assert plugins.load(kind, name).__name__ == plugins.class_name(name)


def test_an_unknown_name_lists_what_there_is() -> None:
    with pytest.raises(PluginError, match=r'object_detection.*tasks/detction\.py'):
        plugins.load('tasks', 'detction')


def test_a_foreign_plugin_is_found_by_entry_point(monkeypatch: pytest.MonkeyPatch) -> None:
    point = EntryPoint('odd_task', 'collections:OrderedDict', 'ml_integration.tasks')
    monkeypatch.setattr(plugins, 'entry_points', lambda group: [point])
    assert 'odd_task' in plugins.names('tasks')
    assert plugins.load('tasks', 'odd_task').__name__ == 'OrderedDict'


def test_a_plugin_that_does_not_import_says_why(monkeypatch: pytest.MonkeyPatch) -> None:
    point = EntryPoint('broken', 'no_such_module:Thing', 'ml_integration.tasks')
    monkeypatch.setattr(plugins, 'entry_points', lambda group: [point])
    with pytest.raises(PluginError, match='no_such_module'):
        plugins.load('tasks', 'broken')


def test_looking_for_plugins_imports_no_engine() -> None:
    program = (
        'import sys; from ml_integration.core import plugins; plugins.names("backends"); '
        'sys.exit("onnxruntime" in sys.modules)'
    )
    assert subprocess.run([sys.executable, '-c', program], timeout=60).returncode == 0
