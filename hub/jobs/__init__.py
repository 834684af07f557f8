"""When and where: jobs as durable, numbered event streams, a fair line, the choice of an engine."""

from hub.jobs.active import SHOWN, Asked, Name
from hub.jobs.bus import Bus, Channel, Listener, Unsubscribe
from hub.jobs.floor import Stop
from hub.jobs.intake import Intake
from hub.jobs.job import Job
from hub.jobs.listing import NO_END, Filter, ImageView, JobView, Moment
from hub.jobs.onlooker import Onlooker, Over
from hub.jobs.runner import Jobs
from hub.jobs.runs import Go, Run, Runs
from hub.jobs.seats import EngineFigures
from hub.jobs.status import BackendStatus, Status, StatusText, status_body
from hub.jobs.tally import Counts
from hub.jobs.times import Times, quantile

__all__ = [
    "NO_END",
    "SHOWN",
    "Asked",
    "BackendStatus",
    "Bus",
    "Channel",
    "Counts",
    "EngineFigures",
    "Filter",
    "Go",
    "ImageView",
    "Intake",
    "Job",
    "JobView",
    "Jobs",
    "Listener",
    "Moment",
    "Name",
    "Onlooker",
    "Over",
    "Run",
    "Runs",
    "Status",
    "StatusText",
    "Stop",
    "Times",
    "Unsubscribe",
    "quantile",
    "status_body",
]
