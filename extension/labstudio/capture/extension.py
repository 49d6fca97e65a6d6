"""Beginning to record: what ``%load_ext labstudio`` does beside registering magics."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

from labstudio.capture import hooks
from labstudio.capture import session as sessions

if TYPE_CHECKING:
    from IPython.core.interactiveshell import InteractiveShell

    from labstudio.capture.session import Session


def load(shell: InteractiveShell) -> None:
    """Record what a notebook runs from now on, unless the settings say no."""
    try:
        _, wanted = settings()
        if wanted:
            begin(shell)
    except Exception as error:
        sys.stderr.write(f"[labstudio] Runs are not recorded: {error}\n")


def begin(shell: InteractiveShell | None = None) -> Session:
    """Record this process's runs from now on; begun once, however often it is called."""
    known = sessions.current()
    if known is not None and (shell is None or known.shell is not None):
        return known
    session = sessions.ensure(shell)
    if shell is not None:
        from labstudio.capture.history import History

        session.shell, session.history = shell, History(shell)
        session.history.current = session.history.last
        shell.events.register("pre_run_cell", session.before_cell)
        shell.events.register("post_run_cell", session.after_cell)
    if known is None:
        session.witness.watch()
        hooks.install(session, autolog=settings()[0] and shell is not None)
    return session


def settings() -> tuple[bool, bool]:
    """Return whether runs are to be logged by MLflow itself, and recorded at all."""
    import labstudio

    # A kernel elsewhere has no settings at hand: there it is as it is by default.
    config = getattr(labstudio.studio(), "config", None)
    return (True, True) if config is None else (config.autolog, config.capture)
