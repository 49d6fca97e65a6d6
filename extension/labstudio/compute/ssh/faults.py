"""Why a host is not reached, in one sentence that says how to mend it."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

from labstudio.errors import Forbidden, InvalidInput, StudioError, Unavailable

if TYPE_CHECKING:
    from asyncssh import SSHKey

    from labstudio.compute.ssh.settings import SshSettings

DEFAULT_KNOWN_HOSTS = ("~/.ssh/known_hosts", "/etc/ssh/ssh_known_hosts")


class Refused(Forbidden):
    """The host's key is not trusted, or the host does not let us in: waiting does not help."""

    code = "refused"


def known_hosts_files(settings: SshSettings) -> list[str]:
    """Return the files of host keys that are there."""
    named = settings.known_hosts or DEFAULT_KNOWN_HOSTS
    return [str(path) for name in named if (path := Path(name).expanduser()).is_file()]


def untrusted(
    host: str, port: int, key: SSHKey | None, files: list[str], *, known: bool
) -> Refused:
    """Say that a host's key is unknown, or another than the one that is known."""
    at = f"[{host}]:{port}" if port != 22 else host
    where = files[0] if files else DEFAULT_KNOWN_HOSTS[0]
    shown = f" ({key.get_fingerprint()})" if key is not None else ""
    if known:
        return Refused(
            f"The host key of {at}{shown} is another than the one in {where}: somebody may be "
            "listening in, or the host was set up anew; when you know that it was, run "
            f"`ssh-keygen -f {where} -R '{at}'` and then `ssh-keyscan -p {port} {host} >> {where}`."
        )
    return Refused(
        f"The host key of {at}{shown} is not known: compare it with the host's own, then connect "
        f"once with ssh, or run `ssh-keyscan -p {port} {host} >> {where}`."
    )


def told(error: Exception, at: str, user: str) -> StudioError:
    """Return what a failure to connect means for the user.

    Parameters
    ----------
    error
        What AsyncSSH or the system raised.
    at
        The host that was being reached.
    user
        As whom.
    """
    import asyncssh

    if isinstance(error, StudioError):
        return error
    if isinstance(error, asyncssh.PermissionDenied):
        return Refused(
            f"{at} does not let {user} in with the keys at hand: add yours there with "
            f"`ssh-copy-id {user}@{at}`, or name another as identity_file."
        )
    if isinstance(error, asyncssh.KeyImportError):
        return InvalidInput(
            f"identity_file: a key cannot be read ({error}); one with a passphrase goes into "
            "ssh-agent.",
            field="identity_file",
        )
    if isinstance(error, asyncssh.ConfigParseError):
        return InvalidInput(f"config: ssh's settings cannot be read: {error}.", field="config")
    if isinstance(error, FileNotFoundError) and error.filename:
        return InvalidInput(f"{error.filename} does not exist.", field="identity_file")
    why = str(error)
    if isinstance(error, TimeoutError):
        why = "it does not answer in time"
    elif isinstance(error, OSError) and error.errno and error.errno > 0:
        why = os.strerror(error.errno)
    return Unavailable(f"{at} cannot be reached: {why.rstrip('.') or type(error).__name__}.")
