"""What the code comes from: git, and the seeds and packages that it names."""

from __future__ import annotations

import ast
import contextlib
import os
import re
import subprocess
from typing import TYPE_CHECKING, Any

from labstudio.capture.models import GitPrint

if TYPE_CHECKING:
    from pathlib import Path

GIT_TIMEOUT_S = 5.0
DIFF_LIMIT_BYTES = 1_000_000
UNTRACKED_KEPT = 200
# An address may be written with a password in it, in a remote as in the code.
CREDENTIALS = re.compile(r"(?<=://)[^/@\s'\"]+@")

SEEDING = frozenset((
    "seed", "manual_seed", "default_rng", "RandomState", "set_seed", "set_random_seed",
    "seed_everything", "PRNGKey",
))  # fmt: skip
SEED_NAMES = frozenset(("random_state", "seed", "random_seed", "SEED", "RANDOM_STATE"))


def git(folder: Path) -> tuple[GitPrint | None, bytes]:
    """Return where a folder stands in git, and its difference to the commit.

    The difference is cut at a megabyte; credentials in addresses are left out of both.
    """
    head = _git(folder, "rev-parse", "HEAD", "--abbrev-ref", "HEAD").split("\n")
    if len(head) < 2:
        return None, b""
    status = _git(folder, "status", "--porcelain", "--untracked-files=normal")
    untracked = [line[3:] for line in status.splitlines() if line.startswith("??")]
    remote = CREDENTIALS.sub("", _git(folder, "remote", "get-url", "origin"))
    diff, cut = _diff(folder)
    found = GitPrint(
        commit=head[0],
        branch=head[1],
        dirty=bool(status),
        remote=remote or None,
        untracked=untracked[:UNTRACKED_KEPT],
        diff_cut=cut,
    )
    return found, CREDENTIALS.sub("", diff.decode(errors="replace")).encode()


def _diff(folder: Path) -> tuple[bytes, bool]:
    command = ["git", "-C", str(folder), "diff", "HEAD", "--no-color", "--no-ext-diff"]
    with contextlib.suppress(OSError):
        process = subprocess.Popen(
            [*command, "--no-textconv"], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL
        )
        with process:
            assert process.stdout is not None
            content = process.stdout.read(DIFF_LIMIT_BYTES + 1)
            if len(content) > DIFF_LIMIT_BYTES:
                process.kill()
        return content[:DIFF_LIMIT_BYTES], len(content) > DIFF_LIMIT_BYTES
    return b"", False


def _git(folder: Path, *arguments: str) -> str:
    with contextlib.suppress(OSError, subprocess.TimeoutExpired):
        done = subprocess.run(
            ["git", "-C", str(folder), *arguments],
            capture_output=True,
            text=True,
            timeout=GIT_TIMEOUT_S,
            check=False,
            # What is asked must not take the lock of a commit that the user makes meanwhile.
            env={**os.environ, "GIT_OPTIONAL_LOCKS": "0"},
        )
        return done.stdout.rstrip("\n") if done.returncode == 0 else ""
    return ""


def lock_of(packages: dict[str, str]) -> str:
    """Return packages as sorted lines ``name==version``."""
    return "".join(f"{name}=={version}\n" for name, version in sorted(packages.items()))


def read_lock(text: str) -> dict[str, str]:
    """Return the packages of lines ``name==version``."""
    pairs = (line.partition("==") for line in text.splitlines())
    return {name.strip(): version.strip() for name, sep, version in pairs if sep}


def seeds(sources: list[str]) -> dict[str, Any]:
    """Return the seeds that the code names: what they are given to, and their value."""
    found: dict[str, Any] = {}
    for source in sources:
        # A cell may hold magics; its other lines are Python.
        text = re.sub(r"^[ \t]*[%!?].*$", "pass", source, flags=re.MULTILINE)
        try:
            tree = ast.parse(text)
        except (SyntaxError, ValueError):
            continue
        for node in ast.walk(tree):
            _seeds_of(node, found)
    if (value := os.environ.get("PYTHONHASHSEED")) and value.isdigit():
        found["PYTHONHASHSEED"] = int(value)
    return found


def _seeds_of(node: ast.AST, found: dict[str, Any]) -> None:
    if isinstance(node, ast.Call):
        name = ast.unparse(node.func)
        if name.rpartition(".")[2] in SEEDING and node.args and _number(node.args[0]) is not None:
            found[name] = _number(node.args[0])
        for keyword in node.keywords:
            if keyword.arg in SEED_NAMES and _number(keyword.value) is not None:
                found[f"{name}({keyword.arg})"] = _number(keyword.value)
    elif isinstance(node, ast.Assign) and _number(node.value) is not None:
        for target in node.targets:
            if isinstance(target, ast.Name) and target.id in SEED_NAMES:
                found[target.id] = _number(node.value)


def _number(node: ast.AST) -> int | None:
    value = node.value if isinstance(node, ast.Constant) else None
    return value if isinstance(value, int) and not isinstance(value, bool) else None
