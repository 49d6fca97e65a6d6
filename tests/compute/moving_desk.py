"""A notebook with its session, as Jupyter Server has it, and what moves it; no web server."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from types import SimpleNamespace
from typing import Any

from jupyter_client.asynchronous.client import AsyncKernelClient
from jupyter_client.kernelspec import KernelSpecManager
from jupyter_events import EventLogger
from jupyter_server.services.contents.largefilemanager import AsyncLargeFileManager
from jupyter_server.services.kernels.kernelmanager import AsyncMappingKernelManager
from jupyter_server.services.sessions.sessionmanager import SessionManager

from labstudio.home import Home
from labstudio.namespace.models import CreateMove, Move
from labstudio_server import events
from labstudio_server.container import Services
from labstudio_server.feed import Feed
from labstudio_server.moving import steps
from labstudio_server.moving.mover import Mover

LIMIT_S = 120.0


class MovingDesk:
    """Real managers of Jupyter Server with a mover.

    Parameters
    ----------
    home
        The studio home; its kernelspecs are offered.
    notebooks
        The server's root.
    """

    def __init__(self, home: Home, notebooks: Path) -> None:
        specs = KernelSpecManager()
        specs.kernel_dirs.append(str(home.kernelspecs))
        self.kernels = AsyncMappingKernelManager(
            kernel_spec_manager=specs,
            root_dir=str(notebooks),
            connection_dir=str(notebooks.parent),
        )
        contents = AsyncLargeFileManager(root_dir=str(notebooks))
        self.sessions = SessionManager(kernel_manager=self.kernels, contents_manager=contents)
        server = SimpleNamespace(
            kernel_manager=self.kernels,
            session_manager=self.sessions,
            kernel_spec_manager=specs,
        )
        self.services = Services(home=str(home.path))
        logger = EventLogger()
        events.register(logger)
        self.mover = Mover(self.services, Feed(self.services, logger), server)
        self.session = ""

    async def open(self) -> None:
        made = await self.sessions.create_session(
            path="work.ipynb", name="work.ipynb", type="notebook", kernel_name="python3"
        )
        self.session = made["id"]
        self.mover.start()

    async def close(self) -> None:
        await self.mover.stop()
        await self.kernels.shutdown_all(now=True)
        await self.services.close()

    async def kernel(self) -> Any:
        return (await self.sessions.get_session(session_id=self.session))["kernel"]

    async def run(self, code: str) -> str:
        """Run a cell that must succeed; return what it printed and showed."""
        status, said = await self._execute(code)
        assert status == "ok", said
        return said

    async def fails(self, code: str) -> str:
        """Run a cell that must fail; return what it printed and showed."""
        status, said = await self._execute(code)
        assert status == "error", said
        return said

    async def _execute(self, code: str) -> tuple[str, str]:
        manager = self.kernels.get_kernel((await self.kernel())["id"])
        client = AsyncKernelClient()
        info = manager.get_connection_info()
        client.load_connection_info({**info, "key": info["key"].decode()})
        client.start_channels(stdin=False, hb=False)
        said: list[str] = []

        def take(message: Any) -> None:
            content = message["content"]
            said.append(content.get("text") or content.get("data", {}).get("text/plain") or "")

        try:
            await client.wait_for_ready(timeout=LIMIT_S)
            reply = await client.execute_interactive(code, timeout=LIMIT_S, output_hook=take)
        finally:
            client.stop_channels()
        content = reply["content"]
        return content["status"], "\n".join([*said, *content.get("traceback", [])])

    async def move(self, to: str, **wanted: Any) -> Move:
        """Move the notebook; return how that ended."""
        own = (await self.kernel())["id"]
        await self.mover.begin(own, CreateMove(to=to, **wanted))
        deadline = time.monotonic() + LIMIT_S
        while True:
            move = self.mover.moves().get(own)
            if move.phase.final:
                return move
            assert time.monotonic() < deadline, move
            await asyncio.sleep(0.02)

    async def comes_to(self, name: str) -> None:
        """Wait until the notebook's kernel is of a kernelspec."""
        deadline = time.monotonic() + LIMIT_S
        while (await self.kernel())["name"] != name:
            assert time.monotonic() < deadline
            await asyncio.sleep(0.05)


@asynccontextmanager
async def moving(home: Home, notebooks: Path, patience_s: float = 0.5) -> AsyncIterator[MovingDesk]:
    """Open a notebook."""
    steps.CLIENTS_S = patience_s
    desk = MovingDesk(home, notebooks)
    await desk.open()
    try:
        yield desk
    finally:
        await desk.close()
