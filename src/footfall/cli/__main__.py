"""`python -m footfall.cli`: the command line of this Python."""

import sys

from footfall.cli.main import main

if __name__ == "__main__":
    sys.exit(main())
