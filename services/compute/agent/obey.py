"""Carrying out orders: each once, in the order of their numbers, remembered before it is reported."""

from __future__ import annotations

import logging
import threading
import time
from collections import defaultdict
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from typing import Any

from services.compute import topics
from services.compute.agent.driver import Driver, GuestMissing
from services.compute.agent.journal import Entry, Journal, Verdict, judge
from services.compute.states import Power
from services.platform.faults import NotFound
from services.platform.hints import Hinter
from services.platform.request import current_request_id

log = logging.getLogger(__name__)

#: Guests that one host boots at the same time.
PARALLEL_ORDERS = 8


class Agent:
    """One host's agent."""

    def __init__(self, host: str, host_ip: str, driver: Driver, journal: Journal, hints: Hinter) -> None:
        self._host, self._host_ip, self._driver, self._journal, self._hints = host, host_ip, driver, journal, hints
        self._locks: defaultdict[str, threading.Lock] = defaultdict(threading.Lock)
        self._pool = ThreadPoolExecutor(PARALLEL_ORDERS, thread_name_prefix="guest")

    def obey(self, orders: list[dict[str, Any]]) -> None:
        """Carry out `orders`; returns when all of them are done and remembered."""
        for future in [self._pool.submit(self._obey_one, order) for order in orders]:
            future.result()

    def _obey_one(self, order: dict[str, Any]) -> None:
        instance_id, op, kind = order["instance_id"], order["op"], order["order"]
        current_request_id.set(order.get("request_id", "-"))
        with self._locks[instance_id]:
            entry = self._journal.get(instance_id)
            match judge(entry, op, kind):
                case Verdict.IGNORE:
                    log.info("ignored a late %s for %s", kind, instance_id)
                    return
                case Verdict.DO:
                    try:
                        entry = self._carry_out(entry, instance_id, op, kind, order["spec"])
                    except GuestMissing:
                        self._report(
                            instance_id, op, kind, Power.NOSTATE, error=f"There is no such guest on {self._host}."
                        )
                        return
                    except Exception as error:
                        log.exception("%s of %s failed", kind, instance_id)
                        self._report(instance_id, op, kind, Power.NOSTATE, error=f"{type(error).__name__}: {error}")
                        return
                case Verdict.REPORT_AGAIN:
                    assert entry is not None
            self._report(instance_id, op, kind, Power(entry.power))

    def _carry_out(self, before: Entry | None, instance_id: str, op: int, kind: str, spec: dict[str, Any]) -> Entry:
        before = before or Entry(op=0, order="", power=Power.NOSTATE)
        match kind:
            case "spawn":
                power = self._driver.spawn(instance_id, spec)
                before = replace(before, gone=False, guest=spec)
            case "destroy":
                self._driver.destroy(instance_id)
                power = Power.NOSTATE
                before = replace(before, gone=True, guest={})
            case "power_on":
                power = self._driver.power_on(instance_id)
            case "power_off":
                power = self._driver.power_off(instance_id)
            case "reboot":
                power = self._driver.reboot(instance_id)
            case _:
                raise ValueError(f"unknown order {kind}")
        done = {**before.done, kind: before.done.get(kind, 0) + 1}
        entry = replace(before, op=op, order=kind, power=power, at=time.time(), done=done)
        self._journal.put(instance_id, entry)
        return entry

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
        """Tell a conductor which guests are here, so that it can name those that should not be."""
        guests = {guest: entry.op for guest, entry in self._journal.all().items() if not entry.gone}
        if guests:
            self._hints.send(topics.CONDUCTOR, "inventory", host=self._host, guests=guests)
