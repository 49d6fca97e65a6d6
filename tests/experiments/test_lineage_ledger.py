"""The record: appended to by several, and every change of what was written is found."""

from __future__ import annotations

import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from typing import Any

import pytest
import sqlalchemy as sa
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy.exc import DatabaseError

from labstudio._studio import Studio
from labstudio.database.engine import Database
from labstudio.errors import StudioError, Unavailable
from labstudio.home import Home
from labstudio.lineage.ledger import ORIGIN, Fact, Ledger, Link, canonical, check, hash_of

# A machine that is busy with other tests is no reason to fail.
patient = settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])
WORDS = st.text(st.characters(exclude_categories=["Cs"]), max_size=6)


def chained(contents: list[tuple[int, str, str, str, str]]) -> list[Link]:
    """Make a whole chain."""
    links: list[Link] = []
    for number, content in enumerate(contents, 1):
        previous = links[-1].hash if links else ORIGIN
        link = Link(number, *content, previous, "")
        links.append(link._replace(hash=hash_of(link)))
    return links


CHAINS = st.lists(st.tuples(st.integers(0), WORDS, WORDS, WORDS, WORDS), min_size=1).map(chained)


def end(links: list[Link]) -> list[tuple[int, str]]:
    return [(links[-1].sequence, links[-1].hash)]


@patient
@given(CHAINS)
def test_a_whole_chain_is_whole(links: list[Link]) -> None:
    found = check(links, end(links), anchored=True)
    assert found.whole
    assert found.entries == len(links)
    assert found.newest == f"{len(links)}:{links[-1].hash}"


@patient
@given(CHAINS, st.data())
def test_any_single_change_of_any_field_is_found(links: list[Link], data: st.DataObject) -> None:
    at = data.draw(st.integers(0, len(links) - 1))
    field = data.draw(st.sampled_from(Link._fields))
    old = getattr(links[at], field)
    new = data.draw((st.integers() if isinstance(old, int) else WORDS).filter(lambda v: v != old))
    altered = [*links[:at], links[at]._replace(**{field: new}), *links[at + 1 :]]
    found = check(altered, end(links), anchored=True)
    assert not found.whole
    assert found.broken_at == at + 1


@patient
@given(CHAINS, st.data())
def test_who_alters_an_entry_and_mends_its_hash_is_found(
    links: list[Link], data: st.DataObject
) -> None:
    at = data.draw(st.integers(0, len(links) - 1))
    altered = links[at]._replace(facts=links[at].facts + "!")
    altered = altered._replace(hash=hash_of(altered))
    found = check([*links[:at], altered, *links[at + 1 :]], end(links), anchored=True)
    assert (found.whole, found.broken_at) == (False, at + 1)


@patient
@given(CHAINS, st.data())
def test_what_is_removed_is_missed(links: list[Link], data: st.DataObject) -> None:
    at = data.draw(st.integers(0, len(links) - 1))
    found = check([*links[:at], *links[at + 1 :]], end(links), anchored=True)
    assert (found.whole, found.broken_at) == (False, at + 1)
    assert "missing" in found.message


@patient
@given(CHAINS.filter(lambda links: len(links) > 1), st.data())
def test_what_is_reordered_is_found(links: list[Link], data: st.DataObject) -> None:
    first, second = sorted(
        data.draw(st.lists(st.integers(0, len(links) - 1), min_size=2, max_size=2, unique=True))
    )
    swapped = list(links)
    swapped[first] = links[second]._replace(sequence=first + 1)
    swapped[second] = links[first]._replace(sequence=second + 1)
    found = check(swapped, end(links), anchored=True)
    assert (found.whole, found.broken_at) == (False, first + 1)


def facts(count: int, who: str = "a") -> list[Fact]:
    return [Fact("read", f"data:{n}", f"run:{who}{n}", {"path": f"/{n}"}) for n in range(count)]


def test_telling_something_twice_adds_nothing(studio: Studio) -> None:
    ledger = studio.lineage.ledger
    assert ledger.append(facts(3)) == 3
    assert ledger.append(facts(4)) == 1
    changed = Fact("read", "data:0", "run:a0", {"path": "/elsewhere"})
    assert [ledger.append([changed]), ledger.append([changed])] == [1, 0]
    # What was said before the newest is news again.
    assert ledger.append(facts(1)) == 1
    assert ledger.append([facts(1)[0], facts(1)[0], changed]) == 1
    assert studio.lineage.verify().entries == 7


def alter(studio: Studio, *statements: str) -> None:
    """Do what the triggers refuse."""
    with studio.database.begin() as connection:
        for trigger in ("update", "delete"):
            connection.execute(sa.text(f"DROP TRIGGER IF EXISTS lineage_no_{trigger}"))
        for statement in statements:
            connection.execute(sa.text(statement))


@pytest.mark.parametrize("verb", ["UPDATE lineage SET facts = '{}'", "DELETE FROM lineage"])
def test_the_table_refuses_changes(studio: Studio, verb: str) -> None:
    studio.lineage.ledger.append(facts(2))
    with (
        pytest.raises((Unavailable, DatabaseError), match="lineage is append-only"),
        studio.database.begin() as connection,
    ):
        connection.execute(sa.text(verb))
    assert studio.lineage.verify().whole


@pytest.mark.parametrize(
    ("statement", "broken", "message"),
    [
        ("UPDATE lineage SET facts = '{}' WHERE sequence = 3", 3, "Entry 3 was altered"),
        ("UPDATE lineage SET at = 'noon' WHERE sequence = 5", 5, "Entry 5 was altered"),
        ("DELETE FROM lineage WHERE sequence = 2", 2, "Entry 2 is missing"),
        ("DELETE FROM lineage WHERE sequence > 3", 4, "Entries 4 to 6 are missing"),
        ("DELETE FROM lineage", 1, "Entries 1 to 6 are missing"),
        (
            "INSERT INTO lineage SELECT 0, at, relation, subject, object, facts, previous, hash "
            "FROM lineage WHERE sequence = 1",
            1,
            "Entry 0 does not belong there",
        ),
    ],
)
def test_tampering_is_found_and_told(
    studio: Studio, statement: str, broken: int, message: str
) -> None:
    studio.lineage.ledger.append(facts(6))
    assert studio.lineage.verify().whole
    alter(studio, statement)
    found = studio.lineage.verify()
    assert (found.whole, found.broken_at) == (False, broken)
    assert message in found.message


def test_a_cut_end_is_noticed_after_more_was_appended(studio: Studio) -> None:
    ledger = studio.lineage.ledger
    ledger.append(facts(6))
    alter(studio, "DELETE FROM lineage WHERE sequence > 3")
    ledger.append(facts(9, "b"))
    found = studio.lineage.verify()
    assert (found.whole, found.broken_at) == (False, 6)


def test_an_entry_that_was_noted_elsewhere_must_be_there(studio: Studio, home: Home) -> None:
    ledger = studio.lineage.ledger
    ledger.append(facts(2))
    noted = studio.lineage.verify().newest
    assert noted
    ledger.append(facts(4))
    assert studio.lineage.verify(noted).whole
    (home.path / "lineage.anchor").unlink()
    alter(studio, "DELETE FROM lineage WHERE sequence > 1")
    without = studio.lineage.verify()
    assert (without.whole, without.anchored) == (True, False)
    assert "a cut end would not be noticed" in without.message
    assert studio.lineage.verify(noted).broken_at == 2
    with pytest.raises(StudioError, match="no SEQUENCE:HASH"):
        studio.lineage.verify("yesterday")


def test_facts_of_every_kind_are_hashed_as_they_are_stored(studio: Studio) -> None:
    given: dict[str, Any] = {"ü": ["\N{GRINNING FACE}", None, 1.5, True], "a": {"z": "\x00"}}
    studio.lineage.ledger.append([Fact("is", "data:é", "data:é", given)])
    assert canonical(given) == (r'{"a":{"z":"\u0000"},"\u00fc":["\ud83d\ude00",null,1.5,true]}')
    assert studio.lineage.verify().whole


WRITER = """
import sys
from labstudio._studio import Studio
from labstudio.lineage.ledger import Fact
home, url, who = sys.argv[1:]
studio = Studio(home, **({"database_url": url} if url else {}))
for n in range(20):
    both = Fact("is", f"run:shared{n}", f"run:shared{n}", {"n": n})
    studio.lineage.ledger.append([both, Fact("read", f"data:{n}", f"run:{who}{n}")])
"""


def write_at_once(homes: list[str], url: str) -> None:
    with ThreadPoolExecutor(len(homes)) as pool:
        calls = [
            pool.submit(
                subprocess.run,
                [sys.executable, "-c", WRITER, home, url, str(number)],
                capture_output=True,
                text=True,
                check=False,
            )
            for number, home in enumerate(homes)
        ]
        for call in calls:
            assert call.result().returncode == 0, call.result().stderr


@pytest.mark.slow
def test_several_processes_append_at_once(studio: Studio) -> None:
    write_at_once([str(studio.home.path)] * 3, "")
    found = studio.lineage.verify()
    assert found.whole, found.message
    assert (found.entries, found.anchored) == (20 + 3 * 20, True)


@pytest.mark.postgres
@pytest.mark.slow
def test_postgres_keeps_the_same_record(postgres_url: str, home: Home, tmp_path: Any) -> None:
    with closing(Database(postgres_url)) as database:
        ledger = Ledger(database, home.create())
        before = ledger.verify().entries
        homes = [str(tmp_path / name) for name in ("one", "two")]
        write_at_once(homes, postgres_url)
        ledger.append([Fact("is", "run:last", "run:last", {"at": "the end"})])
        found = ledger.verify()
        assert (found.whole, found.entries) == (True, before + 20 + 2 * 20 + 1), found.message
        for verb in ("UPDATE lineage SET facts = '{}'", "DELETE FROM lineage", "TRUNCATE lineage"):
            with (
                pytest.raises((Unavailable, DatabaseError), match="append-only"),
                database.begin() as connection,
            ):
                connection.execute(sa.text(verb))
        with database.begin() as connection:
            connection.execute(sa.text("ALTER TABLE lineage DISABLE TRIGGER ALL"))
            connection.execute(sa.text("DELETE FROM lineage WHERE sequence = 7"))
        assert ledger.verify().broken_at == 7
