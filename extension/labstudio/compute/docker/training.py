"""The layout that a training image finds below ``/opt/ml``, as on SageMaker."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from labstudio.compute.docker.container import Mount
from labstudio.errors import InvalidInput
from labstudio.home import write_atomic
from labstudio.jobs.runner.protocol import SAVED, WORK
from labstudio.jobs.taking import IMAGE_ENTRY

if TYPE_CHECKING:
    from pathlib import Path

    from labstudio.jobs.runner.attempt import Attempt
    from labstudio.jobs.runner.protocol import AttemptSpec

TOP = "/opt/ml"
CONFIG = "config"
MODEL, OUTPUT, CHECKPOINTS, CODE = "model", "output", "checkpoints", "code"
WRITTEN = (MODEL, OUTPUT, CHECKPOINTS)
HOST = "algo-1"
CHANNEL: dict[str, str] = {
    "TrainingInputMode": "File",
    "S3DistributionType": "FullyReplicated",
    "RecordWrapperType": "None",
}


class Training:
    """One attempt's folders, as its image sees them.

    What lies in the working folder when it begins are the job's inputs: each is a channel, below
    ``/opt/ml/input/data``; one named ``code`` is ``/opt/ml/code``. What the image writes to
    ``/opt/ml/model``, ``/opt/ml/output`` and ``/opt/ml/checkpoints`` lies in the working folder,
    and is kept from there as every job's files are.

    Parameters
    ----------
    attempt
        The attempt, its working folder laid out.
    network
        The name of the container's network device.
    """

    def __init__(self, attempt: Attempt, network: str) -> None:
        self._spec: AttemptSpec = attempt.spec
        self._work = attempt.folder / WORK
        self._config = attempt.folder / CONFIG
        self._network = network
        self._inputs = {
            each.name: each
            for each in sorted(self._work.iterdir())
            if each.name not in (IMAGE_ENTRY, SAVED)
        }
        if clash := sorted(set(WRITTEN) & set(self._inputs)):
            raise InvalidInput(
                f"inputs: {clash[0]!r} is where the image writes; give it another name.",
                field="inputs",
            )

    @property
    def channels(self) -> list[str]:
        """The names of the channels."""
        return [name for name in self._inputs if name != CODE]

    def lay_out(self) -> list[Path]:
        """Write what the image reads, make what it writes to; return what it must own."""
        (self._work / OUTPUT / "data").mkdir(parents=True)
        for name in (MODEL, CHECKPOINTS):
            (self._work / name).mkdir()
        self._config.mkdir(mode=0o755, exist_ok=True)
        files = {
            "hyperparameters.json": self.texts(),
            "inputdataconfig.json": dict.fromkeys(self.channels, CHANNEL),
            "resourceconfig.json": self._resources(),
        }
        for name, content in files.items():
            write_atomic(self._config / name, json.dumps(content))
            (self._config / name).chmod(0o644)
        return [self._work / name for name in WRITTEN]

    def texts(self) -> dict[str, str]:
        """Return the parameters as texts: a string stands as it is, other values as JSON."""
        return {
            name: value if isinstance(value, str) else json.dumps(value)
            for name, value in self._spec.parameters.items()
        }

    def _resources(self) -> dict[str, Any]:
        return {
            "current_host": HOST,
            "hosts": [HOST],
            "network_interface_name": self._network,
        }

    def mounts(self) -> list[Mount]:
        """Return what the image sees."""
        read = {name: f"{TOP}/input/data/{name}" for name in self.channels}
        if CODE in self._inputs:
            read[CODE] = f"{TOP}/{CODE}"
        found = [Mount(self._config, f"{TOP}/input/config")]
        found += [Mount(self._inputs[name], target) for name, target in read.items()]
        found += [Mount(self._work / name, f"{TOP}/{name}", writable=True) for name in WRITTEN]
        return found

    def variables(self) -> dict[str, str]:
        """Return the variables that SageMaker's toolkits read."""
        found = {
            "SM_MODEL_DIR": f"{TOP}/{MODEL}",
            "SM_OUTPUT_DIR": f"{TOP}/{OUTPUT}",
            "SM_OUTPUT_DATA_DIR": f"{TOP}/{OUTPUT}/data",
            "SM_INPUT_DIR": f"{TOP}/input",
            "SM_INPUT_CONFIG_DIR": f"{TOP}/input/config",
            "SM_CHANNELS": json.dumps(self.channels),
            "SM_HPS": json.dumps(self._spec.parameters),
            "SM_NUM_GPUS": str(self._spec.need.gpus),
            "SM_NUM_CPUS": str(max(1, int(self._spec.need.cpus))),
            "SM_HOSTS": json.dumps([HOST]),
            "SM_CURRENT_HOST": HOST,
            "SM_NETWORK_INTERFACE_NAME": self._network,
            "TRAINING_JOB_NAME": self._spec.job_id,
        }
        for name in self.channels:
            found[f"SM_CHANNEL_{name.upper()}"] = f"{TOP}/input/data/{name}"
        for name, text in self.texts().items():
            found[f"SM_HP_{name.upper()}"] = text
        return found
