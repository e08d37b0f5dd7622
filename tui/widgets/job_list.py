"""The queue and the past trainings: state, task, version, verdict, name; keeps the chosen one chosen."""

from __future__ import annotations

from typing import TYPE_CHECKING

from textual.content import Content

from tui import job_words
from tui.widgets.rows import Rows

if TYPE_CHECKING:
    from collections.abc import Collection

    from core.snapshot.training import Training
    from core.training.jobs import Job

# Cells; what else is known of a training takes what is left.
COLUMNS = {"state": 11, "task": 8, "version": 4, "standing": 10, "about": 0}


class JobList(Rows):
    """Trainings, newest first; the running one and the queue above them."""

    help_text = (
        "What runs stands first, then what waits in the order in which it will run, then what has ended. Choose a "
        "training with the arrows or j and k to see its curves and its log."
    )

    def __init__(self, *, id: str) -> None:  # noqa: A002 - Textual's name
        super().__init__(COLUMNS, titles=False, id=id)

    def show_jobs(self, data: Training, stopping: Collection[str], pinned: str | None) -> None:
        """Draw the jobs.

        Args:
            stopping: jobs that were told to stop and have not ended yet.
            pinned: the job the user chose; without one the cursor goes to the job whose detail was read.
        """
        wanted = {job.job_id: _cells(job, job.job_id in stopping) for job in data.jobs}
        self.show(wanted)
        shown = data.detail.job.job_id if data.detail is not None else None
        self.choose(pinned if pinned in wanted else shown)


def _cells(job: Job, stopping: bool) -> tuple[Content, ...]:
    return (
        Content.styled(*job_words.state(job, stopping)),
        Content(job.task),
        Content(job.model_version or ""),
        Content.styled(*job_words.standing(job)),
        Content.styled(job_words.about(job), "$foreground-muted"),
    )
