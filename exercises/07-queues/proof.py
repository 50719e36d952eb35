"""Tries a student's courier: a node dies while parcels are sent (`send`), or the worker is killed at work (`work`).

Reads what it needs as JSON, prints findings as JSON in its last line.
"""

import importlib.util
import json
import os
import signal
import sqlite3
import subprocess
import sys
import tempfile
import time
import urllib.request
from base64 import b64encode
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import amqp

from lab.leases.order import order, take_back

PARCELS, KILLS = 120, 4
USER = "quorate"
QUEUE = "exercise-parcels"
COMING_OUT, STALLED, PACE, EFFECT = 20.0, 6.0, 0.02, 0.03


class Ledger:
    """What the world remembers of deliveries, in a file that outlives the worker."""

    def __init__(self, path):
        self._base = sqlite3.connect(path, timeout=10, isolation_level=None)
        self._base.execute("CREATE TABLE IF NOT EXISTS delivered (parcel TEXT)")

    def deliver(self, parcel):
        """Take it to its door."""
        time.sleep(EFFECT)
        self._base.execute("INSERT INTO delivered VALUES (?)", (parcel,))
        time.sleep(EFFECT)

    def delivered(self, parcel):
        """Whether it was taken there before."""
        return self._base.execute("SELECT 1 FROM delivered WHERE parcel = ?", (parcel,)).fetchone() is not None

    def count(self):
        """How often each was delivered."""
        return dict(self._base.execute("SELECT parcel, COUNT(*) FROM delivered GROUP BY parcel").fetchall())


def channel_to(given, nodes, silence=8):
    """A channel to the first of these nodes that answers; it may be silent for so many seconds."""
    for name in nodes:
        try:
            connection = amqp.Connection(
                f"{given['addresses'][name]}:5672",
                userid=USER,
                password=given["broker_password"],
                connect_timeout=2,
                read_timeout=silence,
                write_timeout=silence,
                confirm_publish=False,
            )
            connection.connect()
            return connection.channel()
        except OSError:
            continue
    raise SystemExit("no node of the broker answers")


def load(given):
    """The student's module."""
    spec = importlib.util.spec_from_file_location("courier", Path(given["work"]) / "courier.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def leader_of(given, nodes):
    """The node that holds the queue, as the management tells it."""
    login = b64encode(f"{USER}:{given['broker_password']}".encode()).decode()
    address = f"http://{given['addresses'][nodes[0]]}:15672/api/queues/%2f/{QUEUE}"
    request = urllib.request.Request(address, headers={"Authorization": f"Basic {login}"})
    with urllib.request.urlopen(request, timeout=5) as answer:
        told = json.load(answer)
    return (told.get("leader") or told["node"]).split("@")[1]


def fresh(given, courier, nodes):
    """An empty queue, made by the student's code."""
    channel = channel_to(given, nodes)
    channel.queue_delete(QUEUE)
    courier.declare(channel, QUEUE)
    channel.connection.close()


def send(given, courier, nodes):
    """Parcels are sent by way of the node that holds the queue, and the node dies; what was sent must be there."""
    fresh(given, courier, nodes)
    time.sleep(1)
    holder = leader_of(given, nodes)
    channel = channel_to(given, [holder])
    fault, sent, hurried, refused = None, [], [], 0
    for number in range(PARCELS):
        parcel = f"parcel-{number}"
        if number == PARCELS // 2:
            fault, hurried = hurry(courier, channel, holder)
            channel = channel_to(given, [name for name in nodes if name != holder])
        try:
            courier.send(channel, QUEUE, parcel)
            sent.append(parcel)
        except Exception:
            refused += 1
            channel = channel_to(given, [name for name in nodes if name != holder])
        time.sleep(PACE)
    take_back(fault)
    time.sleep(3)
    there = drain(given, nodes, {*sent, *hurried})
    lost, gone = len(set(sent) - there), len(set(hurried) - there)
    says = f"{len(sent)} parcels were sent one by one, and {holder} died in their midst; {lost} of them never came out"
    found = [{"ok": lost == 0, "says": says, "measured": {"lost": lost}}]
    says = f"{len(hurried)} more were sent in a hurry while {holder} died; {gone} of them never came out"
    found.append({"ok": gone == 0, "says": says})
    if refused > PARCELS // 4:
        found.append({"ok": False, "says": f"{refused} parcels of {PARCELS} could not be sent at all"})
    return found


def hurry(courier, channel, holder):
    """Parcels one right after the other while a node dies: the fault, and those for which `send` returned."""
    sent, failed = [], False
    with ThreadPoolExecutor(1) as pool:
        striking = pool.submit(order, "kill", [holder], 60)
        while not striking.done() and not failed:
            parcel = f"hurried-{len(sent)}"
            try:
                courier.send(channel, QUEUE, parcel)
                sent.append(parcel)
            except Exception:
                failed = True
            if len(sent) % 20 == 0:
                time.sleep(0.01)
        return striking.result(), sent


def drain(given, nodes, wanted):
    """All parcels that come out of the queue, until there are all, or for a while."""
    there, give_up = set(), time.monotonic() + COMING_OUT
    while time.monotonic() < give_up and not wanted <= there:
        try:
            channel = channel_to(given, nodes)
            while (message := channel.basic_get(QUEUE, no_ack=True)) is not None:
                there.add(message.properties["message_id"])
            channel.connection.close()
        except (amqp.exceptions.AMQPError, OSError):
            pass
        time.sleep(0.5)
    return there


def work(given, courier, nodes):
    """The worker is killed again and again while it works; every parcel must be delivered once."""
    fresh(given, courier, nodes)
    channel = channel_to(given, nodes)
    for number in range(PARCELS):
        channel.basic_publish_confirm(
            amqp.Message("parcel", message_id=f"parcel-{number}", delivery_mode=2), routing_key=QUEUE
        )
    with tempfile.TemporaryDirectory() as directory:
        path = str(Path(directory) / "ledger")
        ledger = Ledger(path)
        for number in range(KILLS):
            # in the midst of a delivery: after the effect, or before the next one's
            late = number % 2 * 1.5 * EFFECT
            at_work(given, path, ledger, goal=len(ledger.count()) + PARCELS // (KILLS + 2), late=late)
        at_work(given, path, ledger, goal=PARCELS)
        count = ledger.count()
    left, twice = PARCELS - len(count), sum(times > 1 for times in count.values())
    return [
        {
            "ok": left == 0,
            "says": f"{left} of {PARCELS} parcels were never delivered, after the worker had died {KILLS} times",
            "measured": {"lost": left},
        },
        {"ok": twice == 0, "says": f"{twice} parcels were delivered twice", "measured": {"twice": twice}},
    ]


def at_work(given, path, ledger, goal, late=0.0):
    """A worker, killed so many seconds after so many parcels are delivered, or when no more are."""
    worker = subprocess.Popen(
        [sys.executable, __file__, "worker", path, json.dumps(given)], stdout=subprocess.DEVNULL, stderr=subprocess.PIPE
    )
    done, give_up = len(ledger.count()), time.monotonic() + STALLED
    while done < goal and time.monotonic() < give_up and worker.poll() is None:
        time.sleep(0.005)
        before, done = done, len(ledger.count())
        give_up = time.monotonic() + STALLED if done > before else give_up
    ended = worker.poll()
    if ended is None:
        time.sleep(late)
        os.kill(worker.pid, signal.SIGKILL)
    error = worker.communicate()[1].decode().strip().splitlines()
    if ended is not None:
        raise RuntimeError(f"the worker ends by itself: {error[-1] if error else ended}")


def main():
    """One of the trials, or the worker that one of them starts."""
    if sys.argv[1] == "worker":
        given = json.loads(sys.argv[3])
        nodes = [name for name in given["addresses"] if name.startswith("mq")]
        load(given).work(channel_to(given, nodes, silence=None), QUEUE, Ledger(sys.argv[2]))
        return
    given = json.load(sys.stdin)
    nodes = [name for name in given["addresses"] if name.startswith("mq")]
    try:
        findings = {"send": send, "work": work}[sys.argv[1]](given, load(given), nodes)
    except Exception as error:
        findings = [{"ok": False, "says": f"your program ends with {type(error).__name__}: {error}"}]
    print(json.dumps(findings))


if __name__ == "__main__":
    main()
