"""Live views: HTML that a thread keeps up to date while the notebook stays free.

While something runs, a view is an ipywidget with buttons; its display data has plain HTML beside,
for what knows no widgets. Once all has ended the display becomes that HTML alone: a saved notebook
then shows it without a kernel, in JupyterLab, in VS Code and through nbconvert.
"""

from __future__ import annotations

import threading
from abc import ABC, abstractmethod
from typing import TYPE_CHECKING, Any

from labstudio.errors import StudioError
from labstudio.jobs.models import ListJobs
from labstudio.widgets import job as shown

if TYPE_CHECKING:
    from collections.abc import Callable

    from labstudio.jobs.door import AnyStudio
    from labstudio.jobs.models import Job

POLL_FIRST_S = 0.2
POLL_MOST_S = 1.0
KEPT_LOG = 200_000
"""Characters of log that a card holds."""


class Live(ABC):
    """Something shown that changes until it is done.

    Parameters
    ----------
    buttons
        What each button says and does.
    """

    def __init__(self, buttons: dict[str, Callable[[], object]] | None = None) -> None:
        self._buttons = buttons or {}
        self._handle: Any = None
        self._content: Any = None
        self._widget: Any = None
        self._thread: threading.Thread | None = None
        self._made: list[Any] = []
        self._shown = ""

    @abstractmethod
    def html(self) -> str:
        """Return what to show now."""

    @abstractmethod
    def text(self) -> str:
        """Return the same for a terminal."""

    @abstractmethod
    def refresh(self) -> bool:
        """Look again; return whether it is done."""

    def display(self) -> None:
        """Show it in the running cell, and keep it up to date from a thread."""
        from IPython.display import display

        done = self.refresh()
        data = self._bundle(live=not done)
        self._handle = display(data, raw=True, display_id=True)
        if not done:
            self._thread = threading.Thread(target=self._follow, name="labstudio-live", daemon=True)
            self._thread.start()

    def join(self, timeout_s: float | None = None) -> None:
        """Wait until it is done and shown so."""
        if self._thread is not None:
            self._thread.join(timeout_s)

    def _bundle(self, *, live: bool) -> dict[str, Any]:
        self._shown = self.html()
        data: dict[str, Any] = {"text/plain": self.text(), "text/html": self._shown}
        if live:
            if self._widget is None:
                self._widget = self._make_widget()
            if self._widget is not None:
                self._content.value = self._shown
                view = {"version_major": 2, "version_minor": 0, "model_id": self._widget.model_id}
                data["application/vnd.jupyter.widget-view+json"] = view
        return data

    def _make_widget(self) -> Any:
        try:
            import ipywidgets
        except ImportError:
            return None
        self._content = ipywidgets.HTML()
        row = []
        for label, action in self._buttons.items():
            button = ipywidgets.Button(description=label, layout={"width": "auto"})
            # Where JupyterLab shows the studio's own links, it hides the button that says the same.
            button.add_class(f"lst-Live-{label.lower()}")
            button.on_click(lambda _button, action=action: self._press(action))
            row.append(button)
        buttons = ipywidgets.HBox(row)
        whole = ipywidgets.VBox([self._content, buttons])
        self._made = [whole, buttons, *row, self._content]
        return whole

    def _press(self, action: Callable[[], object]) -> None:
        try:
            action()
        except StudioError as error:
            self._content.value = f"{self._shown}<div>{error.message}</div>"

    def _follow(self) -> None:
        pause = threading.Event()
        wait = POLL_FIRST_S
        while True:
            pause.wait(wait)
            try:
                done = self.refresh()
            except StudioError:
                wait = POLL_MOST_S
                continue
            now = self.html()
            wait = POLL_FIRST_S if now != self._shown else min(wait * 1.5, POLL_MOST_S)
            if done:
                break
            self._show(now)
        self._handle.update(self._bundle(live=False), raw=True)
        for widget in self._made:
            widget.close()

    def _show(self, now: str) -> None:
        if now == self._shown:
            return
        self._shown = now
        if self._widget is not None:
            self._content.value = now
        else:
            self._handle.update({"text/plain": self.text(), "text/html": now}, raw=True)


class LiveJob(Live):
    """One job: its card, with the end of its log.

    Parameters
    ----------
    studio
        The studio that has it.
    job
        The job.
    note
        One more line on the card.
    """

    def __init__(self, studio: AnyStudio, job: Job, note: str | None = None) -> None:
        super().__init__({"Stop": lambda: studio.jobs.stop(job.id)})
        self._studio = studio
        self.job = job
        self.note = note
        self.log = ""
        self._offset = 0
        self._attempt = 0

    def html(self) -> str:
        """Return the card."""
        return shown.html(self.job, self.log, self.note)

    def text(self) -> str:
        """Return one line."""
        return shown.plain(self.job)

    def refresh(self) -> bool:
        """Read the job and what its log has more."""
        self.job = self._studio.jobs.get(self.job.id)
        if self.job.attempt != self._attempt:
            self._attempt, self._offset, self.log = self.job.attempt, 0, ""
        grown = self._attempt > 0
        while grown:
            chunk = self._studio.jobs.log(self.job.id, self._offset, attempt=self._attempt)
            grown = chunk.next_offset > self._offset
            self._offset = chunk.next_offset
            self.log = (self.log + chunk.text)[-KEPT_LOG:]
        return self.job.state.final


class LiveTable(Live):
    """The newest jobs.

    Parameters
    ----------
    studio
        The studio that has them.
    query
        Which jobs.
    """

    def __init__(self, studio: AnyStudio, query: ListJobs | None = None) -> None:
        super().__init__({"Refresh": self._again})
        self._studio = studio
        self._query = query or ListJobs(limit=20)
        self.jobs: list[Job] = []

    def html(self) -> str:
        """Return the table."""
        return shown.table_html(self.jobs)

    def text(self) -> str:
        """Return a line for each job."""
        return "\n".join(map(shown.plain, self.jobs)) or "There are no jobs."

    def refresh(self) -> bool:
        """List them again; done once none can change."""
        self.jobs = self._studio.jobs.list(self._query).items
        return all(job.state.final for job in self.jobs)

    def _again(self) -> None:
        self.refresh()
        self._show(self.html())
