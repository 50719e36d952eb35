"""Looks at the machine and makes its Docker engine work where that can be done."""

import os
import shutil
import signal
import subprocess
import tempfile
import time
from pathlib import Path

from lab import apt
from lab.commands import found, run, succeeds
from lab.engine import BUILDX_PACKAGES, COMPOSE_PACKAGES, Host, Plan, plan
from lab.errors import NoEngineError
from lab.progress import Note, Progress

DAEMON_LOG = Path("/var/log/quorate-dockerd.log")
DAEMON_PID = Path("/var/run/docker.pid")
DAEMON_DEADLINE = 60.0
#: It runs itself three times for every container that starts. With room for its first 16 MB, Go's collector stays out
#: of that, and a start costs a fifth less processor time.
DAEMON_ENVIRONMENT = {"GOGC": "400"}
PLUGIN_FOLDER = Path("~/.docker/cli-plugins")
ASKED_PACKAGES = ("docker.io", "docker-cli", *COMPOSE_PACKAGES, *BUILDX_PACKAGES)


def inspect_host() -> Host:
    """What this machine has."""
    answers, refused = _ask_engine()
    return Host(
        distribution=_distribution(),
        is_root=os.geteuid() == 0,
        has_systemd=Path("/run/systemd/system").is_dir(),
        has_client=found("docker"),
        has_daemon=found("dockerd") or Path("/usr/sbin/dockerd").exists(),
        engine_answers=answers,
        socket_refused=refused,
        has_compose=succeeds(["docker", "compose", "version"]),
        has_buildx=succeeds(["docker", "buildx", "version"]),
    )


def ensure_engine(progress: Progress) -> None:
    """Return with a working engine, or raise `NoEngineError` with one clear paragraph."""
    if _ask_engine()[0] and succeeds(["docker", "compose", "version"]) and succeeds(["docker", "buildx", "version"]):
        return
    host = inspect_host()
    if host.is_debian_like and host.is_root and not host.is_ready:
        with progress.step("Reading the package lists") as note:
            apt.update(note)
        steps = plan(host, apt.candidates(ASKED_PACKAGES))
    else:
        steps = plan(host, {})
    carry_out(steps, host, progress)


def carry_out(steps: Plan, host: Host, progress: Progress) -> None:
    """Do what was planned, telling it first."""
    if steps == Plan():
        return
    progress.say(steps.sentence(), style="bold")
    if steps.packages:
        packages = [*steps.packages, *(("iptables",) if "docker.io" in steps.packages else ())]
        with progress.step(f"Installing {', '.join(packages)}") as note:
            apt.install(packages, note)
    if steps.plugins_from_trixie:
        with progress.step(f"Fetching {' and '.join(steps.plugins_from_trixie)} of Debian 13") as note:
            _unpack_plugins(steps.plugins_from_trixie, note)
    if steps.start_daemon and not _ask_engine()[0]:
        with progress.step("Starting the Docker engine"):
            start_daemon(host.has_systemd)
    left = inspect_host()
    if not left.is_ready:
        raise NoEngineError("Docker was installed but is still not complete; see `docker info` and try again.")


def start_daemon(has_systemd: bool) -> None:
    """Start dockerd, through systemd or, where there is none, as a process of its own."""
    if has_systemd:
        run(["systemctl", "enable", "--now", "docker"], timeout=DAEMON_DEADLINE)
        process = None
    else:
        program = shutil.which("dockerd") or "/usr/sbin/dockerd"
        with DAEMON_LOG.open("ab") as log:
            process = subprocess.Popen(
                [program, "--log-level", "warn"],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
                env={**DAEMON_ENVIRONMENT, **os.environ},
            )
    deadline = time.monotonic() + DAEMON_DEADLINE
    while not _ask_engine()[0]:
        ended = process is not None and process.poll() is not None
        if ended or time.monotonic() > deadline:
            why = "ended at once" if ended else f"did not answer within {DAEMON_DEADLINE:.0f} s"
            raise NoEngineError(
                f"The Docker engine {why}; its log is {DAEMON_LOG}. A sandbox may forbid what it needs;"
                " `make dev` runs the same services in one process, without containers.",
                _last_lines(DAEMON_LOG),
            )
        time.sleep(0.2)


def restart_idle_daemon() -> bool:
    """Start dockerd anew, but only one that a lab started and in which nothing runs; returns whether it was done."""
    import docker

    try:
        pid = int(DAEMON_PID.read_text(encoding="ascii"))
        is_ours = Path(f"/proc/{pid}/fd/1").readlink() == DAEMON_LOG
    except (OSError, ValueError):
        return False
    client = docker.from_env(timeout=10)
    try:
        if not is_ours or client.containers.list():
            return False
    finally:
        client.close()
    os.kill(pid, signal.SIGTERM)
    deadline = time.monotonic() + DAEMON_DEADLINE
    while _ask_engine()[0] or DAEMON_PID.exists():
        if time.monotonic() > deadline:
            return False
        time.sleep(0.2)
    start_daemon(has_systemd=False)
    return True


def _unpack_plugins(packages: tuple[str, ...], note: Note) -> None:
    target = PLUGIN_FOLDER.expanduser()
    target.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix="quorate-apt-") as name:
        folder = Path(name)
        for archive in apt.download_from_trixie(packages, folder, note):
            content = folder / archive.stem
            run(["dpkg-deb", "-x", str(archive), str(content)], timeout=60)
            for binary in content.glob("usr/lib*/docker/cli-plugins/*"):
                shutil.copy(binary, target / binary.name)
                (target / binary.name).chmod(0o755)


def _ask_engine() -> tuple[bool, bool]:
    """Whether the engine answers, and whether its socket refused us."""
    import docker
    from docker.errors import DockerException

    try:
        client = docker.from_env(timeout=5)
        try:
            client.ping()
        finally:
            client.close()
    except DockerException as error:
        return False, "PermissionError" in repr(error) or "Permission denied" in str(error)
    except OSError:
        return False, False
    return True, False


def _distribution() -> str:
    try:
        lines = Path("/etc/os-release").read_text(encoding="utf-8").splitlines()
    except OSError:
        return ""
    pairs = dict(line.split("=", 1) for line in lines if "=" in line)
    return pairs.get("ID", "").strip('"')


def _last_lines(path: Path, count: int = 3) -> str:
    try:
        return "\n".join(path.read_text(encoding="utf-8", errors="replace").splitlines()[-count:])
    except OSError:
        return ""
