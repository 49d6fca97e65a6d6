"""One container from its start to its end: its output, how it ended, and what of it is known."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import threading
import time
from concurrent.futures import Future
from concurrent.futures import wait as wait_for
from typing import TYPE_CHECKING, Any

from labstudio.compute.docker.container import remove
from labstudio.jobs.processes import kill_all, marked
from labstudio.jobs.runner.children import Child
from labstudio.jobs.runner.faults import SIGNALLED
from labstudio.jobs.runner.place import PlaceLost, Usage

if TYPE_CHECKING:
    from collections.abc import Callable

    from docker import DockerClient
    from docker.models.containers import Container

    from labstudio.jobs.runner.journal import Log

BACK_WITHIN_S = 10.0
LOOK_EVERY_S = 0.2
END_S = 5.0
NANOSECOND = 1e-9
MEGABYTE = 1_000_000
REMOVED = "The job's container was removed from outside."
RESTARTED = "The Docker Engine was restarted under the job, which ended its container."
GONE = f"The Docker Engine went away under the job and did not come back in {BACK_WITHIN_S:g} s."
WENT_ON = "The Docker Engine was restarted; what the code wrote meanwhile may be missing here."


class ContainerChild(Child):
    """A container as what a runner started and waits for.

    Parameters
    ----------
    client
        The Engine.
    container
        The container, made and not started.
    log
        Takes its output.
    taken
        Called where it ended because somebody had the Engine stop it; None where that is an end
        like any other.
    """

    def __init__(
        self,
        client: DockerClient,
        container: Container,
        log: Log,
        taken: Callable[[], object] | None = None,
    ) -> None:
        self._client = client
        self._container = container
        self._log = log
        self._taken = taken
        self._over: Future[int] = Future()
        self._over.set_running_or_notify_cancel()
        self._signalled = False
        self._began = time.time()
        self.memory_ran_out: bool | None = None

    @property
    def id(self) -> str:
        """Its id on the Engine."""
        return str(self._container.id)

    @property
    def ended(self) -> bool:
        """Whether it is over, and its output taken in."""
        return self._over.done()

    def start(self) -> None:
        """Start it, having begun to listen; none of its output is missed."""
        output = self._listen()
        self._began = time.time()
        self._container.start()
        threading.Thread(target=self._watch, args=(output,), name="container", daemon=True).start()

    def _listen(self) -> Any:
        return self._client.api.attach(self.id, stdout=True, stderr=True, stream=True, logs=False)

    async def wait(self) -> int:
        """Wait until it has ended; return how.

        Raises
        ------
        PlaceLost
            When the Engine or the container went away from under the code.
        """
        return await asyncio.wrap_future(self._over)

    def _watch(self, output: Any) -> None:
        try:
            self._over.set_result(self._end(output))
        except PlaceLost as lost:
            self._over.set_exception(lost)
        except Exception as error:
            self._over.set_exception(PlaceLost(f"The job's container is out of sight: {error}."))

    def _end(self, output: Any) -> int:
        from docker.errors import DockerException, NotFound
        from requests.exceptions import RequestException

        while True:
            # When the connection is cut, the stream just ends; waiting then tells.
            with contextlib.suppress(RequestException, DockerException, OSError):
                for piece in output:
                    self._log.write(piece)
            try:
                code = int(self._client.api.wait(self.id, timeout=None)["StatusCode"])
                state = self._client.api.inspect_container(self.id)["State"]
            except NotFound:
                raise PlaceLost(REMOVED) from None
            except (RequestException, DockerException, OSError):
                output = self._again()
            else:
                return self._how(code, state)

    def _again(self) -> Any:
        """Listen once more where the container outlived the Engine's restart.

        Raises
        ------
        PlaceLost
            When it did not, or the Engine stays away.
        """
        from docker.errors import DockerException, NotFound
        from requests.exceptions import RequestException

        deadline = time.monotonic() + BACK_WITHIN_S
        while time.monotonic() < deadline and not self._signalled:
            time.sleep(LOOK_EVERY_S)
            try:
                if not self._client.api.inspect_container(self.id)["State"]["Running"]:
                    raise PlaceLost(RESTARTED)
                output = self._listen()
            except NotFound:
                raise PlaceLost(REMOVED) from None
            except (RequestException, DockerException, OSError):
                continue
            self._log.note(WENT_ON)
            return output
        raise PlaceLost(GONE)

    def _how(self, code: int, state: dict[str, Any]) -> int:
        """Return the exit as `subprocess` tells it, a signal as its negative number.

        The container's first process gives 128 and the signal's number where a signal ended what it
        runs. 137 is SIGKILL only where the Engine saw memory run out, or somebody asked for it:
        otherwise the code may have left with that number itself.
        """
        self.memory_ran_out = bool(state.get("OOMKilled"))
        if self.memory_ran_out:
            self._log.note(self._too_much())
        elif self._taken is not None and not self._signalled and self._told(signal.SIGTERM):
            # However it ended then: code that heeds SIGTERM may well leave with 0.
            self._taken()
        number = code - SIGNALLED
        if number not in set(signal.Signals):
            return code
        if number == signal.SIGKILL and not self.memory_ran_out and not self._signalled:
            return -number if self._killed_outside() else code
        return -number

    def _too_much(self) -> str:
        limit = int(self._container.attrs["HostConfig"].get("Memory") or 0)
        if not limit:
            return "Memory ran out on the Docker Engine's machine."
        return f"The container may hold {limit / MEGABYTE:.0f} MB of memory; the job needed more."

    def _killed_outside(self) -> bool:
        """Say whether somebody killed the container through the Engine.

        Raises
        ------
        PlaceLost
            When it was removed with that.
        """
        from docker.errors import NotFound

        if not self._told(signal.SIGKILL):
            return False
        # Removing by force is a kill first.
        time.sleep(LOOK_EVERY_S)
        try:
            state = self._client.api.inspect_container(self.id)["State"]
        except NotFound:
            raise PlaceLost(REMOVED) from None
        if state.get("Status") == "removing" or state.get("Dead"):
            raise PlaceLost(REMOVED)
        return True

    def _told(self, number: signal.Signals) -> bool:
        """Say whether the Engine was asked to send it a signal."""
        wanted, until = {"container": self.id, "event": "kill"}, round(time.time(), 3)
        with contextlib.suppress(Exception):
            since = int(self._began)
            told = self._client.api.events(since=since, until=until, filters=wanted, decode=True)
            sent = [each["Actor"]["Attributes"].get("signal") for each in told]
            return str(number.value) in sent
        return False

    def signal_group(self, number: signal.Signals) -> None:
        """Send a signal to the container's first process, which passes it on to the code."""
        if not self.ended:
            self._signalled = True
            with contextlib.suppress(Exception):
                self._client.api.kill(self.id, signal=number.value)

    def kill(self, marker: str) -> None:
        """End everything in it; return when its output is taken in.

        Parameters
        ----------
        marker
            The attempt's mark, by which its processes are found where the Engine does not answer.
        """
        self.signal_group(signal.SIGKILL)
        if not wait_for([self._over], timeout=END_S).done:
            kill_all(each for each in marked(marker) if each.pid != os.getpid())
            wait_for([self._over], timeout=END_S)

    def remove(self) -> None:
        """Remove it; where the Engine does not answer a sweep does."""
        with contextlib.suppress(Exception):
            remove(self._container)

    def usage(self) -> Usage | None:
        """Return what it uses now; None where the Engine does not say."""
        with contextlib.suppress(Exception):
            told = self._client.api.stats(self.id, stream=False, one_shot=True)
            memory = told["memory_stats"]
            # Files that the system only remembers are not the code's; both names, by its version.
            detail = memory.get("stats", {})
            cache = detail.get("inactive_file", detail.get("total_inactive_file", 0))
            return Usage(
                cpu_s=told["cpu_stats"]["cpu_usage"]["total_usage"] * NANOSECOND,
                memory_bytes=max(0, memory["usage"] - cache),
                processes=told["pids_stats"].get("current", 1),
            )
        return None
