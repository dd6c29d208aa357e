"""`python -m vae_zoo`: the command line."""

import sys

from vae_zoo.cli import main

if __name__ == "__main__":
    sys.exit(main())
