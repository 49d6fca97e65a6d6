"""Folders of a kernel on a host: the notebook's, kept in step, and those that are brought there."""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
import re
import shlex
from pathlib import Path
from typing import TYPE_CHECKING, Any

from labstudio.compute import bundle
from labstudio.compute.sides import LocalSide, RemoteSide
from labstudio.compute.sync import IGNORE_FILE, Synchroniser, mirror
from labstudio.errors import InvalidInput, StudioError

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from labstudio.compute.kernel_host import KernelOrder
    from labstudio.compute.ssh.kind import Ssh
    from labstudio.home import Home


class HostFolders:
    """The folders of one kernel. Used in the link's loop.

    Parameters
    ----------
    order
        The kernel.
    kind
        The host.
    """

    def __init__(self, order: KernelOrder, kind: Ssh) -> None:
        self._order = order
        self._kind = kind
        self._laid: str | None = None
        self._laying = asyncio.Lock()
        self._agent: tuple[Any, Synchroniser] | None = None
        self._synchronising = asyncio.Lock()

    async def programs(self) -> str:
        """Return the folder there that holds the studio's own programs, brought if need be."""
        async with self._laying:
            if self._laid is None:
                files = bundle.files()
                listed = [[path, len(content)] for path, content in files.items()]
                folder = f"programs/{bundle.name()}"
                body = b"".join(files.values())
                await self._kind.remote.ask("lay", body, folder=folder, files=listed)
                self._laid = f"{await self._root()}/{folder}"
            return self._laid

    async def notebooks(self) -> str | None:
        """Return the path of the notebook's folder there; None where the notebook has none.

        All kernels of that folder share it.
        """
        if self._order.notebooks is None:
            return None
        return f"{await self._root()}/folders/{self._mark}/{self._order.notebooks.name or 'root'}"

    async def synchronise(self) -> None:
        """Bring the notebook's folder and its copy there in step."""
        if self._order.notebooks is None:
            return
        async with self._synchronising:
            try:
                if self._agent is None:
                    self._agent = await self._synchroniser(self._order.notebooks)
                await self._agent[1].run()
            except BaseException:
                # What is in the middle of something is not spoken to again.
                self.close()
                raise

    async def bring(self, here: Path) -> str:
        """Bring a folder of packed names there; return its path there."""
        base = f"{await self._root()}/kernels/{self._order.id}"
        there = f"{base}/brought/{here.name}"
        async with self._serving(there, f"{base}/brought/.store") as remote:
            _whole(await mirror(LocalSide(here, self._store), remote, named=True), here)
        return there

    async def fetch(self, there: str, here: Path) -> None:
        """Bring a folder of packed names here."""
        base = f"{await self._root()}/kernels/{self._order.id}"
        async with self._serving(there, f"{base}/fetched") as remote:
            _whole(await mirror(remote, LocalSide(here, self._store), named=True), here)

    def close(self) -> None:
        """Let go of the agent there."""
        if self._agent is not None:
            self._agent[0].close()
        self._agent = None

    @property
    def _store(self) -> Path:
        return self._order.folder / "store"

    @property
    def _mark(self) -> str:
        """What tells the notebook's folder from others of this studio."""
        return hashlib.sha256(str(self._order.notebooks).encode()).hexdigest()[:12]

    async def _root(self) -> str:
        return str((await self._kind.remote.about())["root"])

    async def _start_agent(self) -> Any:
        about = await self._kind.remote.about()
        program = bundle.program(await self.programs(), "agent")
        return await self._kind.link.start(
            f"exec {shlex.quote(about['executable'])} -I -S -c {shlex.quote(program)}"
        )

    @contextlib.asynccontextmanager
    async def _serving(self, root: str, store: str) -> AsyncIterator[RemoteSide]:
        process = await self._start_agent()
        try:
            yield RemoteSide(process.stdout, process.stdin, root, store)
        finally:
            process.close()

    async def _synchroniser(self, notebooks: Path) -> tuple[Any, Synchroniser]:
        folder, store = await self.notebooks(), f"{await self._root()}/folders/{self._mark}/.store"
        assert folder is not None
        rules = private(notebooks, self._kind.host.home)
        process = await self._start_agent()
        home = self._kind.host.home.create()
        memory = home.path / "folders" / f"{self._kind.name}-{self._mark}"
        return process, Synchroniser(
            LocalSide(notebooks, memory / "store"),
            RemoteSide(process.stdout, process.stdin, folder, store),
            notebooks / IGNORE_FILE,
            memory / "memory.json",
            names=("this machine", self._kind.name),
            say=self._order.say,
            always=rules,
        )


def private(notebooks: Path, home: Home) -> list[tuple[bool, str]]:
    """Return rules that leave out what is nobody else's to have, whatever the user's own say.

    Parameters
    ----------
    notebooks
        The notebook's folder.
    home
        The studio home.

    Raises
    ------
    InvalidInput
        When the notebook lies in such a folder itself.
    """
    from jupyter_core.paths import jupyter_config_dir, jupyter_data_dir, jupyter_runtime_dir

    own = Path.home()
    jupyter = map(Path, (jupyter_config_dir(), jupyter_data_dir(), jupyter_runtime_dir()))
    rules: list[tuple[bool, str]] = []
    for folder in (home.path, own / ".ssh", own / ".gnupg", *jupyter):
        if notebooks.is_relative_to(folder):
            raise InvalidInput(
                f"{notebooks} belongs to the studio, to Jupyter or to your keys, and does not "
                "travel: move the notebook elsewhere.",
                field="path",
            )
        if folder.is_relative_to(notebooks):
            rules.append((True, f"{re.escape(folder.relative_to(notebooks).as_posix())}(/|$)"))
    if own.is_relative_to(notebooks):
        # A home's hidden files are settings and passwords.
        above = "" if own == notebooks else own.relative_to(notebooks).as_posix() + "/"
        rules.append((True, rf"{re.escape(above)}\.[^/]*(/|$)"))
    return rules


def _whole(failed: dict[str, str], folder: Path) -> None:
    for path, why in failed.items():
        raise StudioError(f"{folder.name}/{path} did not arrive: {why}.")
