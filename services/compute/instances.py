"""What the processes do to an instance's row, always inside somebody's transaction."""

from __future__ import annotations

from datetime import datetime, timedelta

from sqlalchemy import delete
from sqlalchemy.orm import Session

from services.compute.attachment_states import RELEASED, AttachmentStatus
from services.compute.attachments import abandon, attachments_of, leave_host, release_all
from services.compute.hosts import Resources
from services.compute.models import Allocation, Instance, InstanceAction
from services.compute.server_images import call_off, is_whole
from services.compute.states import BUILDING_TASKS, IMAGE_STEPS, Power, Task, VmState, finish
from services.platform.times import zulu_micro

#: How long after a step its row is looked at again, in case the hint or its effect was lost.
STEP_PATIENCE = timedelta(seconds=1.5)


def resources_of(instance: Instance) -> Resources:
    """What the instance takes of its host: no root disk where it boots from a volume, and so from no image."""
    flavor = instance.flavor
    root = flavor["disk_gb"] if instance.image_ref else 0
    return Resources(flavor["vcpus"], flavor["memory_mb"], root + flavor["ephemeral_gb"])


def start_task(instance: Instance, task: Task, request_id: str, now: datetime) -> None:
    """Make `task` what is to be done for the instance: a new order, due at once."""
    instance.task_state = task
    instance.op += 1
    instance.request_id = request_id
    instance.updated_at = now
    instance.check_at = now + STEP_PATIENCE


def start_delete(session: Session, instance: Instance, request_id: str, now: datetime) -> None:
    """The instance is to go, whatever else is being done for it."""
    call_off(session, instance.id, now)
    start_task(instance, Task.DELETING, request_id, now)


def end_task(session: Session, instance: Instance, *, succeeded: bool, power: Power, now: datetime) -> None:
    """The instance's task is over. Frees the claim of what no longer runs anywhere."""
    task = Task(instance.task_state or "")
    instance.vm_state = finish(task, VmState(instance.vm_state), succeeded=succeeded)
    instance.task_state = None
    instance.check_at = None
    instance.power_state = power
    instance.updated_at = now
    if succeeded:
        instance.fault = None
    if task is Task.SPAWNING and succeeded:
        instance.launched_at = now
    if instance.vm_state == VmState.DELETED:
        instance.deleted = True
        instance.terminated_at = now
        release(session, instance.id)
    note_event(session, instance, task, succeeded=succeeded, now=now)


def fail(session: Session, instance: Instance, message: str, details: str, now: datetime) -> None:
    """End the task in ERROR with a fault that names the cause. What will not be built gives its volumes back."""
    if instance.task_state in BUILDING_TASKS:
        abandon(session, instance, now)
    instance.fault = {"code": 500, "message": message, "details": details, "created": zulu_micro(now)}
    end_task(session, instance, succeeded=False, power=Power(instance.power_state), now=now)


def end_image_step(session: Session, instance: Instance, problem: str, now: datetime) -> bool:
    """A step of making an image is over; with a `problem`, there will be none. Whether there is another step now.

    Whatever becomes of the image, the server is what it was.
    """
    task = Task(instance.task_state or "")
    following = None if problem else IMAGE_STEPS[task]
    if following is not None:
        start_task(instance, following, instance.request_id, now)
        return True
    if problem:
        call_off(session, instance.id, now)
    else:
        is_whole(session, instance.id)
    instance.task_state, instance.check_at, instance.updated_at = None, None, now
    note_event(session, instance, task, succeeded=not problem, now=now, problem=problem)
    return False


def end_delete(session: Session, instance: Instance, now: datetime) -> list[str]:
    """The guest is gone: the instance is deleted once its volumes are given back.

    Answers the attachments that there is work for before that, or after.
    """
    work = release_all(session, instance, instance.request_id, now)
    rows = attachments_of(session, [instance.id])
    if all(AttachmentStatus(row.status) in RELEASED for row in rows):
        end_task(session, instance, succeeded=True, power=Power.NOSTATE, now=now)
    else:
        instance.check_at = now + STEP_PATIENCE
    return work


def try_elsewhere(session: Session, instance: Instance, now: datetime) -> None:
    """Take a build away from its host: the old order's number no longer counts."""
    release(session, instance.id)
    leave_host(session, instance, now)
    instance.tried = [*instance.tried, instance.host]
    instance.host = None
    instance.task_state = Task.SCHEDULING
    instance.op += 1
    instance.check_at = now + STEP_PATIENCE


def release(session: Session, instance_id: str) -> None:
    """Give back what the instance claimed. Harmless where it claimed nothing."""
    session.execute(delete(Allocation).where(Allocation.instance_id == instance_id))


def note_event(
    session: Session, instance: Instance, task: Task, *, succeeded: bool, now: datetime, problem: str = ""
) -> None:
    """Add the end of a task to the history of the action that began it."""
    action = session.get(InstanceAction, (instance.id, instance.request_id))
    if action is None:
        return
    names = {
        Task.SCHEDULING: "conductor_schedule_and_build_instances",
        Task.BLOCK_DEVICE_MAPPING: "compute__do_build_and_run_instance",
        Task.SPAWNING: "compute__do_build_and_run_instance",
        Task.POWERING_OFF: "compute_stop_instance",
        Task.POWERING_ON: "compute_start_instance",
        Task.REBOOTING: "compute_reboot_instance",
        Task.REBOOTING_HARD: "compute_reboot_instance",
        Task.DELETING: "compute_terminate_instance",
        **dict.fromkeys(IMAGE_STEPS, "compute_snapshot_instance"),
    }
    event = {
        "event": names[task],
        "start_time": action.start_time.isoformat(),
        "finish_time": now.isoformat(),
        "result": "Success" if succeeded else "Error",
        "host": instance.host,
    }
    action.events = [*action.events, event]
    action.updated_at = now
    if not succeeded:
        action.message = problem or (instance.fault or {}).get("message", "Error")
