"""What synchronisation decides: the algebra of `merge`, for any three trees."""

from __future__ import annotations

from datetime import datetime
from pathlib import PurePosixPath
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from labstudio.compute.host.entries import FILE, FOLDER, LINK, Entry
from labstudio.compute.sync import Tree, changes, merge, rules_of, without

AT = datetime(2026, 11, 25, 21, 3)
NAMES = st.sampled_from(["a", "b.txt", "c"])
LEAVES = st.one_of(
    st.builds(
        lambda n, mode: Entry(FILE, f"sha{n}", mode, n),
        st.integers(1, 3),
        st.sampled_from([0o644, 0o755]),
    ),
    st.sampled_from([Entry(LINK, "a"), Entry(LINK, "c")]),
)
NESTED = st.recursive(LEAVES, lambda inner: st.dictionaries(NAMES, inner, max_size=3), max_leaves=6)


def flat(nested: dict[str, Any], above: str = "") -> Tree:
    tree: Tree = {}
    for name, value in nested.items():
        if isinstance(value, Entry):
            tree[above + name] = value
        else:
            tree[above + name] = Entry(FOLDER)
            tree.update(flat(value, above + name + "/"))
    return tree


TREES = st.dictionaries(NAMES, NESTED, max_size=3).map(flat)
examples = settings(max_examples=150, deadline=None)


def merged(here: Tree, there: Tree, base: Tree) -> Any:
    return merge(here, there, base, names=("laptop", "gpu-box"), at=AT)


def whole(tree: Tree) -> bool:
    return all(
        tree[str(above)].kind == FOLDER
        for path in tree
        for above in PurePosixPath(path).parents
        if above.name
    )


def contents(tree: Tree) -> set[tuple[str, str]]:
    return {entry.content for entry in tree.values() if entry.kind != FOLDER}


@examples
@given(TREES, TREES, TREES)
def test_both_sides_come_to_hold_the_same_and_it_is_a_tree(here: Tree, there: Tree, base: Tree):
    tree = merged(here, there, base).tree
    assert whole(tree)
    for side in (here, there):
        reached = dict(side)
        for change in changes(side, tree):
            if change.entry is None:
                del reached[change.path]
            else:
                reached[change.path] = change.entry
        assert reached == tree


@examples
@given(TREES, TREES, TREES)
def test_nothing_that_a_side_wrote_is_ever_lost(here: Tree, there: Tree, base: Tree):
    result = merged(here, there, base)
    for side in (here, there):
        for path, entry in side.items():
            written = path not in base or base[path].content != entry.content
            if written and entry.kind != FOLDER:
                beside = result.conflicts.get(path, path)
                assert entry.content in {
                    result.tree[each].content for each in (path, beside) if each in result.tree
                }


@examples
@given(TREES, TREES, TREES)
def test_a_second_time_there_is_nothing_to_do(here: Tree, there: Tree, base: Tree):
    tree = merged(here, there, base).tree
    again = merged(tree, tree, tree)
    assert again.tree == tree
    assert not again.conflicts
    assert not changes(tree, again.tree)


@examples
@given(TREES, TREES, TREES)
def test_the_sides_are_equal_but_for_the_name_of_a_conflict(here: Tree, there: Tree, base: Tree):
    one, other = merged(here, there, base), merged(there, here, base)
    assert contents(one.tree) == contents(other.tree)
    assert one.conflicts.keys() == other.conflicts.keys()
    if not one.conflicts:
        modes = {path for path in here.keys() & there.keys() if here[path].mode != there[path].mode}
        assert without(one.tree, modes) == without(other.tree, modes)


@examples
@given(TREES, TREES)
def test_what_one_side_alone_did_is_taken_as_it_is(base: Tree, changed: Tree):
    if changed:
        assert merged(changed, base, base).tree == changed
        assert merged(base, changed, base).tree == changed


@examples
@given(TREES, TREES)
def test_without_a_memory_nothing_is_removed(here: Tree, there: Tree):
    tree = merged(here, there, {}).tree
    assert contents(tree) == contents(here) | contents(there)


@examples
@given(TREES)
def test_a_side_that_lost_everything_is_filled_again(base: Tree):
    assert merged({}, base, base).tree == base
    assert merged(base, {}, base).tree == base


def file(content: str, mode: int = 0o644) -> Entry:
    return Entry(FILE, content, mode, len(content))


OTHER = file("other")


@pytest.mark.parametrize(
    ("here", "there", "expected"),
    [
        (None, file("old"), None),
        (file("old"), None, None),
        (None, file("new"), file("new")),
        (file("new"), None, file("new")),
        (file("old", 0o755), file("old"), file("old", 0o755)),
        (file("old", 0o755), file("new"), file("new")),
    ],
)
def test_removals_and_modes(here: Entry | None, there: Entry | None, expected: Entry | None):
    sides = [{"x": OTHER, **({"f": each} if each else {})} for each in (here, there)]
    result = merge(sides[0], sides[1], {"x": OTHER, "f": file("old")})
    assert result.tree.get("f") == expected
    assert not result.conflicts


def test_both_versions_of_a_conflict_are_kept_the_other_one_by_name():
    path = "data/train.tar.gz"
    folder = {"data": Entry(FOLDER)}
    here, there = {**folder, path: file("mine")}, {**folder, path: file("its")}
    name = "data/train.tar (conflict from gpu-box 2026-11-25 21.03).gz"
    result = merged(here, there, {})
    assert result.tree == {**folder, path: file("mine"), name: file("its")}
    assert result.conflicts == {path: name}
    # There, the content is at hand: it moves beside before the other takes its place.
    assert (name, file("its"), path) in changes(there, result.tree)
    again = merged({**result.tree, path: file("mine 2")}, {**result.tree, path: file("x")}, folder)
    assert again.conflicts == {path: name.replace("21.03", "21.03 2")}


def test_a_file_makes_way_for_a_folder_of_that_name():
    result = merged({"a": file("mine")}, {"a": Entry(FOLDER), "a/b": file("its")}, {})
    assert result.tree == {
        "a": Entry(FOLDER),
        "a/b": file("its"),
        "a (conflict from laptop 2026-11-25 21.03)": file("mine"),
    }


def test_what_is_left_out_takes_all_below_along():
    tree = {"a": Entry(FOLDER), "a/b": file("1"), "ab": file("2")}
    assert without(tree, ["a"]) == {"ab": file("2")}
    assert without(tree, [""]) == {}


def test_the_ignore_file_is_read_as_git_reads_its_own():
    import re

    rules = rules_of("# no\n\n*.csv\n!keep.csv\n/data/\nbad[\\\n")
    assert len(rules) == 3

    def ignored(path: str) -> bool:
        return next((ignore for ignore, regex in rules[::-1] if re.match(regex, path)), False)

    assert ignored("x/a.csv")
    assert not ignored("x/keep.csv")
    assert ignored("data/")
    assert not ignored("x/data/")
