"""What goes wrong at the shell: one sentence, and the exit code that says whose fault it is."""

from __future__ import annotations

import json
import os
import sys
from typing import TYPE_CHECKING, Any

import click

from labstudio.errors import JobFailed, StudioError

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

WORK_FAILED = 1
CALL_WRONG = 2


def guarded(call: Callable[[], Any], arguments: Sequence[str]) -> int:
    """Run a command and return its exit code, whatever happens."""
    as_json = "--json" in arguments
    try:
        returned = call()
    except StudioError as error:
        told = {
            "message": error.message,
            "reason": type(error).__name__,
            "code": error.code,
            "details": error.details,
        }
        _say(told, as_json)
        wrong = 400 <= error.status < 500 and not isinstance(error, JobFailed)
        return CALL_WRONG if wrong else WORK_FAILED
    except click.ClickException as error:
        if as_json:
            told = {"reason": type(error).__name__, "code": "invalid_input", "details": {}}
            _say({"message": error.format_message(), **told}, as_json)
        else:
            error.show()
        return CALL_WRONG
    except (click.Abort, KeyboardInterrupt):
        click.echo("Interrupted.", err=True)
        return WORK_FAILED
    except TimeoutError as error:
        _say({"message": str(error), "reason": "TimeoutError", "code": "timeout"}, as_json)
        return WORK_FAILED
    except BrokenPipeError:
        # The reader (`head`) has enough; keep the interpreter from saying so at its end.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0
    return returned if isinstance(returned, int) else 0


def _say(told: dict[str, Any], as_json: bool) -> None:
    if as_json:
        click.echo(json.dumps(told, default=str), err=True)
    else:
        click.echo(f"{click.style('Error:', fg='red')} {told['message']}", err=True)
