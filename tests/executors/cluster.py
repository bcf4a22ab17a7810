"""A cluster of Slurm on this machine alone: Debian's packages, without munge, systemd or cgroups.

Everything is in one folder, on loopback and on ports that were free, and ends with ``stop``.
"""

from __future__ import annotations

import getpass
import os
import shutil
import socket
import subprocess
import time
from contextlib import ExitStack, suppress
from dataclasses import dataclass
from pathlib import Path

_CONFIGURATION = """
ClusterName=test
SlurmctldHost=localhost(127.0.0.1)
SlurmUser={user}
SlurmdUser={user}
AuthType=auth/none
# Seconds that a job which is put back into the queue waits.
AuthInfo=cred_expire=5
CredType=cred/none
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
CommunicationParameters=NoInAddrAny,NoCtldInAddrAny
SwitchType=switch/none
MpiDefault=none
JobAcctGatherType=jobacct_gather/none
AccountingStorageType=accounting_storage/none
SelectType=select/cons_tres
SelectTypeParameters=CR_Core
SlurmctldPort={ports[0]}
SlurmdPort={ports[1]}
StateSaveLocation={folder}/state
SlurmdSpoolDir={folder}/spool
SlurmctldPidFile={folder}/slurmctld.pid
SlurmdPidFile={folder}/slurmd.pid
SlurmctldLogFile={folder}/slurmctld.log
SlurmdLogFile={folder}/slurmd.log
ReturnToService=2
KillWait=2
SchedulerParameters=sched_interval=1,batch_sched_delay=0
NodeName=localhost NodeAddr=127.0.0.1 CPUs={cores} State=UNKNOWN
PartitionName=cpu Nodes=localhost Default=YES MaxTime=INFINITE State=UP
"""


_TRIES = 3


@dataclass(frozen=True)
class Cluster:
    """A cluster that runs; ``environment`` is that of a user who submits to it."""

    folder: Path
    daemons: tuple[subprocess.Popen[bytes], ...]

    @property
    def environment(self) -> dict[str, str]:
        """The environment of a user of the cluster."""
        # Runs on the processor wait for each other, but not for those of other tests.
        own = {"SLURM_CONF": self.folder / "slurm.conf", "TMPDIR": self.folder / "tmp"}
        return {**_plain(), **{name: str(path) for name, path in own.items()}}

    def ask(self, *command: str) -> str:
        """Return what a command of Slurm prints."""
        done = subprocess.run(
            command, env=self.environment, capture_output=True, text=True, timeout=60
        )
        assert done.returncode == 0, done.stderr
        return done.stdout

    def tasks(self) -> dict[str, str]:
        """Return the state of each task in the queue, by its number in its array."""
        lines = self.ask("squeue", "--noheader", "--array", "-o%K %T").splitlines()
        return dict(line.split() for line in lines)

    def stop(self) -> None:
        """End all jobs, then the daemons."""
        try:
            self.ask("scancel", "--partition=cpu")
            deadline = time.monotonic() + 30
            while self.tasks() and time.monotonic() < deadline:
                time.sleep(0.2)
        finally:
            self.end_daemons()

    def end_daemons(self) -> None:
        """End both daemons."""
        for daemon in self.daemons:
            daemon.terminate()
        for daemon in self.daemons:
            try:
                daemon.wait(30)
            except subprocess.TimeoutExpired:
                daemon.kill()
                daemon.wait()


def missing() -> str:
    """Return what is not installed of Slurm, "" where nothing is."""
    path = f"{os.environ.get('PATH', '')}:/usr/sbin:/sbin"
    names = ("slurmctld", "slurmd", "sbatch", "srun", "squeue", "scancel", "scontrol")
    return ", ".join(name for name in names if not shutil.which(name, path=path))


def start(folder: Path) -> Cluster:
    """Start both daemons and wait until the node takes jobs."""
    for name in ("state", "spool", "tmp"):
        (folder / name).mkdir()
    (folder / "tmp").chmod(0o1777)
    for _ in range(_TRIES - 1):  # another process may take a port that was free
        with suppress(RuntimeError):
            return _started(folder)
    return _started(folder)


def _started(folder: Path) -> Cluster:
    configuration = folder / "slurm.conf"
    configuration.write_text(
        _CONFIGURATION.format(
            user=getpass.getuser(), ports=_free_ports(2), folder=folder, cores=os.cpu_count()
        )
    )
    commands = (["slurmctld", "-D", "-i"], ["slurmd", "-D", "-N", "localhost"])
    environment = {**_plain(), "SLURM_CONF": str(configuration)}
    with (folder / "daemons.log").open("ab") as log:
        daemons = tuple(
            subprocess.Popen(command, env=environment, stdout=log, stderr=log)
            for command in commands
        )
    cluster = Cluster(folder, daemons)
    try:
        _await_node(cluster)
    except BaseException:
        cluster.end_daemons()
        raise
    return cluster


def _await_node(cluster: Cluster) -> None:
    deadline = time.monotonic() + 60
    said = ""
    while time.monotonic() < deadline and all(each.poll() is None for each in cluster.daemons):
        done = subprocess.run(
            ["sinfo", "--noheader", "-o%T"],
            env=cluster.environment, capture_output=True, text=True,
        )  # fmt: skip
        said = done.stdout + done.stderr
        if done.stdout.strip() == "idle":
            return
        time.sleep(0.2)
    logs = "\n".join(path.read_text(errors="replace") for path in cluster.folder.glob("*.log"))
    raise RuntimeError(f"Slurm does not start: {said}\n{logs}")


def _plain() -> dict[str, str]:
    """Return this environment without variables of a cluster that runs the tests."""
    kept = {key: value for key, value in os.environ.items() if not key.startswith("SLURM")}
    return {**kept, "PATH": f"{os.environ.get('PATH', '')}:/usr/sbin:/sbin"}


def _free_ports(number: int) -> list[int]:
    """Return ports that nothing listens at."""
    with ExitStack() as stack:
        sockets = [stack.enter_context(socket.socket()) for _ in range(number)]
        for each in sockets:
            each.bind(("127.0.0.1", 0))
        return [each.getsockname()[1] for each in sockets]
