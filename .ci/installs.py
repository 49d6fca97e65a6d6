"""Install the built wheel and sdist into empty environments, without Node, and see them work."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

EXTENSION = "labstudio"


def main(folder: Path) -> None:
    """Check every distribution in a folder."""
    found = [*folder.glob("*.whl"), *folder.glob("*.tar.gz")]
    if len(found) != 2:
        sys.exit(f"{folder} should hold one wheel and one sdist, and holds {found}")
    with ThreadPoolExecutor() as pool:
        for told in pool.map(check, found):
            print(told)


def check(distribution: Path) -> str:
    """Install one distribution into an empty environment and try it; return what it showed."""
    with tempfile.TemporaryDirectory() as place:
        return _check(distribution.absolute(), Path(place))


def _check(distribution: Path, place: Path) -> str:
    environment, shown = place / "venv", []
    python = environment / "bin" / "python"
    # uv installs into it; pip comes as labstudio's own requirement.
    run([sys.executable, "-m", "venv", "--without-pip", str(environment)])
    # Only the environment's own programs and the shell's: no Node.
    path = f"{environment / 'bin'}:{bare_path(place)}"
    variables = {**os.environ, "PATH": path, "LABSTUDIO_HOME": str(place / "home")}
    uv = str(Path(sys.executable).parent / "uv")
    run([uv, "pip", "install", "--quiet", "--python", str(python), str(distribution)], variables)
    run([uv, "pip", "check", "--python", str(python)], variables)
    jupyter = str(environment / "bin" / "jupyter")
    for command in ("labextension", "server"):
        words = [jupyter, command, *(["extension"] if command == "server" else []), "list"]
        told = run(words, variables)
        line = next((each for each in told.splitlines() if EXTENSION in each), "")
        if "enabled" not in told or EXTENSION not in told or "X" in line:
            sys.exit(f"{' '.join(words)} does not show {EXTENSION} as enabled and OK:\n{told}")
        shown.append(f"{distribution.name} {command} {line.strip()}")
    run([str(environment / "bin" / "labstudio"), "--help"], variables)
    run([str(environment / "bin" / "labstudio"), "demo"], variables)
    run([str(environment / "bin" / "labstudio"), "daemon", "--stop"], variables)
    return "\n".join(shown)


def bare_path(place: Path) -> str:
    """Make a folder with the few programs that an installation may use; Node is none of them."""
    folder = place / "bin"
    folder.mkdir()
    for name in ("sh", "bash", "env", "uname", "git", "ldconfig", "gcc"):
        for where in ("/usr/bin", "/bin", "/sbin", "/usr/sbin"):
            if (program := Path(where) / name).exists():
                (folder / name).symlink_to(program)
                break
    return str(folder)


def run(words: list[str], variables: dict[str, str] | None = None) -> str:
    """Run a command and return all that it printed; end when it fails."""
    done = subprocess.run(words, capture_output=True, text=True, env=variables, check=False)
    if done.returncode != 0:
        sys.exit(f"{' '.join(words)} failed:\n{done.stdout}{done.stderr}")
    return done.stdout + done.stderr


if __name__ == "__main__":
    main(Path(sys.argv[1]))
