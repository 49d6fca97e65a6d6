"""``python -m labstudio``: the command."""

from labstudio.cli import main

main()
