"""The execution of a job's cells: papermill prepares and checks, our engine runs them."""

from __future__ import annotations

import asyncio
import contextlib
from typing import TYPE_CHECKING, Any

from labstudio.jobs.models import JobError
from labstudio.jobs.runner.faults import RunError
from labstudio.jobs.runner.journal import NotebookFile
from labstudio.jobs.runner.protocol import NOTEBOOK

if TYPE_CHECKING:
    from labstudio.jobs.runner.notebook import NotebookJob
    from labstudio.jobs.runner.outputs import Client, Manager

ENGINE = "labstudio"
# Of the grace period, for keeping the names of a cell that did not end by itself.
KEEPING_SHARE = 0.5


def execute(job: NotebookJob, kernel_name: str, language: str) -> JobError | None:
    """Run a job's cells in its kernel; return why one failed, or None.

    Raises
    ------
    RunError
        When the file is no notebook that can be run.
    """
    from papermill.engines import papermill_engines
    from papermill.exceptions import PapermillException, PapermillExecutionError
    from papermill.execute import execute_notebook
    from papermill.log import logger

    logger.disabled = True
    engine = _Engine(job)
    papermill_engines.register(ENGINE, engine)
    problem: Exception | None = None
    try:
        # papermill fills parameters into paths too: braces in a name are no parameters.
        path = str(job.path).replace("{", "{{").replace("}", "}}")
        execute_notebook(
            path,
            None,
            parameters=dict(job.spec.parameters),
            engine_name=ENGINE,
            kernel_name=kernel_name,
            language=language,
            progress_bar=False,
        )
    except PapermillExecutionError as error:
        problem = error
    except PapermillException as error:
        raise RunError("BadNotebook", f"{job.spec.entry} cannot be run: {error}") from error
    except Exception as error:
        if engine.manager is None:
            text = f"{job.spec.entry} is not a notebook that can be read: {error}"
            raise RunError("BadNotebook", text) from error
        raise
    return engine.conclude(problem)


class _Engine:
    """What papermill calls to execute a notebook; made for one job."""

    def __init__(self, job: NotebookJob) -> None:
        self.job = job
        self.manager: Manager | None = None
        self.client: Client | None = None
        self._aside: list[tuple[Any, Any]] = []

    def nb_kernel_name(self, nb: Any, name: str | None = None) -> str:
        """Return the kernel's name, which is always given."""
        assert name is not None
        return name

    def nb_language(self, nb: Any, language: str | None = None) -> str:
        """Return the language, which is always given."""
        assert language is not None
        return language

    def execute_notebook(self, nb: Any, kernel_name: str, **_options: Any) -> Any:
        """Run the cells; called by papermill once the parameters are in."""
        from labstudio.jobs.runner.kept_names import KeptNames
        from labstudio.jobs.runner.outputs import Client, Manager, is_code

        job, attempt = self.job, self.job.attempt
        assert job.kernel is not None
        nb.metadata.papermill.update(input_path=job.spec.entry, output_path=NOTEBOOK)
        nb.metadata.setdefault("kernelspec", {"name": kernel_name, "display_name": kernel_name})
        file = NotebookFile(attempt.folder, self._settled)
        self.manager = Manager(nb, attempt, file)
        attempt.status.progress.cell = 0
        attempt.status.progress.cells = sum(map(is_code, nb.cells))
        attempt.status.phase("running")
        self.manager.notebook_start()
        self.client = Client(self.manager, attempt, job.kernel, KeptNames(job, nb))
        try:
            attempt.loop.run_until_complete(self._run())
        finally:
            nb.metadata["language_info"] = job.kernel.language_info
            self.client.set_widgets_metadata()
            if not attempt.stopping:
                self.manager.notebook_complete()
            self._set_aside()
        return nb

    def _settled(self) -> Any:
        assert self.manager is not None
        if self.client is not None:
            self.client.settle()
        return self.manager.nb

    async def _run(self) -> None:
        assert self.client is not None
        attempt, kernel = self.job.attempt, self.job.kernel
        assert kernel is not None
        cells = asyncio.ensure_future(self.client.execute_cells())
        stop = asyncio.ensure_future(attempt.stop_asked())
        await asyncio.wait({cells, stop}, return_when=asyncio.FIRST_COMPLETED)
        if not cells.done():
            # The running cell may end; no other begins. Keeping its names takes time, too.
            share = KEEPING_SHARE if self.client.kept.on else 0.0
            await attempt.wind_up(cells, lambda: None, spare_s=share * attempt.spec.grace_s)
        if not cells.done():
            await self._keep_names(cells)
        if not cells.done():
            await attempt.put_down(cells, kernel.interrupt)
            await kernel.kill()
            await asyncio.wait({cells}, timeout=1.0)
        stop.cancel()
        if not cells.done():
            cells.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await cells

    async def _keep_names(self, cells: asyncio.Future[None]) -> None:
        """Interrupt the cell that is ended for no fault of its own, and keep what it leaves."""
        attempt, client = self.job.attempt, self.client
        assert client is not None
        assert self.job.kernel is not None
        if not client.kept.on or attempt.stopping not in ("preempted", "timeout"):
            return
        with contextlib.suppress(TimeoutError):
            share = KEEPING_SHARE if attempt.stopping == "preempted" else 1.0
            async with asyncio.timeout(share * attempt.spec.grace_s):
                await self.job.kernel.interrupt()
                await asyncio.wait({cells})

    def _set_aside(self) -> None:
        """Hide errors that a cell was allowed to raise: papermill counts every error it sees."""
        assert self.manager is not None
        for cell in self.manager.nb.cells:
            allowed = "raises-exception" in cell.metadata.get("tags", [])
            if allowed and cell.get("outputs"):
                self._aside.append((cell, cell.outputs))
                cell.outputs = []

    def conclude(self, problem: Exception | None) -> JobError | None:
        """Save the notebook as papermill left it; return why it failed, in its numbering."""
        assert self.manager is not None
        assert self.client is not None
        for cell, outputs in self._aside:
            cell.outputs = outputs
        failure = self.client.failure
        if self.job.attempt.stopping:
            from papermill.execute import remove_error_markers

            # Somebody ended it: no error of the code, which papermill's notes would tell of.
            remove_error_markers(self.manager.nb)
        elif problem is not None:
            # papermill put a note on top, and one before the failing cell.
            at = failure.cell if failure is not None else None
            for time in self.job.attempt.status.cells:
                time.index += 2 if time.index == at else 1
            if failure is not None and at is not None:
                failure.cell = at + 2
        self.manager.file.flush(durable=True)
        if failure is None and problem is not None:
            return JobError(type=type(problem).__name__, message=str(problem))
        return failure
