"""Tokens of the gateway: signed, scoped, mortal."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import pytest

from labstudio.errors import Unauthenticated
from labstudio.gateway import tokens
from labstudio.gateway.tokens import Scope, mint, verify
from labstudio.home import Home

JOB = Scope("job", "01J0000000000000000000000", "ada", 2)


def test_a_token_says_whom_it_speaks_for(home: Home) -> None:
    assert verify(home, mint(home, JOB)) == JOB
    kernel = Scope("kernel", "6f1a", "ada")
    assert verify(home, mint(home, kernel)) == kernel


def test_only_the_owner_can_read_the_key(home: Home) -> None:
    mint(home, JOB)
    assert (home.path / tokens.KEY).stat().st_mode & 0o777 == 0o600


def test_the_key_is_made_once_however_many_ask_at_once(home: Home) -> None:
    home.create()
    with ThreadPoolExecutor(8) as pool:
        made = list(pool.map(lambda _: mint(home, JOB), range(40)))
    assert {verify(home, each) for each in made} == {JOB}
    assert [path.name for path in home.path.glob("*gateway.key*")] == [tokens.KEY]


def test_another_home_does_not_know_it(
    home: Home, tmp_path_factory: pytest.TempPathFactory
) -> None:
    other = Home(tmp_path_factory.mktemp("other"))
    mint(other, JOB)
    with pytest.raises(Unauthenticated, match="not one of this studio's"):
        verify(home, mint(other, JOB))


@pytest.mark.parametrize("change", ["", "x", "{0}x", "x{0}", "{0}.{0}", "é"])
def test_what_was_changed_is_refused(home: Home, change: str) -> None:
    with pytest.raises(Unauthenticated):
        verify(home, change.format(mint(home, JOB)))


def test_no_part_of_it_can_be_put_on_another(home: Home) -> None:
    mine, other = mint(home, JOB), mint(home, Scope("job", JOB.id, "eve", 2))
    with pytest.raises(Unauthenticated):
        verify(home, other.rpartition(".")[0] + "." + mine.rpartition(".")[2])


def test_it_ends_when_its_time_is_over(home: Home) -> None:
    with pytest.raises(Unauthenticated, match="time is over"):
        verify(home, mint(home, JOB, life_s=-2))
