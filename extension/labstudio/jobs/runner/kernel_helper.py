# Runs inside the job's kernel, sent there as source: the kernel's environment may have no labstudio
# and an older Python, so nothing here is imported from it and the syntax stays that of Python 3.8.
# mypy: ignore-errors
# ruff: noqa: PTH105, PTH123, SIM115
"""What a job does in its kernel besides the user's cells: carry names in, give names back, autolog.

It becomes the module ``_labstudio_kernel``; the user's namespace gets nothing from it.
"""

import json
import os
import sys
import time

# fmt: off
TRIGGERS = frozenset((
    "sklearn", "xgboost", "lightgbm", "torch", "pytorch_lightning", "lightning", "keras",
    "tensorflow", "statsmodels", "pyspark", "paddle", "mlflow",
))
# fmt: on


def namespace():
    """Return the dictionary that the user's cells run in."""
    return sys.modules["__main__"].__dict__


def _reason(error):
    text = str(error).strip().splitlines()
    return "{}: {}".format(type(error).__name__, text[0] if text else "no message")[:500]


def restore(path, kind):
    """Bring the carried names into the namespace; raise what is in the way."""
    import cloudpickle

    with open(path, "rb") as file:
        carried = cloudpickle.load(file)
    if kind == "function":
        name = getattr(carried["function"], "__name__", "")
        if name.isidentifier():
            carried[name] = carried["function"]
    namespace().update(carried)


def give_back(names, path, kind):
    """Write the values of some names to a file; return ``{name: why it could not be sent}``."""
    import cloudpickle

    held, refused = {}, {}
    space = namespace()
    for name in names:
        if name in space:
            held["return" if kind == "function" else name] = space[name]
        elif kind != "function":
            refused[name] = "the cell did not assign it"
    try:
        data = cloudpickle.dumps(held)
    except Exception:
        # One of them cannot be sent: find which, so that the others still come.
        kept = {}
        for name, value in held.items():
            try:
                cloudpickle.dumps(value)
                kept[name] = value
            except Exception as error:
                refused[name] = _reason(error)
        data = cloudpickle.dumps(kept)
    temporary = path + ".part"
    with open(temporary, "wb") as file:
        file.write(data)
    os.replace(temporary, path)
    return refused


def flush_for_real():
    """Let what was flushed be sent when `flush` returns, whatever the code does next.

    ipykernel's flush waits for its output thread to take the text, which that thread sends one
    round later. Code that then holds the interpreter's lock, or crashes, would keep it for itself.
    A second flush ends after that round.
    """
    for stream in (sys.stdout, sys.stderr):
        if type(stream).__module__ == "ipykernel.iostream":
            stream.flush = _twice(stream.flush)


def _twice(action):
    def both():
        action()
        action()

    return both


def crash_to(path):
    """Let a crash of the interpreter (a segmentation fault) leave its Python frames in the log.

    Where the log is out of sight (`path` is None) it is what the process writes past ipykernel.
    """
    import faulthandler

    if path is None:
        stream = getattr(sys.stderr, "_original_stdstream_copy", None)
        file = os.fdopen(os.dup(2 if stream is None else stream), "wb", 0)
    else:
        # Appended by the system itself, and open as long as the kernel lives.
        file = open(path, "ab", buffering=0)
    globals()["_crash_file"] = file
    faulthandler.enable(file=file.fileno())


class LateRun:
    """The job's run when it is made after the job began: a file tells it, once.

    Whoever starts a cell, or first imports what logs to MLflow, finds the run's variables set.
    """

    def __init__(self, path, log, wait_s, waiting, no_run):
        self.path, self.log, self.wait_s = path, log, wait_s
        self.waiting, self.no_run = waiting, no_run
        self.run_id = None
        self.decided = False

    def look(self):
        """Take the run into the environment if it is told; say whether that is over."""
        if not self.decided:
            try:
                with open(self.path) as file:
                    told = json.load(file)
            except OSError:
                return False
            self._decide(told)
        return self.decided

    def wait(self):
        """Wait until the run is told, or until that takes too long."""
        began, said = time.monotonic(), False
        while not self.look():
            waited = time.monotonic() - began
            if waited > self.wait_s:
                self._decide({})
            if waited > 2.0 and not said:
                said = True
                self._note(self.waiting)
            time.sleep(0.05)

    def _decide(self, told):
        self.decided = True
        self.run_id = told.get("run_id")
        if self.run_id is None:
            # Without a run the code's own runs stay in its folder, as without a studio.
            for name in ("MLFLOW_TRACKING_URI", "MLFLOW_TRACKING_TOKEN"):
                os.environ.pop(name, None)
            self._note(self.no_run)
            return
        os.environ.setdefault("MLFLOW_RUN_ID", self.run_id)
        if told.get("experiment_id"):
            os.environ.setdefault("MLFLOW_EXPERIMENT_ID", told["experiment_id"])

    def _note(self, text):
        with open(self.log, "ab", buffering=0) as file:
            file.write(f"[labstudio] {text}\n".encode())


class OnImport:
    """A finder that waits for the first import of a library that MLflow can log by itself.

    Without autologging it waits for MLflow itself, and only where the run is still to come.
    """

    def __init__(self, run_id, autolog, late):
        self.run_id, self.autolog, self.late = run_id, autolog, late
        self.names = TRIGGERS if autolog else {"mlflow"}

    def find_spec(self, name, path=None, target=None):
        """Apply autologging, then let the other finders (MLflow's is now one) find the module."""
        top = name.partition(".")[0]
        if top not in self.names:
            return None
        sys.meta_path[:] = [finder for finder in sys.meta_path if finder is not self]
        self.await_run()
        if not (self.autolog and self.run_id):
            return None
        if top == "mlflow":
            return self._after(name)
        self.apply()
        from importlib.util import find_spec

        return find_spec(name)

    def await_run(self):
        """Have the run's id and variables, where there is a run at all."""
        if self.late:
            self.late.wait()
            self.run_id = self.late.run_id

    def _after(self, name):
        """Apply autologging once MLflow, which the user's code imports itself, is loaded."""
        from importlib.util import find_spec

        spec = find_spec(name)
        if spec is None or spec.loader is None:
            return spec
        load = spec.loader.exec_module
        hook = self

        def exec_module(module):
            load(module)
            hook.apply()

        spec.loader.exec_module = exec_module
        return spec

    def apply(self):
        """Switch autologging on and make the job's run the active one; never raise."""
        import warnings

        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                import mlflow

                mlflow.autolog(silent=True)
                if self.run_id and mlflow.active_run() is None:
                    mlflow.start_run(run_id=self.run_id)
                    _share_run(mlflow, self.run_id)
        except ImportError:
            pass  # No MLflow in this environment: there is nothing to log to.
        except Exception as error:
            sys.stderr.write(f"[labstudio] autolog is off: {_reason(error)}\n")


def _share_run(mlflow, run_id):
    """Let ``mlflow.start_run()`` in the user's code work although the job's run is active.

    The first call gets the job's own run; each later one a run nested in it, so that a loop over
    ``with mlflow.start_run():`` still makes one run a turn.
    """
    from functools import wraps

    original = mlflow.start_run
    given = []

    class Shared(mlflow.ActiveRun):
        def __exit__(self, kind, value, trace):
            return False  # The job's run ends with the job.

    @wraps(original)
    def start_run(run_id_=None, *args, **kwargs):
        asked = kwargs.pop("run_id", run_id_)
        active = mlflow.active_run()
        if active is None:
            return original(asked, *args, **kwargs)
        ours = active.info.run_id == run_id
        if ours and not kwargs.get("nested") and (asked == run_id or (not asked and not given)):
            given.append(True)
            if kwargs.get("tags"):
                mlflow.set_tags(kwargs["tags"])
            if kwargs.get("run_name"):
                mlflow.set_tag("mlflow.runName", kwargs["run_name"])
            return Shared(active)
        if ours:
            kwargs["nested"] = True
        # MLflow would take up the run that the variable names, the job's own, once more.
        named = os.environ.pop("MLFLOW_RUN_ID", None)
        try:
            return original(asked, *args, **kwargs)
        finally:
            if named is not None:
                os.environ["MLFLOW_RUN_ID"] = named

    mlflow.start_run = start_run


def track(run_id, autolog, late):
    """Wait for an import; costs nothing until it comes.

    `late` says where a run is told that is not made yet, as the arguments of `LateRun`.
    """
    told_later = LateRun(**late) if late else None
    hook = OnImport(run_id, autolog, told_later)
    if told_later:
        _before_each_cell(told_later.look)
    if autolog and TRIGGERS.intersection(sys.modules):
        hook.await_run()
        if hook.run_id:
            hook.apply()
    elif autolog or told_later:
        sys.meta_path.insert(0, hook)


def _before_each_cell(action):
    """Call something before each cell until it says that it is over."""
    try:
        from IPython import get_ipython
    except ImportError:
        return
    events = getattr(get_ipython(), "events", None)
    if events is None:
        return

    def look(*_):
        if action():
            events.unregister("pre_run_cell", look)

    events.register("pre_run_cell", look)
