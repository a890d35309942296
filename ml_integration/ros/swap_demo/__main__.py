"""`python -m ml_integration.ros.swap_demo`."""

import sys

from ml_integration.ros.swap_demo.command import main

if __name__ == '__main__':
    sys.exit(main())
