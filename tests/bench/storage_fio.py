"""fio over NBD on a store of real processes: 4 KiB random and 1 MiB sequential; replica 3, everything durable.

.venv/bin/python -m tests.bench.storage_fio [folder] [seconds]
"""

from __future__ import annotations

import asyncio
import json
import os
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path

import uvloop

from storage.client.cluster_context import ClusterContext
from storage.client.images import Images
from tests.bench.processes import ROOT, StoreProcesses

SIZE = 2 << 30


@dataclass(frozen=True)
class Job:
    """One run of fio, and what Ceph 18.2 did on such a machine (qemu-nbd, three OSDs): operations a second."""

    name: str
    kind: str
    block: str
    depth: int
    ceph: float


JOBS = (
    Job("fill, 1 MiB sequential writes", "write", "1m", 4, 206),
    Job("1 MiB sequential reads", "read", "1m", 4, 404),
    Job("4 KiB random writes, depth 1", "randwrite", "4k", 1, 454),
    Job("4 KiB random writes, depth 32", "randwrite", "4k", 32, 1333),
    Job("4 KiB random reads, depth 1", "randread", "4k", 1, 1824),
    Job("4 KiB random reads, depth 32", "randread", "4k", 32, 2616),
)


def run_fio(job: Job, uri: str, seconds: float) -> dict[str, float]:
    """Operations a second, and latencies in milliseconds."""
    command = [
        "fio", "--name=bench", "--ioengine=nbd", f"--uri={uri}", f"--rw={job.kind}", f"--bs={job.block}",
        f"--iodepth={job.depth}", f"--size={SIZE}", "--output-format=json", "--randrepeat=0",
    ]  # fmt: skip
    if not job.name.startswith("fill"):
        command += ["--time_based", f"--runtime={seconds}"]
    told = subprocess.run(command, check=True, capture_output=True, text=True, timeout=600)
    found = json.loads(told.stdout[told.stdout.index("{") :])["jobs"][0]["read" if "read" in job.kind else "write"]
    percentiles = found["clat_ns"]["percentile"]
    return {
        "iops": found["iops"], "p50": percentiles["50.000000"] / 1e6, "p99": percentiles["99.000000"] / 1e6,
        "max": found["clat_ns"]["max"] / 1e6,
    }  # fmt: skip


TITLES = f"{'':32} {'ops/s':>8} {'p50 ms':>8} {'p99 ms':>8} {'max ms':>8} {'Ceph':>6} {'µs/op: OSDs':>12} {'NBD':>6}"


def row(job: Job, found: dict[str, float], osds: float, nbd: float) -> str:
    """A line under TITLES; processor time in microseconds an operation."""
    times = " ".join(f"{found[name]:8.2f}" for name in ("p50", "p99", "max"))
    return f"{job.name:32} {found['iops']:8.0f} {times} {job.ceph:6.0f} {osds:12.0f} {nbd:6.0f}"


async def main(folder: str | None, seconds: float) -> None:
    with tempfile.TemporaryDirectory(prefix="quorate-bench-", dir=folder) as directory:
        processes = StoreProcesses(Path(directory))
        cluster = await processes.start()
        server = None
        try:
            await Images(ClusterContext(cluster, "volumes")).create("bench", SIZE)
            command = [sys.executable, "-m", "storage.nbd", "--store", processes.url, "--listen", "127.0.0.1:0"]
            server = await asyncio.create_subprocess_exec(
                *command, stdout=asyncio.subprocess.PIPE, env=os.environ | {"PYTHONPATH": str(ROOT)}
            )
            assert server.stdout is not None
            uri = (await server.stdout.readline()).decode().strip().replace("<image>", "bench")
            print(TITLES)
            for job in JOBS:
                before, own = processes.processor_seconds(), _seconds_of(server.pid)
                found = await asyncio.to_thread(run_fio, job, uri, seconds)
                count = found["iops"] * (
                    seconds if not job.name.startswith("fill") else SIZE / (1 << 20) / found["iops"]
                )
                spent = sum(processes.processor_seconds().values()) - sum(before.values())
                nbd = _seconds_of(server.pid) - own
                print(row(job, found, 1e6 * spent / count, 1e6 * nbd / count), flush=True)
        finally:
            if server is not None:
                server.terminate()
                await server.wait()
            await cluster.stop()
            await processes.stop()


def _seconds_of(pid: int) -> float:
    fields = Path(f"/proc/{pid}/stat").read_text(encoding="ascii").rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


if __name__ == "__main__":
    folder_given = sys.argv[1] if len(sys.argv) > 1 else None
    uvloop.run(main(folder_given, float(sys.argv[2]) if len(sys.argv) > 2 else 10.0))
