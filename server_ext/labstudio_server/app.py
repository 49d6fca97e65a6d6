"""The Jupyter Server extension: what it adds to a server, and how it is configured."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from jupyter_server.extension.application import ExtensionApp
from traitlets import Bool, Float, Int, Unicode

from labstudio._version import __version__
from labstudio.config import StudioConfig
from labstudio.experiments.place import adopt
from labstudio.home import Home
from labstudio_server import events
from labstudio_server.adoption import Adoption
from labstudio_server.container import SETTING, Services
from labstudio_server.endpoints import API, MLFLOW, resolve
from labstudio_server.feed import Feed
from labstudio_server.handlers.base import UnknownHandler
from labstudio_server.handlers.mlflow import MlflowHandler, MlflowRedirectHandler
from labstudio_server.keeping import Keeping
from labstudio_server.moving.mover import Mover
from labstudio_server.routes import ENDPOINTS, models


class LabstudioApp(ExtensionApp):
    """labstudio's REST API, events and proxy on a Jupyter Server.

    Loading it opens nothing and imports nothing heavy: the studio is opened by the first request,
    in a thread.
    """

    name = "labstudio"
    version = __version__
    extension_url = "/lab"
    load_other_extensions = True
    description = "JupyterLab as an ML studio."

    home = Unicode(
        "",
        help="The studio home. Empty (the default): LABSTUDIO_HOME, or `labstudio` in Jupyter's "
        "data folder.",
    ).tag(config=True)
    database_url = Unicode(
        "",
        help=f"{StudioConfig.database_url.help} What is set here overrides the home's own setting.",
    ).tag(config=True)
    start_daemon = Bool(
        True,
        help="Start the studio's daemon when none runs, and again when it has died. Without it "
        "jobs are accepted and wait.",
    ).tag(config=True)
    keep_interval_s = Float(
        5.0, min=0.1, help="How often the daemon is looked after, in seconds; 5 by default."
    ).tag(config=True)
    poll_interval_s = Float(
        0.2, min=0.01, help="How often the change feed is read, in seconds; 0.2 by default."
    ).tag(config=True)
    max_body_bytes = Int(
        16 * 1024**2,
        min=1024,
        help="The largest request body that the API takes, in bytes; 16 MiB by default.",
    ).tag(config=True)

    services: Services
    feed: Feed
    keeping: Keeping
    mover: Mover
    adoption: Adoption

    def initialize_settings(self) -> None:
        """Build what handlers are given; `ExtensionApp.initialize` calls this at load."""
        assert self.serverapp is not None
        root = getattr(self.serverapp.contents_manager, "root_dir", None) or self.serverapp.root_dir
        adopt(Home(self.home or None))
        self.services = Services(
            home=self.home,
            database_url=self.database_url,
            root=Path(root).expanduser().absolute(),
            max_body_bytes=self.max_body_bytes,
        )
        assert self.serverapp.event_logger is not None
        # A subscriber hears only of schemas that were known when it came: so now, not on first use.
        events.register(self.serverapp.event_logger)
        self.feed = Feed(self.services, self.serverapp.event_logger, self.poll_interval_s)
        self.keeping = Keeping(self.services, self.feed, self.keep_interval_s)
        self.mover = self.services.mover = Mover(self.services, self.feed, self.serverapp)
        self.services.on_first_use = self._on_first_use
        self.services.daemon_status = lambda: self.keeping.status
        self.settings[SETTING] = self.services
        server = self.serverapp
        self.adoption = Adoption(self.services, server.kernel_manager, server.kernel_spec_manager)
        self.adoption.begin()
        self.adoption.offer()

    def initialize_handlers(self) -> None:
        """Add the routes; `ExtensionApp.initialize` calls this at load."""
        routes: list[tuple[Any, ...]] = [
            (endpoint.pattern, endpoint.handler) for endpoint in ENDPOINTS
        ]
        self.handlers.extend(
            [
                *routes,
                (f"{API}(?:/.*)?", UnknownHandler),
                (MLFLOW, MlflowRedirectHandler),
                (f"{MLFLOW}/(.*)", MlflowHandler),
            ]
        )

    async def _start_jupyter_server_extension(self, serverapp: Any) -> None:
        """Start the daemon and load what requests will need, both in threads.

        Jupyter Server calls this once its loop runs.
        """
        if self.start_daemon:
            self.keeping.start()
        self.mover.start()
        await self.services.run(_load_models)

    def _on_first_use(self) -> None:
        """Follow the change feed from the first request on."""
        self.services.on_first_use = None
        self.feed.start()

    async def stop_extension(self) -> None:
        """End the tasks and close the studio; the daemon, its jobs and kernels elsewhere go on."""
        self.adoption.end()
        await self.keeping.stop()
        await self.mover.stop()
        await self.feed.stop()
        await self.services.close()


def _load_models() -> None:
    for reference in set(models()):
        resolve(reference)
