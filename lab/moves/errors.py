"""How a move ends early."""

from lab.errors import LabError


class MoveRefusedError(LabError):
    """The server can't be moved as things are; nothing was changed, or nothing more will be."""

    exit_code = 8


class MoveFailedError(LabError):
    """A step failed. Running the command again goes on from there."""

    exit_code = 9
