"""Which images are here, and which a registry would give."""

from lab.commands import run, succeeds
from lab.errors import StepFailedError
from lab.progress import Note

ANSWER_SECONDS = 15
PULL_SECONDS = 900.0


def has_image(name: str) -> bool:
    """Whether an image is on this machine."""
    return succeeds(["docker", "image", "inspect", name])


def try_pull(name: str, note: Note) -> bool:
    """Pull an image if a registry answers soon; False where none does."""
    if not _registry_answers(name):
        return False
    try:
        run(["docker", "pull", name], note, timeout=PULL_SECONDS)
    except StepFailedError:
        return False
    return True


def _registry_answers(name: str) -> bool:
    import docker
    from docker.errors import DockerException

    try:
        client = docker.from_env(timeout=ANSWER_SECONDS)
        try:
            client.images.get_registry_data(name)
        finally:
            client.close()
    except (DockerException, OSError):
        return False
    return True
