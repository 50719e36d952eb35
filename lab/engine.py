"""Can containers run here, and if not, what would make them run? Pure decisions; `engine_setup` acts on them."""

from collections.abc import Mapping
from dataclasses import dataclass

from lab.errors import NoEngineError

COMPOSE_PACKAGES = ("docker-compose-v2", "docker-compose-plugin", "docker-compose")
BUILDX_PACKAGES = ("docker-buildx", "docker-buildx-plugin")
TRIXIE_COMPOSE, TRIXIE_BUILDX = "docker-compose", "docker-buildx"

ADVICE = (
    "Install Docker Engine 20.10 or later with Compose v2 and buildx (on macOS and Windows: Docker Desktop),"
    " make sure that `docker info` works for you, and run `make up` again."
    " Without containers, `make dev` runs the same services in one process."
)


@dataclass(frozen=True)
class Host:
    """What this machine has."""

    distribution: str
    is_root: bool
    has_systemd: bool
    has_client: bool
    has_daemon: bool
    engine_answers: bool
    socket_refused: bool
    has_compose: bool
    has_buildx: bool

    @property
    def is_ready(self) -> bool:
        """Nothing needs to be done."""
        return self.engine_answers and self.has_client and self.has_compose and self.has_buildx

    @property
    def is_debian_like(self) -> bool:
        """Whether apt can be asked for what is missing."""
        return self.distribution in {"debian", "ubuntu"}


@dataclass(frozen=True)
class Plan:
    """What is to be done, in this order."""

    packages: tuple[str, ...] = ()
    plugins_from_trixie: tuple[str, ...] = ()
    start_daemon: bool = False

    def sentence(self) -> str:
        """What the user is told before anything happens."""
        steps = []
        if self.packages:
            steps.append(f"installs {', '.join(self.packages)} with apt-get")
        if self.plugins_from_trixie:
            names = " and ".join(self.plugins_from_trixie)
            steps.append(f"unpacks {names} from Debian 13 into ~/.docker/cli-plugins (this release has no Compose v2)")
        if self.start_daemon:
            steps.append("starts the engine")
        return (
            "Docker is not complete on this machine. As root on Debian or Ubuntu, this " + ", then ".join(steps) + "."
        )


def plan(host: Host, candidates: Mapping[str, str]) -> Plan:
    """What brings this machine to a working engine; raises `NoEngineError` where that is for the user to do.

    `candidates` maps the names of the packages that apt could install to their versions.
    """
    if host.is_ready:
        return Plan()
    if host.socket_refused and not host.is_root:
        raise NoEngineError(
            "The Docker engine runs, but you may not use it. Add yourself to its group with"
            " `sudo usermod -aG docker $USER`, log in again, and run `make up` again."
            " Without containers, `make dev` runs the same services in one process."
        )
    if not (host.is_debian_like and host.is_root):
        raise NoEngineError(f"{_missing(host)} {ADVICE}")
    packages: list[str] = []
    plugins: list[str] = []
    if not host.engine_answers and not host.has_daemon:
        packages.append("docker.io")
    if not host.has_client:
        packages += [name for name in ("docker-cli",) if name in candidates]
        packages += [name for name in ("docker.io",) if name not in packages]
    if not host.has_compose:
        _choose(COMPOSE_PACKAGES, TRIXIE_COMPOSE, candidates, packages, plugins)
    if not host.has_buildx:
        _choose(BUILDX_PACKAGES, TRIXIE_BUILDX, candidates, packages, plugins)
    return Plan(tuple(dict.fromkeys(packages)), tuple(plugins), start_daemon=not host.engine_answers)


def _choose(
    names: tuple[str, ...], fallback: str, candidates: Mapping[str, str], packages: list[str], plugins: list[str]
) -> None:
    for name in names:
        if name in candidates and not (name == "docker-compose" and major(candidates[name]) < 2):
            packages.append(name)
            return
    plugins.append(fallback)


def major(version: str) -> int:
    """The first number of a Debian package version, its epoch left out."""
    head = version.rsplit(":", maxsplit=1)[-1].split(".", maxsplit=1)[0]
    return int(head) if head.isdigit() else 0


def _missing(host: Host) -> str:
    if not host.has_client or not (host.has_daemon or host.engine_answers):
        return "Quorate's lab runs in containers, and there is no Docker engine on this machine."
    if not host.engine_answers:
        return "Quorate's lab runs in containers, and the Docker engine of this machine does not answer."
    absent = [name for name, there in (("Compose v2", host.has_compose), ("buildx", host.has_buildx)) if not there]
    return f"The Docker engine of this machine lacks {' and '.join(absent)}."
