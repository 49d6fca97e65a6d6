"""What a kernel manager does by itself, taken out of its hands."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable


def restrain(manager: Any, request_shutdown: Callable[..., Awaitable[None]]) -> None:
    """Keep a manager from ending, restarting or tidying up after a kernel that is not its own.

    A manager asks for a shutdown over the kernel's own control channel before it asks the
    provisioner anything, tries to start a dead kernel again, and removes the sockets of a kernel
    that it leaves. None of these can be refused by a provisioner's hook, so they are replaced on
    this one manager.

    Parameters
    ----------
    manager
        The manager.
    request_shutdown
        Called in place of its request.
    """
    manager._async_request_shutdown = request_shutdown
    manager.request_shutdown = request_shutdown
    manager.cleanup_ipc_files = _nothing
    if (restarter := getattr(manager, "_restarter", None)) is not None:
        # A dead kernel is told as dead at once, and says why; one started in its place would not.
        restarter.restart_limit = 0


def _nothing() -> None:
    """Leave the sockets to whose they are."""
