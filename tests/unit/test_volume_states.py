"""The lives of volumes, snapshots, attachments and transfers: all work ends, nothing begins where it may not."""

from __future__ import annotations

import itertools

import pytest

from services.volume.states import (
    ATTACHMENT_EVENTS,
    SNAPSHOT_EVENTS,
    SNAPSHOT_OUTCOMES,
    SNAPSHOT_WORK,
    TRANSFER_EVENTS,
    VOLUME_EVENTS,
    VOLUME_OUTCOMES,
    VOLUME_WORK,
    AttachStatus,
    IllegalTransition,
    SnapshotStatus,
    Task,
    TransferStatus,
    VolumeStatus,
    attachment_after,
    snapshot_after,
    snapshot_outcome,
    transfer_after,
    volume_after,
    volume_outcome,
    with_attachments,
)


@pytest.mark.parametrize(("event", "status"), list(itertools.product(VOLUME_EVENTS, VolumeStatus)))
def test_a_volume_changes_exactly_where_its_row_allows_it(event: str, status: VolumeStatus) -> None:
    allowed, after = VOLUME_EVENTS[event]
    if status not in allowed:
        with pytest.raises(IllegalTransition):
            volume_after(event, status)
    else:
        assert volume_after(event, status) == (after or VolumeStatus.AVAILABLE)


@pytest.mark.parametrize(("event", "status"), list(itertools.product(SNAPSHOT_EVENTS, SnapshotStatus)))
def test_a_snapshot_changes_exactly_where_its_row_allows_it(event: str, status: SnapshotStatus) -> None:
    allowed, after = SNAPSHOT_EVENTS[event]
    if status not in allowed:
        with pytest.raises(IllegalTransition):
            snapshot_after(event, status)
    else:
        assert snapshot_after(event, status) == after


@pytest.mark.parametrize(("event", "status"), list(itertools.product(ATTACHMENT_EVENTS, AttachStatus)))
def test_an_attachment_changes_exactly_where_its_row_allows_it(event: str, status: AttachStatus) -> None:
    allowed, after = ATTACHMENT_EVENTS[event]
    if status not in allowed:
        with pytest.raises(IllegalTransition):
            attachment_after(event, status)
    else:
        assert attachment_after(event, status) == after


@pytest.mark.parametrize(("event", "status"), list(itertools.product(TRANSFER_EVENTS, TransferStatus)))
def test_a_transfer_changes_exactly_where_its_row_allows_it(event: str, status: TransferStatus) -> None:
    allowed, after = TRANSFER_EVENTS[event]
    if status not in allowed:
        with pytest.raises(IllegalTransition):
            transfer_after(event, status)
    else:
        assert transfer_after(event, status) == after


def test_every_working_state_ends() -> None:
    for status, task in VOLUME_WORK.items():
        for succeeded in (True, False):
            if (task, succeeded) in VOLUME_OUTCOMES:
                assert volume_outcome(task, VolumeStatus.IN_USE, succeeded=succeeded) not in VOLUME_WORK, status
        assert (task, True) in VOLUME_OUTCOMES
    for task in SNAPSHOT_WORK.values():
        assert snapshot_outcome(task, succeeded=True) not in SNAPSHOT_WORK


def test_whatever_is_no_outcome_raises() -> None:
    for task, succeeded in itertools.product(Task, (True, False)):
        if (task, succeeded) not in VOLUME_OUTCOMES:
            with pytest.raises(IllegalTransition):
                volume_outcome(task, None, succeeded=succeeded)
        if (task, succeeded) not in SNAPSHOT_OUTCOMES:
            with pytest.raises(IllegalTransition):
                snapshot_outcome(task, succeeded=succeeded)


def test_deleting_is_never_given_up() -> None:
    assert (Task.DELETE, False) not in VOLUME_OUTCOMES
    assert (Task.DELETE_SNAPSHOT, False) not in SNAPSHOT_OUTCOMES


def test_work_in_use_returns_to_in_use() -> None:
    assert volume_outcome(Task.EXTEND, VolumeStatus.IN_USE, succeeded=True) == VolumeStatus.IN_USE
    assert volume_outcome(Task.UPLOAD, VolumeStatus.IN_USE, succeeded=False) == VolumeStatus.IN_USE
    assert volume_outcome(Task.EXTEND, VolumeStatus.IN_USE, succeeded=False) == VolumeStatus.ERROR_EXTENDING


def test_a_volume_shows_the_most_of_its_attachments() -> None:
    reserved, attaching, attached = AttachStatus.RESERVED, AttachStatus.ATTACHING, AttachStatus.ATTACHED
    assert with_attachments([]) == VolumeStatus.AVAILABLE
    assert with_attachments([reserved]) == VolumeStatus.RESERVED
    assert with_attachments([reserved, attaching]) == VolumeStatus.ATTACHING
    assert with_attachments([reserved, attaching, attached]) == VolumeStatus.IN_USE
