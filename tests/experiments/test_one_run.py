"""One run: its details, and what people say of it."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from labstudio._studio import Studio
from labstudio.errors import InvalidInput, NotFound
from labstudio.experiments.run_models import EditRun, EditRuns
from labstudio.experiments.wire import Metric


@pytest.fixture(scope="module")
def experiment(tracked: Studio) -> str:
    return tracked.tracking.ensure_experiment("one run")


def begin(studio: Studio, experiment: str, name: str = "a", **tags: str) -> str:
    return studio.tracking.create_run(experiment, name, tags=tags)


def test_a_run_tells_what_it_is(tracked: Studio, experiment: str) -> None:
    parent = begin(tracked, experiment, "parent")
    run = begin(
        tracked,
        experiment,
        "child",
        **{"mlflow.parentRunId": parent, "mlflow.source.git.commit": "c0ffee", "team": "red"},
    )
    tracked.tracking.log_params(run, {"depth": 3})
    now = datetime.now(UTC)
    values = [Metric("loss", value, now, step) for step, value in enumerate((3.0, 1.0, 2.0))]
    tracked.tracking.log_batch(run, [*values, Metric("system/cpu", 5.0, now)])
    told = tracked.runs.detail(run)
    assert (told.name, told.params, told.git_commit) == ("child", {"depth": "3"}, "c0ffee")
    assert told.tags == {"team": "red"}
    assert told.parent is not None
    assert told.parent.id == parent
    (loss,) = told.metric_keys
    assert (loss.count, loss.last, loss.low, loss.high, loss.step) == (3, 2.0, 1.0, 3.0, 2)
    assert [each.key for each in told.system_metric_keys] == ["system/cpu"]
    assert [each.id for each in tracked.runs.detail(parent).children] == [run]


def test_name_note_and_tags_change(tracked: Studio, experiment: str) -> None:
    run = begin(tracked, experiment, "before", keep="1", drop="2")
    edit = EditRun(name="after", note="**good**", tags={"drop": None, "new": "3"})
    told = tracked.runs.update(run, edit)
    assert (told.name, told.note) == ("after", "**good**")
    assert {key: told.tags.get(key) for key in ("keep", "drop", "new")} == {
        "keep": "1",
        "drop": None,
        "new": "3",
    }
    assert tracked.runs.update(run, EditRun(note="")).note is None
    with pytest.raises(InvalidInput, match="tag's name"):
        tracked.runs.update(run, EditRun(tags={"../x": "1"}))


def test_the_opposite_edit_undoes(tracked: Studio, experiment: str) -> None:
    runs = [begin(tracked, experiment, f"many {each}") for each in range(5)]
    already = runs[0]
    tracked.runs.edit(EditRuns(ids=[already], archived=True))
    done = tracked.runs.edit(EditRuns(ids=runs, archived=True, favourite=True), user="ann")
    assert (set(done.changed), done.left) == (set(runs), [])
    assert all(run.archived and run.favourite for run in tracked.runs.get(runs, user="ann"))
    assert not any(run.favourite for run in tracked.runs.get(runs, user="bob"))
    undone = tracked.runs.edit(EditRuns(ids=done.changed, favourite=False), user="ann")
    assert set(undone.changed) == set(runs)
    gone = tracked.runs.edit(EditRuns(ids=runs, deleted=True, tags={"why": "bad"}))
    assert {run.lifecycle for run in tracked.runs.get(gone.changed)} == {"deleted"}
    back = tracked.runs.edit(EditRuns(ids=gone.changed, deleted=False, archived=False))
    assert set(back.changed) == set(runs)
    for run in tracked.runs.get(runs):
        assert (run.lifecycle, run.archived, run.tags.get("why")) == ("active", False, "bad")
    assert tracked.runs.edit(EditRuns(ids=runs, deleted=False)).changed == []


def test_a_run_that_is_not_there_is_named(tracked: Studio, experiment: str) -> None:
    run = begin(tracked, experiment)
    with pytest.raises(NotFound, match="There is no run nowhere"):
        tracked.runs.detail("nowhere")
    with pytest.raises(NotFound) as refused:
        tracked.runs.edit(EditRuns(ids=[run, "no1", "no2"], archived=True))
    assert refused.value.details["missing"] == ["no1", "no2"]
    assert not tracked.runs.get([run])[0].archived
