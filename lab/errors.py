"""What can go wrong in the lab, told in one line each.

LabError               the base: something the user can act on
├── BadNameError       a name or option that does not exist; carries a suggestion
├── NoEngineError      containers can't run here; says what to do
├── NotRunningError    the lab is not up
├── NotReadyError      a deadline passed; says what was waited for
├── StepFailedError    a command that the lab runs failed; carries its last lines
└── LeftBehindError    something of the lab is still there after `down`
"""


class LabError(Exception):
    """Something the user can act on: printed as it is, never as a traceback."""

    exit_code = 1

    def __init__(self, message: str, detail: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.detail = detail


class BadNameError(LabError):
    """The user named something that does not exist."""

    exit_code = 2


class NoEngineError(LabError):
    """Containers can't run on this machine as it is."""

    exit_code = 3


class NotRunningError(LabError):
    """The lab is not up."""

    exit_code = 4


class NotReadyError(LabError):
    """A deadline passed before the lab was ready."""

    exit_code = 5


class StepFailedError(LabError):
    """A command that the lab runs on the user's behalf failed."""

    exit_code = 6


class LeftBehindError(LabError):
    """Something of the lab is still there after `down`."""

    exit_code = 7
