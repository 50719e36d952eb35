"""The worker: takes what is to be done, does it, and stores how it ended. Every replica has one."""

from __future__ import annotations

import logging
import threading
import uuid
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

from services.platform.faults import Unavailable
from services.platform.request import current_request_id
from services.volume.states import Task
from services.volume.work import changing, claims, creating, deleting
from services.volume.work.bench import Bench, Failed, NotYet
from services.volume.work.claims import Claim, Lost
from services.volume.work.keeper import Held, Keeper
from services.volume.work.retries import GiveUp, after_failure
from storage import errors

log = logging.getLogger(__name__)

_WAIT = timedelta(seconds=0.3)

STEPS: dict[Task, Callable[[Bench, Held], None]] = {
    Task.CREATE: creating.create,
    Task.DELETE: deleting.delete,
    Task.EXTEND: changing.extend,
    Task.UPLOAD: changing.upload,
    Task.REVERT: changing.revert,
    Task.CREATE_SNAPSHOT: deleting.create_snapshot,
    Task.DELETE_SNAPSHOT: deleting.delete_snapshot,
}


class Worker:
    """Works on `threads` things at a time, besides what its callers' own threads bring."""

    def __init__(self, bench: Bench, keeper: Keeper, fenced: Callable[[], None] = lambda: None) -> None:
        """`fenced` is called when the store answers that it takes nothing from this client any more."""
        self._bench, self._keeper, self._fenced = bench, keeper, fenced
        self._lease = timedelta(seconds=bench.settings.lease_seconds)
        self._holder = f"{bench.settings.name}:{uuid.uuid4().hex[:8]}"
        self._pool = ThreadPoolExecutor(bench.settings.work_threads, thread_name_prefix="work")
        self._room = threading.Semaphore(bench.settings.work_threads)

    def work(self, resource_ids: Sequence[str]) -> None:
        """Do what is to be done for each of these; what another replica is at is left to it."""
        for resource_id in resource_ids:
            self._work_on(resource_id)

    def sweep(self) -> None:
        """Find work that nobody is at, and do it: the net under every lost hint and every dead replica."""
        due = self._bench.transactor.read(
            lambda session: claims.overdue(session, self._bench.clock(), self._bench.settings.work_threads * 4)
        )
        for resource_id in due:
            if not self._room.acquire(blocking=False):
                return
            self._pool.submit(self._in_the_pool, resource_id)

    def _in_the_pool(self, resource_id: str) -> None:
        try:
            self._work_on(resource_id)
        except Unavailable as fault:
            log.warning("%s waits: %s", resource_id, fault.message)
        except Exception:
            log.exception("work on %s failed; it will be taken up again", resource_id)
        finally:
            self._room.release()

    def start(self) -> None:
        """It works when it is told to; there is nothing to start."""

    def stop(self) -> None:
        """Begin nothing more. What is at hand ends with the process, and another replica continues it."""
        self._pool.shutdown(wait=False, cancel_futures=True)

    def _work_on(self, resource_id: str) -> None:
        before = self._keeper.ticks()
        claim = self._bench.transactor.write(
            lambda session: claims.take(session, resource_id, self._holder, self._bench.clock(), self._lease)
        )
        if claim is None:
            return
        reset = current_request_id.set(claim.request_id)
        try:
            with self._keeper.keep(claim, before) as held:
                self._carry_out(claim, held)
        except Lost as lost:
            log.info("left to another: %s", lost)
        finally:
            current_request_id.reset(reset)

    def _carry_out(self, claim: Claim, held: Held) -> None:
        try:
            STEPS[claim.task](self._bench, held)
        except Lost:
            raise
        except NotYet as reason:
            log.info("%s of %s: not yet: %s", claim.task, claim.resource_id, reason)
            self._put_back(claim, _WAIT, failed=False)
        except Failed as problem:
            self._give_up(claim, held, problem)
        except errors.Blocklisted:
            self._put_back(claim, _WAIT, failed=False)
            self._fenced()
        except (Unavailable, errors.Unavailable, errors.ClusterFull, errors.ImageBusy) as error:
            self._after_failure(claim, held, error, may_pass=True)
        except Exception as error:
            log.exception("%s of %s failed", claim.task, claim.resource_id)
            self._after_failure(claim, held, error, may_pass=False)
        else:
            log.info("%s of %s is done", claim.task, claim.resource_id)

    def _after_failure(self, claim: Claim, held: Held, error: Exception, *, may_pass: bool) -> None:
        step = after_failure(claim.task, claim.failures, may_pass=may_pass)
        if isinstance(step, GiveUp):
            self._give_up(claim, held, Failed(f"{type(error).__name__}: {error}"))
            return
        log.warning("%s of %s will be tried again: %s", claim.task, claim.resource_id, error)
        self._put_back(claim, step.pause, failed=True)

    def _put_back(self, claim: Claim, pause: timedelta, *, failed: bool) -> None:
        now = self._bench.clock()
        self._bench.transactor.write(lambda session: claims.put_back(session, claim, now, pause, failed=failed))

    def _give_up(self, claim: Claim, held: Held, problem: Failed) -> None:
        log.warning("%s of %s ended in an error: %s", claim.task, claim.resource_id, problem)
        if claim.task is Task.CREATE:
            creating.abandon(self._bench, held, self._bench.volume(claim.resource_id))
        self._bench.end(claim, problem=problem)
