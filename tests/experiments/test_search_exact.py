"""Property: whatever the filter and the order, MLflow itself finds the same runs in that order."""

from __future__ import annotations

import shutil
from typing import TYPE_CHECKING, Any

import pytest
from filled_home import FilledHome
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from odd_store import METRICS, NUMBERS, PARAMS, TAGS, TEXTS, USERS, fill

from labstudio._studio import Studio
from labstudio.errors import InvalidInput
from labstudio.experiments.models import Lifecycle
from labstudio.experiments.server_main import PROXIED_ARTIFACTS
from labstudio.experiments.store import prepare, store_url
from labstudio.home import Home

if TYPE_CHECKING:
    pass

MISSING = "no such key"
PATTERNS = ("%", "x%", "%b", "_gb", "%ü%", "%Ü%", "%'%", "", "100\\%", "%o%")


def quoted(text: str) -> str | None:
    """Write a text as the filter language has it; None where it cannot be said."""
    if "'" not in text:
        return f"'{text}'"
    return f'"{text}"' if '"' not in text else None


texts = st.sampled_from(TEXTS + PATTERNS).map(quoted).filter(bool)
numbers = st.sampled_from([repr(each) for each in NUMBERS if abs(each) < 1e301] + ["1", "0.90"])
keys = {
    "metrics": st.sampled_from((*METRICS, MISSING)),
    "params": st.sampled_from((*PARAMS, MISSING)),
    "tags": st.sampled_from((*TAGS, MISSING, "mlflow.runName", "mlflow.user")),
}
compare_numbers = st.sampled_from((">", ">=", "<", "<=", "=", "!="))
compare_texts = st.sampled_from(("=", "!=", "LIKE", "ILIKE", "like", "iLike"))
lists = st.lists(texts, min_size=1, max_size=3).map(lambda each: f"({', '.join(each)})")
starts = st.sampled_from([str(1_700_000_000_000 + each * 1000) for each in range(0, 12, 3)])


def clause(*parts: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
    return st.tuples(*parts).map(" ".join)


def key(kind: str) -> st.SearchStrategy[str]:
    return keys[kind].map(lambda name: f"{kind}.`{name}`")


def clauses(run_ids: list[str]) -> st.SearchStrategy[str]:
    """All that MLflow's language can say of a run."""
    ids = st.sampled_from([*run_ids, "0" * 32])
    id_lists = st.lists(ids, min_size=1, max_size=9).map(
        lambda each: "({})".format(", ".join(f"'{run_id}'" for run_id in each))
    )
    named = st.sampled_from(("attributes.run_name", "run_name", "attr.`run name`"))
    string = st.sampled_from(("attributes.status", "user_id", "attribute.artifact_uri"))
    words = texts | st.sampled_from([f"'{each}'" for each in (*USERS, "FINISHED", "%R%")])
    of_data = st.sampled_from(("dataset.name", "datasets.digest", "dataset.context"))
    data_words = st.sampled_from(("'iris'", "'Iris'", '"it\'s"', "'d1'", "'training'", "'eval'"))
    data_lists = st.lists(data_words, min_size=1, max_size=3).map(lambda e: f"({', '.join(e)})")
    some = st.sampled_from(("IN", "NOT IN", "in"))
    null = st.sampled_from(("IS NULL", "IS NOT NULL", "is null"))
    times = st.sampled_from(("attributes.start_time", "attributes.end_time", "created"))
    return st.one_of(
        clause(key("metrics"), compare_numbers, numbers),
        clause(key("params"), compare_texts, texts),
        clause(key("tags"), compare_texts, texts),
        clause(st.one_of(key("params"), key("tags")), null),
        clause(named, compare_texts, texts),
        clause(string, compare_texts, words),
        clause(times, compare_numbers, starts),
        clause(st.just("attributes.run_id"), some, id_lists),
        clause(st.just("run_id"), st.sampled_from(("=", "!=")), ids.map(lambda each: f"'{each}'")),
        clause(of_data, compare_texts, data_words),
        clause(of_data, some, data_lists),
        # Some that MLflow refuses, or not, as its version may be.
        clause(named, some, lists),
        clause(key("metrics"), st.just("LIKE"), numbers),
        clause(key("params"), st.just("="), numbers),
    )


ordered = st.one_of(
    key("metrics"),
    key("params"),
    key("tags"),
    st.sampled_from(
        [
            "start_time",
            "end_time",
            "run_name",
            "status",
            "user_id",
            "run_id",
            "artifact_uri",
            "Created",
        ]
    ).map(lambda name: f"attributes.{name}"),
)
orders = st.lists(
    clause(ordered, st.sampled_from(("ASC", "DESC", "", "desc"))).map(str.strip), max_size=3
)


@pytest.fixture(scope="session")
def filled_postgres(postgres_url: str, tmp_path_factory: pytest.TempPathFactory) -> Any:
    """The odd runs in Postgres."""
    from mlflow.store.tracking.sqlalchemy_store import SqlAlchemyStore

    home = Home(tmp_path_factory.mktemp("postgres"))
    url = store_url(home.tracking_database_path, postgres_url)
    prepare(url)
    store = SqlAlchemyStore(url, PROXIED_ARTIFACTS)
    made = fill(store)
    studio = Studio(home.create().path, database_url=postgres_url)
    yield studio, FilledHome(home, made, store)
    studio.close()
    store.engine.dispose()
    shutil.rmtree(home.path, ignore_errors=True)


def check(studio: Studio, there: FilledHome, data: st.DataObject) -> None:
    """Ask both the same, and compare ids, in order, in windows."""
    from mlflow.entities import ViewType
    from mlflow.exceptions import MlflowException

    said = data.draw(st.lists(clauses(there.made.runs), max_size=3), "filter")
    text = " AND ".join(said)
    order = data.draw(orders, "order")
    stage = data.draw(st.sampled_from((Lifecycle.active, Lifecycle.deleted, Lifecycle.all)))
    names = data.draw(st.sets(st.sampled_from(sorted(there.made.experiments)), min_size=1))
    experiments = [there.made.experiments[name] for name in sorted(names)]
    view = {
        Lifecycle.active: ViewType.ACTIVE_ONLY,
        Lifecycle.deleted: ViewType.DELETED_ONLY,
        Lifecycle.all: ViewType.ALL,
    }[stage]
    asked: dict[str, Any] = {"order_by": order, "experiment": experiments, "lifecycle": stage}
    try:
        found = there.oracle.search_runs(experiments, text, view, 1000, order)
    except MlflowException:
        with pytest.raises(InvalidInput) as refused:
            studio.runs.search(text, **asked)
        assert refused.value.details["field"] in ("filter", "order_by")
        return
    expected = [run.info.run_id for run in found]
    page = studio.runs.search(text, limit=1000, **asked)
    assert [run.id for run in page.items] == expected
    assert page.total == len(expected)
    at, size = data.draw(st.integers(0, 70), "at"), data.draw(st.integers(1, 20), "limit")
    window = studio.runs.search(text, at=at, limit=size, **asked)
    assert [run.id for run in window.items] == expected[at : at + size]
    assert window.total == len(expected)
    same_content(page.items[:5], found[:5])


def same_content(rows: Any, runs: Any) -> None:
    """A row shows what MLflow's run holds."""
    for row, run in zip(rows, runs, strict=True):
        assert row.params == run.data.params
        assert repr(row.metrics) == repr(dict(sorted(run.data.metrics.items())))
        own = {key: text for key, text in run.data.tags.items() if not key.startswith("mlflow.")}
        assert row.tags == own
        assert row.name == run.info.run_name
        assert (row.status, row.lifecycle) == (run.info.status, run.info.lifecycle_stage)


HARD = settings(
    max_examples=150,
    deadline=None,
    derandomize=True,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)


@pytest.mark.slow
@HARD
@given(data=st.data())
def test_the_same_runs_in_the_same_order(
    reading: Studio, filled: FilledHome, data: st.DataObject
) -> None:
    check(reading, filled, data)


@pytest.mark.slow
@pytest.mark.postgres
@settings(HARD, max_examples=100)
@given(data=st.data())
def test_the_same_runs_in_the_same_order_on_postgres(
    filled_postgres: tuple[Studio, FilledHome], data: st.DataObject
) -> None:
    check(*filled_postgres, data)


@example("metrics.auc > ")
@example("params.model = 'x' OR params.model = 'y'")
@example("metrics.auc > 'high'")
@example("'")
@example("attributes.run_id IN ()")
@example("run_name IN ('a'")
@settings(HARD, max_examples=200)
@given(st.text(max_size=30) | st.text("metricsparams.`'\"()=<>! ANDLIKE0159", max_size=40))
def test_any_text_as_a_filter_is_answered_or_refused_in_one_sentence(
    reading: Studio, filled: FilledHome, text: str
) -> None:
    if refused := refusal(reading, filter=text):
        assert refused.details["field"] == "filter"
        assert "\n" not in refused.message
        assert refused.message.endswith(".")


@settings(HARD, max_examples=100)
@given(st.text(max_size=30) | st.text("metricsparams.`'\"()=<>! ASCDE0159", max_size=40))
def test_any_text_as_an_order_is_answered_or_refused_in_one_sentence(
    reading: Studio, text: str
) -> None:
    if refused := refusal(reading, order_by=[text]):
        assert refused.details["field"] == "order_by"
        assert "\n" not in refused.message


def refusal(studio: Studio, **asked: Any) -> InvalidInput | None:
    """Return why a question is refused; None where it is answered."""
    try:
        studio.runs.search(**asked)
    except InvalidInput as error:
        return error
    return None
