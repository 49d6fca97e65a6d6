"""``%experiment``: where the runs of a notebook go."""
# mypy: disable-error-code="untyped-decorator"

from __future__ import annotations

import os
import sys
from typing import Any

from IPython.core.magic import Magics, line_magic, magics_class
from IPython.core.magic_arguments import argument, magic_arguments

from labstudio.magics.jobs import parsed, spoken


def show(text: str) -> None:
    """Say something."""
    sys.stdout.write(text + "\n")


@magics_class
class ExperimentMagics(Magics):  # type: ignore[misc]
    """Experiments."""

    @spoken
    @line_magic
    def experiment(self, line: str) -> None:
        """Let the runs that follow go to an experiment; made when there is none.

        ::

            %experiment churn
            %experiment
        """
        name = line.strip().strip("\"'")
        if os.environ.get("LABSTUDIO_JOB_ID"):
            show("This is a job: its runs go to the experiment that it was submitted with.")
            return
        import labstudio

        config = getattr(labstudio.studio(), "config", None)  # Elsewhere there is none at hand.
        experiment = config.experiment if config is not None else "Default"
        if name:
            import mlflow

            from labstudio.capture.run import experiment_of

            experiment_of(name)
            mlflow.set_experiment(name)
            os.environ["MLFLOW_EXPERIMENT_NAME"] = name
        show(f"Runs go to the experiment {os.environ.get('MLFLOW_EXPERIMENT_NAME', experiment)!r}.")

    @spoken
    @magic_arguments()
    @argument("filter", nargs="?", default="", help="In MLflow's filter language, in quotes.")
    @argument("--experiment", action="append", default=[], metavar="NAME", help="Only of this.")
    @argument("--order-by", action="append", default=[], metavar="KEY", help="May repeat.")
    @argument("--text", default="", metavar="WORDS", help="What name, parameters or note hold.")
    @argument("--limit", type=int, default=1000, help="The most runs (default: 1000).")
    @line_magic
    def runs(self, line: str) -> Any:
        """Find runs: shown as a table, given as a DataFrame with MLflow's column names.

        ::

            %runs "metrics.auc > 0.9"
            best = %runs "params.model = 'xgb'" --order-by "metrics.auc DESC" --limit 10
        """
        import labstudio
        from labstudio.experiments.search.frame import frame
        from labstudio.widgets.runs import RunFrame

        asked = parsed(self.runs, line)
        found, total = labstudio.studio().runs.collect(
            asked.filter,
            experiment=asked.experiment,
            order_by=asked.order_by,
            text=asked.text,
            limit=max(1, asked.limit),
        )
        return RunFrame(frame(found), total)
