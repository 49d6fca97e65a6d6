"""From data to job, run, model, report and back: what was recorded, and what is asked of it."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from lineage_shop import Shop, sha256

from labstudio._studio import Studio
from labstudio.database.tables import approvals, cards
from labstudio.database.tables import lineage as table
from labstudio.errors import InvalidInput, NotFound
from labstudio.experiments.server_main import PROXIED_ARTIFACTS
from labstudio.experiments.store import store_url
from labstudio.lineage.harvest import Harvest
from labstudio.lineage.models import Node
from labstudio.lineage.text import tree


@pytest.fixture
def shop(
    studio: Studio, empty_store: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Shop]:
    from mlflow.store.model_registry.sqlalchemy_store import SqlAlchemyStore as Registry
    from mlflow.store.tracking.sqlalchemy_store import SqlAlchemyStore

    path = studio.home.create().tracking_database_path
    shutil.copy(empty_store, path)
    store = SqlAlchemyStore(store_url(path, None), PROXIED_ARTIFACTS)
    registry = Registry(store_url(path, None))
    # Where MLflow's registry looks for the model that a version is made of.
    monkeypatch.setenv("MLFLOW_TRACKING_URI", store_url(path, None))
    yield Shop(studio, store, registry, tmp_path)
    store.engine.dispose()
    registry.engine.dispose()


def ids(nodes: list[Node]) -> set[str]:
    return {node.id for node in nodes}


def test_a_model_is_traced_to_its_data_and_the_data_to_its_models(shop: Shop) -> None:
    data, other = shop.file("train.csv", "a\n1\n"), shop.file("other.csv", "a\n9\n")
    script = shop.file("train.py", "pass")
    job = shop.job(script, {"in/train.csv": "train.csv"})
    run = shop.run(data, name="by the job", labstudio__job_id=job.id)
    logged = shop.log_model(run)
    version = shop.register("churn", f"models:/{logged}", run)
    elsewhere = shop.register("churn", "s3://bucket/model", shop.run(other))
    shop.registry.set_registered_model_alias("churn", "champion", "1")
    assert shop.harvest.step() > 0
    lineage = shop.studio.lineage

    of_model = lineage(version)
    name = "data:" + sha256("a\n1\n")
    assert ids(of_model.datasets()) == {name}
    assert ids(of_model.jobs()) == {f"job:{job.id}"}
    assert ids(of_model.runs()) == {f"run:{run}"}
    assert ids(of_model.upstream()) == {
        name, f"job:{job.id}", f"run:{run}", f"logged_model:{logged}"
    }  # fmt: skip
    assert of_model.downstream() == []
    (dataset,) = of_model.datasets()
    assert dataset.facts["schema"] == {"a": "long"}
    assert dataset.label == "train.csv"

    of_data = lineage(data)
    assert of_data.id == name
    assert ids(of_data.models()) == {version, f"logged_model:{logged}"}
    assert ids(lineage(str(other)).models()) == {elsewhere}
    assert lineage("model:churn@champion").id == version
    assert lineage("models:/churn/2").id == elsewhere
    assert lineage(run).id == f"run:{run}"
    assert lineage(job.id).id == f"job:{job.id}"
    assert lineage(f"runs:/{run}/model").node.facts["user"] == "ann"
    assert lineage(shop.store.get_run(run)).id == f"run:{run}"
    assert lineage(shop.registry.get_model_version("churn", "1")).id == version
    assert lineage(shop.store.get_logged_model(logged)).id == f"logged_model:{logged}"
    assert lineage(job).node.facts["code_sha256"] == sha256("pass")
    assert of_model.node.facts["aliases"] == ["champion"]

    graph = of_model.graph()
    assert {(edge.source, edge.relation, edge.target) for edge in graph.edges} == {
        (name, "given", f"job:{job.id}"),
        (f"job:{job.id}", "ran", f"run:{run}"),
        (name, "read", f"run:{run}"),
        (f"run:{run}", "made", f"logged_model:{logged}"),
        (f"logged_model:{logged}", "registered", version),
    }
    assert tree(graph).splitlines()[:3] == [
        "model churn v1  READY",
        "came from",
        f"└─ registered  logged model forest  {logged[:12]}  READY",
    ]


def test_a_second_harvest_and_another_daemon_add_nothing(shop: Shop) -> None:
    data = shop.file("d.csv", "1")
    runs = [shop.run(data, name=f"run {n}") for n in range(5)]
    shop.register("m", "s3://m", runs[0])
    # Two names for one content: each tells a part of it, neither undoes the other's.
    shop.job(shop.file("x.py", ""), {"in/e.csv": str(data)})
    assert shop.harvest.step() > 10
    assert shop.harvest.step() == 0
    assert shop.harvest.everything() == 0
    assert Harvest(shop.studio).step() == 0
    assert shop.studio.lineage.verify().whole


def test_what_changes_is_recorded_and_what_was_stays(shop: Shop) -> None:
    run = shop.run(status=None)
    shop.harvest.everything()
    node = shop.studio.lineage(run)
    assert node.node.state == "RUNNING"
    shop.end(run, "FAILED")
    shop.store.delete_run(run)
    version = shop.register("m", "s3://m", run)
    shop.registry.set_registered_model_alias("m", "best", "1")
    shop.harvest.everything()
    found = shop.studio.lineage(run).node
    assert (found.state, found.facts["deleted"]) == ("FAILED", True)
    assert shop.studio.lineage("model:m@best").id == version
    shop.registry.delete_registered_model_alias("m", "best")
    shop.harvest.everything()
    with pytest.raises(NotFound, match="has no alias 'best'"):
        shop.studio.lineage("model:m@best")
    assert "aliases" not in shop.studio.lineage(version).node.facts


def test_changes_that_the_feed_names_are_recorded_at_once(shop: Shop) -> None:
    from labstudio import changes

    shop.harvest.step()
    run = shop.run()
    assert shop.harvest.step() == 0
    with shop.studio.database.begin() as connection:
        changes.record(connection, "runs", run, "created")
    assert shop.harvest.step() > 0
    assert shop.studio.lineage(run).node.state == "FINISHED"


def test_parents_reproductions_reruns_reports_and_cards_are_linked(shop: Shop) -> None:
    parent = shop.run(name="sweep")
    child = shop.run(name="point", mlflow__parentRunId=parent)
    again = shop.run(name="again", labstudio__reproduces=child)
    shop.artifact(child, "clarify/bias.json", {})
    shop.artifact(again, "labstudio/reproduction.json", {})
    version = shop.register("m", "s3://m", child)
    job = shop.job(shop.file("x.py", ""))
    shop.studio.jobs.stop(job.id)
    rerun = shop.studio.jobs.rerun(job.id)
    add_card(shop.studio, "m", 1)
    shop.harvest.everything()
    lineage = shop.studio.lineage
    assert ids(lineage(child).upstream()) == {f"run:{parent}"}
    assert ids(lineage(again).upstream()) == {f"run:{parent}", f"run:{child}"}
    assert ids(lineage(child).reports()) == {
        f"report:{child}/clarify/bias.json",
        f"report:{again}/labstudio/reproduction.json",
        "card:C1",
    }
    assert lineage("card:C1").node.state == "draft"
    assert ids(lineage("card:C1").models()) == {version}
    assert ids(lineage(job.id).jobs()) == {f"job:{rerun.id}"}


def add_card(studio: Studio, model: str, version: int) -> None:
    now = datetime.now(UTC)
    card = {
        "id": "C1",
        "model": model,
        "model_version": version,
        "version": 1,
        "state": "draft",
        "content": {},
        "sources": {},
        "sha256": "0" * 64,
        "user": "ann",
        "created_at": now,
        "updated_at": now,
    }
    with studio.database.begin() as connection:
        connection.execute(cards.insert().values(card))


def test_what_rests_on_a_file_that_changed_is_stale(shop: Shop) -> None:
    data, kept = shop.file("d.csv", "old"), shop.file("kept.csv", "same")
    copy = shop.file("copy.csv", "old")
    run = shop.run(data, kept)
    version = shop.register("m", "s3://m", run)
    of_copy = shop.run(copy)
    of_kept = shop.run(kept)
    shop.harvest.everything()
    lineage = shop.studio.lineage
    assert lineage.stale().items == []
    assert lineage.stale().files == 3

    data.write_text("new")
    found = lineage.stale()
    assert {item.node.id for item in found.items} == {f"run:{run}", version}
    item = found.items[0]
    assert (item.recorded_sha256, item.found_sha256) == (sha256("old"), sha256("new"))
    assert item.reason == (f"{data} held {sha256('old')[:12]} and holds {sha256('new')[:12]} now.")
    assert [each.node.id for each in lineage(version).stale()][-1] == version
    assert lineage(of_copy).stale() == []
    assert lineage(of_kept).stale() == []
    assert {each.node.id for each in lineage.stale(object=f"file:{data}").items} == {
        f"run:{run}", version
    }  # fmt: skip
    assert lineage.stale(object=f"file:{kept}").items == []

    # Trained anew: what rests on the new content is fresh, and both are models of that file.
    newer = shop.register("m", "s3://m", shop.run(data))
    shop.harvest.everything()
    assert {item.node.id for item in lineage.stale().items} == {f"run:{run}", version}
    assert ids(lineage(data).models()) == {version, newer}
    assert lineage(data).id == f"data:{sha256('new')}"

    data.unlink()
    gone = {item.node.id: item for item in lineage.stale().items}
    assert gone[newer].found_sha256 is None
    assert gone[newer].reason.endswith("is gone.")
    assert ids(lineage(data).models()) == {version, newer}


def test_existing_mlflow_data_get_lineage(shop: Shop) -> None:
    """Data sets that MLflow itself fingerprints have its digest, and are told from one another."""
    from mlflow.entities import Dataset, DatasetInput

    run = shop.run(mlflow__user="zoë")
    old = Dataset("iris", "1234abcd", "local", '{"uri": "iris.csv"}', None, None)
    shop.store.log_inputs(run, [DatasetInput(old, [])])
    shop.harvest.everything()
    assert ids(shop.studio.lineage(run).datasets()) == {"data:iris@1234abcd"}
    assert shop.studio.lineage(run).node.facts["user"] == "zoë"


def test_a_data_frame_is_known_by_its_content(shop: Shop) -> None:
    pandas = pytest.importorskip("pandas")
    from labstudio.capture.inside.prints import frame_sha256

    frame = pandas.DataFrame({"a": [1, 2]})
    run = shop.run()
    shop.studio.lineage.record("read", f"data:{frame_sha256(frame)}", f"run:{run}")
    assert ids(shop.studio.lineage(frame).runs()) == {f"run:{run}"}
    with pytest.raises(NotFound, match="knows no data:"):
        shop.studio.lineage(frame + 1)


@pytest.mark.parametrize(
    ("thing", "error", "message"),
    [
        ("run:0000", NotFound, "knows no run:0000"),
        ("no/such.csv", NotFound, "There is no file no/such.csv, nor object of that name."),
        (__file__, NotFound, "neither by its path nor by its content"),
        (42, InvalidInput, "A int is nothing that the lineage knows"),
    ],
)
def test_what_is_not_known_is_said(
    studio: Studio, thing: Any, error: type[Exception], message: str
) -> None:
    with pytest.raises(error, match=message):
        studio.lineage(thing)


def test_a_name_of_no_kind_is_not_recorded(studio: Studio) -> None:
    with pytest.raises(InvalidInput, match="'colour:red' is no object of the lineage"):
        studio.lineage.record("made", "colour:red", "run:1")
    assert studio.lineage.verify().entries == 0


def test_who_promoted_a_model_is_in_the_record(shop: Shop) -> None:
    version = shop.register("m", "s3://m", shop.run())
    request = {
        "id": "A1",
        "model": "m",
        "version": 1,
        "alias": "champion",
        "state": "pending",
        "comment": "",
        "requested_by": "ann",
        "requested_at": datetime.now(UTC),
        "applied": False,
    }
    with shop.studio.database.begin() as connection:
        connection.execute(approvals.insert().values(request))
    shop.harvest.everything()
    decided = {"state": "approved", "decided_by": "bob", "decided_at": datetime.now(UTC)}
    with shop.studio.database.begin() as connection:
        connection.execute(approvals.update().values(decided))
    shop.harvest.everything()
    query = sa.select(table.c.object, table.c.facts).where(table.c.subject == "approval:A1")
    with shop.studio.database.read() as connection:
        entries = connection.execute(query.order_by(table.c.sequence)).all()
    assert [json.loads(each.facts)["state"] for each in entries] == ["pending", "approved"]
    assert {each.object for each in entries} == {version}
    assert "approval" not in str(shop.studio.lineage(version).graph())


def test_a_graph_is_cut_and_says_so(studio: Studio) -> None:
    record = studio.lineage.record
    for number in range(40):
        record("read", "data:x", f"run:{number}")
    for number in range(5):
        record("made", f"run:{39 - number}", f"run:{39 - number}a")
    whole = studio.lineage("data:x").graph()
    assert (len(whole.nodes), whole.cut, whole.message) == (46, False, None)
    cut = studio.lineage("data:x").graph(limit=10)
    assert (len(cut.nodes), cut.cut) == (10, True)
    assert cut.message == "There is more: 10 objects within 100 steps are shown."
    assert "run:39" in ids(cut.nodes), "what was recorded last is kept"
    near = studio.lineage("data:x").graph(depth=1)
    assert (len(near.nodes), near.cut) == (41, True)
    assert not studio.lineage("run:39a").graph("up", depth=2).cut
    assert len(studio.lineage("data:x").runs()) == 45


def test_circles_end(studio: Studio) -> None:
    studio.lineage.record("made", "run:a", "data:b")
    studio.lineage.record("read", "data:b", "run:a")
    node = studio.lineage("run:a")
    assert ids(node.upstream()) == ids(node.downstream()) == {"data:b"}
    assert len(node.graph().edges) == 2
    assert "(see above)" in tree(node.graph())


def test_search_finds_by_name_path_and_hash(shop: Shop) -> None:
    run = shop.run(shop.file("Customers_100%.csv", "c"), name="brave fox")
    shop.harvest.everything()
    find: Callable[..., Any] = shop.studio.lineage.search
    assert ids(find(q="BRAVE").items) == {f"run:{run}"}
    data = f"data:{sha256('c')}"
    for text in ("customers", "100%", str(shop.folder), sha256("c")[:10]):
        assert ids(find(q=text).items) == {data}, text
    assert find(q="100_").items == []
    assert ids(find(kind="run").items) == {f"run:{run}"}


@pytest.mark.postgres
@pytest.mark.slow
def test_postgres_answers_the_same(postgres_url: str, tmp_path: Path) -> None:
    studio = Studio(tmp_path, database_url=postgres_url)
    record = studio.lineage.record
    record("read", "data:pg", "run:pg1", path="/x/y.csv")
    record("held", "file:/x/y.csv", "data:pg", path="/x/y.csv")
    record("is", "data:pg", "data:pg", name="Y of Postgres.csv")
    record("made", "run:pg1", "model:PG_m/1")
    record("named", "alias:PG_m/best", "models:PG_m", version=1)
    assert ids(studio.lineage("model:PG_m@best").datasets()) == {"data:pg"}
    assert ids(studio.lineage("/x/y.csv").models()) == {"model:PG_m/1"}
    assert ids(studio.lineage.search(q="y of postgres").items) == {"data:pg"}
    assert [item.node.id for item in studio.lineage.stale().items] == ["run:pg1", "model:PG_m/1"]
    with studio.database.read() as connection:
        assert connection.scalar(sa.text("SELECT count(*) FROM lineage")) >= 5
    studio.close()
