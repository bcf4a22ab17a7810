"""The shards of one command as a job array of Slurm, which submitit submits.

Slurm's queue is asked by name: a controller that was killed finds its array again, and none is
submitted beside one that is there.  Nothing needs Slurm's accounting (``sacct``), which not every
cluster has.
"""

from __future__ import annotations

import re
import shutil
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from submitit import SlurmExecutor
from submitit.core.utils import FailedJobError

from opbench.errors import OpbenchError
from opbench.executors.requests import Requested
from opbench.executors.task import Task

# A task is put back into the queue at most so often.
_STARTS = 20
# srun gives a task one core of its job, unless it is told to give it all of them.
_SETUP = ["export SLURM_CPUS_PER_TASK=$SLURM_CPUS_ON_NODE SRUN_CPUS_PER_TASK=$SLURM_CPUS_ON_NODE"]
# A process that was killed, by anything but the end of the job, which ends this script, too.
_TEARDOWN = [
    "status=$?",
    f'if [ "$status" = 137 ] && [ "${{SLURM_RESTART_COUNT:-0}}" -lt {_STARTS} ]; then',
    '  scontrol requeue "$SLURM_JOB_ID"',
    "fi",
    'exit "$status"',
]
_WAITING = {"PENDING", "CONFIGURING", "REQUEUED", "REQUEUE_HOLD", "SPECIAL_EXIT"}
_ERROR = re.compile(r"^(?:slurmstepd\S*: )?error: (.*?)[* ]*$", re.MULTILINE)


@dataclass(frozen=True, slots=True, kw_only=True)
class Queue:
    """The tasks of an array that Slurm has not ended; ``reasons``: why it lets some wait."""

    job: str
    waiting: int
    running: int
    reasons: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Array:
    """The job array called ``name``, whose scripts and logs are in ``folder``."""

    name: str
    folder: Path

    def submit(self, tasks: Sequence[Task], requested: Requested) -> str:
        """Submit all tasks at once and return the job's number.  Raises ``OpbenchError``."""
        if not shutil.which("sbatch") or not shutil.which("srun"):
            raise OpbenchError(
                "--executor slurm needs sbatch and srun: start it on a machine of the cluster"
            )
        executor = SlurmExecutor(folder=self.folder, max_num_timeout=_STARTS)
        executor.update_parameters(
            job_name=self.name,
            time=requested.minutes,
            stderr_to_stdout=True,
            setup=_SETUP,
            teardown=_TEARDOWN,
            additional_parameters={**requested.options, "requeue": True},
        )
        try:
            with executor.batch():
                jobs = [executor.submit(task) for task in tasks]
        except FailedJobError as error:
            raise OpbenchError(f"Slurm refused the job: {_refusal(str(error))}") from None
        return jobs[0].job_id.partition("_")[0]

    def queue(self) -> Queue | None:
        """Return the tasks in Slurm's queue, None without one.

        Raises ``OpbenchError`` where Slurm does not answer.
        """
        lines = _ask("squeue", "--noheader", "--array", "--me", f"--name={self.name}", "-o%F|%T|%r")
        found = [line.split("|", 2) for line in lines]
        if not found:
            return None
        waiting = [reason for _, state, reason in found if state in _WAITING]
        return Queue(
            job=found[0][0],
            waiting=len(waiting),
            running=len(found) - len(waiting),
            reasons=tuple(dict.fromkeys(each for each in waiting if each != "None")),
        )

    def cancel(self, job: str) -> None:
        """End the tasks of a job and take them out of the queue.  Raises ``OpbenchError``."""
        _ask("scancel", job)

    def errors(self, job: str) -> list[str]:
        """Return the last error in the log of each task of a job, each of them once."""
        logs = sorted(self.folder.glob(f"{job}_*log.out"))
        found = (_ERROR.findall(log.read_text(errors="replace")) for log in logs)
        return list(dict.fromkeys(each[-1] for each in found if each))


def _ask(*command: str) -> list[str]:
    """Return the lines that a command of Slurm prints.  Raises ``OpbenchError``."""
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=True)
    except FileNotFoundError:
        raise OpbenchError(
            f"--executor slurm needs {command[0]}: start it on a machine of the cluster"
        ) from None
    except subprocess.TimeoutExpired:
        raise OpbenchError(f"Slurm does not answer {command[0]}: try again later") from None
    except subprocess.CalledProcessError as error:
        raise OpbenchError(f"Slurm does not answer: {_refusal(error.stderr)}") from None
    return done.stdout.splitlines()


def _refusal(said: str) -> str:
    """Return what a command of Slurm says in one line."""
    lines = (line.partition("error: ")[2] or line for line in said.strip().splitlines())
    return "; ".join(dict.fromkeys(line.strip() for line in lines if line.strip()))
