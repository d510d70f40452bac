"""``python -m rove_teleop.cli``."""

import sys

from . import main

sys.exit(main())
