"""``python -m labstudio.jobs.runner ATTEMPT_FOLDER``: one attempt, without a nursery."""

import os
import sys

from labstudio.jobs.runner.running import main

code = main(sys.argv[1:])
sys.stdout.flush()
sys.stderr.flush()
# All files are written and all children gone: nothing that exit handlers could add.
os._exit(code)
