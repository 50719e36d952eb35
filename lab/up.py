"""Brings one region up, from whatever state it is in, and returns when every part of it works."""

from collections.abc import Mapping

from lab import clouds, compose, envfile
from lab.base_image import ensure_base_image
from lab.containers import LabEngine, open_engine
from lab.database_proxy import PROXYSQL_IMAGE, ProxyChoice, choose
from lab.engine_setup import ensure_engine
from lab.errors import LabError
from lab.faults import heal
from lab.images import ensure_images
from lab.paths import CLOUDS_FILE, ENV_FILE, STATE_FILE, VAR, private_directory
from lab.probes import Prober
from lab.progress import Progress
from lab.registry import has_image, try_pull
from lab.settle import settle
from lab.state import LabState, load, save
from lab.status_model import RegionStatus
from lab.topology import parts_with_role
from lab.waiting import Waiter


def bring_up(lab: str, environment: Mapping[str, str], progress: Progress) -> tuple[LabState, RegionStatus]:
    """Do all that is missing, in order; harmless where nothing is."""
    ensure_engine(progress)
    private_directory(VAR)
    with open_engine(lab) as engine:
        state, secrets = _decide(lab, engine, environment, progress)
        ensure_base_image(progress)
        ensure_images(lab, progress)
        if engine.network_names():
            heal(engine, state.topology, lambda sentence: progress.say(f"{sentence}."), dead_too=False)
        with progress.step("Starting containers") as note:
            _remove_unused_proxies(engine, state)
            compose.up(state.topology, state.database_proxy, note)
        clouds.put(
            CLOUDS_FILE, clouds.entry(state.topology.identity_url, state.topology.region, secrets["ADMIN_PASSWORD"])
        )
        status = Waiter(engine, state, Prober(state.topology, secrets), progress).wait()
    return state, status


def _decide(
    lab: str, engine: LabEngine, environment: Mapping[str, str], progress: Progress
) -> tuple[LabState, dict[str, str]]:
    """Where the lab goes, what stands before its database, and its secrets; kept in `var/`."""
    before = load(STATE_FILE)
    existing = envfile.read(ENV_FILE)
    if not existing and engine.volume_names():
        raise LabError(
            f"The data of {lab} is here, but its secrets ({ENV_FILE}) are gone."
            " `quorate down` removes the data too; then `quorate up` begins anew."
        )
    place = settle(before, lab, engine)
    choice = _choose_proxy(before, environment.get("DB_PROXY", ""), progress)
    state = LabState(lab, place.subnet, place.port_base, choice.proxy, choice.reason)
    content = envfile.values(state.topology, choice.proxy, existing)
    save(STATE_FILE, state)
    envfile.write(ENV_FILE, content)
    return state, content


def _choose_proxy(before: LabState | None, asked: str, progress: Progress) -> ProxyChoice:
    def pull() -> bool:
        with progress.step(f"Asking the registry for {PROXYSQL_IMAGE}") as note:
            return try_pull(PROXYSQL_IMAGE, note)

    earlier = ProxyChoice(before.database_proxy, before.database_proxy_reason) if before else None
    return choose(asked, has_image(PROXYSQL_IMAGE), earlier, pull)


def _remove_unused_proxies(engine: LabEngine, state: LabState) -> None:
    """A lab that changes to HAProxy leaves its ProxySQLs behind."""
    if state.database_proxy == "proxysql":
        return
    containers = engine.containers()
    for part in parts_with_role("proxysql"):
        if part.name in containers:
            engine.client.containers.get(containers[part.name].container).remove(force=True)
