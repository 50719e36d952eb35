"""What the lab asks of apt: which packages there are, installing some, and Debian 13's from the host's own mirror."""

from collections.abc import Iterable
from pathlib import Path

from lab.commands import output, run
from lab.errors import StepFailedError
from lab.progress import Note

KEYRING = "/usr/share/keyrings/debian-archive-keyring.gpg"
QUIET_INSTALL = {"DEBIAN_FRONTEND": "noninteractive"}


def parse_policy(text: str) -> dict[str, str]:
    """The candidate version of each package in the output of `apt-cache policy`."""
    candidates: dict[str, str] = {}
    name = ""
    for line in text.splitlines():
        if line and not line.startswith(" "):
            name = line.rstrip(":")
        elif line.strip().startswith("Candidate:"):
            version = line.split(":", 1)[1].strip()
            if version != "(none)":
                candidates[name] = version
    return candidates


def candidates(names: Iterable[str]) -> dict[str, str]:
    """Which of these packages apt could install, and in which version."""
    return parse_policy(output(["apt-cache", "policy", *names]))


def update(note: Note) -> None:
    """Fetch the package lists."""
    run(["apt-get", "update"], note, timeout=300)


def install(packages: Iterable[str], note: Note) -> None:
    """Install packages without asking."""
    command = ["apt-get", "install", "-y", "--no-install-recommends", *packages]
    run(command, note, timeout=900, extra_environment=QUIET_INSTALL)


def parse_targets(text: str) -> tuple[str, str]:
    """The host's mirror of Debian and that of its security updates, from `URI SUITE ORIGIN` lines; "" is none."""
    mirror = security = ""
    for line in text.splitlines():
        uri, suite, *origin = line.split(" ", 2)
        if origin[:1] != ["Debian"]:
            continue
        if suite.endswith("-security") or "debian-security" in uri:
            security = security or uri.rstrip("/")
        else:
            mirror = mirror or uri.rstrip("/")
    return mirror, security


def debian_mirrors() -> tuple[str, str]:
    """Where this host gets Debian from."""
    try:
        text = output(["apt-get", "indextargets", "--format", "$(REPO_URI) $(SUITE) $(ORIGIN)", "Created-By: Packages"])
    except StepFailedError:
        text = ""
    return parse_targets(text)


def signed_by() -> str:
    """The option that names Debian's keys, where the host keeps them in the usual place."""
    return f"[signed-by={KEYRING}] " if Path(KEYRING).exists() else ""


def trixie_sources() -> list[str]:
    """Debian 13's sources on the host's own mirrors. None on a host that gets nothing from Debian: whoever asks then
    uses the mirror that its own package brought along."""
    mirror, security = debian_mirrors()
    if not mirror:
        return []
    option = signed_by()
    sources = [f"deb {option}{mirror} trixie main", f"deb {option}{mirror} trixie-updates main"]
    return [*sources, f"deb {option}{security} trixie-security main"] if security else sources


def download_from_trixie(packages: Iterable[str], folder: Path, note: Note) -> list[Path]:
    """Fetch packages of Debian 13 into a folder, with apt lists of its own: the host's are left alone."""
    for name in ("lists/partial", "cache/archives/partial", "parts"):
        (folder / name).mkdir(parents=True, exist_ok=True)
    sources = folder / "sources.list"
    found_sources = trixie_sources()
    if not found_sources:
        raise StepFailedError("This host gets nothing from Debian; install Compose v2 and buildx for Docker by hand.")
    sources.write_text(found_sources[0] + "\n", encoding="utf-8")
    options = [
        f"Dir::Etc::SourceList={sources}",
        f"Dir::Etc::SourceParts={folder / 'parts'}",
        f"Dir::State::Lists={folder / 'lists'}",
        f"Dir::Cache={folder / 'cache'}",
        "APT::Sandbox::User=root",
        "Acquire::Languages=none",
    ]
    flags = [word for option in options for word in ("-o", option)]
    run(["apt-get", *flags, "update"], note, timeout=300)
    names = list(packages)
    # `apt-get download` writes to the working directory only
    run(["env", f"--chdir={folder}", "apt-get", *flags, "download", *names], note, timeout=300)
    found = sorted(folder.glob("*.deb"))
    if len(found) < len(names):
        raise StepFailedError(f"Debian 13's packages {' and '.join(names)} could not be fetched.")
    return found
