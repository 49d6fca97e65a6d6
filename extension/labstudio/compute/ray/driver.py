"""``python -m labstudio.compute.ray.driver``: what Ray runs on a node for one attempt.

It lays the attempt out in a private folder, has the ordinary runner make it, and prints what comes
of it as frames (see `frames`). SIGTERM is Ray's way to stop a job.
"""

from __future__ import annotations

import asyncio
import json
import os
import shutil
import signal
import sys
import tempfile
import threading
from concurrent.futures import Future
from pathlib import Path
from time import monotonic, sleep

from labstudio.compute.ray import guard, storage
from labstudio.compute.ray.frames import BEAT
from labstudio.compute.ray.luggage import (
    ATTEMPT_FOLDER,
    BLOBS_FOLDER,
    LUGGAGE,
    STORED,
    Luggage,
    Stored,
)
from labstudio.compute.ray.pump import Pump, kept, outputs
from labstudio.compute.ray.stopping import Stopping
from labstudio.home import Home, write_atomic
from labstudio.jobs.models import JobError
from labstudio.jobs.processes import kill_attempt
from labstudio.jobs.runner import protocol
from labstudio.jobs.runner.protocol import MEGABYTE, AttemptSpec

LOOK_S, BEAT_S = 0.1, 4.0
CLAIM_TIMEOUT_S = 60.0
# The runner ends its own tree in about three seconds; a little later it is ended from here.
STOP_TIMEOUT_S = 3.8
NO_RESULT = 3
JOB_CONFIG = "RAY_JOB_CONFIG_JSON_ENV_VAR"
NO_WAY = (
    "The nodes of this Ray cluster do not reach the studio: what the job logs to MLflow is not "
    "recorded. Set gateway_url of compute {name!r} to an address at which they do."
)
NOT_KEPT = (
    "The variables are not kept: they are more than `returns` of the compute lets through Ray's "
    "log. Give it a `storage` that both sides reach, or raise `returns`."
)
NOTE = "[labstudio] This log carries the job's files to the studio, which shows its own log.\n"


class Driver:
    """One attempt on this node."""

    def __init__(self) -> None:
        self._stop_asked = False
        self._beat_at = monotonic()
        # Before anything else: Ray may stop a job as soon as it has started it.
        signal.signal(signal.SIGTERM, self._ask_stop)
        # Ray blocks it in all its processes; kernels are interrupted by it.
        signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGINT})
        self.root = Path(tempfile.mkdtemp(prefix="labstudio-ray-"))
        self.home = Home(self.root / "home").create()

    def _ask_stop(self, *_: object) -> None:
        self._stop_asked = True

    def run(self) -> int:
        """Make the attempt; return the exit code that Ray records."""
        self.folder = self._lay_out()
        held = guard.detach(self.folder, self.root)
        self.pump = Pump(self.folder, _print)
        self.stopping = Stopping(self.folder, protocol.read_spec(self.folder), STOP_TIMEOUT_S)
        began = monotonic()
        while protocol.read_result(self.folder) is None:
            if self._stop_asked:
                self._stop()
            if self._is_over(monotonic() - began):
                break
            if not self._step():
                sleep(LOOK_S)
        self._finish()
        result = protocol.read_result(self.folder)
        os.close(held)
        if result is None:
            return NO_RESULT
        return 0 if result.outcome == "succeeded" else 1

    def _step(self) -> bool:
        if self.pump.step():
            self._beat_at = monotonic()
            return True
        if monotonic() - self._beat_at > BEAT_S:
            # Whoever follows the log can so tell silence from a cut line.
            self._beat_at = monotonic()
            _print(BEAT + b"\n")
        return False

    def _is_over(self, since_s: float) -> bool:
        """Say whether the runner is gone, or never came."""
        if protocol.is_alive(self.folder):
            return False
        if protocol.read_runner(self.folder) is None:
            return since_s > CLAIM_TIMEOUT_S and protocol.claim(self.folder)
        return protocol.read_result(self.folder) is None

    def _stop(self) -> None:
        if (overdue := self.stopping.press()) is not None:
            kill_attempt(self.folder)
            if protocol.read_result(self.folder) is None:
                _write_result(
                    self.folder, protocol.Result(outcome=overdue, ended_at=protocol.now())
                )

    # -- the beginning

    def _lay_out(self) -> Path:
        brought = _brought(ATTEMPT_FOLDER)
        self.luggage = Luggage.model_validate_json((brought / LUGGAGE).read_bytes())
        spec = AttemptSpec.model_validate_json((brought / protocol.SPEC).read_bytes())
        spec.home = str(self.home.path)
        folder = self.home.attempt(spec.job_id, spec.attempt)
        folder.mkdir(mode=0o700, parents=True)
        self._find_studio(folder, spec)
        protocol.write_spec(folder, spec)
        # It holds secrets, and the folder that Ray unpacked it into is not private.
        (brought / protocol.SPEC).unlink()
        if (brought / protocol.CARRY).exists():
            shutil.copyfile(brought / protocol.CARRY, folder / protocol.CARRY)
        if (brought / protocol.CHECKPOINT).exists():
            shutil.copytree(brought / protocol.CHECKPOINT, folder / protocol.CHECKPOINT)
        self._bring_blobs()
        _forget_luggage()
        return folder

    def _find_studio(self, folder: Path, spec: AttemptSpec) -> None:
        """Give the code a way to the studio; where there is none, say so."""
        gateway = spec.gateway
        if gateway is None or gateway.url is not None:
            return
        if self.luggage.socket is not None and Path(self.luggage.socket).is_socket():
            gateway.url = _lead_to(self.luggage.socket)
            return
        if spec.tracking is not None:
            with (folder / protocol.LOG).open("a") as log:
                log.write(f"[labstudio] {NO_WAY.format(name=self.luggage.compute)}\n")
        spec.gateway = spec.tracking = None

    def _bring_blobs(self) -> None:
        for entry in map(Path, sys.path):
            for blob in (entry / BLOBS_FOLDER).glob("??/*"):
                target = self.home.blobs / blob.parent.name / blob.name
                target.parent.mkdir(exist_ok=True)
                target.symlink_to(blob)
        for sha256, url in self.luggage.stored.items():
            target = self.home.blobs / sha256[:2] / sha256
            target.parent.mkdir(exist_ok=True)
            storage.fetch(url, target)

    # -- the end

    def _finish(self) -> None:
        """Send the rest, the result last."""
        self.pump.step(last=True)
        self.pump.send(protocol.LOSS)
        if protocol.read_result(self.folder) is not None:
            self._return_outputs()
            self.pump.send(protocol.OUTPUTS)
            self.pump.send(protocol.RESULT)
        self.pump.end()

    def _return_outputs(self) -> None:
        found, variables = outputs(self.folder), kept(self.folder)
        if self.luggage.storage is not None:
            stored = Stored()
            for files in (found, variables):
                for path, at in list(files):
                    if at.stat().st_size > storage.LEAST_BYTES:
                        stored.items[path] = storage.put(self.luggage.storage, at)
                        files.remove((path, at))
            write_atomic(self.folder / STORED, stored.model_dump_json())
            self.pump.send(STORED)
        size = sum(at.stat().st_size for _, at in found)
        if size > self.luggage.returns_bytes:
            self._refuse(size)
            return
        size += sum(at.stat().st_size for _, at in variables)
        if size > self.luggage.returns_bytes:
            variables = []
            with (self.folder / protocol.LOG).open("a") as log:
                log.write(f"[labstudio] {NOT_KEPT}\n")
            self.pump.step(last=True)
        for path, at in (*found, *variables):
            self.pump.send(path, at)

    def _refuse(self, size: int) -> None:
        result = protocol.read_result(self.folder)
        assert result is not None
        text = (
            f"The job's output files have {size / MEGABYTE:.1f} MiB, and compute "
            f"{self.luggage.compute!r} brings back {self.luggage.returns_bytes / MEGABYTE:g} MiB "
            "through Ray's log: give it a `storage` that both sides reach, or raise `returns`."
        )
        if result.outcome == "succeeded":
            result.outcome = "failed"
            result.error = JobError(type="OutputsTooLarge", message=text)
        with (self.folder / protocol.LOG).open("a") as log:
            log.write(f"[labstudio] {text}\n")
        (self.folder / protocol.OUTPUTS).unlink(missing_ok=True)
        _write_result(self.folder, result)
        self.pump.step(last=True)


def _lead_to(socket: str) -> str:
    """Lead a port of this node's loopback to the studio's gateway; return its URL."""
    from labstudio.gateway import forward

    port: Future[int] = Future()

    async def serve() -> None:
        server = await forward.serve(socket, 0)
        port.set_result(server.sockets[0].getsockname()[1])
        await asyncio.Event().wait()

    threading.Thread(target=asyncio.run, args=(serve(),), daemon=True).start()
    return forward.variables(port.result(timeout=10))["LABSTUDIO_URL"]


def _write_result(folder: Path, result: protocol.Result) -> None:
    protocol.write_model(folder / protocol.RESULT, result)


def _brought(name: str) -> Path:
    """Return a folder of the packages that Ray unpacked for this job."""
    for entry in map(Path, sys.path):
        if (entry / name / LUGGAGE).exists():
            return entry / name
    raise SystemExit(f"{name} is not on the path: Ray brought none of the job's packages.")


def _forget_luggage() -> None:
    """Keep what only the driver needs from the tasks that the job's own code hands to Ray."""
    carried = (ATTEMPT_FOLDER, BLOBS_FOLDER, "labstudio")
    paths = [entry for entry in sys.path if any((Path(entry) / name).exists() for name in carried)]
    gone = {Path(entry).name for entry in paths}
    try:
        config = json.loads(os.environ[JOB_CONFIG])
        environment = config["runtime_env"]
        environment["py_modules"] = [
            uri for uri in environment["py_modules"] if Path(uri).stem not in gone
        ]
        if not environment["py_modules"]:
            del environment["py_modules"]
        os.environ[JOB_CONFIG] = json.dumps(config)
    except (KeyError, ValueError):
        return  # A Ray that says it otherwise: its tasks then bring these packages too.


def _print(line: bytes) -> None:
    rest = memoryview(line)
    while rest:
        rest = rest[os.write(1, rest) :]


if __name__ == "__main__":
    _print(NOTE.encode())
    code = Driver().run()
    sys.stdout.flush()
    # The gateway's thread is nobody's any more.
    os._exit(code)
