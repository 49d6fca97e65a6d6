"""A notebook job's variables, kept between cells, so that another attempt goes on from there.

``checkpoint/kernel/`` of the attempt's folder holds what `labstudio.namespace` packed, and
``at.json``: before which cell that was. Another attempt finds the folder in its own, with the
earlier attempt's notebook beside it (`labstudio.jobs.resume`), restores the names into its kernel,
takes the earlier cells' outputs over, and goes on at that cell. Where it cannot, it says why and
runs from the start.
"""

from __future__ import annotations

import asyncio
import hashlib
import json
from time import monotonic
from typing import TYPE_CHECKING, Any

from pydantic import BaseModel, Field

from labstudio.errors import StudioError
from labstudio.home import write_atomic
from labstudio.jobs.resume import EARLIER, KERNEL
from labstudio.jobs.runner.faults import RunError
from labstudio.jobs.runner.protocol import CHECKPOINT, read_model
from labstudio.namespace import helper
from labstudio.namespace.service import prune, read

if TYPE_CHECKING:
    from pathlib import Path

    from labstudio.jobs.runner.notebook import NotebookJob
    from labstudio.namespace.models import Manifest

AT = "at.json"
# Keeping takes at most about a tenth of the time.
SHARE = 10.0
NAMES_SHOWN = 10


class At(BaseModel):
    """Where a checkpoint of a notebook stands."""

    cell: int = Field(description="Index of the cell that comes next, in the notebook that runs.")
    code: str = Field(description="Hash of the cells before it.")


class KeptNames:
    """Keeps the variables of one attempt's kernel, and restores those of an earlier one.

    Parameters
    ----------
    job
        The attempt's notebook, its kernel ready.
    notebook
        The notebook that runs, parameters in.
    """

    def __init__(self, job: NotebookJob, notebook: Any) -> None:
        self._attempt = job.attempt
        self._job = job
        self._cells = notebook.cells
        self._folder: Path = job.attempt.folder / CHECKPOINT / KERNEL
        self._place = job.attempt.place
        self._there: str | None = None
        self._kept_at, self._cost_s, self._kept_before = -1e9, 0.0, -1
        self._left: set[str] = set()
        self._helped = False
        self.on = job.python and job.spec.checkpoint.cells
        if self.on:
            self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            self._there = self._place.bring(self._folder)
            self.on = self._there is not None

    # -- keeping

    async def after(self, index: int) -> None:
        """Keep the names after a cell, unless that was done a moment ago for its cost."""
        if self.on and monotonic() - self._kept_at >= SHARE * self._cost_s:
            await self.keep(index + 1)

    async def keep(self, before: int) -> None:
        """Keep the names as they are before a cell; never raises."""
        if not self.on or self._kept_before >= before:
            return
        began = monotonic()
        try:
            await self._call("packing", "pack", self._there)
            at = At(cell=before, code=_code(self._cells[:before]))
            await asyncio.to_thread(self._note, at)
        except (RunError, StudioError, OSError) as error:
            self._attempt.log.note(f"The variables are not kept: {error}")
        else:
            self._kept_before = before
        self._kept_at = monotonic()
        self._cost_s = self._kept_at - began

    def _note(self, at: At) -> None:
        assert self._there is not None
        self._place.fetch(self._there, self._folder)
        write_atomic(self._folder / AT, at.model_dump_json(), durable=False)
        prune(self._folder)
        self._place.bring(self._folder)
        manifest = read(self._folder)
        fresh = [each for each in manifest.left if each.name not in self._left] if manifest else []
        for each in fresh:
            self._left.add(each.name)
            self._attempt.log.note(f"Not kept for another attempt: {each.name} {each.reason}.")

    # -- going on

    async def resume(self) -> int:
        """Restore what an earlier attempt kept; return the index of the cell to go on at."""
        at = read_model(self._folder / AT, At) if self.on else None
        manifest = read(self._folder) if at is not None else None
        if at is None or manifest is None:
            return 0
        earlier = self._earlier()
        if earlier is None or at.code != _code(self._cells[: at.cell]):
            return self._from_the_start("code or parameters are other than they were")
        needed = _needed(self._cells[at.cell :], manifest)
        lost = {each.name: each.reason for each in manifest.left}
        told: dict[str, Any] = {"restored": []}
        if not needed & lost.keys():
            try:
                told = await self._call("restoring", "restore", self._there)
            except RunError as error:
                return self._from_the_start(f"the variables cannot be read: {error}")
            lost |= told["failed"]
        if short := sorted(needed & lost.keys()):
            await self._call("restoring", "forget", told["restored"])
            listed = "; ".join(f"{name} {lost[name]}" for name in short)
            return self._from_the_start(f"later cells need what could not be restored: {listed}")
        self._take_over(earlier, at.cell)
        self._kept_before = at.cell
        count = len(told["restored"])
        self._attempt.log.note(f"Resumed before cell {at.cell + 1} with {count} names.")
        for name, why in list(lost.items())[:NAMES_SHOWN]:
            self._attempt.log.note(f"Not restored: {name} {why}.")
        return at.cell

    def _from_the_start(self, why: str) -> int:
        self._attempt.log.note(f"Runs from the start: {why}.")
        return 0

    def _earlier(self) -> Any:
        """Return the cells of the earlier attempt's notebook, without papermill's notes."""
        from nbformat import v4
        from papermill.execute import remove_error_markers

        try:
            notebook = v4.reads((self._folder / EARLIER).read_text(encoding="utf-8"))
            return remove_error_markers(notebook).cells
        except (OSError, ValueError, KeyError, AttributeError):
            return None

    def _take_over(self, earlier: Any, until: int) -> None:
        for cell, before in zip(self._cells[:until], earlier[:until], strict=True):
            if cell.cell_type == "code":
                cell.outputs = before.outputs
                cell.execution_count = before.execution_count
                cell.metadata.papermill = before.metadata.get("papermill", {})

    async def _call(self, module: str, function: str, *arguments: Any) -> Any:
        kernel = self._job.kernel
        assert kernel is not None
        if not self._helped:
            await kernel.evaluate(helper.install())
            self._helped = True
        told = await kernel.evaluate(helper.call(module, function, *arguments))
        if told is None:
            raise RunError("KernelDied", "The kernel is gone.")
        return helper.answer(told)


def _code(cells: Any) -> str:
    sources = [cell.source for cell in cells if cell.cell_type == "code"]
    return hashlib.sha256(json.dumps(sources).encode()).hexdigest()


def _needed(cells: Any, manifest: Manifest) -> set[str]:
    """Return the names that cells read from before them, and what those read in turn."""
    from labstudio.errors import InvalidInput
    from labstudio.jobs.names import analyse

    found: set[str] = set()
    made: set[str] = set()
    for cell in cells:
        if cell.cell_type != "code":
            continue
        try:
            names = analyse(cell.source)
        except InvalidInput:
            continue  # a cell that is no Python fails by itself
        found |= {*names.reads, *names.optional} - made
        made |= set(names.assigns)
    reads = manifest.reads()
    waiting = list(found)
    while waiting:
        fresh = set(reads.get(waiting.pop(), ())) - found
        found |= fresh
        waiting += fresh
    return found
