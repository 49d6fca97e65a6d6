"""The REST surface, as one table: what each path and verb takes, gives and needs."""

from __future__ import annotations

from typing import TYPE_CHECKING

from labstudio_server.endpoints import Endpoint, Verb

if TYPE_CHECKING:
    from collections.abc import Iterator

_JOBS = "labstudio.jobs.models"
_SCHEDULES = "labstudio.schedules.models"
_COMPUTE = "labstudio.compute.models"
_USAGE = "labstudio.usage.models"
_NAMESPACE = "labstudio.namespace.models"
_KERNELS = "labstudio.kernels.models"
_STATUS = "labstudio.status"
_SERVER = "labstudio_server.models"

ENDPOINTS: tuple[Endpoint, ...] = (
    Endpoint(
        "openapi.json",
        "system:OpenAPIHandler",
        "labstudio:status",
        (Verb("GET", "getOpenAPI", "The OpenAPI document of this API."),),
    ),
    Endpoint(
        "status",
        "system:StatusHandler",
        "labstudio:status",
        (
            Verb(
                "GET",
                "getStatus",
                "Versions, the daemon, warm kernels.",
                response=f"{_STATUS}:Status",
            ),
        ),
    ),
    Endpoint(
        "doctor",
        "system:DoctorHandler",
        "labstudio:status",
        (
            Verb(
                "GET",
                "getReport",
                "What is installed and reachable, and how to mend it.",
                response=f"{_STATUS}:Report",
            ),
        ),
    ),
    Endpoint(
        "jobs",
        "jobs:JobsHandler",
        "labstudio:jobs",
        (
            Verb(
                "GET",
                "listJobs",
                "Jobs, newest first, a page at a time.",
                query=f"{_JOBS}:ListJobs",
                response=f"{_JOBS}:JobPage",
            ),
            Verb(
                "POST",
                "createJob",
                "Submit a job.",
                body=f"{_JOBS}:CreateJob",
                response=f"{_JOBS}:Job",
                status=201,
            ),
        ),
    ),
    Endpoint(
        "sweeps",
        "jobs:SweepsHandler",
        "labstudio:jobs",
        (
            Verb(
                "POST",
                "createSweep",
                "Submit one job for each combination of values.",
                body=f"{_JOBS}:CreateSweep",
                response=f"{_JOBS}:JobPage",
                status=201,
            ),
        ),
    ),
    Endpoint(
        "jobs/{job_id}",
        "jobs:JobHandler",
        "labstudio:jobs",
        (
            Verb("GET", "getJob", "All that is known of a job.", response=f"{_JOBS}:JobDetail"),
            Verb("DELETE", "deleteJob", "Delete an ended job with its files.", status=204),
        ),
    ),
    Endpoint(
        "jobs/{job_id}/stop",
        "jobs:JobStopHandler",
        "labstudio:jobs",
        (Verb("POST", "stopJob", "Stop a job within 5 s.", response=f"{_JOBS}:Job"),),
    ),
    Endpoint(
        "jobs/{job_id}/rerun",
        "jobs:JobRerunHandler",
        "labstudio:jobs",
        (
            Verb(
                "POST",
                "rerunJob",
                "Submit a job's snapshot again, with changes.",
                body=f"{_JOBS}:RerunJob",
                body_optional=True,
                response=f"{_JOBS}:Job",
                status=201,
            ),
        ),
    ),
    Endpoint(
        "jobs/{job_id}/log",
        "jobs:JobLogHandler",
        "labstudio:jobs",
        (
            Verb(
                "GET",
                "getLog",
                "A piece of an attempt's log.",
                query=f"{_JOBS}:LogQuery",
                response=f"{_JOBS}:LogChunk",
            ),
        ),
    ),
    Endpoint(
        "jobs/{job_id}/log/stream",
        "logs:LogStreamHandler",
        "labstudio:jobs",
        (
            Verb(
                "GET",
                "streamLog",
                "Websocket: each frame is a LogChunk; it closes after the complete one.",
                query=f"{_SERVER}:LogStreamQuery",
                response=f"{_JOBS}:LogChunk",
                websocket=True,
            ),
        ),
    ),
    Endpoint(
        "jobs/{job_id}/resources",
        "jobs:JobResourcesHandler",
        "labstudio:jobs",
        (
            Verb(
                "GET",
                "getResources",
                "What an attempt's processes used over time.",
                query=f"{_SERVER}:ResourceQuery",
                response=f"{_JOBS}:ResourceSeries",
            ),
        ),
    ),
    Endpoint(
        "jobs/{job_id}/metrics",
        "jobs:JobMetricsHandler",
        "labstudio:jobs",
        (
            Verb(
                "GET",
                "getMetrics",
                "The metrics logged to the job's run.",
                response=f"{_JOBS}:JobMetrics",
            ),
        ),
    ),
    Endpoint(
        "jobs/{job_id}/files",
        "files:JobFilesHandler",
        "labstudio:jobs",
        (
            Verb(
                "GET",
                "listFiles",
                "The files that an attempt left.",
                query=f"{_JOBS}:AttemptQuery",
                response=f"{_JOBS}:JobFiles",
            ),
        ),
    ),
    Endpoint(
        "jobs/{job_id}/files/{path}",
        "files:JobFileHandler",
        "labstudio:jobs",
        (
            Verb(
                "GET",
                "getFile",
                "One file's bytes; ranges are honoured.",
                query=f"{_SERVER}:FileQuery",
                media_type="application/octet-stream",
            ),
        ),
    ),
    Endpoint(
        "jobs/{job_id}/notebook",
        "files:JobNotebookHandler",
        "labstudio:jobs",
        (
            Verb(
                "GET",
                "getNotebook",
                "The output notebook as it stands (nbformat 4).",
                query=f"{_JOBS}:AttemptQuery",
            ),
        ),
    ),
    Endpoint(
        "jobs/{job_id}/html",
        "files:JobHtmlHandler",
        "labstudio:jobs",
        (
            Verb(
                "GET",
                "getHtml",
                "The output notebook as one HTML page.",
                query=f"{_JOBS}:AttemptQuery",
                media_type="text/html",
            ),
        ),
    ),
    Endpoint(
        "jobs/{job_id}/kernel",
        "kernels:JobKernelHandler",
        "labstudio:jobs",
        (
            Verb(
                "POST",
                "attachKernel",
                "Make a failed job's kept kernel usable in JupyterLab.",
                response=f"{_SERVER}:KernelAttachment",
            ),
            Verb("DELETE", "endKernel", "End a kept kernel.", status=204),
        ),
    ),
    Endpoint(
        "kernels/{kernel_id}/move",
        "moves:MoveHandler",
        "labstudio:kernels",
        (
            Verb(
                "GET",
                "getMove",
                "How far a notebook's move is, or how its last one ended.",
                response=f"{_NAMESPACE}:Move",
            ),
            Verb(
                "POST",
                "createMove",
                "Move a live notebook to another compute, its variables with it.",
                body=f"{_NAMESPACE}:CreateMove",
                response=f"{_NAMESPACE}:Move",
                status=202,
            ),
            Verb("DELETE", "cancelMove", "Give up a move; the notebook stays.", status=204),
        ),
    ),
    Endpoint(
        "source",
        "jobs:SourceHandler",
        "labstudio:jobs",
        (
            Verb(
                "GET",
                "inspectSource",
                "What a notebook or script offers before it is submitted.",
                query=f"{_SERVER}:SourceQuery",
                response=f"{_JOBS}:SourceInfo",
            ),
        ),
    ),
    Endpoint(
        "schedules",
        "schedules:SchedulesHandler",
        "labstudio:schedules",
        (
            Verb("GET", "listSchedules", "All schedules.", response=f"{_SCHEDULES}:SchedulePage"),
            Verb(
                "POST",
                "createSchedule",
                "Add a schedule.",
                body=f"{_SCHEDULES}:CreateSchedule",
                response=f"{_SCHEDULES}:Schedule",
                status=201,
            ),
        ),
    ),
    Endpoint(
        "schedules/preview",
        "schedules:SchedulePreviewHandler",
        "labstudio:schedules",
        (
            Verb(
                "POST",
                "previewSchedule",
                "A cron line in words, with the next five runs.",
                body=f"{_SCHEDULES}:PreviewSchedule",
                response=f"{_SCHEDULES}:SchedulePreview",
            ),
        ),
    ),
    Endpoint(
        "schedules/{schedule_id}",
        "schedules:ScheduleHandler",
        "labstudio:schedules",
        (
            Verb("GET", "getSchedule", "One schedule.", response=f"{_SCHEDULES}:Schedule"),
            Verb(
                "PATCH",
                "updateSchedule",
                "Change a schedule; what is left out stays.",
                body=f"{_SCHEDULES}:UpdateSchedule",
                response=f"{_SCHEDULES}:Schedule",
            ),
            Verb("DELETE", "deleteSchedule", "Delete a schedule; its jobs stay.", status=204),
        ),
    ),
    Endpoint(
        "schedules/{schedule_id}/pause",
        "schedules:SchedulePauseHandler",
        "labstudio:schedules",
        (Verb("POST", "pauseSchedule", "Pause a schedule.", response=f"{_SCHEDULES}:Schedule"),),
    ),
    Endpoint(
        "schedules/{schedule_id}/resume",
        "schedules:ScheduleResumeHandler",
        "labstudio:schedules",
        (Verb("POST", "resumeSchedule", "Resume a schedule.", response=f"{_SCHEDULES}:Schedule"),),
    ),
    Endpoint(
        "schedules/{schedule_id}/run",
        "schedules:ScheduleRunHandler",
        "labstudio:schedules",
        (
            Verb(
                "POST",
                "runSchedule",
                "Submit a schedule's job now.",
                response=f"{_JOBS}:Job",
                status=201,
            ),
        ),
    ),
    Endpoint(
        "schedules/{schedule_id}/history",
        "schedules:ScheduleHistoryHandler",
        "labstudio:schedules",
        (
            Verb(
                "GET",
                "getHistory",
                "What became of a schedule's due times, newest first.",
                query=f"{_SERVER}:HistoryQuery",
                response=f"{_SCHEDULES}:FirePage",
            ),
        ),
    ),
    Endpoint(
        "computes",
        "computes:ComputesHandler",
        "labstudio:computes",
        (
            Verb(
                "GET",
                "listComputes",
                "Every compute, and what runs there.",
                response=f"{_COMPUTE}:ComputePage",
            ),
            Verb(
                "POST",
                "createCompute",
                "Add a compute to the home's compute.toml.",
                body=f"{_COMPUTE}:CreateCompute",
                response=f"{_COMPUTE}:Compute",
                status=201,
            ),
        ),
    ),
    Endpoint(
        "computes/kinds",
        "computes:ComputeKindsHandler",
        "labstudio:computes",
        (
            Verb(
                "GET",
                "listComputeKinds",
                "Which kinds can be added, and the settings that each takes.",
                response=f"{_COMPUTE}:KindPage",
            ),
        ),
    ),
    Endpoint(
        "computes/{name}",
        "computes:ComputeHandler",
        "labstudio:computes",
        (
            Verb(
                "GET",
                "getCompute",
                "What runs and waits there, and what its machine does.",
                response=f"{_COMPUTE}:ComputeDetail",
            ),
            Verb("DELETE", "deleteCompute", "Take it out of its compute.toml.", status=204),
        ),
    ),
    Endpoint(
        "computes/{name}/test",
        "computes:ComputeTestHandler",
        "labstudio:computes",
        (
            Verb(
                "POST",
                "testCompute",
                "Try each thing that a job needs there.",
                response=f"{_COMPUTE}:TestReport",
            ),
        ),
    ),
    Endpoint(
        "computes/{name}/resources",
        "computes:ComputeResourcesHandler",
        "labstudio:computes",
        (
            Verb(
                "GET",
                "getComputeResources",
                "Its machine, looked at now.",
                response=f"{_COMPUTE}:Resources",
            ),
        ),
    ),
    Endpoint(
        "computes/{name}/drain",
        "computes:ComputeDrainHandler",
        "labstudio:computes",
        (
            Verb(
                "POST",
                "drainCompute",
                "Let nothing new onto it, or let it again.",
                body=f"{_COMPUTE}:DrainCompute",
                response=f"{_COMPUTE}:Compute",
            ),
        ),
    ),
    Endpoint(
        "computes/{name}/stop-idle",
        "computes:ComputeStopIdleHandler",
        "labstudio:computes",
        (
            Verb(
                "POST",
                "stopIdleKernels",
                "End the kernels there that do nothing.",
                response="labstudio.kernels.models:KernelPage",
            ),
        ),
    ),
    Endpoint(
        "kernels",
        "studio_kernels:StudioKernelsHandler",
        "labstudio:kernels",
        (
            Verb(
                "GET",
                "listKernels",
                "Kernels on computes, newest first.",
                query=f"{_KERNELS}:ListKernels",
                response=f"{_KERNELS}:KernelPage",
            ),
        ),
    ),
    Endpoint(
        "kernels/{kernel_id}",
        "studio_kernels:StudioKernelHandler",
        "labstudio:kernels",
        (
            Verb("GET", "getKernel", "One kernel.", response=f"{_KERNELS}:StudioKernel"),
            Verb("DELETE", "deleteKernel", "End a kernel, or forget a dead one.", status=204),
        ),
    ),
    Endpoint(
        "kernels/{kernel_id}/interrupt",
        "studio_kernels:StudioKernelInterruptHandler",
        "labstudio:kernels",
        (
            Verb(
                "POST",
                "interruptKernel",
                "Interrupt what runs in a kernel.",
                response=f"{_KERNELS}:StudioKernel",
            ),
        ),
    ),
    Endpoint(
        "usage",
        "usage:UsageHandler",
        "labstudio:usage",
        (
            Verb(
                "GET",
                "getUsage",
                "Who used how much of which compute, and what it cost.",
                query=f"{_USAGE}:UsageQuery",
                response=f"{_USAGE}:UsageReport",
            ),
        ),
    ),
    Endpoint(
        "usage.csv",
        "usage:UsageCsvHandler",
        "labstudio:usage",
        (
            Verb(
                "GET",
                "getUsageCsv",
                "The rows of a usage report as CSV.",
                query=f"{_USAGE}:UsageQuery",
                media_type="text/csv",
            ),
        ),
    ),
)


def models() -> Iterator[str]:
    """Every reference in the table; resolving them all imports all that requests will need."""
    for endpoint in ENDPOINTS:
        for verb in endpoint.verbs:
            yield from filter(None, (verb.query, verb.body, verb.response))
