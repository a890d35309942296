"""`python -m ml_integration.ros.demo`."""

import sys

from ml_integration.ros.demo.command import main

if __name__ == '__main__':
    sys.exit(main())
