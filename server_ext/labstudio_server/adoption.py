"""Kernels on computes in a Jupyter Server: offered, found again, and left when the server ends."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from labstudio.home import Home
from labstudio.kernels import PREFIX

if TYPE_CHECKING:
    from labstudio_server.container import Services

SESSION = "JPY_SESSION_NAME"


@dataclass
class Adoption:
    """What the extension adds to a server's kernel manager.

    Parameters
    ----------
    services
        Where the studio and its threads are.
    manager
        The server's kernel manager.
    specs
        The server's kernelspec manager; one without folders has its kernels on another machine.
    """

    services: Services
    manager: Any
    specs: Any
    _tasks: set[asyncio.Task[None]] = field(default_factory=set)

    def begin(self) -> None:
        """Attach to living kernels in place of new ones.

        A notebook that is opened again asks for a new kernel of its kernelspec. The manager takes
        the id of a new kernel from its caller; the id of a living one makes the provisioner attach.
        """
        starts, updates = self.manager.start_kernel, self.manager.update_env

        async def start_kernel(**options: Any) -> str:
            if options.get("kernel_id") is None:
                options["kernel_id"] = await self._living(options)
            kernel_id: str = await starts(**options)
            return kernel_id

        def update_env(*, kernel_id: str, env: dict[str, str]) -> None:
            updates(kernel_id=kernel_id, env=env)
            self._note_path(kernel_id, env.get(SESSION))

        self.manager.start_kernel = start_kernel
        self.manager.update_env = update_env

    def offer(self) -> None:
        """Have the home's kernelspecs among the server's, from the first time it looks for any.

        Where it looks it finds out when it first does, for that loads IPython: it is not asked
        now, but finds out more.
        """
        folder = str(Home(self.services.home or None).kernelspecs)
        if not self.specs.has_trait("kernel_dirs"):
            return
        if "kernel_dirs" in self.specs._trait_values:
            self.specs.kernel_dirs = [*self.specs.kernel_dirs, folder]
            return
        find = self.specs._kernel_dirs_default
        self.specs._kernel_dirs_default = lambda _specs: [*find(), folder]

    def end(self) -> None:
        """Leave the kernels as they are; the server shuts down what it still holds after this."""
        for manager in list(getattr(self.manager, "_kernels", {}).values()):
            detach = getattr(getattr(manager, "provisioner", None), "detach", None)
            if detach is not None:
                detach()

    async def _living(self, options: dict[str, Any]) -> str | None:
        name = options.get("kernel_name") or ""
        path = (options.get("env") or {}).get(SESSION)
        if not name.startswith(PREFIX) or not path or not Path(path).is_absolute():
            return None
        found = await self.services.run(_find, self.services, name, path)
        return None if found in self.manager else found

    def _note_path(self, kernel_id: str, path: str | None) -> None:
        """Have the keeper know a notebook that was renamed."""
        manager = self.manager.get_kernel(kernel_id)
        rename = getattr(getattr(manager, "provisioner", None), "rename", None)
        if rename is not None and path:
            task = asyncio.get_running_loop().create_task(rename(path))
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)


def _find(services: Services, name: str, path: str) -> str | None:
    from labstudio.kernels.folder import find

    return find(services.studio().home, name, path)
