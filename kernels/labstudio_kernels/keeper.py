"""The keeper of one kernel on a compute: ``python -m labstudio_kernels.keeper HOME KERNEL_ID``.

It is a process of its own, apart from Jupyter Server and from the daemon, so that the kernel stays
when these end. It holds the `KernelHost` that started the kernel, and the `Bridge` to its clients.
What the kernel is stands in its folder (`labstudio.kernels.folder`); what is asked of it comes over
the control socket (`labstudio.kernels.control`). When a keeper dies, whoever notices first (the
provisioner, or the daemon's sweep) starts another, which finds the kernel where it is.

The keeper ends when it is told to forget the kernel, or some time after the kernel died.

With ``--spare HOME COMPUTE`` it is a spare: everything is loaded, the compute is in touch, and a
line with home and id on standard input makes it a keeper at once. It ends with whoever holds the
other end, and lets the compute go when it is not wanted for a while.
"""

from __future__ import annotations

import asyncio
import json
import logging
import os
import select
import signal
import sys
import threading
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any

import psutil

from labstudio.errors import InvalidInput, StudioError
from labstudio.home import Home
from labstudio.jobs.processes import name_process
from labstudio.jobs.runner.protocol import boot_id, started_at
from labstudio.kernels.control import LINE_LIMIT_BYTES, refusal
from labstudio.kernels.folder import KernelFolder
from labstudio.kernels.models import KeeperInfo
from labstudio_kernels.kernel import KeptKernel
from labstudio_kernels.opened import Opened

if TYPE_CHECKING:
    from pydantic import BaseModel

log = logging.getLogger("labstudio.keeper")

# For how long a spare stays in touch with its compute.
WARM_S = 600.0
SPARE = "--spare"


class Verbs:
    """Answers on the control socket.

    Parameters
    ----------
    kernel
        What is asked for.
    """

    def __init__(self, kernel: KeptKernel) -> None:
        self._kernel = kernel

    async def serve(self) -> asyncio.Server:
        """Listen; returns once it does."""
        path = self._kernel.folder.control
        path.unlink(missing_ok=True)
        server = await asyncio.start_unix_server(self._answer, path, limit=LINE_LIMIT_BYTES)
        path.chmod(0o600)
        return server

    async def _answer(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        attached = False
        try:
            while line := await reader.readline():
                asked = json.loads(line)
                verb = asked.pop("verb")
                if verb == "attach" and not attached:
                    attached = True
                    self._kernel.attached += 1
                writer.write(json.dumps(await self._do(verb, asked)).encode() + b"\n")
                await writer.drain()
        except (ConnectionError, ValueError) as error:
            log.info("A connection was cut: %s", error)
        finally:
            self._kernel.attached -= attached
            writer.close()

    async def _do(self, verb: str, arguments: dict[str, Any]) -> dict[str, Any]:
        try:
            known = getattr(self, f"_{verb}") if verb in VERBS else self._unknown
            answer: BaseModel | dict[str, Any] | None = await known(**arguments)
        except StudioError as error:
            return refusal(error)
        except Exception as error:
            # A host is somebody else's code: whatever it raises is told to whoever asked.
            log.exception("%s failed", verb)
            return refusal(StudioError(f"{type(error).__name__}: {error}"))
        if answer is None:
            answer = {}
        content = answer if isinstance(answer, dict) else answer.model_dump(mode="json")
        return {"ok": True, **content}

    async def _unknown(self, **_arguments: Any) -> None:
        raise InvalidInput(f"verb must be one of {', '.join(sorted(VERBS))}.", field="verb")

    async def _status(self) -> BaseModel:
        return self._kernel.status()

    async def _attach(self) -> BaseModel:
        return self._kernel.status()

    async def _start(self) -> BaseModel:
        await self._kernel.start()
        return self._kernel.status()

    async def _interrupt(self) -> None:
        await self._kernel.interrupt()

    async def _stop(self, **grace: float) -> None:
        await self._kernel.stop(**grace)

    async def _kill(self) -> None:
        await self._kernel.kill()

    async def _reclaim(self, message: str) -> None:
        await self._kernel.reclaim(message)

    async def _end(self) -> None:
        await self._kernel.end()

    async def _bring(self, here: str) -> dict[str, Any]:
        return {"there": await self._kernel.bring(Path(here))}

    async def _fetch(self, there: str, here: str) -> None:
        await self._kernel.fetch(there, Path(here))

    async def _rename(self, path: str) -> None:
        self._kernel.rename(path)

    async def _synchronise(self) -> None:
        await self._kernel.synchronise()


VERBS = frozenset(
    ("status", "attach", "start", "interrupt", "stop", "kill", "reclaim", "end", "bring", "fetch",
     "synchronise", "rename")
)  # fmt: skip


async def keep(folder: KernelFolder, opened: Opened) -> None:
    """Keep a kernel until it is over."""
    sheet = folder.sheet()
    if sheet is None:
        return
    opened.settle(sheet.compute)
    folder.make_sockets()
    kernel = KeptKernel(opened, folder, sheet)
    loop = asyncio.get_running_loop()
    # Told to end as a process it lets the kernel be; another keeper will find it.
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, kernel.done.set)
    server = await Verbs(kernel).serve()
    me = psutil.Process()
    folder.name_keeper(
        KeeperInfo(
            pid=me.pid,
            create_time=me.create_time(),
            started=started_at(me.pid),
            boot_id=boot_id(),
        )
    )
    await kernel.open()
    await kernel.done.wait()
    # The answer to whoever ended it is on its way.
    await asyncio.sleep(0.05)
    server.close()
    await kernel.close()
    opened.studio.close()


def main() -> None:
    """Keep the kernel that the arguments, or a spare's line on standard input, name."""
    opened = None
    words = sys.argv[1:]
    if words[0] == SPARE:
        opened, words = _wait_for_order(*words[1:])
    if not words:
        return
    home, kernel_id = words
    os.environ["LABSTUDIO_HOME"] = home
    folder = KernelFolder(Home(home), kernel_id)
    if opened is None or opened.studio.home.path != folder.home.path:
        opened = Opened(home)
    lock = folder.lock()
    if lock is None:
        return
    _lead_output_into(folder)
    name_process("labstudio-keep")
    try:
        # Not `asyncio.run`: it waits for threads, which may wait for an answer from far away.
        asyncio.new_event_loop().run_until_complete(keep(folder, opened))
    except Exception:
        log.exception("The keeper ends")
    finally:
        lock.close()
        logging.shutdown()
        os._exit(0)


def _wait_for_order(home: str, compute: str) -> tuple[Opened, list[str]]:
    """Open what keeping takes, then wait; nothing comes when whoever would tell is gone."""
    os.environ["LABSTUDIO_HOME"] = home
    opened = Opened(home)
    # Not waited for: an order may come while a host is slow to answer.
    threading.Thread(target=opened.warm, args=(compute,), daemon=True).start()
    if not select.select([sys.stdin], [], [], WARM_S)[0]:
        opened.cool()
    line = sys.stdin.readline()
    return opened, json.loads(line) if line else []


def _lead_output_into(folder: KernelFolder) -> None:
    file: IO[str] = folder.log.open("a")
    os.dup2(file.fileno(), 1)
    os.dup2(file.fileno(), 2)
    os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(message)s")


if __name__ == "__main__":
    main()
