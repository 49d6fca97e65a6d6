"""Live kernels whose names are packed and restored, as the studio itself speaks to them."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from jupyter_client.manager import start_new_kernel

from labstudio.namespace import helper

SHORT = 60.0


class Desk:
    """A kernel, and what one does at it."""

    def __init__(self, client: Any) -> None:
        self.client = client
        self.run_silently(helper.install())

    def run(self, code: str) -> str:
        """Run a cell; return what it printed."""
        printed: list[str] = []

        def take(message: Any) -> None:
            if message["msg_type"] == "stream":
                printed.append(message["content"]["text"])

        reply = self.client.execute_interactive(code, timeout=SHORT, output_hook=take)
        assert reply["content"]["status"] == "ok", "\n".join(reply["content"]["traceback"])
        return "".join(printed).strip()

    def run_silently(self, code: str) -> None:
        reply = self.client.execute_interactive(
            code, silent=True, store_history=False, timeout=SHORT
        )
        assert reply["content"]["status"] == "ok", "\n".join(reply["content"]["traceback"])

    def evaluate(self, expression: str) -> Any:
        reply = self.client.execute_interactive(
            "",
            silent=True,
            store_history=False,
            user_expressions={"it": expression},
            timeout=SHORT,
            output_hook=lambda _: None,
        )
        told = reply["content"]["user_expressions"]["it"]
        assert told["status"] == "ok", "\n".join(told["traceback"])
        return helper.answer(told["data"]["text/plain"])

    def pack(self, folder: Path, **options: Any) -> Any:
        return self.evaluate(helper.call("packing", "pack", str(folder), **options))

    def restore(self, folder: Path, **options: Any) -> Any:
        return self.evaluate(helper.call("restoring", "restore", str(folder), **options))


@contextmanager
def desk(**options: Any) -> Iterator[Desk]:
    """Give a new local kernel."""
    manager, client = start_new_kernel(
        kernel_name="python3", startup_timeout=SHORT, env=dict(os.environ), **options
    )
    try:
        yield Desk(client)
    finally:
        client.stop_channels()
        manager.shutdown_kernel(now=True)
