"""Removes from the durable queue what is finished.

DBOS keeps a row of every workflow for ever, with what went in and came out. What became of an
attempt is on record in the studio's own tables; the queue's row is of no more use once it is over.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import sqlalchemy as sa

from labstudio.daemon.queue import APPLICATION, WORKFLOW

if TYPE_CHECKING:
    from datetime import datetime

    from labstudio._studio import Studio

BATCH = 500
# Of DBOS's documented states, those that a workflow does not leave by itself.
_FINISHED = ["SUCCESS", "ERROR", "CANCELLED", "MAX_RECOVERY_ATTEMPTS_EXCEEDED"]


def forget_finished(studio: Studio, before: datetime) -> int:
    """Forget the attempts that the queue finished before some moment.

    No attempt is made again by this: a job's own row says which of its attempts were handed out.

    Parameters
    ----------
    studio
        Whose queue.
    before
        The moment. What finished after it stays, to be looked at when something went wrong.

    Returns
    -------
    How many there were.
    """
    engine = studio.database.engine
    schema = None if studio.database.sqlite else "dbos"
    if not sa.inspect(engine).has_table("workflow_status", schema=schema):
        return 0  # No worker has been here yet.
    from dbos import DBOSClient

    count = 0
    client = DBOSClient(
        system_database_engine=engine, application_name=APPLICATION, retry_connection_errors=False
    )
    try:
        while found := client.list_workflows(
            name=WORKFLOW,
            status=_FINISHED,
            completed_before=before.isoformat(),
            limit=BATCH,
            load_input=False,
            load_output=False,
        ):
            client.delete_workflows([each.workflow_id for each in found])
            count += len(found)
    finally:
        client.destroy()
    return count
