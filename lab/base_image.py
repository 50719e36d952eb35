"""The image that all others stand on: pulled, or made from Debian's packages where no registry answers."""

import subprocess
import tempfile
from pathlib import Path

from lab import apt
from lab.commands import found, output, run
from lab.engine import ADVICE
from lab.errors import NoEngineError, StepFailedError
from lab.progress import Note, Progress
from lab.registry import has_image, try_pull

BASE_IMAGE = "debian:trixie-slim"
CA_BUNDLE = "/etc/ssl/certs/ca-certificates.crt"
LEFT_OUT = ("doc", "man", "info", "locale")
APT_SETTINGS = ('Acquire::Languages "none"', 'APT::Install-Recommends "false"', 'Acquire::Check-Valid-Until "false"')


def ensure_base_image(progress: Progress) -> None:
    """Return when the base image is on this machine."""
    if has_image(BASE_IMAGE):
        return
    with progress.step(f"Asking the registry for {BASE_IMAGE}") as note:
        pulled = try_pull(BASE_IMAGE, note)
    if pulled:
        return
    progress.say(f"No registry answers: {BASE_IMAGE} is made here from Debian's packages.", style="yellow")
    if not found("mmdebstrap"):
        _install_mmdebstrap(progress)
    with progress.step(f"Making {BASE_IMAGE} with mmdebstrap") as note:
        _make(note)


def _install_mmdebstrap(progress: Progress) -> None:
    import os

    if os.geteuid() != 0 or not found("apt-get"):
        raise NoEngineError(
            f"No image registry answers, and {BASE_IMAGE} can only be made with mmdebstrap, which is not installed."
            f" Install it (`apt-get install mmdebstrap`), or load the image with `docker load`. {ADVICE}"
        )
    with progress.step("Installing mmdebstrap with apt-get") as note:
        apt.update(note)
        apt.install(["mmdebstrap", "debian-archive-keyring"], note)


def bootstrap_command(target: str, sources: list[str], host_apt_settings: list[str], ca_bundle: str) -> list[str]:
    """The mmdebstrap command for a small Debian 13 that trusts what this host trusts."""
    command = ["mmdebstrap", "--variant=minbase", "--include=ca-certificates"]
    command += [f"--aptopt={setting}" for setting in (*APT_SETTINGS, *host_apt_settings)]
    command += [f"--dpkgopt=path-exclude=/usr/share/{name}/*" for name in LEFT_OUT]
    if ca_bundle:
        command.append(f'--customize-hook=cp {ca_bundle} "$1{CA_BUNDLE}"')
        command.append(
            "--customize-hook=if [ -d /usr/local/share/ca-certificates ]; then"
            ' cp -a /usr/local/share/ca-certificates/. "$1/usr/local/share/ca-certificates/"; fi'
        )
    return [*command, "trixie", target, *sources]


def proxy_settings(apt_config: str) -> list[str]:
    """The host's own apt proxies, out of `apt-config dump`."""
    lines = (line.rstrip(";") for line in apt_config.splitlines() if line.startswith("Acquire::http"))
    return [line for line in lines if "proxy" in line.lower().split(" ")[0] and not line.endswith('""')]


def _make(note: Note) -> None:
    with tempfile.TemporaryDirectory(prefix="quorate-base-") as folder:
        archive = Path(folder) / "base.tar"
        ca_bundle = CA_BUNDLE if Path(CA_BUNDLE).exists() else ""
        settings = proxy_settings(output(["apt-config", "dump"]))
        run(bootstrap_command(str(archive), apt.trixie_sources(), settings, ca_bundle), note, timeout=900)
        note("importing")
        command = ["docker", "import", "--change", 'CMD ["bash"]', str(archive), BASE_IMAGE]
        try:
            subprocess.run(command, check=True, capture_output=True, timeout=300)
        except (subprocess.SubprocessError, OSError) as error:
            raise StepFailedError(f"{BASE_IMAGE} could not be imported: {error}.") from error
