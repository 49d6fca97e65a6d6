"""``%checkpoint`` and ``%move``: a notebook's variables kept, and taken elsewhere."""
# mypy: disable-error-code="untyped-decorator"

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from IPython.core.error import UsageError
from IPython.core.magic import Magics, line_magic, magics_class
from IPython.core.magic_arguments import argument, magic_arguments

from labstudio.magics.jobs import parsed, spoken

if TYPE_CHECKING:
    from labstudio._studio import Studio
    from labstudio.namespace.models import Checkpoint, LeftBehind, Move, Restored


@magics_class
class NamespaceMagics(Magics):  # type: ignore[misc]
    """A notebook's variables."""

    @property
    def studio(self) -> Studio:
        """The studio of ``LABSTUDIO_HOME``."""
        import labstudio

        return labstudio.studio()

    @spoken
    @magic_arguments()
    @argument("what", nargs="?", help="restore, list, delete, or what to call the checkpoint.")
    @argument("name", nargs="?", help="Which checkpoint (default: the notebook's name).")
    @argument("--names", nargs="+", metavar="NAME", help="Only these variables.")
    @line_magic
    def checkpoint(self, line: str) -> None:
        """Keep this notebook's variables, or get them back after a crash.

        ::

            %checkpoint
            %checkpoint before-training
            %checkpoint restore before-training
            %checkpoint restore --names model X
            %checkpoint list
        """
        asked = parsed(self.checkpoint, line)
        kept = self.studio.namespace
        match asked.what:
            case "restore":
                _say_restored(kept.restore(asked.name, asked.names))
            case "list":
                _say_checkpoints(kept.list())
            case "delete":
                if asked.name is None:
                    raise UsageError("Which checkpoint? %checkpoint list shows them.")
                kept.delete(asked.name)
            case _:
                if asked.name is not None:
                    raise UsageError(
                        f"{asked.what!r} is none of restore, list, delete; a checkpoint's name has "
                        "no spaces."
                    )
                _say_kept(kept.save(asked.what, asked.names))

    @spoken
    @magic_arguments()
    @argument("to", help="A compute, or back.")
    @argument("-f", "--force", action="store_true",
              help="Go on without the names that cannot travel.")  # fmt: skip
    @line_magic
    def move(self, line: str) -> None:
        """Move this notebook to another compute; its variables come along.

        What cannot travel (open files, threads, locks, generators) is shown first, and nothing is
        done; --force goes on without it. `%move back` returns.

        ::

            %move gpu-box
            %move gpu-box --force
            %move back
        """
        from labstudio.namespace.leaving import CannotMove, leave

        asked = parsed(self.move, line)
        shown = _Shown(asked.to)
        try:
            move = leave(self.studio.moves, asked.to, leave_behind=asked.force, tell=shown.tell)
        except CannotMove as error:
            shown.end(f"Not moved: {error.message}")
            _say_left(error.details["left"])
            hint = f" %move {asked.to} --force goes on without them." * bool(error.details["left"])
            raise UsageError(f"The notebook stays here.{hint}") from error
        except KeyboardInterrupt:
            shown.end("Not moved: given up.")
            raise
        shown.end(f"Moved to {move.place}: {_count(move.names)}, {_size(move.size_bytes)}.")
        _say_left(move.left)


class _Shown:
    """The one line that tells how a move goes."""

    WORDS = {  # noqa: RUF012 -- never changed
        "looking": "looking at the names",
        "starting": "starting the kernel",
        "packing": "packing",
        "sending": "sending",
        "restoring": "restoring and checking",
        "switching": "changing over",
    }

    def __init__(self, to: str) -> None:
        from IPython.display import display

        self._to, self._last = to, ""
        self._handle = display(_Text(f"Moving to {to} …"), display_id=True)

    def tell(self, move: Move) -> None:
        """Show how far it is."""
        done = f" {_size(move.sent_bytes)}" if move.phase in ("packing", "sending") else ""
        where = move.place or self._to
        self.end(f"Moving to {where}: {self.WORDS.get(move.phase, move.phase)}{done} …")

    def end(self, text: str) -> None:
        """Show a line."""
        if text != self._last and self._handle is not None:
            self._last = text
            self._handle.update(_Text(text))


class _Text:
    """Text that is shown without quotes."""

    def __init__(self, text: str) -> None:
        self._text = text

    def __repr__(self) -> str:
        return self._text


def _say_kept(checkpoint: Checkpoint) -> None:
    print(  # noqa: T201 -- a magic's answer
        f"Kept {_count(len(checkpoint.names))}, {_size(checkpoint.size_bytes)}, "
        f"as {checkpoint.name}."
    )
    _say_left(checkpoint.left)


def _say_restored(told: Restored) -> None:
    print(f"Restored {_count(len(told.restored))}.")  # noqa: T201
    for name, why in told.failed.items():
        print(f"Not restored: {name} {why}")  # noqa: T201


def _say_left(left: list[LeftBehind]) -> None:
    for each in left:
        print(f"Left behind: {each}")  # noqa: T201


def _say_checkpoints(checkpoints: list[Checkpoint]) -> None:
    if not checkpoints:
        print("There are no checkpoints.")  # noqa: T201
    for each in checkpoints:
        moment = each.created_at.astimezone()
        print(  # noqa: T201
            f"{each.name}  {moment:%Y-%m-%d %H:%M}  {_count(len(each.names))}  "
            f"{_size(each.size_bytes)}"
        )


def _count(names: int) -> str:
    return "1 name" if names == 1 else f"{names} names"


def _size(count: float) -> str:
    if count < 1000:
        return f"{count:.0f} B"
    for unit in ("kB", "MB"):
        count /= 1000
        if count < 1000:
            return f"{count:.1f} {unit}"
    return f"{count / 1000:.2f} GB"


def completions(studio: Any, name: str, words: list[str]) -> list[str]:
    """Offer what may come next on a line of these magics."""
    if name == "move":
        return [*(each.name for each in studio.computes.list().items), "back"]
    kept = [each.name for each in studio.namespace.list()]
    if len(words) > 1 and words[1] in ("restore", "delete"):
        return kept
    return ["restore", "list", "delete", *kept]
