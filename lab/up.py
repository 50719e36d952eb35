"""Brings a lab up, from whatever state it is in, and returns when every part of it works."""

from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor

from lab import clouds, compose, envfile
from lab import secrets as lab_secrets
from lab.base_image import ensure_base_image
from lab.containers import LabEngine, open_engine
from lab.database_proxy import PROXYSQL_IMAGE, ProxyChoice, choose
from lab.design import Design, wanted_design
from lab.engine_setup import ensure_engine
from lab.errors import LabError
from lab.faults import heal
from lab.images import ensure_images
from lab.paths import CLIENT_CLOUDS_FILE, CLOUDS_FILE, ENV_FILE, STATE_FILE, VAR, env_file, private_directory
from lab.places import wanted_regions
from lab.progress import Note, Progress
from lab.registry import has_image, try_pull
from lab.settle import settle
from lab.state import LabState, load, save
from lab.status_model import LabStatus
from lab.topology import OUTSIDE, all_parts
from lab.waiting import Waiter
from lab.wan import heal_way


def bring_up(
    lab: str, environment: Mapping[str, str], progress: Progress, *, wait: bool = True
) -> tuple[LabState, LabStatus | None]:
    """Do all that is missing, in order; harmless where nothing is. The status is None where it was not waited for."""
    ensure_engine(progress)
    private_directory(VAR)
    with open_engine(lab) as engine:
        state, secrets = _decide(lab, engine, environment, progress)
        ensure_base_image(progress)
        ensure_images(lab, state.regions, progress)
        if engine.network_names():
            heal(engine, state.topology, lambda sentence: progress.say(f"{sentence}."), dead_too=False)
            if way := heal_way(engine):
                progress.say(f"The way between the sites is free again ({way}).")
        if state.regions > 1:
            clouds.write_world(CLIENT_CLOUDS_FILE, state.region_topologies, secrets["ADMIN_PASSWORD"])
        with progress.step("Starting containers") as note:
            _remove_unused_proxies(engine, state)
            _start(state, note)
        for name, entry in clouds.entries(state.region_topologies, secrets["ADMIN_PASSWORD"]).items():
            clouds.put(CLOUDS_FILE, entry, name)
        status = Waiter(engine, state, secrets, progress).wait() if wait else None
    return state, status


def _decide(
    lab: str, engine: LabEngine, environment: Mapping[str, str], progress: Progress
) -> tuple[LabState, dict[str, str]]:
    """Its design, where it goes, what stands before its database, and its secrets; kept in `var/`."""
    before = load(STATE_FILE)
    existing = envfile.read(ENV_FILE)
    design = wanted_design(environment, before.design if before else None)
    regions = wanted_regions(environment, before.regions if before else None)
    if not existing and engine.volume_names():
        raise LabError(
            f"The data of {lab} is here, but its secrets ({ENV_FILE}) are gone."
            " `quorate down` removes the data too; then `quorate up` begins anew."
        )
    place = settle(before, lab, engine, regions)
    choice = _choose_proxy(before, environment.get("DB_PROXY", ""), design, progress)
    state = LabState(lab, place.subnet, place.port_base, choice.proxy, choice.reason, regions, design.name)
    secrets = lab_secrets.complete(existing)
    save(STATE_FILE, state)
    envfile.write(ENV_FILE, secrets)
    for topology in state.topologies:
        envfile.write(env_file(topology.site), envfile.values(topology, choice.proxy, secrets))
    return state, secrets


def _start(state: LabState, note: Note) -> None:
    """All regions at once, then what joins their networks."""
    with ThreadPoolExecutor(max_workers=len(state.region_topologies)) as pool:
        jobs = [pool.submit(compose.up, each, state.database_proxy, note) for each in state.region_topologies]
        for job in jobs:
            job.result()
    for outside in (each for each in state.topologies if each.site == OUTSIDE):
        compose.up(outside, state.database_proxy, note)


def _choose_proxy(before: LabState | None, asked: str, design: Design, progress: Progress) -> ProxyChoice:
    def pull() -> bool:
        with progress.step(f"Asking the registry for {PROXYSQL_IMAGE}") as note:
            return try_pull(PROXYSQL_IMAGE, note)

    earlier = ProxyChoice(before.database_proxy, before.database_proxy_reason) if before else None
    return choose(asked, has_image(PROXYSQL_IMAGE), earlier, pull, design)


def _remove_unused_proxies(engine: LabEngine, state: LabState) -> None:
    """A lab that changes to HAProxy leaves its ProxySQLs behind."""
    if state.database_proxy == "proxysql":
        return
    containers = engine.containers()
    for part in all_parts(state.regions):
        if part.role == "proxysql" and part.label in containers:
            engine.client.containers.get(containers[part.label].container).remove(force=True)
