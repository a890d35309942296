"""`python -m ml_integration.demos.demo`."""

import sys

from ml_integration.demos.demo.command import main

if __name__ == '__main__':
    sys.exit(main())
