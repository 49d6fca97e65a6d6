"""Kernels on computes as a test uses them: through real managers, as Jupyter Server would."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from jupyter_client.asynchronous.client import AsyncKernelClient
from jupyter_client.kernelspec import KernelSpecManager
from jupyter_client.manager import AsyncKernelManager

from labstudio.home import Home
from labstudio.jobs.runner.protocol import read_model
from labstudio.kernels import control, specs
from labstudio.kernels.folder import KernelFolder, folders
from labstudio.kernels.models import KeeperInfo

READY_S = 60.0


@dataclass
class Cell:
    """What came of code that ran in a kernel."""

    reply: dict[str, Any]
    messages: list[dict[str, Any]] = field(default_factory=list)

    @property
    def text(self) -> str:
        """What was printed, and the text of what was shown."""
        found = ""
        for message in self.messages:
            content = message["content"]
            if message["msg_type"] == "stream":
                found += content["text"]
            elif message["msg_type"] in ("execute_result", "display_data"):
                found += content["data"]["text/plain"]
        return found

    @property
    def status(self) -> str:
        return str(self.reply["status"])


@dataclass
class Session:
    """A manager with a client, as a notebook has them."""

    manager: AsyncKernelManager
    client: AsyncKernelClient
    folder: KernelFolder

    async def run(self, code: str, timeout_s: float = READY_S, answer: str | None = None) -> Cell:
        """Run code and wait for all that comes of it."""
        return await self._run(code, [], timeout_s, answer)

    async def begin(self, code: str, said: str) -> asyncio.Task[Cell]:
        """Run code, and wait until it has printed something; return its run."""
        messages: list[dict[str, Any]] = []
        running = asyncio.create_task(self._run(code, messages, READY_S, None))
        await until(lambda: running.done() or said in Cell({}, messages).text)
        return running

    async def _run(
        self, code: str, messages: list[dict[str, Any]], timeout_s: float, answer: str | None
    ) -> Cell:
        options: dict[str, Any] = {"output_hook": messages.append, "timeout": timeout_s}
        if answer is not None:
            options["stdin_hook"] = lambda _message: self.client.input(answer)
            options["allow_stdin"] = True
        done = await self.client.execute_interactive(code, **options)
        return Cell(done["content"], messages)

    async def ask(self, verb: str, **arguments: Any) -> dict[str, Any]:
        """Ask the keeper."""
        return await asyncio.to_thread(control.ask, self.folder, verb, 30.0, **arguments)

    async def reconnect(self) -> None:
        """Use a new client."""
        self.client.stop_channels()
        self.client = await connect(self.manager)


async def connect(manager: AsyncKernelManager) -> AsyncKernelClient:
    client = manager.client()
    client.start_channels()
    await client.wait_for_ready(timeout=READY_S)
    return client


@dataclass
class Jupyter:
    """Stands where a Jupyter Server would: it starts managers for a home's kernelspecs.

    Parameters
    ----------
    home
        The studio home.
    notebooks
        Where notebooks lie.
    """

    home: Home
    notebooks: Path

    @property
    def kernelspecs(self) -> KernelSpecManager:
        return KernelSpecManager(
            kernel_dirs=[str(self.home.kernelspecs)], ensure_native_kernel=False
        )

    @asynccontextmanager
    async def session(
        self,
        compute: str,
        offer: str = "python3",
        notebook: str | None = "work.ipynb",
        kernel_id: str | None = None,
        leave: bool = False,
    ) -> AsyncIterator[Session]:
        """Start a kernel, or attach to the one of an id; end it at the end unless it is left."""
        manager = AsyncKernelManager(
            kernel_name=specs.spec_name(compute, offer),
            kernel_spec_manager=self.kernelspecs,
            connection_file=str(self.notebooks / "connection.json"),
        )
        options: dict[str, Any] = {"cwd": str(self.notebooks), "env": {}}
        if notebook is not None:
            options["env"]["JPY_SESSION_NAME"] = str(self.notebooks / notebook)
        if kernel_id is not None:
            options["kernel_id"] = kernel_id
        await manager.start_kernel(**options)
        session = Session(manager, await connect(manager), folder_of(manager, self.home))
        try:
            yield session
        finally:
            session.client.stop_channels()
            if leave:
                manager.provisioner.detach()  # type: ignore[union-attr]
            await manager.shutdown_kernel()


def folder_of(manager: AsyncKernelManager, home: Home) -> KernelFolder:
    assert manager.kernel_id is not None
    return KernelFolder(home, manager.kernel_id)


def keeper(folder: KernelFolder) -> int:
    """Return the process id of a kernel's keeper."""
    info = read_model(folder.path / "keeper.json", KeeperInfo)
    assert info is not None
    return info.pid


def end_all(home: Home) -> None:
    """End every kernel of a home."""
    for folder in folders(home):
        control.ask(folder, "end", timeout_s=60)


async def until(happened: Callable[[], Any], timeout_s: float = READY_S) -> Any:
    """Wait until something is true, and return it."""
    deadline = time.monotonic() + timeout_s
    while True:
        if found := happened():
            return found
        assert time.monotonic() < deadline, "It did not happen."
        await asyncio.sleep(0.05)


# -- what every kernel does, wherever it runs


async def check_cells(session: Session) -> None:
    """Results, errors, prompts."""
    assert (await session.run("kept = 6 * 7\nkept")).text == "42"
    failed = await session.run("1 / 0")
    assert (failed.status, failed.reply["ename"]) == ("error", "ZeroDivisionError")
    asked = await session.run("name = input('Who? ')\nprint(name[::-1])", answer="olleh")
    assert asked.text == "hello\n"


async def check_outputs(session: Session, megabytes: int = 50, lines: int = 5000) -> None:
    """Large outputs and many small ones: whole, and in order."""
    large = await session.run(f"print('x' * ({megabytes} << 20))")
    assert len(large.text) == (megabytes << 20) + 1
    many = await session.run(
        f"from IPython.display import display\nfor at in range({lines}): display(at)"
    )
    found = [m["content"]["data"]["text/plain"] for m in many.messages if "data" in m["content"]]
    assert found == [str(at) for at in range(lines)]


async def check_comms(session: Session) -> None:
    """A widget's messages go both ways, with their buffers."""
    await session.run(
        "from comm import get_comm_manager\n"
        "def opened(comm, message):\n"
        "    @comm.on_msg\n"
        "    def echo(message):\n"
        "        comm.send({'back': message['content']['data']}, buffers=message['buffers'])\n"
        "get_comm_manager().register_target('echo', opened)"
    )
    client = session.client
    for kind, content, buffers in (
        ("comm_open", {"comm_id": "c1", "target_name": "echo", "data": {}}, None),
        ("comm_msg", {"comm_id": "c1", "data": {"value": 3}}, [b"\x00\x01" * 1000]),
    ):
        message = client.session.msg(kind, content)
        client.session.send(client.shell_channel.socket, message, buffers=buffers)
    while True:
        heard = await client.get_iopub_msg(timeout=READY_S)
        if heard["msg_type"] == "comm_msg":
            break
    assert heard["content"]["data"] == {"back": {"value": 3}}
    assert bytes(heard["buffers"][0]) == b"\x00\x01" * 1000


async def check_interrupt(session: Session) -> None:
    """A cell is interrupted, and the next one runs."""
    client = session.client
    client.execute("import time\nprint('begun', flush=True)\ntime.sleep(60)")
    while (await client.get_iopub_msg(timeout=READY_S))["msg_type"] != "stream":
        pass
    await session.manager.interrupt_kernel()
    reply = await client.get_shell_msg(timeout=READY_S)
    assert reply["content"]["ename"] == "KeyboardInterrupt"
    assert (await session.run("1 + 1")).text == "2"


async def check_restart(session: Session) -> None:
    """A restart clears the variables; the clients' connection stays."""
    await session.run("kept = 1")
    await session.manager.restart_kernel()
    await session.client.wait_for_ready(timeout=READY_S)
    assert (await session.run("'kept' in globals()")).text == "False"
    await session.manager.restart_kernel(now=True)
    await session.client.wait_for_ready(timeout=READY_S)
    assert (await session.run("2 + 2")).text == "4"


RECORDED = """
import labstudio, time
with labstudio.studio().run("from afar") as run: run.log(loss=0.5)
until, names = time.monotonic() + 30, []
while "labstudio/capsule.json" not in names and time.monotonic() < until:
    time.sleep(0.1)
    found = mlflow.MlflowClient().list_artifacts(run.id, "labstudio")
    names = [each.path for each in found]
print(names, mlflow.get_run(run.id).data.metrics)
"""


async def check_studio(session: Session) -> None:
    """Log to MLflow, ask the studio, and run a cell as a job, all from within the kernel."""
    code = (
        "import mlflow\nmlflow.set_experiment('from-afar')\n"
        "with mlflow.start_run() as run: mlflow.log_metric('loss', 0.25)\n"
        "print(mlflow.get_run(run.info.run_id).data.metrics)"
    )
    logged = await session.run(code, 120)
    assert logged.text.endswith("{'loss': 0.25}\n"), logged
    loaded = await session.run("%load_ext labstudio")
    assert loaded.status == "ok", loaded.reply
    recorded = await session.run(RECORDED, 120)
    assert "labstudio/capsule.json" in recorded.text, recorded
    assert "{'loss': 0.5}" in recorded.text
    await session.run("x = 21")
    done = await session.run("%%job twice --wait\ny = 2 * x\nprint('y is', y)", 120)
    assert done.status == "ok", done.reply
    assert "y is 42" in (await session.run("%job_logs last")).text
    assert (await session.run("y")).text == "42"
    asked = "import labstudio; [job.name for job in labstudio.studio().jobs.list().items]"
    assert (await session.run(asked)).text == "['twice']"
