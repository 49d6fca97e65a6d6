"""``python -m labstudio.daemon``: the daemon of ``LABSTUDIO_HOME``."""

import sys

from labstudio.daemon.process import main

sys.exit(main())
