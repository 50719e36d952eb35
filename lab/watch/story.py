"""The story of a run: what the engine, the roles and the parts themselves say, one sentence for each transition."""

from __future__ import annotations

import json
import re
import threading
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import urllib3
from docker.errors import DockerException
from docker.models.containers import Container
from docker.types.daemon import CancellableStream

from lab.containers import LAB_LABEL, NAME_LABEL, SITE_LABEL, ContainerFacts, LabEngine
from lab.leases.lease import Lease, Leases
from lab.status_model import RegionStatus
from lab.topology import ONE, label
from lab.watch.recorder import Recorder
from lab.watch.run import Tone

LOOK, CONNECTED_LOOK, LEASE_LOOK, GONE = 2.0, 0.5, 0.2, 10.0
#: Roles whose own sentences are part of the story.
SPEAKING = frozenset({"lb", "galera", "shared-galera", "dns", "wan", "conductor", "arbitrator"})
SENTENCE = re.compile(r"^(?:balancer|dns|wan|node|arbitrator): (.*)$|(took over \d+ overdue)")
#: Views and their numbers are for those who read the log itself.
ASIDE = re.compile(r" \([^)]*\bview\b[^)]*\)")
ENGINE_SAYS = {
    "start": ("started", Tone.HELP),
    "pause": ("frozen", Tone.HARM),
    "unpause": ("thawed", Tone.HELP),
}
SIGNALS = {"137": "killed", "143": "ended when asked", "0": "ended"}


def engine_sentence(event: Mapping[str, Any]) -> tuple[str, str, Tone] | None:
    """Who, what and how it is meant, of one of the engine's events; None where it is none of the story. Pure."""
    about = event.get("Actor", {}).get("Attributes", {})
    who = label(about.get(SITE_LABEL, ONE), about.get(NAME_LABEL, ""))
    action = str(event.get("Action", ""))
    if action == "die":
        code = str(about.get("exitCode", ""))
        return who, SIGNALS.get(code, f"died with exit code {code}"), Tone.HARM
    if action in ENGINE_SAYS:
        return who, *ENGINE_SAYS[action]
    return None


def role_sentences(before: RegionStatus, after: RegionStatus) -> list[tuple[str, str, Tone]]:
    """What became different between two looks at a region. Pure."""

    def who(name: str | None) -> str:
        return label(after.site, name) if name else after.region

    found = []
    if after.address_holder != before.address_holder:
        said = f"has the address {after.address}" if after.address_holder else f"nobody has the address {after.address}"
        was = f", {before.address_holder} had it" if before.address_holder and after.address_holder else ""
        found.append((who(after.address_holder), said + was, Tone.CHANGE if after.address_holder else Tone.HARM))
    if after.writer != before.writer:
        said = "takes the writes" if after.writer else "no database node takes writes"
        was = f", {before.writer} took them before" if before.writer and after.writer else ""
        found.append((who(after.writer), said + was, Tone.CHANGE if after.writer else Tone.HARM))
    leader, former = after.queue_leaders.get("conductor"), before.queue_leaders.get("conductor")
    if leader != former and leader:
        found.append((who(leader), f"leads the conductor's queue{f', {former} led it' if former else ''}", Tone.CHANGE))
    if after.sentence != before.sentence:
        better = _weight(after) <= _weight(before)
        found.append((after.region, _shortened(after.sentence), Tone.HELP if better else Tone.HARM))
    return found


def _weight(status: RegionStatus) -> int:
    return sum(len(role.parts) - role.good for role in status.roles) + status.is_split


def _shortened(sentence: str) -> str:
    return sentence if len(sentence) <= 140 else f"{sentence[:137]}..."


def log_sentence(line: str) -> str | None:
    """A part's own sentence, out of a line of its log; None where the line is none for this story. Pure."""
    found = SENTENCE.search(line)
    return _shortened(ASIDE.sub("", found[1] or found[2]).strip()) if found else None


def lease_sentence(lease: Lease) -> str:
    """What was ordered. Pure."""
    detail = f" {lease.detail}" if lease.detail else ""
    return _shortened(f"{lease.kind}{detail} {', '.join(lease.labels)} for {lease.until - lease.began:.0f} s")


class Story:
    """Follows all sources in threads, from `start` until the process ends or `stop`."""

    def __init__(self, engine: LabEngine, recorder: Recorder, looks: Iterable[Callable[[], RegionStatus]]) -> None:
        self._engine, self._recorder, self._looks = engine, recorder, list(looks)
        self._stopping = threading.Event()
        self._lock = threading.Lock()
        self._threads: list[threading.Thread] = []
        self._streams: list[CancellableStream[Any]] = []

    def start(self) -> None:
        """Listen from now on."""
        self._spawn(self._hear_engine)
        self._spawn(self._watch_networks)
        self._spawn(self._watch_leases)
        for look in self._looks:
            self._spawn(self._watch_roles, look)
        for container in self._engine.client.containers.list(filters={"label": f"{LAB_LABEL}={self._engine.lab}"}):
            if container.labels.get("quorate.role") in SPEAKING:
                self._spawn(self._hear_part, container)

    def stop(self) -> None:
        """Listen no more."""
        self._stopping.set()
        with self._lock:
            streams = list(self._streams)
        for stream in streams:
            stream.close()

    def wait(self) -> None:
        """Return when nobody listens any more, or after a while."""
        give_up = time.monotonic() + GONE
        for thread in self._threads:
            thread.join(max(0.0, give_up - time.monotonic()))

    def _spawn(self, work: Callable[..., None], *about: object) -> None:
        thread = threading.Thread(target=self._listen, args=(work, *about), daemon=True)
        self._threads.append(thread)
        thread.start()

    @contextmanager
    def _heard(self, stream: CancellableStream[Any]) -> Iterator[CancellableStream[Any]]:
        """What the engine sends, until `stop` ends it from another thread."""
        with self._lock:
            self._streams.append(stream)
        try:
            if self._stopping.is_set():
                stream.close()
            yield stream
        finally:
            with self._lock:
                self._streams.remove(stream)
            stream.close()

    def _listen(self, work: Callable[..., None], *about: object) -> None:
        """One source. That it fell silent is a sentence, not the end of the watch."""
        try:
            work(*about)
        except Exception as error:
            if not self._stopping.is_set():
                self._recorder.tell("watch", f"lost a source of this story: {type(error).__name__}", Tone.CHANGE)

    def _hear_engine(self) -> None:
        wanted = {"label": f"{LAB_LABEL}={self._engine.lab}", "type": "container"}
        with self._heard(self._engine.client.events(filters=wanted, decode=True)) as events:
            for event in events:
                if (found := engine_sentence(event)) is not None:
                    at = int(event["timeNano"]) / 1e9 - time.time() + self._recorder.now
                    self._recorder.tell(*found, at=at)

    def _watch_networks(self) -> None:
        before: dict[str, ContainerFacts] = {}
        while not self._stopping.wait(CONNECTED_LOOK):
            after = self._engine.containers()
            for name, facts in after.items():
                was = before.get(name)
                if was is not None and was.is_connected != facts.is_connected:
                    says = "on the network again" if facts.is_connected else "cut off the network"
                    self._recorder.tell(name, says, Tone.HELP if facts.is_connected else Tone.HARM)
            before = after

    def _watch_leases(self) -> None:
        known = {lease.id for lease in Leases().all()}
        while not self._stopping.wait(LEASE_LOOK):
            for lease in Leases().all():
                if lease.id not in known:
                    known.add(lease.id)
                    at = lease.began - time.time() + self._recorder.now
                    self._recorder.tell("you", lease_sentence(lease), Tone.HARM, at=at)

    def _watch_roles(self, look: Callable[[], RegionStatus]) -> None:
        before = look()
        while not self._stopping.wait(LOOK):
            try:
                after = look()
            except Exception:  # noqa: S112 - a look that fails is no news; the next one tells
                continue
            for found in role_sentences(before, after):
                self._recorder.tell(*found)
            before = after

    def _hear_part(self, container: Container) -> None:
        who = label(container.labels.get(SITE_LABEL, ONE), container.labels.get(NAME_LABEL, ""))
        while not self._stopping.is_set():
            since = int(time.time())
            try:
                lines = container.logs(stream=True, follow=True, since=since, timestamps=True)
                with self._heard(lines) as heard:
                    for raw in heard:
                        self._tell_line(who, raw.decode("utf-8", "replace"))
            except (DockerException, urllib3.exceptions.HTTPError, OSError, json.JSONDecodeError):
                pass
            self._stopping.wait(1.0)  # it ended; it may be started again

    def _tell_line(self, who: str, text: str) -> None:
        for line in text.splitlines():
            if (says := log_sentence(line.partition(" ")[2])) is not None:
                self._recorder.tell(who, says, Tone.CHANGE)
