"""`python -m tfgen.emulator`: run the emulator in the foreground until SIGTERM or Ctrl-C."""

from __future__ import annotations

import sys

from tfgen.emulator.server import main

if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
