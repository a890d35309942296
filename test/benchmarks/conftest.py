"""Makes `benchmarks` importable: it is part of the repository, not of the installed package."""

import sys
from pathlib import Path

from ros_fixtures import ros_domain, spawn

__all__ = ['ros_domain', 'spawn']

sys.path.append(str(Path(__file__).parents[2]))
