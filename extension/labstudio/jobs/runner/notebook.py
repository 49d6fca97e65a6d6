"""A notebook, a cell or a function as a job: its kernel from the first moment to the last."""

from __future__ import annotations

import ast
import asyncio
import contextlib
import json
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from labstudio.capture import helper as witness
from labstudio.home import write_atomic
from labstudio.jobs.models import JobError, JobKind
from labstudio.jobs.placing import parted
from labstudio.jobs.processes import reap_orphans
from labstudio.jobs.runner import helper, kernels
from labstudio.jobs.runner.execution import execute
from labstudio.jobs.runner.faults import RunError, Stopped, tell_exit
from labstudio.jobs.runner.forked import fork_kernel, suits
from labstudio.jobs.runner.late_run import NO_RUN, RUN_WAIT_S, WAITING, await_run
from labstudio.jobs.runner.protocol import (
    CARRY,
    RESULT_PICKLE,
    TRACKING,
    WITNESS,
    WORK,
    kernel_folder,
    now,
)

if TYPE_CHECKING:
    from jupyter_client.kernelspec import KernelSpec

    from labstudio.jobs.runner.attempt import Attempt
    from labstudio.jobs.runner.kernels import Kernel
    from labstudio.jobs.runner.protocol import Tracking

SHUTDOWN_S = 10.0
# What is not fingerprinted by then is not recorded.
WITNESS_S = 10.0
REAP_EVERY_S = 5.0


class NotebookJob:
    """The part of an attempt that has a kernel.

    Parameters
    ----------
    attempt
        The attempt, begun.
    warm
        A kernel that is ready, or None.
    """

    def __init__(self, attempt: Attempt, warm: Kernel | None) -> None:
        self.attempt = attempt
        self.spec = attempt.spec
        self.kernel: Kernel | None = warm
        self.python = True
        self.path = attempt.folder / WORK / self.spec.entry

    # -- the whole

    def run(self) -> JobError | None:
        """Run it; return why it failed, or None.

        Raises
        ------
        RunError
            When it could not even begin.
        Stopped
            When it was asked to end before the first cell.
        """
        try:
            kernel_name, language = self._open_kernel()
            error = execute(self, kernel_name, language)
            self._hear_witness()
            if error is None and not self.attempt.stopping:
                self._give_back()
        except BaseException:
            self._close(gently=False)
            raise
        self.attempt.status.phase("collecting")
        if not self._keepable(error):
            self._close(gently=not self.attempt.stopping)
        return error

    def _close(self, *, gently: bool) -> None:
        kernel, self.kernel = self.kernel, None
        if kernel is None:
            return
        with contextlib.suppress(Stopped, RunError, RuntimeError, OSError):
            if kernel.client is not None and gently:
                self.attempt.until_stop(kernel.shutdown(SHUTDOWN_S))
            else:
                self.attempt.loop.run_until_complete(kernel.kill())
        with contextlib.suppress(OSError, RuntimeError):
            kernel.close()

    # -- the kernel

    def _open_kernel(self) -> tuple[str, str]:
        """Have a kernel ready for the first cell; return its name and language."""
        name, spec = self._choose()
        self.python = spec.language.lower() == "python"
        warm, self.kernel = self.kernel, None
        if warm is not None and not suits(self.spec, spec):
            self.attempt.loop.run_until_complete(warm.kill())
            warm.close()
            warm = None
        forked = warm is None and self.attempt.may_fork and suits(self.spec, spec)
        folder = kernel_folder(self.attempt.home)
        if not self.python or self.spec.place is not None:
            await_run(self.attempt)
        variables = self.attempt.place.variables() | self.attempt.checkpoint_variable()
        if warm is not None:
            self.kernel = warm
        elif forked:
            self.kernel = fork_kernel(
                folder,
                self.attempt.log.handle,
                environment=variables,
                cwd=self.attempt.cwd,
                marker=self.spec.marker,
            )
        else:
            self.kernel = self._start(name, spec, variables)
        self._record(self.kernel)
        try:
            self.attempt.until_stop(self._introduce(self.kernel, variables))
        except RunError:
            if not (self.kernel.warm and self.kernel.dead.done()):
                raise
            # It died while it waited, before it had seen anything of the job.
            self.kernel.close()
            self.kernel = self._start(name, spec, variables)
            self.attempt.until_stop(self._introduce(self.kernel, variables))
        return name, spec.language

    def _start(self, name: str, spec: KernelSpec, variables: dict[str, str]) -> Kernel:
        attempt = self.attempt
        attempt.status.phase("kernel")
        kernel = attempt.place.start_kernel(name, spec, variables)
        self._record(kernel)
        return kernel

    def _record(self, kernel: Kernel) -> None:
        if kernel.child is not None:
            self.attempt.record(kernel.child)

    def _choose(self) -> tuple[str, KernelSpec]:
        """Decide which kernel runs the notebook."""
        metadata = self._metadata()
        asked = metadata.get("kernelspec") or {}
        # A notebook that was used on a compute names its kernel there.
        name = parted(self.spec.kernel_name or asked.get("name") or kernels.DEFAULT)[1]
        language = asked.get("language") or (metadata.get("language_info") or {}).get("name")
        return self.attempt.place.kernel_spec(name, language)

    def _metadata(self) -> dict[str, Any]:
        name = self.spec.entry
        try:
            content = json.loads(self.path.read_bytes())
        except FileNotFoundError as error:
            raise RunError("NoSuchFile", f"{name} is not among the job's files.") from error
        except ValueError as error:
            raise RunError("BadNotebook", f"{name} is not a notebook: it is no JSON.") from error
        if not isinstance(content, dict) or "nbformat" not in content:
            raise RunError("BadNotebook", f"{name} is not a notebook: it has no nbformat.")
        metadata = content.get("metadata")
        return metadata if isinstance(metadata, dict) else {}

    async def _introduce(self, kernel: Kernel, variables: dict[str, str]) -> None:
        """Connect, and do in the kernel what comes before the first cell."""
        attempt, spec = self.attempt, self.spec
        log = str(attempt.log.path)
        steps: list[str] = []
        if kernel.warm:
            app = "__import__('ipykernel.kernelapp', fromlist=['it']).IPKernelApp.instance()"
            given = (variables, str(attempt.cwd), log, spec.marker)
            steps.append(f"{app}.adopt({', '.join(map(repr, given))})")
        elif not await kernel.connect(spec.kernel_start_timeout_s):
            raise self._ended_early(kernel)
        elif self.python:
            steps.append(helper.install())
        if self.python:
            steps.append(helper.call("flush_for_real"))
            steps.append(helper.call("crash_to", attempt.place.seen(attempt.log.path)))
            if spec.tracking is not None:
                steps.append(self._track(spec.tracking, log))
                steps.append(witness.begin())
        if steps and await kernel.evaluate(f"[{', '.join(steps)}] and None") is None:
            raise self._ended_early(kernel)
        if spec.carry:
            await self._restore(kernel)

    def _track(self, tracking: Tracking, log: str) -> str:
        """Return what the kernel does for its run: it may have to wait for it, later."""
        late = None
        if tracking.run_id is None:
            texts = {"waiting": WAITING, "no_run": NO_RUN}
            path = str(self.attempt.folder / TRACKING)
            late = {"path": path, "log": log, "wait_s": RUN_WAIT_S, **texts}
        return helper.call("track", tracking.run_id, self.spec.autolog, late)

    def _ended_early(self, kernel: Kernel) -> RunError:
        status = kernel.dead.result()
        how = "is gone" if status is None else tell_exit(status, "it").removeprefix("it ")
        return RunError("KernelStart", f"The kernel did not start: it {how.rstrip('.')}.")

    async def _restore(self, kernel: Kernel) -> None:
        if not self.python:
            raise RunError("CannotCarry", "Only a Python kernel can take over carried names.")
        path = self.attempt.place.seen(self.attempt.folder / CARRY)
        try:
            await kernel.evaluate(helper.call("restore", path, self.spec.kind.value))
        except RunError as problem:
            text = f"The carried names cannot be restored: {problem.error.type}: {problem}"
            if "cloudpickle" in str(problem):
                text += " (the environment needs the package cloudpickle)"
            raise RunError("CannotCarry", text, traceback=problem.error.traceback) from problem

    # -- what it gives back

    def _give_back(self) -> None:
        """Have the kernel write what the cell or function is to give back."""
        spec, kernel = self.spec, self.kernel
        function = spec.kind is JobKind.function
        names = ["result"] if function else spec.assigns
        if not self.python or kernel is None or not (names and spec.kind != JobKind.notebook):
            return
        path = self.attempt.place.seen(self.attempt.folder / RESULT_PICKLE)
        try:
            told = self.attempt.until_stop(
                kernel.evaluate(helper.call("give_back", list(names), path, spec.kind.value))
            )
            refused = ast.literal_eval(told or "{}")
        except RunError as problem:
            refused = dict.fromkeys(names, f"{problem.error.type}: {problem}")
        for name, reason in refused.items():
            self.attempt.log.note(f"{name!r} cannot be sent back: {reason}")
        self.attempt.not_returned = refused

    # -- a kernel that is kept

    def _hear_witness(self) -> None:
        """Keep what the kernel says of what it read, and of where it is."""
        kernel, attempt = self.kernel, self.attempt
        if not self.python or self.spec.tracking is None or kernel is None or attempt.stopping:
            return
        with contextlib.suppress(RunError, ValueError):
            told = attempt.until_stop(kernel.evaluate(witness.testimony(WITNESS_S)))
            if told is not None:
                content = json.dumps(witness.answer(told))
                write_atomic(attempt.folder / WITNESS, content, durable=False)

    def _keepable(self, error: JobError | None) -> bool:
        """Prepare to keep the kernel, when that is asked for and makes sense."""
        attempt, kernel = self.attempt, self.kernel
        if (
            error is None
            or self.spec.keep_kernel_s <= 0
            or attempt.stopping
            or kernel is None
            or kernel.dead.done()
        ):
            return False
        # Nobody reads its output here any more: it would only heap up.
        kernel.client.stop_channels()
        until = now() + timedelta(seconds=self.spec.keep_kernel_s)
        attempt.status.kernel_kept_until = until
        attempt.status.connection_file = str(kernel.connection_file)
        attempt.status.changed(urgent=True)
        attempt.log.note(f"The kernel is kept until {until:%Y-%m-%d %H:%M:%S} UTC.")
        return True

    def keep(self) -> None:
        """Stay alive with the kernel until its time is over, it ends, or SIGTERM comes."""
        kernel = self.kernel
        if kernel is None:
            return
        attempt = self.attempt
        attempt.forget_timeout()

        async def wait() -> None:
            left = self.spec.keep_kernel_s
            stop = asyncio.ensure_future(attempt.stop_asked())
            over = asyncio.ensure_future(asyncio.sleep(left))
            while not (stop.done() or over.done() or kernel.dead.done()):
                await asyncio.wait(
                    {stop, over, kernel.dead},
                    timeout=REAP_EVERY_S,
                    return_when=asyncio.FIRST_COMPLETED,
                )
                reap_orphans(attempt.awaited)
            stop.cancel()
            over.cancel()
            await kernel.kill()

        attempt.loop.run_until_complete(wait())
        kernel.close()
        attempt.status.kernel_kept_until = None
        attempt.status.connection_file = None
        attempt.status.changed(urgent=True)
