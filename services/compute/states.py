"""The life of an instance as tables: which action may begin in which state, and what its end leads to.

The invariant: an instance has a task exactly while somebody has to do something for it, and every (task, outcome) has
one next state. The row is the work item: a task that is stored will be finished by some conductor, whichever process
dies (docs/decisions/0002). The states and tasks are Nova's words.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class VmState(StrEnum):
    BUILDING = "building"
    ACTIVE = "active"
    STOPPED = "stopped"
    ERROR = "error"
    DELETED = "deleted"


class Task(StrEnum):
    SCHEDULING = "scheduling"
    BLOCK_DEVICE_MAPPING = "block_device_mapping"
    SPAWNING = "spawning"
    POWERING_OFF = "powering-off"
    POWERING_ON = "powering-on"
    REBOOTING = "rebooting"
    REBOOTING_HARD = "rebooting_hard"
    IMAGE_SNAPSHOT = "image_snapshot"
    IMAGE_PENDING_UPLOAD = "image_pending_upload"
    IMAGE_UPLOADING = "image_uploading"
    DELETING = "deleting"


class Power(StrEnum):
    """Power states by name; `number` is what the API shows."""

    NOSTATE = "nostate"
    RUNNING = "running"
    SHUTDOWN = "shutdown"

    @property
    def number(self) -> int:
        return {"nostate": 0, "running": 1, "shutdown": 4}[self.value]


class IllegalTransition(Exception):
    """The table has no such edge; nothing was changed."""


@dataclass(frozen=True, slots=True)
class Action:
    """An action of the API: the task that it stores, and the states in which it may begin."""

    task: Task
    allowed: frozenset[VmState]


#: What a user may ask for. Deleting is allowed at any time, whatever else is going on.
ACTIONS: dict[str, Action] = {
    "stop": Action(Task.POWERING_OFF, frozenset({VmState.ACTIVE, VmState.ERROR})),
    "start": Action(Task.POWERING_ON, frozenset({VmState.STOPPED})),
    "reboot": Action(Task.REBOOTING, frozenset({VmState.ACTIVE})),
    "reboot-hard": Action(Task.REBOOTING_HARD, frozenset({VmState.ACTIVE, VmState.STOPPED, VmState.ERROR})),
    "createImage": Action(Task.IMAGE_SNAPSHOT, frozenset({VmState.ACTIVE, VmState.STOPPED})),
}

#: What may be done to a server's volumes, and when. It is no task of the instance: these have a life of their own.
VOLUME_ACTIONS: dict[str, frozenset[VmState]] = {
    "attach_volume": frozenset({VmState.ACTIVE, VmState.STOPPED}),
    "detach_volume": frozenset({VmState.ACTIVE, VmState.STOPPED}),
    "swap_volume": frozenset({VmState.ACTIVE}),
}

#: (task, whether it succeeded) -> the state after it. A failed delete stays a task: it is tried until it succeeds.
OUTCOMES: dict[tuple[Task, bool], VmState] = {
    (Task.SCHEDULING, False): VmState.ERROR,
    (Task.BLOCK_DEVICE_MAPPING, False): VmState.ERROR,
    (Task.SPAWNING, True): VmState.ACTIVE,
    (Task.SPAWNING, False): VmState.ERROR,
    (Task.POWERING_OFF, True): VmState.STOPPED,
    (Task.POWERING_OFF, False): VmState.ERROR,
    (Task.POWERING_ON, True): VmState.ACTIVE,
    (Task.POWERING_ON, False): VmState.ERROR,
    (Task.REBOOTING, True): VmState.ACTIVE,
    (Task.REBOOTING, False): VmState.ERROR,
    (Task.REBOOTING_HARD, True): VmState.ACTIVE,
    (Task.REBOOTING_HARD, False): VmState.ERROR,
    (Task.DELETING, True): VmState.DELETED,
}

#: The steps of making an image of a server, and what follows each that succeeded (None: nothing, the image is there).
#: The server stays what it is, whether they succeed or fail.
IMAGE_STEPS: dict[Task, Task | None] = {
    Task.IMAGE_SNAPSHOT: Task.IMAGE_PENDING_UPLOAD,
    Task.IMAGE_PENDING_UPLOAD: Task.IMAGE_UPLOADING,
    Task.IMAGE_UPLOADING: None,
}

#: The tasks of an instance that is being built.
BUILDING_TASKS = frozenset({Task.SCHEDULING, Task.BLOCK_DEVICE_MAPPING, Task.SPAWNING})

#: The order that a task gives to the agent. Scheduling, and making the volumes ready, is none of the agent's business.
ORDERS: dict[Task, str] = {
    Task.SPAWNING: "spawn",
    Task.POWERING_OFF: "power_off",
    Task.POWERING_ON: "power_on",
    Task.REBOOTING: "reboot",
    Task.REBOOTING_HARD: "reboot",
    Task.IMAGE_SNAPSHOT: "snapshot",
    Task.IMAGE_PENDING_UPLOAD: "prepare_upload",
    Task.IMAGE_UPLOADING: "upload",
    Task.DELETING: "destroy",
}


def begin(action: str, vm_state: VmState, task: Task | None) -> Task:
    """The task that `action` starts. Raises IllegalTransition where it may not begin now."""
    wanted = ACTIONS[action]
    if task is not None or vm_state not in wanted.allowed:
        raise IllegalTransition(f"'{action}' in vm_state {vm_state}, task_state {task}")
    return wanted.task


def allow(action: str, vm_state: VmState, task: Task | None) -> None:
    """Raises IllegalTransition where an action on volumes may not begin now."""
    if task is not None or vm_state not in VOLUME_ACTIONS[action]:
        raise IllegalTransition(f"'{action}' in vm_state {vm_state}, task_state {task}")


def finish(task: Task, vm_state: VmState, *, succeeded: bool) -> VmState:
    """The state after `task` ended that began in `vm_state`. Raises IllegalTransition where that end is in no table."""
    if task in IMAGE_STEPS:
        return vm_state
    try:
        return OUTCOMES[task, succeeded]
    except KeyError:
        raise IllegalTransition(f"{task} cannot end with succeeded={succeeded}") from None


#: (vm_state, task) -> the status that the API shows; without an entry, the vm_state's own.
_STATUS_WITH_TASK = {
    (VmState.ACTIVE, Task.REBOOTING): "REBOOT",
    (VmState.ACTIVE, Task.REBOOTING_HARD): "HARD_REBOOT",
    (VmState.STOPPED, Task.REBOOTING_HARD): "HARD_REBOOT",
}
_STATUS = {
    VmState.BUILDING: "BUILD",
    VmState.ACTIVE: "ACTIVE",
    VmState.STOPPED: "SHUTOFF",
    VmState.ERROR: "ERROR",
    VmState.DELETED: "DELETED",
}


def api_status(vm_state: VmState, task: Task | None) -> str:
    """The server's `status` (api-guide "Server concepts")."""
    if task is not None and (vm_state, task) in _STATUS_WITH_TASK:
        return _STATUS_WITH_TASK[vm_state, task]
    return _STATUS[vm_state]


def vm_states_of_status(status: str) -> set[tuple[VmState, Task | None]] | None:
    """Which (vm_state, task) the API shows as `status`; a task of None stands for any other. None: no such status."""
    wanted = status.upper()
    found: set[tuple[VmState, Task | None]] = {(state, None) for state, name in _STATUS.items() if name == wanted}
    found |= {pair for pair, name in _STATUS_WITH_TASK.items() if name == wanted}
    return found or None
