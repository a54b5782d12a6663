"""`python -m serinus.monitor`: the monitor, as run.py has it run."""

import sys

from serinus.monitor.process import main

sys.exit(main())
