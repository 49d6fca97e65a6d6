"""A kernel as JupyterLab starts it for a notebook, spoken to cell by cell."""

from __future__ import annotations

import os
import signal
from pathlib import Path
from typing import Any

from jupyter_client.manager import KernelManager

from labstudio._studio import Studio
from labstudio.experiments.connection import connection

LIMIT_S = 120


class NotebookKernel:
    """A notebook's kernel, led to a studio's tracking server.

    Parameters
    ----------
    studio
        Whose.
    folder
        Where the notebook lies.
    """

    def __init__(self, studio: Studio, folder: Path, **env: str) -> None:
        where = connection(studio.home)
        variables = {
            **os.environ,
            "LABSTUDIO_HOME": str(studio.home.path),
            "MLFLOW_TRACKING_URI": where.url,
            "MLFLOW_TRACKING_TOKEN": where.token,
            "JPY_SESSION_NAME": str(folder / "trial.ipynb"),
            **env,
        }
        self.manager = KernelManager(kernel_name="python3")
        self.manager.start_kernel(cwd=str(folder), env=variables)
        self.client = self.manager.client()
        self.client.start_channels()
        self.client.wait_for_ready(timeout=LIMIT_S)

    def run(self, code: str) -> str:
        """Run a cell; return what it printed, its result and its error."""
        told: list[str] = []

        def hear(message: dict[str, Any]) -> None:
            content = message["content"]
            match message["msg_type"]:
                case "stream":
                    told.append(content["text"])
                case "execute_result":
                    told.append(content["data"]["text/plain"])
                case "error":
                    told.append(f"{content['ename']}: {content['evalue']}")

        self.client.execute_interactive(code, output_hook=hear, timeout=LIMIT_S)
        return "".join(told)

    def send(self, code: str) -> None:
        """Run a cell without waiting for it."""
        self.client.execute(code)

    def kill(self) -> None:
        """Kill it as a crash does."""
        self.manager.provisioner.process.send_signal(signal.SIGKILL)  # type: ignore[union-attr]

    def close(self) -> None:
        """End it."""
        self.client.stop_channels()
        self.manager.shutdown_kernel()
        self.manager.cleanup_resources()
