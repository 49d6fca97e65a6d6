"""Names: what a cell reads before it assigns it, and what it assigns."""

from __future__ import annotations

import keyword

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from labstudio.errors import InvalidInput
from labstudio.jobs.names import analyse

CASES = [
    # code, surely read, perhaps read, assigned
    ("x = x + 1", "x", "", "x"),
    ("a = b; c = a", "b", "", "a c"),
    ("a, (b, *c) = d", "d", "", "a b c"),
    ("a += b", "a b", "", "a"),
    ("a: int = b", "b", "int", "a"),
    ("a: Foo", "", "Foo", ""),
    ("a.b = c[d] = e", "e a c d", "", ""),
    ("del a", "a", "", ""),
    ("a = 1\ndel a", "", "", ""),
    ("a = 1\ndel a\na", "a", "", ""),
    ("if c:\n    a = 1\nelse:\n    a = 2\na", "c", "", "a"),
    ("if c:\n    a = 1\na", "c", "a", "a"),
    ("if c:\n    d", "c", "d", ""),
    ("if c:\n    raise e\nelse:\n    a = 1\na", "c", "e", "a"),
    ("a if b else c", "b", "a c", ""),
    ("a and b", "a", "b", ""),
    ("(a := b) and (c := a)\nc", "b", "c", "a c"),
    ("for i in xs:\n    s += i\ni", "xs s", "i", "i s"),
    ("for i in xs:\n    if i: continue\n    a = 1\n    a", "xs", "", "i a"),
    ("while a:\n    a = b", "a b", "", "a"),
    ("for i in xs:\n    pass\nelse:\n    a = 1\na", "xs", "a", "i a"),
    ("try:\n    import q\nexcept ImportError as e:\n    q = None\nq", "", "ImportError", "q"),
    ("try:\n    a = f()\nfinally:\n    b = 1\na, b", "", "f", "a b"),
    ("try:\n    a = 1\nexcept E as e:\n    pass\na, e", "e", "E a", "a"),
    ("try:\n    a\nexcept* E:\n    b = 1", "", "a E", "b"),
    ("with open(p) as f, g as (h, i):\n    j = f", "p g", "open", "f h i j"),
    ("import a.b.c, d as e\nfrom f import g as h\na, e, h", "", "", "a e h"),
    ("from m import *\nthing", "", "thing", ""),
    ("def f(a, /, b=c, *d, e: G = h, **i) -> J:\n    return a, b, d, e, i, k", "c h k", "G J", "f"),
    ("def f():\n    return g()\ndef g():\n    return f()", "", "g", "f g"),
    ("def f():\n    global n\n    n = n + 1", "", "n", "f n"),
    ("def f():\n    x = 1\n    def g():\n        nonlocal x\n        x = y\n    return g",
     "y", "", "f"),
    ("def f():\n    if a:\n        return b", "a", "b", "f"),
    ("@dec\ndef f(): pass", "dec", "", "f"),
    ("f = lambda x, y=a: x + y + z", "a z", "", "f"),
    ("class A(B, metaclass=M):\n    x = 1\n    y = x\n    def m(self): return x", "B M x", "", "A"),
    ("class A:\n    def m(self): return A", "", "A", "A"),
    ("class A:\n    x = x", "x", "", "A"),
    ("class A:\n    if c: x = 1\n    y = x", "c", "x", "A"),
    ("def f(x):\n    class A:\n        x = x", "x", "", "f"),
    ("def f(x):\n    class A:\n        y = x", "", "", "f"),
    ("[i for i in xs if i > t]", "xs t", "", ""),
    ("{k: v for k, v in d.items() for w in k}", "d", "", ""),
    ("[x for x in x]", "x", "", ""),
    ("[last := i for i in xs]\nlast", "xs", "last", "last"),
    ("def f():\n    [y := i for i in z]\n    return y", "z", "", "f"),
    ("g = (a for b in c)\na = 1", "c a", "", "g a"),
    ("match v:\n    case [a, *b]: c = a\n    case {'k': d, **r}: c = d\n    case _: c = 0\nc, a",
     "v", "a", "a b c d r"),
    ("match v:\n    case P(x=q) | P(y=q) if q > t: pass\nq", "v", "P t q", "q"),
    ("await f(x)\nasync with s as t: pass\nasync for u in v: pass", "f x s v", "", "t u"),
    ("async def f():\n    async for a in b: yield a", "b", "", "f"),
    ("f'{a!r:>{w}}'", "a w", "", ""),
    ("print(sum)", "", "print sum", ""),
    ("list = [1]\nlist", "", "", "list"),
    ("__name__, __file__, get_ipython(), In, Out, _, _12, _i3, display(1)", "", "", ""),
    ("raise a\nb", "a b", "", ""),
    ("df.query('a > @limit and b < @other.x')", "df", "limit other", ""),
    ("duckdb.sql('select * from frame join other on 1')", "duckdb", "frame other", ""),
    # IPython's own syntax
    ("%time z = f(q)", "f q", "", "z"),
    ("%timeit -n 10 -r3 y = f(q)", "f q", "", ""),
    ("%%time\nu = v", "v", "", "u"),
    ("%%timeit -n 3 s = a\nt = s + b", "a b", "", ""),
    ("%%capture out\nu = v\n", "v", "", "u out"),
    ("%%capture --no-stderr out\nprint(1)", "", "print", "out"),
    ("%%bash --out lines\necho {not_python}", "", "", "lines"),
    ("!ls {folder}/x $name ${other} $$HOME", "", "name other folder", ""),
    ("files = !ls {folder}", "", "folder", "files"),
    ("a = %env HOME", "", "", "a"),
    ("x?", "", "x", ""),
    ("x.y??", "", "x", ""),
    ("?x", "", "x", ""),
    ("%run helper.py\nthing", "", "thing", ""),
    ("%matplotlib inline\nplt.plot(x)", "plt x", "", ""),
    ("if c:\n    %time a = b\n    !echo {d}", "c", "b d", "a"),
]  # fmt: skip


@pytest.mark.parametrize(("code", "reads", "optional", "assigns"), CASES, ids=[c[0] for c in CASES])
def test_names_table(code, reads, optional, assigns):
    found = analyse(code)
    assert set(found.reads) == set(reads.split())
    assert set(found.optional) == set(optional.split())
    assert list(found.assigns) == assigns.split() or set(found.assigns) == set(assigns.split())


def test_names_order_is_that_of_the_code():
    found = analyse("z = b + a\ny = c")
    assert found.reads == ("b", "a", "c")
    assert found.assigns == ("z", "y")


def test_names_imports_and_chains():
    found = analyse("import a.b, c\nfrom d.e import f\nfrom . import g\nx.y.z(w.v)")
    assert found.imports == ("a.b", "c", "d.e", ".")
    assert set(found.dotted) >= {"x.y.z", "w.v"}


@pytest.mark.parametrize("code", ["a = = 1", "def f(:", "x = (", "'", "a\0b"])
def test_names_bad_code_is_refused(code):
    with pytest.raises(InvalidInput, match="not valid Python") as caught:
        analyse(code)
    assert caught.value.details["field"] == "code"


def test_names_nested_code_is_refused_or_read():
    try:
        analyse("x = " + "(" * 5000 + ")" * 5000)
    except InvalidInput as error:
        assert error.details["field"] == "code"  # noqa: PT017 -- reading it is right too


# What Python itself says ---------------------------------------------------------------------

NAMES = st.sampled_from(["a", "b", "c", "d"])
EXPRESSIONS = st.recursive(
    NAMES | st.just("1"),
    lambda e: st.one_of(
        st.tuples(e, e).map(lambda p: f"[{p[0]}, {p[1]}]"),
        st.tuples(NAMES, e, e).map(lambda p: f"[{p[1]} for {p[0]} in [{p[2]}]]"),
        st.tuples(NAMES, e).map(lambda p: f"({p[0]} := {p[1]})"),
        st.tuples(NAMES, e, e).map(lambda p: f"(lambda {p[0]}={p[1]}: {p[2]})()"),
    ),
    max_leaves=5,
)


def _indent(lines: list[str]) -> str:
    return "\n".join("    " + line for block in lines for line in block.splitlines())


def _blocks(inner: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
    body = st.lists(inner, min_size=1, max_size=3).map(_indent)
    return st.one_of(
        st.tuples(NAMES, body, NAMES).map(
            lambda p: f"def {p[0]}({p[2]}=1):\n{p[1]}\ntry:\n    {p[0]}()\nfinally:\n    pass"
        ),
        st.tuples(EXPRESSIONS, body, body).map(lambda p: f"if {p[0]}:\n{p[1]}\nelse:\n{p[2]}"),
        st.tuples(NAMES, EXPRESSIONS, body).map(lambda p: f"for {p[0]} in [{p[1]}]:\n{p[2]}"),
        st.tuples(NAMES, body).map(lambda p: f"class {p[0]}:\n{p[1]}"),
        st.tuples(body, body, body).map(
            lambda p: f"try:\n{p[0]}\nexcept ValueError:\n{p[1]}\nfinally:\n{p[2]}"
        ),
    )


STATEMENTS = st.recursive(
    st.one_of(
        st.tuples(NAMES, EXPRESSIONS).map(lambda p: f"{p[0]} = {p[1]}"),
        EXPRESSIONS,
        st.tuples(NAMES, NAMES).map(lambda p: f"{p[0]} = {p[1]}"),
        NAMES.map(lambda n: f"del {n}"),
        NAMES.map(lambda n: f"{n} += [1]"),
    ),
    _blocks,
    max_leaves=8,
)


@settings(max_examples=250, deadline=None)
@given(st.lists(STATEMENTS, min_size=1, max_size=5).map("\n".join))
def test_names_agree_with_running_the_code(code):
    """No name that the running code finds missing is overlooked, nor one that it leaves."""
    try:
        compiled = compile(code, "<cell>", "exec")
    except SyntaxError:
        return
    found = analyse(code)
    outer: set[str] = set()
    space: dict[str, object] = {"__name__": "__main__"}
    # Run with what is missing put in one by one, as carrying would.
    for _ in range(20):
        space = {"__name__": "__main__", **{name: [1] for name in outer}}
        try:
            exec(compiled, space)
        except UnboundLocalError:
            return
        except NameError as error:
            if "free variable" in str(error):
                return  # A function's own, not yet assigned.
            assert error.name  # noqa: PT017 -- running well is right too
            if error.name in outer:
                outer.discard(error.name)  # Carrying it does not help: the code deletes it.
                break
            outer.add(error.name)
            continue
        except (TypeError, ValueError, AttributeError, RecursionError):
            break
        else:
            left = {n for n in space if not keyword.iskeyword(n) and not n.startswith("__")} - outer
            assert left <= set(found.assigns)
            break
    assert outer <= {*found.reads, *found.optional}


@settings(max_examples=200, deadline=None)
@given(st.lists(STATEMENTS, min_size=1, max_size=5).map("\n".join))
def test_names_sure_reads_are_looked_up_globally(code):
    """What is surely read is a name that Python's own compiler looks up outside of functions."""
    import symtable

    try:
        table = symtable.symtable(code, "<cell>", "exec")
    except SyntaxError:
        return
    looked_up: set[str] = set()
    waiting = [table]
    while waiting:
        scope = waiting.pop()
        waiting += scope.get_children()
        module = scope.get_type() == "module"
        looked_up |= {
            s.get_name()
            for s in scope.get_symbols()
            if s.is_global() or module or scope.get_type() == "class"
        }
    assert set(analyse(code).reads) <= looked_up
