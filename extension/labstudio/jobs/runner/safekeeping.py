"""Brings whole checkpoints to the studio as they appear, where the machine may vanish with them."""

from __future__ import annotations

import hashlib
import os
import threading
from typing import TYPE_CHECKING

from labstudio.checkpoint import whole
from labstudio.errors import StudioError
from labstudio.gateway.client import Client
from labstudio.jobs.runner.surroundings import URL

if TYPE_CHECKING:
    from pathlib import Path

    from labstudio.jobs.runner.attempt import Attempt

LOOK_S = 1.0


class Safekeeping:
    """Sends the newest whole checkpoint of an attempt whenever there is a newer one.

    Parameters
    ----------
    folder
        Where the code saves.
    job_id
        The job.
    client
        Speaks to the studio with the job's own token.
    """

    def __init__(self, folder: Path, job_id: str, client: Client) -> None:
        self._folder = folder
        self._job_id = job_id
        self._client = client
        self._sent: tuple[str, int] | None = None
        self._ended = threading.Event()

    def start(self) -> None:
        """Look again and again, in a thread that ends with the process."""
        threading.Thread(target=self._run, name="safekeeping", daemon=True).start()

    def stop(self) -> None:
        """Look no more: what is there at the end is brought with the outputs."""
        self._ended.set()

    def _run(self) -> None:
        while not self._ended.wait(LOOK_S):
            try:
                self.step()
            except (StudioError, OSError):
                # Out of reach, or removed by the code meanwhile: the next look will tell.
                continue

    def step(self) -> None:
        """Send the newest checkpoint, unless that is done."""
        newest = whole.newest(self._folder)
        if newest is None:
            return
        stamp = (newest.name, newest.stat().st_mtime_ns)
        if stamp == self._sent:
            return
        paths = sorted(path for path in newest.rglob("*") if path.is_file())
        hashes = {path: _sha256(path) for path in paths}
        told = self._client.post("blobs/missing", {"sha256": sorted(set(hashes.values()))})
        for path in paths:
            if hashes[path] in told["sha256"]:
                self._client.put(f"blobs/{hashes[path]}", path)
        files = [
            {
                "path": path.relative_to(newest).as_posix(),
                "sha256": hashes[path],
                "size_bytes": path.stat().st_size,
            }
            for path in paths
        ]
        body = {"name": newest.name, "files": files}
        self._client.post(f"jobs/{self._job_id}/checkpoints", body)
        self._sent = stamp


def keep_safe(attempt: Attempt) -> Safekeeping | None:
    """Begin for an attempt, where its compute may vanish and its folder is not the studio's own."""
    spec = attempt.spec
    if not spec.preemptible or spec.gateway is None or spec.place is not None:
        return None
    url = spec.gateway.url or os.environ.get(URL)
    if url is None or attempt.work is None:
        return None
    made = Safekeeping(attempt.work.checkpoint, spec.job_id, Client(url, spec.gateway.token))
    made.start()
    return made


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
