"""Speaking silently to a running kernel, beside its notebook's own clients."""

from __future__ import annotations

import asyncio
from queue import Empty
from time import monotonic
from typing import TYPE_CHECKING, Any

from labstudio.errors import StudioError, Unavailable

if TYPE_CHECKING:
    from collections.abc import Callable

READY_S = 120.0
LOOK_S = 1.0


class KernelRefused(StudioError):
    """A kernel raised what it was asked to do."""

    status = 409
    code = "kernel_refused"


class Talk:
    """A client of one kernel.

    Parameters
    ----------
    manager
        The kernel's manager in Jupyter Server.
    name
        What the kernel is called in sentences.
    """

    def __init__(self, manager: Any, name: str) -> None:
        from jupyter_client.asynchronous.client import AsyncKernelClient

        self._manager, self._name = manager, name
        # A session of its own: the kernel answers by its identity, the manager has another.
        self._client = AsyncKernelClient()
        info = manager.get_connection_info()
        info["key"] = info["key"].decode() if isinstance(info["key"], bytes) else info["key"]
        self._client.load_connection_info(info)
        self._client.start_channels(iopub=False, stdin=False, hb=False)

    def close(self) -> None:
        """Close the client; the kernel goes on."""
        self._client.stop_channels()

    async def ready(self, timeout_s: float = READY_S) -> None:
        """Wait for the kernel's first answer, and give it the packer."""
        from labstudio.namespace import helper

        message = self._client.kernel_info()
        await self._reply(message, timeout_s)
        await self._execute(helper.install(), {})

    async def call(self, module: str, function: str, *arguments: Any, **named: Any) -> Any:
        """Call a function of the packer in the kernel; return what it gives."""
        from labstudio.namespace import helper

        content = await self._execute(
            "", {"it": helper.call(module, function, *arguments, **named)}
        )
        told = content["user_expressions"]["it"]
        if told["status"] != "ok":
            raise KernelRefused(f"{told['ename']}: {told['evalue']}")
        return helper.answer(told["data"]["text/plain"])

    async def _execute(self, code: str, expressions: dict[str, str]) -> dict[str, Any]:
        message = self._client.execute(
            code, silent=True, store_history=False, user_expressions=expressions
        )
        content: dict[str, Any] = await self._reply(message, None)
        if content["status"] != "ok":
            raise KernelRefused(f"{content.get('ename', 'Error')}: {content.get('evalue', '')}")
        return content

    async def _reply(self, message: str, timeout_s: float | None) -> dict[str, Any]:
        deadline = None if timeout_s is None else monotonic() + timeout_s
        while True:
            try:
                reply = await self._client.get_shell_msg(timeout=LOOK_S)
            except Empty:
                if not await self._manager.is_alive():
                    raise Unavailable(f"{self._name} died.") from None
                if deadline is not None and monotonic() > deadline:
                    raise Unavailable(f"{self._name} did not answer in time.") from None
                continue
            if reply["parent_header"].get("msg_id") == message:
                found: dict[str, Any] = reply["content"]
                return found


def busy(manager: Any) -> bool:
    """Say whether a cell runs in a kernel, as its manager in Jupyter Server has heard."""
    return bool(getattr(manager, "execution_state", "idle") == "busy")


async def until(condition: Callable[[], bool], timeout_s: float, step_s: float = 0.05) -> bool:
    """Wait for something; say whether it came."""
    deadline = monotonic() + timeout_s
    while not condition():
        if monotonic() > deadline:
            return False
        await asyncio.sleep(step_s)
    return True
