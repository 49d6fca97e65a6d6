"""A Jupyter client for tests of kernels: runs code and collects what comes of it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from queue import Empty
from typing import Any

import zmq.asyncio
from jupyter_client.asynchronous.client import AsyncKernelClient

Message = dict[str, Any]

COUNT = "import time\nfor i in range({n}):\n    print(i, flush=True)\n    time.sleep({s})"
# Forty lines; after the tenth it waits to be let on.
HELD = """import os, time
for i in range(40):
    print(i, flush=True)
    while i == 9 and not os.path.exists({gate!r}):
        time.sleep(0.01)
"""


def counted(n: int) -> str:
    """Return what those print, counting so far."""
    return "".join(f"{i}\n" for i in range(n))


class Talk:
    """A client of one kernel."""

    def __init__(self, client: AsyncKernelClient) -> None:
        self.client = client

    async def ready(self, timeout_s: float = 60) -> Message:
        """Wait until the kernel answers and is heard."""
        await self.client.wait_for_ready(timeout=timeout_s)
        self.client.kernel_info()
        reply: Message = await self.client.get_shell_msg(timeout=timeout_s)
        return reply["content"]

    async def run(self, code: str, timeout_s: float = 60, **options: Any) -> list[Message]:
        """Run code to its end; return its output messages."""
        return await self.outputs(self.client.execute(code, **options), timeout_s)

    async def outputs(self, message_id: str, timeout_s: float = 60) -> list[Message]:
        """Collect the outputs of a request, until the kernel is idle after it."""
        found: list[Message] = []
        async with asyncio.timeout(timeout_s):
            while True:
                message = await self.client.get_iopub_msg(timeout=timeout_s)
                if message["parent_header"].get("msg_id") != message_id:
                    continue
                if message["content"].get("execution_state") == "idle":
                    return found
                if message["msg_type"] not in ("status", "execute_input"):
                    found.append(message)

    async def hears(self, wanted: str, timeout_s: float = 60) -> str:
        """Wait until a text was printed; return all that was until then."""
        seen = ""
        async with asyncio.timeout(timeout_s):
            while wanted not in seen:
                seen += text([await self.client.get_iopub_msg(timeout=timeout_s)])
        return seen

    async def begin(self, code: str) -> str:
        """Send Python code, and wait until it runs; return the request's id."""
        asked: str = self.client.execute(f"print('begun', flush=True)\n{code}")
        await self.hears("begun\n")
        return asked

    async def passed_on(self) -> None:
        """Wait until all that the kernel said so far was passed on: the answer comes behind it."""
        self.client.control_channel.send(self.client.session.msg("kernel_info_request"))
        await self.client.get_control_msg(timeout=60)

    async def reply(self, message_id: str, timeout_s: float = 60) -> Message:
        """Return the answer to a request on the shell channel."""
        async with asyncio.timeout(timeout_s):
            while True:
                message: Message = await self.client.get_shell_msg(timeout=timeout_s)
                if message["parent_header"].get("msg_id") == message_id:
                    return message["content"]

    async def silent(self, seconds: float) -> bool:
        """Say whether nothing comes for a while."""
        try:
            await self.client.get_iopub_msg(timeout=seconds)
        except Empty:
            return True
        return False


@asynccontextmanager
async def talking(connection: dict[str, Any]) -> AsyncIterator[Talk]:
    """A client of the kernel of a connection file."""
    context = zmq.asyncio.Context()
    context.setsockopt(zmq.RCVHWM, 0)
    context.setsockopt(zmq.LINGER, 0)
    client = AsyncKernelClient(context=context)
    client.load_connection_info(connection)
    client.start_channels(hb=False)
    try:
        yield Talk(client)
    finally:
        client.stop_channels()
        context.destroy(linger=0)


def text(outputs: list[Message]) -> str:
    """Return what was written to the standard streams."""
    return "".join(each["content"]["text"] for each in outputs if each["msg_type"] == "stream")


def result(outputs: list[Message]) -> str:
    """Return the plain text of the result."""
    (found,) = (each for each in outputs if each["msg_type"] == "execute_result")
    return str(found["content"]["data"]["text/plain"])


def errors(outputs: list[Message]) -> list[str]:
    """Return the names of the errors."""
    return [each["content"]["ename"] for each in outputs if each["msg_type"] == "error"]
