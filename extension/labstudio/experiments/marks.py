"""What people say of runs: names, notes, tags, favourites, archived, deleted."""

from __future__ import annotations

import time
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

from labstudio.errors import InvalidInput
from labstudio.experiments.favourites import mark
from labstudio.experiments.run_models import RunsEdited
from labstudio.experiments.search.names import ARCHIVED_TAG, NOTE_TAG
from labstudio.experiments.tracking import API
from labstudio.experiments.wire import TAG_LIMIT, clean_key
from labstudio.jobs.submission import current_user

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from labstudio._studio import Studio
    from labstudio.experiments.models import Run
    from labstudio.experiments.run_models import EditRun, EditRuns

# How long one request changes runs for; what is left then is sent again by whoever asked.
BUDGET_S = 10.0
WRITERS = 8


class Marks:
    """Changes runs through MLflow, and keeps what MLflow has no place for.

    Parameters
    ----------
    studio
        Whose runs.
    """

    def __init__(self, studio: Studio) -> None:
        self._studio = studio
        self._tracking = studio.tracking

    def update(self, run_id: str, edit: EditRun) -> None:
        """Change a run's name, note or tags.

        Raises
        ------
        InvalidInput
            When MLflow would not take a tag; nothing is changed then.
        """
        tags = dict(edit.tags)
        if edit.note is not None:
            tags[NOTE_TAG] = edit.note or None
        check(tags)
        if edit.name is not None:
            self._tracking.call("POST", f"{API}/runs/update", run_id=run_id, run_name=edit.name)
        self._tag(run_id, tags)

    def edit(self, edit: EditRuns, runs: Sequence[Run], user: str | None = None) -> RunsEdited:
        """Change many runs; those that are so already are left alone.

        Parameters
        ----------
        edit
            What is wanted.
        runs
            The runs as they are.
        user
            Whose favourites.
        """
        tags = dict(edit.tags)
        if edit.archived is not None:
            tags[ARCHIVED_TAG] = "true" if edit.archived else None
        check(tags)
        changed = self._mark(edit.favourite, runs, user or current_user())
        odd = [run for run in runs if self._differs(run, tags, edit.deleted)]
        done = within(BUDGET_S, odd, lambda run: self._write(run, tags, edit.deleted))
        left = [run.id for run in odd[len(done) :]]
        changed |= {run.id for run in done}
        return RunsEdited(
            changed=[run.id for run in runs if run.id in changed and run.id not in left], left=left
        )

    def _differs(self, run: Run, tags: Mapping[str, str | None], deleted: bool | None) -> bool:
        if deleted is not None and deleted is not (run.lifecycle == "deleted"):
            return True
        return any(run.tags.get(key) != value for key, value in tags.items())

    def _write(self, run: Run, tags: Mapping[str, str | None], deleted: bool | None) -> None:
        """Change one run; MLflow refuses tags of deleted runs, so they are set while it is none."""
        gone = run.lifecycle == "deleted"
        if gone and deleted is False:
            self._tracking.call("POST", f"{API}/runs/restore", run_id=run.id)
        self._tag(run.id, tags)
        if deleted and not gone:
            self._tracking.delete_run(run.id)

    def _tag(self, run_id: str, tags: Mapping[str, str | None]) -> None:
        if kept := {key: value for key, value in tags.items() if value is not None}:
            self._tracking.set_tags(run_id, kept)
        for key in (key for key, value in tags.items() if value is None):
            self._tracking.delete_tag(run_id, key)

    def _mark(self, favourite: bool | None, runs: Sequence[Run], user: str) -> set[str]:
        """Make runs a user's favourites or not; return those that changed by it."""
        if favourite is None:
            return set()
        ids = [run.id for run in runs]
        return mark(self._studio.database, "runs", user, ids, favourite=favourite)


def check(tags: Mapping[str, str | None]) -> None:
    """Refuse tags that MLflow would not take as they are.

    Raises
    ------
    InvalidInput
        It names the tag.
    """
    for key, value in tags.items():
        if not key.strip() or clean_key(key) != key:
            raise InvalidInput(
                f"The tag's name {key[:80]!r} is none that MLflow takes: use letters, digits, "
                "spaces and _ - . : /.",
                field="tags",
            )
        if value is not None and len(value) > TAG_LIMIT:
            raise InvalidInput(
                f"The tag {key!r} has {len(value)} characters; MLflow takes {TAG_LIMIT}.",
                field="tags",
            )


def within(budget_s: float, runs: Sequence[Run], work: Callable[[Run], None]) -> Sequence[Run]:
    """Do something to each of some runs, until the time is over; return those that it was done to.

    These are the first ones, in order. An error ends it and is raised.
    """
    until = time.monotonic() + budget_s
    done = 0
    with ThreadPoolExecutor(WRITERS) as pool:
        while done < len(runs) and time.monotonic() < until:
            some = runs[done : done + WRITERS * 4]
            for _ in pool.map(work, some):
                pass
            done += len(some)
    return runs[:done]
