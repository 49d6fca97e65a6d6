"""Where kernels' machines are, as far as bringing packed names there and back goes."""

from __future__ import annotations

from typing import TYPE_CHECKING

from labstudio.errors import Unavailable

if TYPE_CHECKING:
    from pathlib import Path
    from typing import Any

    from labstudio.home import Home
    from labstudio.kernels.folder import KernelFolder


class Here:
    """The machine of Jupyter Server: a folder is where it is."""

    async def bring(self, here: Path) -> str:
        """Bring a folder to the kernel's machine, only what is missing; return its path there."""
        return str(here)

    async def fetch(self, there: str, here: Path) -> None:
        """Bring what the kernel wrote into such a folder back, only what is missing."""


class Kept(Here):
    """A compute, reached through the kernel's keeper.

    Parameters
    ----------
    folder
        The kernel's folder.
    """

    def __init__(self, folder: KernelFolder) -> None:
        self._folder = folder

    async def bring(self, here: Path) -> str:
        """Ask the keeper to bring it."""
        return str((await self._ask("bring", here=str(here)))["there"])

    async def fetch(self, there: str, here: Path) -> None:
        """Ask the keeper to fetch it."""
        await self._ask("fetch", there=there, here=str(here))

    async def _ask(self, verb: str, **arguments: Any) -> dict[str, Any]:
        from labstudio.kernels.control import Line

        try:
            async with Line(self._folder) as line:
                return await line.ask(verb, **arguments)
        except OSError as error:
            raise Unavailable(f"The keeper of kernel {self._folder.id} does not answer.") from error


def place_of(home: Home, kernel_id: str) -> Here:
    """Return where a kernel's machine is."""
    from labstudio.kernels.folder import KernelFolder

    folder = KernelFolder(home, kernel_id)
    return Here() if folder.sheet() is None else Kept(folder)
