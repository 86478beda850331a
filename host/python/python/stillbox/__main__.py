"""The command ``stillbox``: ``python -m stillbox``, or this file."""

import sys
from pathlib import Path

if __name__ == "__main__":
    # As a file, in an interpreter without the packages of the site. The module with the command alone is imported, since the
    # others take time.
    if __package__ in (None, ""):
        sys.path.insert(0, str(Path(__file__).resolve().parent.parent))
    from stillbox._command import main

    sys.exit(main())
