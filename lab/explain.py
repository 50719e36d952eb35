"""Why a container ended, in one sentence, read from its last log lines. Pure."""

import re

SIGKILLED, SEGMENTATION_FAULT = 137, 139

REASONS: tuple[tuple[str, str], ...] = (
    (r"no space left on device|disk is full", "the disk is full (`docker system prune` frees what is no longer used)"),
    (r"cannot allocate memory|out of memory", "there is too little free memory (a region needs about 1.5 GB)"),
    (r"address already in use", "another process listens where it wants to listen"),
    (r"access denied for user|authentication failure|access_refused",
     "its password does not fit the stored data: `quorate down` removes data and secrets together, then `quorate up`"),
    (r"modulenotfounderror|importerror|no module named", "the code in its image is incomplete"),
    (r"operation not permitted|permission denied", "the engine denies it a right that it needs (rootless engines do)"),
    (r"exec format error", "its image was built for another kind of processor"),
    (r"wsrep.*(could not|failed)|gcomm.*(fail|error)", "Galera could not join its cluster"),
    (r"traceback|unhandled exception", "it ended with an error in its own code"),
)  # fmt: skip


def explain(name: str, exit_code: int | None, log: str) -> str:
    """One sentence about a container that should run and does not."""
    if exit_code == SEGMENTATION_FAULT:
        return f"{name} crashed (SIGSEGV)."
    text = log.lower()
    for pattern, reason in REASONS:
        if re.search(pattern, text):
            return f"{name} ended: {reason}."
    if exit_code == SIGKILLED:
        return f"{name} was killed from outside (SIGKILL)."
    return f"{name} ended with exit code {exit_code}; its last lines say why."


def last_lines(log: str, count: int = 6) -> str:
    """The end of a log, indented."""
    return "\n".join(f"    {line}" for line in log.strip().splitlines()[-count:])
