"""A notebook's cells as they run: their output into the notebook (capped) and the log (whole)."""

from __future__ import annotations

import asyncio
import re
from typing import TYPE_CHECKING, Any

from nbclient.exceptions import CellExecutionError, DeadKernelError
from papermill.clientwrap import PapermillNotebookClient
from papermill.engines import NotebookExecutionManager

from labstudio.jobs.models import CellTime, JobError
from labstudio.jobs.runner.faults import tell_exit
from labstudio.jobs.runner.protocol import MEGABYTE, now

if TYPE_CHECKING:
    from labstudio.jobs.runner.attempt import Attempt
    from labstudio.jobs.runner.journal import NotebookFile
    from labstudio.jobs.runner.kept_names import KeptNames
    from labstudio.jobs.runner.kernels import Kernel

OVERWRITTEN = re.compile(r"[^\n]*\r(?![\r\n])")
RETURNS = re.compile(r"\r+\n")
NO_INPUT = "StdinNotImplementedError"
NO_INPUT_HINT = "A job cannot ask for input: nobody is there. Give the value as a parameter."


def is_code(cell: Any) -> bool:
    """Say whether a cell is one that runs."""
    tags = cell.get("metadata", {}).get("tags", [])
    return bool(
        cell.get("cell_type") == "code" and cell.source.strip() and "skip-execution" not in tags
    )


class Manager(NotebookExecutionManager):  # type: ignore[misc]
    """papermill's bookkeeping of a notebook, with our way of saving it and our progress."""

    def __init__(self, notebook: Any, attempt: Attempt, file: NotebookFile) -> None:
        super().__init__(notebook, progress_bar=False, autosave_cell_every=0)
        self.attempt = attempt
        self.file = file
        self.earlier = 0  # code cells that an earlier attempt ran

    def save(self, **kwargs: Any) -> None:
        """Save soon; called at every start and end of a cell."""
        if kwargs.get("nb"):
            self.nb = kwargs["nb"]
        self.file.cell_changed()

    def cell_start(self, cell: Any, cell_index: int | None = None, **kwargs: Any) -> None:
        """Note that a cell begins."""
        if is_code(cell):
            assert cell_index is not None
            status = self.attempt.status
            status.cells.append(CellTime(index=cell_index, started_at=now()))
            status.changed()
        super().cell_start(cell, cell_index=cell_index, **kwargs)

    def cell_complete(self, cell: Any, cell_index: int | None = None, **kwargs: Any) -> None:
        """Note that a cell ended, well or not."""
        status = self.attempt.status
        if is_code(cell) and status.cells and status.cells[-1].index == cell_index:
            time = status.cells[-1]
            time.seconds = round((now() - time.started_at).total_seconds(), 6)
            failed = cell.metadata.papermill.get("exception")
            time.state = "failed" if failed else "succeeded"
            status.progress.cell = self.earlier + len(status.cells)
            status.changed()
        super().cell_complete(cell, cell_index=cell_index, **kwargs)


class Client(PapermillNotebookClient):  # type: ignore[misc]
    """papermill's client on a kernel that is there already."""

    def __init__(self, manager: Manager, attempt: Attempt, kernel: Kernel, kept: KeptNames) -> None:
        super().__init__(
            manager, timeout=None, iopub_timeout=60, raise_on_iopub_timeout=False, log=_quiet()
        )
        self.attempt = attempt
        self.kernel = kernel
        self.kc = kernel.client
        self.kept = kept
        self.failure: JobError | None = None
        self._room = 0
        self._open: Any = None
        self._parts: list[str] = []

    async def execute_cells(self) -> None:
        """Run the cells until one fails, the kernel dies, or the attempt is stopped."""
        manager, first = self.nb_man, await self.kept.resume()
        manager.earlier = sum(map(is_code, self.nb.cells[:first]))
        self.attempt.status.progress.cell = manager.earlier
        for index, cell in enumerate(self.nb.cells[first:], first):
            if self.attempt.stopping:
                return
            manager.cell_start(cell, cell_index=index)
            self._room = self.attempt.spec.cell_output_limit_bytes
            try:
                await self.async_execute_cell(cell, index)
            except CellExecutionError as error:
                manager.cell_exception(cell, cell_index=index, exception=error)
                if not _left_well(cell):
                    self.failure = _failure(cell, error, index)
                    await self.kept.keep(index)
                    if self.failure.type == NO_INPUT:
                        self.attempt.log.note(NO_INPUT_HINT)
                return
            except DeadKernelError as error:
                self._died(cell, index)
                manager.cell_exception(cell, cell_index=index, exception=error)
                return
            finally:
                self.settle()
                manager.cell_complete(cell, cell_index=index)
            if is_code(cell):
                await self.kept.after(index)

    async def _async_poll_kernel_alive(self) -> None:
        """Wait for the kernel's end, as the system tells it, instead of asking once a second."""
        await asyncio.wait({self.kernel.dead})
        await asyncio.sleep(0.2)  # What it printed last is still on its way.
        if self.task_poll_for_reply is not None:
            self.task_poll_for_reply.cancel()

    def _died(self, cell: Any, index: int) -> None:
        if self.attempt.stopping:
            return
        status = self.kernel.dead.result()
        text = (
            "The kernel is gone."
            if status is None
            else tell_exit(status, "The kernel", memory_ran_out=self.attempt.place.memory_ran_out())
        )
        self.failure = JobError(type="Killed", message=text, cell=index)
        cell.outputs.append(
            _node(
                {"output_type": "error", "ename": "KernelDied", "evalue": text, "traceback": [text]}
            )
        )
        self.attempt.log.note(text)

    def process_message(self, msg: dict[str, Any], cell: Any, cell_index: int) -> Any:
        """Take one message of the kernel; text goes to the log, whatever becomes of it here."""
        kind, content = msg["msg_type"], msg["content"]
        if kind == "stream":
            self.attempt.log.write(content["text"])
        elif kind == "error":
            trace = "\n".join(content.get("traceback") or [])
            self.attempt.log.write(trace.rstrip("\n") + "\n")
        return super().process_message(msg, cell, cell_index)

    def output(self, outs: list[Any], msg: dict[str, Any], display_id: str, cell_index: int) -> Any:
        """Put an output into the cell, as far as there is room."""
        content = msg["content"]
        stream = msg["msg_type"] == "stream"
        size = len(content["text"]) if stream else _size(content)
        if msg["msg_type"] != "error" and not self._take(outs, content, size, stream=stream):
            return None
        self.nb_man.file.output_changed()
        if stream and self._continues(outs, content["name"], msg):
            self._parts.append(content["text"])
            return self._open
        self.settle()
        out = super().output(outs, msg, display_id, cell_index)
        self._open = out if stream else None
        return out

    def _continues(self, outs: list[Any], name: str, msg: dict[str, Any]) -> bool:
        parent = msg["parent_header"].get("msg_id")
        return bool(
            self._open is not None
            and outs
            and outs[-1] is self._open
            and self._open.name == name
            and not self.clear_before_next_output
            and not self.output_hook_stack[parent]
        )

    def _take(self, outs: list[Any], content: Any, size: int, *, stream: bool) -> bool:
        """Take room for an output; a stream may come in part. False when there is none left."""
        if self._room < 0:
            return False
        if size <= self._room:
            self._room -= size
            return True
        self.settle()
        if stream and self._room:
            outs.append(_stream(content["name"], content["text"][: self._room]))
        self._room = -1
        limit = self.attempt.spec.cell_output_limit_bytes / MEGABYTE
        rest = "the rest of its text is in the log" if stream else "what it showed next is left out"
        outs.append(
            _stream("stderr", f"\n[labstudio] This cell gave more than {limit:g} MB: {rest}.\n")
        )
        return False

    def settle(self) -> None:
        """Join the pieces of the stream that came last; a line overwritten in place is one line."""
        if self._open is not None:
            text = self._open.text + "".join(self._parts)
            if "\r" in text:
                text = OVERWRITTEN.sub("", RETURNS.sub("\n", text))
            self._open.text = text
        self._parts.clear()


def _quiet() -> Any:
    import logging

    logger = logging.getLogger("labstudio.runner.nbclient")
    logger.setLevel(logging.CRITICAL)
    return logger


def _node(content: dict[str, Any]) -> Any:
    from nbformat import from_dict

    return from_dict(content)


def _stream(name: str, text: str) -> Any:
    return _node({"output_type": "stream", "name": name, "text": text})


def _size(content: dict[str, Any]) -> int:
    """Return about how much of the notebook an output takes."""
    data = content.get("data") or {}
    return sum(len(value) if isinstance(value, str) else len(str(value)) for value in data.values())


def _left_well(cell: Any) -> bool:
    """Say whether the cell only called `sys.exit()`, which papermill takes as a good end."""
    errors = [out for out in cell.outputs if out.output_type == "error"]
    return bool(errors) and errors[-1].ename == "SystemExit" and errors[-1].evalue in ("", "0")


def _failure(cell: Any, error: CellExecutionError, index: int) -> JobError:
    errors = [out for out in cell.outputs if out.output_type == "error"]
    trace = "\n".join(errors[-1].traceback) if errors else str(error)
    return JobError(type=error.ename, message=error.evalue, traceback=trace, cell=index)
