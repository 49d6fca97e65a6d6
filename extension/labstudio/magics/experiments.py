"""``%experiment``: where the runs of a notebook go."""
# mypy: disable-error-code="untyped-decorator"

from __future__ import annotations

import os
import sys

from IPython.core.magic import Magics, line_magic, magics_class

from labstudio.magics.jobs import spoken


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
