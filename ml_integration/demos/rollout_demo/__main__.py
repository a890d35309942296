"""`python -m ml_integration.demos.rollout_demo`."""

import sys

from ml_integration.demos.rollout_demo.command import main

if __name__ == '__main__':
    sys.exit(main())
