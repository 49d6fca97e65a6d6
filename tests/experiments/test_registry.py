"""The registry on MLflow's own: what is listed, compared, registered, promoted and deleted."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from labstudio._studio import Studio
from labstudio.errors import Conflict, Forbidden, InvalidInput, NotFound, Unavailable
from labstudio.registry.compare import dependencies, table
from labstudio.registry.mlmodel import read_signature, type_name
from labstudio.registry.models import (
    ApprovalQuery,
    ApprovalState,
    CreateApproval,
    Decision,
    EventQuery,
    ModelQuery,
    RegisterModel,
    UpdateModel,
    UpdateVersion,
)
from labstudio.registry.service import RegistryService
from tests.model_maker import Made, make


@pytest.fixture(scope="module")
def made(tracked: Studio, tmp_path_factory: pytest.TempPathFactory) -> Made:
    """A model with two versions."""
    folder = tmp_path_factory.mktemp("registry")
    make(tracked, folder, "loans", C="1")
    return make(tracked, folder, "loans", version=2)


@pytest.fixture
def registry(made: Made) -> Iterator[RegistryService]:
    """The registry, with no alias left over."""
    service = made.studio.registry
    yield service
    for alias in service.get("loans").aliases:
        service.delete_alias("loans", alias)


def ask(registry: RegistryService, version: int = 2, user: str = "ada") -> str:
    spec = CreateApproval(model="loans", version=version, alias="champion", comment="It is best.")
    return registry.approvals.create(spec, user=user).id


YES = Decision(approve=True, comment="Seen.")
NO = Decision(approve=False, comment="Not yet.")


def test_a_version_says_what_made_it_and_what_it_takes(registry: RegistryService) -> None:
    found = registry.version("loans", 2)
    assert found.signature is not None
    assert [(each.name, each.type) for each in found.signature.inputs] == [("age", "double")]
    assert found.signature.outputs[0].shape == [-1]
    assert found.input_example == {"columns": ["age"], "data": [[1.0]]}
    assert found.dependencies == ["scikit-learn==1.2", "numpy==2.0"]
    assert (found.flavors, found.python_version) == (["sklearn"], "3.11.7")
    assert found.run is not None
    assert (found.run.user, found.run.notebook, found.run.cell) == ("ada", "studies/train.ipynb", 7)
    assert found.params["C"] == "3"
    assert found.metrics["test_accuracy"] == 0.875


def test_models_are_found_by_text_filter_and_favourite(registry: RegistryService) -> None:
    registry.update("loans", UpdateModel(tags={"team": "risk"}, favourite=True), user="ada")
    assert [each.name for each in registry.search(ModelQuery(text="OAN")).items] == ["loans"]
    assert registry.search(ModelQuery(text="nothing")).items == []
    by_tag = registry.search(ModelQuery(filter="tags.team = 'risk'"))
    assert [each.name for each in by_tag.items] == ["loans"]
    mine = ModelQuery(favourite=True)
    assert [each.name for each in registry.search(mine, user="ada").items] == ["loans"]
    assert registry.search(mine, user="bob").items == []
    with pytest.raises(InvalidInput) as caught:
        registry.search(ModelQuery(filter="bogus ="))
    assert caught.value.details["field"] == "filter"


def test_versions_are_compared_by_what_differs(registry: RegistryService) -> None:
    found = registry.compare("loans", [1, 2])
    differing = {row.key: row.values for row in found.params if row.differs}
    assert differing == {"C": {"1": "1", "2": "3"}}
    packages = {row.key: row.differs for row in found.dependencies}
    assert packages == {"scikit-learn": True, "numpy": False}
    assert not any(row.differs for row in (*found.metrics, *found.signature))
    with pytest.raises(NotFound):
        registry.compare("loans", [1, 9])


def test_a_run_s_model_is_registered_once_it_is_clear_which(registry: RegistryService) -> None:
    run_id = registry.version("loans", 1).run_id
    assert run_id is not None
    listed = registry.registrable(run_id).items
    assert [(each.path, each.registered) for each in listed] == [("model", ["loans/1"])]
    request = RegisterModel(name="other loans", run_id=run_id, tags={"team": "risk"})
    made = registry.register(request, user="bob")
    assert (made.version, made.run_id, made.tags) == (1, run_id, {"team": "risk"})
    with pytest.raises(InvalidInput, match="no model at 'nowhere'"):
        registry.register(RegisterModel(name="x", run_id=run_id, path="nowhere"))
    with pytest.raises(NotFound):
        registry.get("x")
    with pytest.raises(InvalidInput, match="'other loans'"):
        registry.delete("other loans", "loans")
    registry.delete("other loans", "other loans", user="bob")
    with pytest.raises(NotFound):
        registry.get("other loans")
    told = registry.events(EventQuery(model="other loans", limit=1)).items[0]
    assert told.message == "The model other loans was deleted by bob."


def test_a_protected_alias_is_set_by_an_approval_alone(registry: RegistryService) -> None:
    for alias in ("champion", "Champion"):
        with pytest.raises(Forbidden, match="labstudio model promote loans 2 --alias"):
            registry.set_alias("loans", alias, 2)
    assert registry.set_alias("loans", "candidate", 2).aliases == {"candidate": 2}
    approval = ask(registry)
    with pytest.raises(Conflict, match="already"):
        ask(registry)
    assert registry.get("loans").versions[0].pending == ["champion"]
    decided = registry.approvals.decide(approval, YES, user="bob")
    assert (decided.state, decided.applied, decided.own) == ("approved", True, False)
    assert registry.get("loans").aliases["champion"] == 2
    assert registry.get("loans").versions[0].unapproved == []
    with pytest.raises(Conflict, match="approved by bob already"):
        registry.approvals.decide(approval, NO, user="carol")
    with pytest.raises(Conflict, match="take that alias away first"):
        registry.delete_version("loans", 2, "loans/2")


def test_an_alias_that_was_set_past_the_studio_is_told(registry: RegistryService) -> None:
    place = {"name": "loans", "alias": "production", "version": "1"}
    registry.client.write("POST", "/api/2.0/mlflow/registered-models/alias", None, **place)
    assert registry.version("loans", 1).unapproved == ["production"]


def test_one_approves_ones_own_request_only_where_one_is_alone(registry: RegistryService) -> None:
    approval = ask(registry)
    with pytest.raises(Forbidden, match="somebody else"):
        registry.approvals.decide(approval, YES, user="ada", accounts=True)
    assert registry.approvals.get(approval).state is ApprovalState.pending
    decided = registry.approvals.decide(approval, YES, user="ada", accounts=False)
    assert decided.own


def test_only_who_asked_takes_it_back(registry: RegistryService) -> None:
    approval = ask(registry)
    with pytest.raises(Forbidden):
        registry.approvals.withdraw(approval, user="bob")
    assert registry.approvals.withdraw(approval, user="ada").state is ApprovalState.withdrawn
    with pytest.raises(Conflict):
        registry.approvals.decide(approval, YES, user="bob")


def test_of_many_who_decide_at_once_one_does(registry: RegistryService) -> None:
    approval = ask(registry, version=1)
    barrier, outcomes = threading.Barrier(6), []

    def decide(number: int) -> None:
        barrier.wait()
        decision = YES if number % 2 else NO
        try:
            registry.approvals.decide(approval, decision, user=f"user {number}")
            outcomes.append(decision.approve)
        except Conflict:
            pass

    threads = [threading.Thread(target=decide, args=(number,)) for number in range(6)]
    for each in threads:
        each.start()
    for each in threads:
        each.join()
    assert len(outcomes) == 1
    named = registry.get("loans").aliases.get("champion")
    assert named == (1 if outcomes[0] else None)


def test_a_decision_that_cannot_be_carried_out_waits_again(
    registry: RegistryService, monkeypatch: pytest.MonkeyPatch
) -> None:
    approval = ask(registry)
    with monkeypatch.context() as patch:

        def down(*_: object, **__: object) -> None:
            raise Unavailable("The tracking server does not answer.")

        patch.setattr(registry.client, "write", down)
        with pytest.raises(Unavailable):
            registry.approvals.decide(approval, YES, user="bob")
    assert registry.approvals.get(approval).state is ApprovalState.pending
    assert registry.approvals.decide(approval, YES, user="bob").applied


def test_approvals_page_newest_first(registry: RegistryService) -> None:
    ids = []
    for _ in range(3):
        ids.append(ask(registry))
        registry.approvals.decide(ids[-1], NO, user="bob")
    first = registry.approvals.search(ApprovalQuery(model="loans", limit=2))
    assert [each.id for each in first.items] == ids[:0:-1]
    query = ApprovalQuery(model="loans", limit=1, cursor=first.next_cursor)
    assert registry.approvals.search(query).items[0].id == ids[0]


def test_the_studio_s_own_tags_are_its_own(registry: RegistryService) -> None:
    with pytest.raises(InvalidInput, match="kept by the studio"):
        registry.update_version("loans", 1, UpdateVersion(tags={"labstudio.card": "approved"}))
    changed = registry.update_version(
        "loans", 1, UpdateVersion(description="The first.", tags={"stage": "trial", "gone": None})
    )
    assert (changed.description, changed.tags) == ("The first.", {"stage": "trial"})


@pytest.mark.parametrize("alias", ["latest", "v3", "a b", ""])
def test_aliases_that_mlflow_keeps_are_refused(registry: RegistryService, alias: str) -> None:
    with pytest.raises(InvalidInput):
        registry.set_alias("loans", alias, 1)


def test_types_are_told_in_a_few_words() -> None:
    nested = {"type": "array", "items": {"type": "object", "properties": {"a": {"type": "long"}}}}
    assert type_name(nested) == "array(object(a: long))"
    assert read_signature(None) is None
    assert dependencies(["Scikit_Learn[all]==1.0", "numpy"]) == {
        "scikit-learn": "1.0",
        "numpy": "any",
    }
    assert [row.differs for row in table({"1": {"a": 1.0}, "2": {"b": None}})] == [True, False]


def test_a_model_without_readable_files_says_so(registry: RegistryService, tmp_path: Path) -> None:
    from labstudio.registry.mlmodel import read_files

    assert read_files(lambda _: b"- : {").unread is not None
    assert read_files(lambda _: b"just words").unread is not None
