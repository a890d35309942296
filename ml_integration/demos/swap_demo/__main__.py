"""`python -m ml_integration.demos.swap_demo`."""

import sys

from ml_integration.demos.swap_demo.command import main

if __name__ == '__main__':
    sys.exit(main())
