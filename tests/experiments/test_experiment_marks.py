"""A user's favourites among experiments, and what of runs is read."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from labstudio.errors import NotFound
from labstudio.experiments.models import UpdateExperiment

if TYPE_CHECKING:
    from labstudio._studio import Studio


def test_a_favourite_is_its_users_own(reading: Studio) -> None:
    first = reading.runs.experiments().items[0].id
    edit = UpdateExperiment(favourite=True)
    assert reading.runs.update_experiment(first, edit, user="ada").favourite
    assert reading.runs.update_experiment(first, edit, user="ada").favourite

    def favourites(user: str) -> list[str]:
        return [each.id for each in reading.runs.experiments(user=user).items if each.favourite]

    assert favourites("ada") == [first]
    assert favourites("grace") == []
    reading.runs.update_experiment(first, UpdateExperiment(favourite=False), user="ada")
    assert favourites("ada") == []
    with pytest.raises(NotFound, match="experiment 'none'"):
        reading.runs.update_experiment("none", edit)


def test_a_kind_alone_means_all_of_it(reading: Studio) -> None:
    whole = {run.id: run for run in reading.runs.search(limit=1000).items}
    tagged = [run for run in whole.values() if run.tags]
    assert tagged
    for run in reading.runs.search(limit=1000, column=["tags", "params.model"]).items:
        assert run.tags == whole[run.id].tags
        assert set(run.params) <= {"model"}
        assert run.metrics == {}
