"""So that `python -m forerun.cli` works where the `forerun` script is not on the path."""

import sys

from forerun.cli import main

if __name__ == "__main__":
    sys.exit(main())
