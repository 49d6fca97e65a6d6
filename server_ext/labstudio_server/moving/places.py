"""Where kernels' machines are, as far as bringing packed names there and back goes."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path


class Here:
    """The machine of Jupyter Server: what a kernel writes lies here already."""

    near = True

    async def bring(self, here: Path) -> str:
        """Return where a folder of this machine is for the kernel."""
        return str(here)

    async def fetch(self, there: str, here: Path) -> None:
        """Have a folder that the kernel wrote here; only what is missing travels."""
