"""Carrying out orders: each once, in the order of their numbers, remembered before it is reported."""

from __future__ import annotations

import logging
import threading
import time
from collections import defaultdict
from concurrent.futures import Future, ThreadPoolExecutor, wait
from dataclasses import replace
from typing import Any

from services.compute import topics
from services.compute.agent.driver import Driver, GuestMissing
from services.compute.agent.image_orders import FILL, ImageOrders
from services.compute.agent.journal import Entry, Journal, Verdict, judge, judge_volume
from services.compute.attachment_states import ORDERS
from services.compute.image_service import ImageService
from services.compute.states import Power
from services.platform.faults import NotFound, Unavailable
from services.platform.hints import Hinter
from services.platform.image_data import ImageGone
from services.platform.request import current_request_id

log = logging.getLogger(__name__)

#: Guests that one host boots at the same time, and images that it fills.
PARALLEL_ORDERS, PARALLEL_UPLOADS = 8, 2
#: How long the messenger waits for orders to be carried out, seconds. What takes longer (an image that comes over a
#: slow line) goes on by itself; being ordered again meanwhile changes nothing.
PATIENCE = 1.0


class Agent:
    """One host's agent."""

    def __init__(
        self,
        host: str,
        host_ip: str,
        driver: Driver,
        images: ImageService,
        journal: Journal,
        hints: Hinter,
        patience: float = PATIENCE,
    ) -> None:
        self._patience = patience
        self._host, self._host_ip, self._driver, self._journal, self._hints = host, host_ip, driver, journal, hints
        self._images = ImageOrders(driver, images)
        self._locks: defaultdict[str, threading.Lock] = defaultdict(threading.Lock)
        self._pool = ThreadPoolExecutor(PARALLEL_ORDERS, thread_name_prefix="guest")
        self._uploads = ThreadPoolExecutor(PARALLEL_UPLOADS, thread_name_prefix="upload")
        self._at_hand: set[tuple[str, int, str]] = set()
        self._choosing = threading.Lock()

    def obey(self, orders: list[dict[str, Any]]) -> None:
        """Carry out `orders`; returns when all of them are done and remembered, or go on by themselves."""
        begun = [future for order in orders if (future := self._begin(order)) is not None]
        for future in wait(begun, self._patience).done:
            future.result()

    def _begin(self, order: dict[str, Any]) -> Future[None] | None:
        """None where this very order is being carried out already; whoever does so will report."""
        key = (order["instance_id"], order["op"], order["order"])
        if "volume" in order:
            key = (f"{key[0]}:{order['volume']['id']}", *key[1:])
        with self._choosing:
            if key in self._at_hand:
                return None
            self._at_hand.add(key)
        return (self._uploads if order["order"] == FILL else self._pool).submit(self._obey_and_forget, order, key)

    def _obey_and_forget(self, order: dict[str, Any], key: tuple[str, int, str]) -> None:
        """Whoever waits for it may order the same again at once: by then it is no longer at hand."""
        try:
            self._obey_one(order)
        finally:
            self._at_hand.discard(key)

    def _obey_one(self, order: dict[str, Any]) -> None:
        instance_id, op, kind = order["instance_id"], order["op"], order["order"]
        current_request_id.set(order.get("request_id", "-"))
        if kind in ORDERS.values():
            self._obey_about_volume(instance_id, op, kind, order["volume"])
            return
        try:
            entry = self._fill_image(order) if kind == FILL else self._change_guest(order)
        except GuestMissing:
            self._report(instance_id, op, kind, Power.NOSTATE, error=f"There is no such guest on {self._host}.")
        except ImageGone as gone:
            self._report(instance_id, op, kind, Power.NOSTATE, error=str(gone))
        except Unavailable as fault:
            log.info("%s of %s waits until it is ordered again: %s", kind, instance_id, fault.message)
        except Exception as error:
            log.exception("%s of %s failed", kind, instance_id)
            self._report(instance_id, op, kind, Power.NOSTATE, error=f"{type(error).__name__}: {error}")
        else:
            if entry is None:
                log.info("ignored a late %s for %s", kind, instance_id)
            else:
                self._report(instance_id, op, kind, Power(entry.power))

    def _change_guest(self, order: dict[str, Any]) -> Entry | None:
        """What is known of the guest after the order; None where the order came too late."""
        instance_id, op, kind = order["instance_id"], order["op"], order["order"]
        with self._locks[instance_id]:
            entry = self._journal.get(instance_id)
            match judge(entry, op, kind):
                case Verdict.IGNORE:
                    return None
                case Verdict.REPORT_AGAIN:
                    return entry
            return self._carry_out(entry, instance_id, op, kind, order["spec"])

    def _fill_image(self, order: dict[str, Any]) -> Entry | None:
        """As `_change_guest`. The guest can be given other orders while its image is filled."""
        instance_id, op, image_id = order["instance_id"], order["op"], order["spec"]["new_image"]
        entry = self._journal.get(instance_id)
        match judge(entry, op, FILL):
            case Verdict.IGNORE:
                return None
            case Verdict.REPORT_AGAIN:
                return entry
        self._images.fill(instance_id, image_id, entry)
        with self._locks[instance_id]:
            entry = self._journal.get(instance_id)
            if entry is None or judge(entry, op, FILL) is not Verdict.DO:
                return None
            kept = {one: size for one, size in entry.snapshots.items() if one != image_id}
            return self._remember(instance_id, replace(entry, snapshots=kept), op, FILL, Power(entry.power))

    def _carry_out(self, before: Entry | None, instance_id: str, op: int, kind: str, spec: dict[str, Any]) -> Entry:
        if kind not in ("spawn", "destroy") and (before is None or before.gone):
            raise GuestMissing(instance_id)
        before = before or Entry(op=0, order="", power=Power.NOSTATE)
        power = Power(before.power)
        match kind:
            case "spawn":
                power = self._driver.spawn(instance_id, op, spec)
                volumes = {one["id"]: _noted(one, "attach_volume") for one in spec.get("volumes", ())}
                guest = {name: value for name, value in spec.items() if name != "volumes"}
                before = replace(before, gone=False, guest=guest, volumes=volumes)
            case "destroy":
                self._driver.destroy(instance_id)
                power = Power.NOSTATE
                before = replace(before, gone=True, guest={}, volumes={}, snapshots={})
            case "power_on":
                power = self._driver.power_on(instance_id, op)
            case "power_off":
                power = self._driver.power_off(instance_id)
            case "reboot":
                power = self._driver.reboot(instance_id, op)
            case "snapshot":
                before = replace(before, snapshots=self._images.snapshot(instance_id, spec["new_image"], before))
            case "prepare_upload":
                self._images.look(spec["new_image"])
            case _:
                raise ValueError(f"unknown order {kind}")
        return self._remember(instance_id, before, op, kind, power)

    def _remember(self, instance_id: str, entry: Entry, op: int, kind: str, power: Power) -> Entry:
        done = {**entry.done, kind: entry.done.get(kind, 0) + 1}
        entry = replace(entry, op=op, order=kind, power=power, at=time.time(), done=done)
        self._journal.put(instance_id, entry)
        return entry

    def _obey_about_volume(self, instance_id: str, op: int, kind: str, volume: dict[str, Any]) -> None:
        with self._locks[instance_id]:
            entry = self._journal.get(instance_id)
            verdict = judge_volume(entry, volume["id"], op, kind)
            if verdict is Verdict.IGNORE:
                log.info("ignored a late %s of %s for %s", kind, volume["id"], instance_id)
                return
            problem = ""
            if verdict is Verdict.DO:
                try:
                    self._change_volume(entry, instance_id, kind, volume)
                except GuestMissing:
                    # Whoever has no guest has no volume of it either.
                    problem = f"There is no such guest on {self._host}." if kind == "attach_volume" else ""
                except Exception as error:
                    log.exception("%s of %s for %s failed", kind, volume["id"], instance_id)
                    problem = f"{type(error).__name__}: {error}"
            outcome = {"instance_id": instance_id, "volume_id": volume["id"], "op": op, "order": kind}
            outcome |= {"succeeded": not problem, "message": problem}
            self._hints.send(topics.CONDUCTOR, "volume_outcome", host=self._host, outcome=outcome)

    def _change_volume(self, entry: Entry | None, instance_id: str, kind: str, volume: dict[str, Any]) -> None:
        if entry is None or entry.gone:
            raise GuestMissing(instance_id)
        (self._driver.attach_volume if kind == "attach_volume" else self._driver.detach_volume)(instance_id, volume)
        done = {**entry.done, kind: entry.done.get(kind, 0) + 1}
        volumes = {**entry.volumes, volume["id"]: _noted(volume, kind)}
        self._journal.put(instance_id, replace(entry, done=done, volumes=volumes))

    def _report(self, instance_id: str, op: int, kind: str, power: Power, error: str = "") -> None:
        outcome = {"instance_id": instance_id, "op": op, "order": kind, "succeeded": not error, "power": power.value}
        self._hints.send(topics.CONDUCTOR, "outcome", host=self._host, outcome={**outcome, "message": error})

    def console_output(self, instance_id: str) -> str:
        """The guest's console so far. Raises NotFound where the guest is not here."""
        try:
            return self._driver.console(instance_id)
        except GuestMissing:
            raise NotFound(f"Guest {instance_id} is not on {self._host}.") from None

    def report_life(self) -> None:
        """Tell a conductor that this host lives, and what it has to offer."""
        capacity = {**self._driver.capacity(), "host_ip": self._host_ip}
        self._hints.send(topics.CONDUCTOR, "life", host=self._host, capacity=capacity)

    def report_inventory(self) -> None:
        """Tell a conductor which guests and volumes are here, so that it can name those that should not be."""
        here = {guest: entry for guest, entry in self._journal.all().items() if not entry.gone}
        if here:
            guests = {guest: entry.op for guest, entry in here.items()}
            volumes = {
                guest: {volume: known["op"] for volume, known in entry.volumes.items() if known["is_here"]}
                for guest, entry in here.items()
            }
            self._hints.send(topics.CONDUCTOR, "inventory", host=self._host, guests=guests, volumes=volumes)


def _noted(volume: dict[str, Any], order: str) -> dict[str, Any]:
    """What the journal keeps of a volume."""
    return {**volume, "order": order, "is_here": order == "attach_volume"}
