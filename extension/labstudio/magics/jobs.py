"""``%%job``, ``%run_notebook``, ``%jobs`` and the verbs on one job."""
# mypy: disable-error-code="untyped-decorator"

from __future__ import annotations

import shlex
from functools import wraps
from pathlib import Path
from typing import TYPE_CHECKING, Any

from IPython.core.error import UsageError
from IPython.core.magic import Magics, cell_magic, line_magic, magics_class, no_var_expand
from IPython.core.magic_arguments import (
    argument,
    magic_arguments,
)

from labstudio.errors import NotFound, StudioError

if TYPE_CHECKING:
    from collections.abc import Callable

    from labstudio.jobs.carry import Carried
    from labstudio.jobs.door import AnyStudio
    from labstudio.jobs.handle import JobHandle
    from labstudio.jobs.names import CellNames

NAMES_SHOWN = 6
HANDLE = "_job"


def spoken(magic: Callable[..., Any]) -> Callable[..., Any]:
    """Let a magic answer what is wrong in one sentence, without a traceback."""

    @wraps(magic)
    def call(*args: Any, **kwargs: Any) -> Any:
        try:
            return magic(*args, **kwargs)
        except StudioError as error:
            raise UsageError(error.message) from error

    return call


def options(magic: Callable[..., Any]) -> Callable[..., Any]:
    """Give a magic the options that every submission has."""
    for one in (
        argument("-p", "--parameter", dest="parameters", action="append", metavar="NAME=VALUE",
                 help="A parameter; lists as YAML or JSON. May repeat."),
        argument("--compute", metavar="NAME",
                 help="Where it runs. Left out: where a notebook's kernel is, or local."),
        argument("--env", nargs="+", default=[], metavar="REQUIREMENT",
                 help="A requirements file, or packages."),
        argument("--retries", type=int, help="Further attempts after a failure."),
        argument("--timeout", type=float, metavar="S", help="Seconds that one attempt may take."),
        argument("--files", nargs="+", metavar="PATTERN",
                 help="Files to take along. Left out: those that the code uses."),
        argument("--input", dest="inputs", action="append", metavar="NAME=PATH",
                 help="Data to have under NAME in the working folder. May repeat."),
        argument("--cpus", type=float, help="Cores that it takes of its compute."),
        argument("--memory", metavar="SIZE", help="Memory that it takes, such as 4GiB."),
        argument("--gpus", type=int, help="GPUs that it takes."),
        argument("--priority", type=int, help="From -100 to 100; higher goes first."),
        argument("--experiment", help="The MLflow experiment of its run."),
        argument("--wait", action="store_true", help="Wait for the end."),
        argument("--assign", metavar="VARIABLE", help="Bind the job to a variable (also: _job)."),
    ):  # fmt: skip
        magic = one(magic)
    return magic


@magics_class
class JobMagics(Magics):  # type: ignore[misc]
    """Jobs from a notebook."""

    @property
    def studio(self) -> AnyStudio:
        """The studio of ``LABSTUDIO_HOME``."""
        import labstudio

        return labstudio.studio()

    @spoken
    @magic_arguments()
    @argument("name", nargs="?", help="What to call the job.")
    @options
    @argument("--limit", type=float, default=1000, metavar="MB",
              help="The most that it may carry, in megabytes (default: 1000).")  # fmt: skip
    @no_var_expand
    @cell_magic
    def job(self, line: str, cell: str) -> None:
        """Run this cell as a job; the notebook stays free.

        The names that the cell reads travel with it, those that it assigns come back:
        `job.result()` returns them, `%job_pull` puts them into the notebook.

        ::

            %%job fit --timeout 600
            model = RandomForestClassifier(n_estimators=500).fit(X, y)

            %%job -p depth=3 --env "xgboost>=2" --wait
            score = train(depth)
        """
        from labstudio.jobs import names
        from labstudio.jobs.carry import pack
        from labstudio.jobs.request import create_job, environment

        asked = parsed(self.job, line)
        given = self._given(asked)
        spec = create_job({**given, "kind": "cell", "code": cell, "name": asked.name})
        found = names.analyse(cell)
        carried = pack(
            self.shell.user_ns,
            [name for name in found.reads if name not in spec.parameters],
            optional=[name for name in found.optional if name not in spec.parameters],
            dotted=found.dotted,
            limit_bytes=int(asked.limit * 1e6),
        )
        spec.environment = environment(asked.env, read_files=True)
        spec.files = spec.files or _files(cell, carried) or None
        record = self.studio.jobs.create(
            spec, folder=Path.cwd(), payload=carried.payload, assigns=found.assigns
        )
        handle = self._started(record, asked, note=_note(carried, found))
        if asked.wait:
            self._pull(handle)

    @spoken
    @magic_arguments()
    @argument("path", help="The notebook or script.")
    @options
    @argument("--name", help="What to call the job.")
    @argument("--kernel", help="Instead of the notebook's own.")
    @argument("--output", nargs="+", default=[], metavar="PATTERN", help="Files to keep.")
    @argument("--sweep", action="append", metavar="NAME=V1,V2",
              help="One job for each value; several make every combination.")  # fmt: skip
    @line_magic
    def run_notebook(self, line: str) -> None:
        """Run a notebook or a script as a job.

        ::

            %run_notebook train.ipynb -p depth=3 -p "columns=[age, city]"
            %run_notebook train.ipynb --sweep depth=1,2,3 --sweep rate=0.1,0.3
        """
        from labstudio.jobs.models import ListJobs
        from labstudio.jobs.request import create_job, create_sweep
        from labstudio.widgets.live import LiveTable

        asked = parsed(self.run_notebook, line)
        source = Path(asked.path).expanduser().absolute()
        info = self.studio.jobs.inspect(str(source))
        given = {
            **self._given(asked),
            "path": str(source),
            "environment": asked.env,
            "name": asked.name,
            "kernel_name": asked.kernel,
            "outputs": asked.output,
        }
        spec = create_job(given, info.parameters)
        if not asked.sweep:
            handle = self._started(self.studio.jobs.create(spec), asked)
            if asked.wait:
                self._must_succeed(handle)
            return
        jobs = self.studio.jobs.sweep(create_sweep(spec, asked.sweep, info.parameters))
        self.studio.keeper.ensure()
        handles = [self._handle(job) for job in jobs]
        self.shell.user_ns[HANDLE] = self.shell.user_ns[asked.assign or HANDLE] = handles
        view = LiveTable(self.studio, ListJobs(sweep_id=jobs[0].sweep_id, limit=1000))
        view.display()
        if asked.wait:
            for handle in handles:
                handle.wait()
            view.join()

    @spoken
    @magic_arguments()
    @argument("query", nargs="?", help="Part of the name or path.")
    @argument("--state", action="append", help="Only jobs in this state. May repeat.")
    @argument("--limit", type=int, default=20, help="How many (default: 20).")
    @line_magic
    def jobs(self, line: str) -> None:
        """Show the newest jobs, live.

        ::

            %jobs
            %jobs train --state running --state queued
        """
        from labstudio.inputs import validated
        from labstudio.jobs.models import ListJobs
        from labstudio.widgets.live import LiveTable

        asked = parsed(self.jobs, line)
        fields = {"query": asked.query, "state": asked.state or [], "limit": asked.limit}
        LiveTable(self.studio, validated(ListJobs, fields)).display()

    @spoken
    @magic_arguments()
    @argument("which", nargs="?", help="A variable, the end of an id, or last (default: _job).")
    @argument("names", nargs="*", help="Only these names.")
    @argument("--wait", action="store_true", help="Wait for the end first.")
    @line_magic
    def job_pull(self, line: str) -> Any:
        """Put what a job's cell assigned into the notebook.

        ::

            %job_pull
            %job_pull 8KBYM2 model score
        """
        asked = parsed(self.job_pull, line)
        handle = self._find(asked.which)
        if not handle.state.final and not asked.wait:
            raise UsageError(f"The job is {handle.state}: %job_pull --wait waits for its end.")
        return self._pull(handle, asked.names)

    @spoken
    @magic_arguments()
    @argument("which", nargs="?", help="A variable, the end of an id, or last (default: _job).")
    @line_magic
    def job_stop(self, line: str) -> None:
        """End a job: interrupt, terminate, kill, within five seconds.

        ::

            %job_stop
            %job_stop 8KBYM2
        """
        handle = self._find(parsed(self.job_stop, line).which)
        handle.stop()
        print(f"Stopping {handle.record.name}.")  # noqa: T201 -- a magic's answer

    @spoken
    @magic_arguments()
    @argument("which", nargs="?", help="A variable, the end of an id, or last (default: _job).")
    @argument("-f", "--follow", action="store_true", help="Go on until the job ends.")
    @line_magic
    def job_logs(self, line: str) -> None:
        """Print a job's log.

        ::

            %job_logs
            %job_logs 8KBYM2 --follow
        """
        asked = parsed(self.job_logs, line)
        text = self._find(asked.which).logs(follow=asked.follow)
        if not asked.follow:
            print(text, end="")  # noqa: T201 -- a magic's answer

    # Shared

    def _given(self, asked: Any) -> dict[str, Any]:
        return {
            "parameters": asked.parameters or (),
            "compute": asked.compute,
            "retries": asked.retries,
            "timeout_s": asked.timeout,
            "priority": asked.priority,
            "experiment": asked.experiment,
            "files": asked.files,
            "inputs": asked.inputs or (),
            "cpus": asked.cpus,
            "memory": asked.memory,
            "gpus": asked.gpus,
        }

    def _handle(self, job: Any) -> JobHandle:
        from labstudio.jobs.handle import JobHandle

        return JobHandle(self.studio, job)

    def _started(self, record: Any, asked: Any, note: str | None = None) -> JobHandle:
        """Show a new job, bind it, and see that a daemon is there."""
        from labstudio.widgets.live import LiveJob

        daemon = self.studio.keeper.ensure()
        if daemon.state == "stopped":
            note = f"{note} · {daemon.message}" if note else daemon.message
        handle = self._handle(record)
        self.shell.user_ns[HANDLE] = handle
        if asked.assign:
            self.shell.user_ns[asked.assign] = handle
        view = LiveJob(self.studio, record, note)
        view.display()
        if asked.wait:
            if not hasattr(self.shell, "kernel"):
                handle.logs(follow=True)
            self._wait(handle)
            view.join(5)
        return handle

    def _wait(self, handle: JobHandle) -> None:
        try:
            handle.wait()
        except KeyboardInterrupt:
            # Who interrupts the cell means what it runs.
            handle.stop()
            handle.wait()
            raise

    def _must_succeed(self, handle: JobHandle) -> None:
        if handle.state != "succeeded":
            raise UsageError(f"The job {handle.state}: {handle.error or 'see its log'}")

    def _pull(self, handle: JobHandle, names: list[str] | None = None) -> Any:
        from labstudio.jobs.models import JobKind

        try:
            value = handle.result()
        except NotFound:
            value = {}  # A cell that assigns nothing leaves no result.
        if handle.record.kind is JobKind.function:
            return value
        if missing := [name for name in names or () if name not in value]:
            raise UsageError(f"The job gave no {', '.join(missing)}; it gave: {', '.join(value)}.")
        taken = {name: value[name] for name in names or value}
        self.shell.user_ns.update(taken)
        print(f"Pulled {', '.join(taken)}." if taken else "The cell gave nothing back.")  # noqa: T201
        told = [] if names else self.studio.jobs.detail(handle.id).attempts[-1:]
        for name, why in (each for attempt in told for each in attempt.not_returned.items()):
            print(f"{name} did not come back: {why}")  # noqa: T201
        return None

    def _find(self, which: str | None) -> JobHandle:
        from labstudio.jobs.handle import JobHandle
        from labstudio.jobs.request import find_job

        bound = self.shell.user_ns.get(which or HANDLE)
        if isinstance(bound, JobHandle):
            return bound
        if which is None:
            raise UsageError("No job was submitted from this notebook yet; give the end of an id.")
        return JobHandle(self.studio, find_job(self.studio, which))


def parsed(magic: Any, line: str) -> Any:
    """Parse a line as a shell would; IPython's own splitting keeps the quotes."""
    try:
        return magic.parser.parse_args(shlex.split(line))
    except ValueError as error:
        raise UsageError(f"The line cannot be read: {error}.") from error


def _files(cell: str, carried: Carried) -> list[str]:
    """List the files beside the notebook that a cell needs, its values' modules among them."""
    from labstudio.jobs.carry import local_modules
    from labstudio.jobs.inspect import beside_code

    folder = Path.cwd()
    own = {name.partition(".")[0] for name in local_modules(folder)} & carried.modules
    imports = "".join(f"\nimport {name}" for name in sorted(own))
    return beside_code(f"{cell}{imports}" if own else cell, folder)


def _note(carried: Carried, found: CellNames) -> str:
    """Say what travels and what will come back."""

    def size(count: int) -> str:
        if count < 1000:
            return f"{count} B"
        return f"{count / 1e6:.1f} MB" if count >= 1e5 else f"{count / 1e3:.1f} kB"

    largest = sorted(carried.sizes, key=lambda name: -carried.sizes[name])
    told = [f"{name} ({size(carried.sizes[name])})" for name in largest[:NAMES_SHOWN]]
    if len(largest) > NAMES_SHOWN:
        told.append(f"{len(largest) - NAMES_SHOWN} more")
    parts = []
    if told:
        parts.append(f"carries {', '.join(told)}: {size(carried.size_bytes)} in all")
    if found.assigns:
        parts.append(f"gives back {', '.join(found.assigns)}")
    return " · ".join(parts)
