"""Makes `dev` importable: it is part of the repository, not of the installed package."""

import sys
from pathlib import Path

# Last, so that it is the installed package that is tested where there is one.
sys.path.append(str(Path(__file__).parents[2]))
