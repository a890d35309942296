"""Entry point: `python3 -m dev.setup --distro jazzy --venv .venv`."""

import sys

if not (3, 10) <= sys.version_info[:2] <= (3, 13):
    # Before any import of ours: an older Python could not even parse the other files.
    sys.exit(
        'This package needs Python 3.10 to 3.13 and this one is '
        f'{sys.version_info[0]}.{sys.version_info[1]}; '
        'name another one, as in: make PYTHON=python3.12 setup'
    )

from dev.setup.program import main

sys.exit(main())
