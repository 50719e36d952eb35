"""The status of a region: judged from plain facts, drawn for people and for programs."""

import json
from dataclasses import replace

import pytest
from rich.console import Console

from lab.assess import assess
from lab.assess_outside import assess_outside
from lab.block_store import read_store
from lab.containers import ContainerFacts, read_facts
from lab.facts import Agent, Broker, Facts, GaleraNode, Queue, ServerRow, Store, StoreOsd
from lab.keystone import read_agents
from lab.patience import pause_between_looks
from lab.probes import best_broker, galera_writer, read_broker, read_holder, read_rows, read_state
from lab.readiness import STAGES, ended, missing
from lab.status_model import Health, LabStatus, RegionStatus, Verdict
from lab.status_view import as_json, draw
from lab.topology import Topology, all_parts
from lab.wire import table

TOPOLOGY = Topology("quorate-abc123", "10.123.45", 24680)
PARTS = TOPOLOGY.parts
UUID = "11111111-0000-0000-0000-000000000000"


MONITORS = frozenset({"mon1", "mon2", "mon3"})
OSDS = {name: StoreOsd(True, True, primary) for name, primary in (("osd1", 11), ("osd2", 10), ("osd3", 11))}
STORE = Store(MONITORS, MONITORS, OSDS, {"active+clean": 31, "active+clean+scrubbing": 1})


def running(name: str) -> ContainerFacts:
    return ContainerFacts(name, TOPOLOGY.container(name), "running", True)


def healthy() -> Facts:
    servers = [
        part for part in PARTS if part.role in {"identity", "image", "compute-api", "volume", "swift-proxy", "proxysql"}
    ]
    rows = tuple(ServerRow(part.role, part.name, "UP", "L7OK") for part in servers)
    agents = [part for part in PARTS if part.role in {"scheduler", "conductor", "compute"}]
    containers = {part.name: running(part.name) for part in PARTS}
    containers["bootstrap"] = replace(running("bootstrap"), state="exited", exit_code=0)
    return Facts(
        containers=containers,
        address_holder="lb1",
        balancers={"lb1": rows, "lb2": rows},
        galera={f"db{n}": GaleraNode(UUID, 7, "up") for n in (1, 2, 3)},
        writers={"proxysql1": "db3", "proxysql2": "db3"},
        broker=Broker(frozenset({"mq1", "mq2", "mq3"}), (Queue("conductor", "mq2", 3, 3),)),
        agents=tuple(Agent(f"nova-{part.role}", part.name, True, True) for part in agents),
        object_servers={f"swift{n}": frozenset({"account", "container", "object"}) for n in (1, 2)},
        store=STORE,
        published={"identity": True, "image": True, "compute": True, "volume": True, "object": True},
    )


def judged(facts: Facts, proxy: str = "proxysql") -> RegionStatus:
    return assess(TOPOLOGY, facts, proxy, "" if proxy == "proxysql" else "no registry")


def part(status: RegionStatus, name: str):
    return next(part for role in status.roles for part in role.parts if part.name == name)


def text(status: RegionStatus) -> str:
    console = Console(width=110, record=True, file=None, quiet=True)
    with console.capture() as captured:
        console.quiet = False
        console.print(draw(LabStatus("quorate-abc123", (status,))))
    return captured.get()


def test_all_well():
    status = judged(healthy())
    assert status.verdict is Verdict.REDUNDANT
    assert (status.writer, status.galera_size, status.address_holder) == ("db3", 3, "lb1")
    assert part(status, "lb1").says == "holds the address"
    assert part(status, "lb2").says == "stands by"
    assert part(status, "db3").says == "writer, synced"
    assert part(status, "mq2").says == "leads 1 of 1 queues"
    assert all(missing(stage, status, healthy().containers["bootstrap"]) == [] for stage in STAGES)


@pytest.mark.parametrize("victim", [each.name for each in PARTS if each.role not in {"bootstrap", "edge"}])
def test_any_one_part_may_die(victim):
    facts = healthy()
    facts.containers[victim] = replace(running(victim), state="exited", exit_code=137)
    status = judged(facts)
    assert part(status, victim).health is Health.DOWN
    assert part(status, victim).container == "dead"
    assert [each.name for each in status.unwell] == [victim]
    assert status.verdict is Verdict.SERVING
    assert "less redundancy" in status.sentence


def test_the_more_is_missing_the_less_often_everything_is_looked_at():
    pauses = [pause_between_looks(unwell) for unwell in (0, 1, 10, 20, 40, 80)]
    assert pauses == sorted(pauses)
    assert pauses[1] < 0.5
    assert 1 < pauses[-1] < 3


def test_two_of_three_databases_are_not_enough_to_lose():
    facts = healthy()
    facts.containers["db1"] = replace(running("db1"), state="paused")
    facts.containers["db2"] = replace(running("db2"), is_connected=False)
    facts.galera["db3"] = replace(facts.galera["db3"], phase="lost")
    status = judged(facts)
    assert status.verdict is Verdict.FAILING
    assert status.sentence == "Not served: galera."
    assert (part(status, "db1").container, part(status, "db2").container) == ("paused", "cut off")


def test_one_database_goes_on_where_the_others_left_in_good_order():
    facts = healthy()
    for name in ("db1", "db2"):
        facts.containers[name] = replace(running(name), state="exited")
    assert judged(facts).sentence == "Serving, with less redundancy in galera (1 of 3)."


def test_two_owners_of_the_address_are_said():
    status = judged(replace(healthy(), owners=frozenset({"lb1", "lb2"})))
    assert status.verdict is Verdict.SERVING
    assert status.sentence == "Serving, but the address has 2 owners: lb1 and lb2."
    assert "held by lb1 and lb2" in text(status)
    assert {part(status, name).says for name in ("lb1", "lb2")} == {"holds the address"}
    assert "held by lb1." in text(judged(replace(healthy(), owners=frozenset({"lb1"}))))


def test_silence_is_shown_and_never_raises():
    facts = Facts(containers={each.name: running(each.name) for each in PARTS})
    status = judged(facts)
    assert status.verdict is Verdict.FAILING
    assert status.address_holder is None
    assert "held by nobody" in text(status)
    assert judged(Facts(containers={})).roles[0].parts[0].container == "missing"


def test_a_queue_on_too_few_nodes_is_said():
    facts = replace(healthy(), broker=Broker(frozenset({"mq1", "mq2", "mq3"}), (Queue("conductor", "mq2", 2, 2),)))
    status = judged(facts)
    assert status.verdict is Verdict.SERVING
    assert status.sentence == "Serving, with less redundancy in queue conductor on 2 of 3."
    assert missing(STAGES[-1], status, None) == ["conductor on 2 of 3"]


def test_a_broker_whose_disk_is_full_is_told():
    full = Broker(frozenset({"mq1", "mq2", "mq3"}), full=frozenset({"mq2"}))
    status = judged(replace(healthy(), broker=full))
    assert (part(status, "mq2").health, part(status, "mq1").health) == (Health.DOUBTFUL, Health.GOOD)
    assert "no node takes messages" in part(status, "mq2").says


def test_the_block_store_is_told_in_its_own_words():
    status = judged(healthy())
    assert part(status, "mon2").says == "in quorum"
    assert part(status, "osd1").says == "up, in; primary of 11 of 32 placement groups"
    seen = judged(replace(healthy(), store=replace(STORE, answering=MONITORS - {"mon1"}, deciding=frozenset())))
    assert (part(seen, "mon1").says, part(seen, "mon2").says) == ("does not answer", "without a majority")
    assert seen.verdict is Verdict.FAILING
    assert "up, in" in part(seen, "osd2").says


@pytest.mark.parametrize(
    ("osd", "says"),
    [
        (StoreOsd(False, True, 0), "down, in"),
        (StoreOsd(False, False, 0), "down, out"),
        (StoreOsd(True, False, 0), "up, out"),
        (StoreOsd(True, True, 3, is_full=True), "up, in; its disk is full"),
    ],
)
def test_an_osd_that_holds_nothing_is_told(osd, says):
    status = judged(replace(healthy(), store=replace(STORE, osds={**OSDS, "osd3": osd})))
    assert (part(status, "osd3").health, part(status, "osd3").says) == (Health.DOUBTFUL, says)
    assert status.verdict is Verdict.SERVING
    silent = judged(replace(healthy(), store=replace(STORE, osds={})))
    assert part(silent, "osd3").says == "has not booted yet"


def test_placement_groups_short_of_copies_are_said():
    thin = {"active+clean": 20, "active+undersized+degraded": 11, "active+recovering+degraded": 1}
    status = judged(replace(healthy(), store=replace(STORE, groups=thin)))
    assert status.verdict is Verdict.SERVING
    assert "11 placement groups active+undersized+degraded" in status.sentence
    assert "1 placement group active+recovering+degraded" in missing(STAGES[-1], status, None)
    idle = judged(replace(healthy(), store=replace(STORE, groups={"active+clean": 30, "peering": 2})))
    assert idle.sentence == "Not served: 2 placement groups peering."


def test_monitors_answers_are_read():
    row = {"osd": 0, "host": "osd1", "up": True, "in": False, "primary": 3}
    young = {"tree": [], "status": {"epoch": 7, "pgs": {"unknown": 32}}, "decides": True}
    knows = {"tree": [row], "status": {"epoch": 7, "pgs": {"active+clean": 32}}, "decides": False}
    older = {"tree": [], "status": {"epoch": 6, "pgs": {}}, "decides": True}
    seen = read_store({"mon1": young, "mon2": knows, "mon3": None})
    osds = {"osd1": StoreOsd(True, False, 3)}
    assert seen == Store(frozenset({"mon1", "mon2"}), frozenset({"mon1"}), osds, {"active+clean": 32})
    assert read_store({"mon1": None}) is None
    best = read_store({"mon1": older, "mon2": knows})
    assert best is not None
    assert best.osds == osds


def test_without_a_route_only_the_published_entrance_counts():
    seen = healthy()
    facts = Facts(seen.containers, is_routed=False, agents=seen.agents, published=seen.published)
    status = judged(facts)
    assert status.verdict is Verdict.REDUNDANT
    assert all(missing(stage, status, facts.containers["bootstrap"]) == [] for stage in STAGES)
    assert "no route" in text(status)
    silent = replace(facts, published=dict.fromkeys(seen.published, False))
    assert missing(next(each for each in STAGES if "edge" in each.roles), judged(silent), None) == ["edge (no answer)"]


def test_what_haproxy_sees_counts():
    facts = healthy()
    down = ServerRow("identity", "identity1", "DOWN", "L4TOUT")
    facts.balancers["lb1"] = tuple(down if row.server == "identity1" else row for row in facts.balancers["lb1"] or ())
    seen = part(judged(facts), "identity1")
    assert seen.health is Health.DOUBTFUL
    assert "1 of 2" in seen.says
    assert "L4TOUT" in seen.says


def test_the_fallback_is_said():
    facts = replace(healthy(), writers={"lb1": "db3", "lb2": "db3"})
    status = judged(facts, "haproxy")
    assert "proxysql" not in [role.role for role in status.roles]
    assert "HAProxy in ProxySQL's place (no registry)" in " ".join(text(status).split())


def test_the_drawing_names_every_part_and_json_has_the_same():
    status = judged(healthy())
    drawn = text(status)
    assert all(each.name in drawn for each in PARTS if each.role != "bootstrap")
    whole = json.loads(as_json(LabStatus("quorate-abc123", (status,))))
    assert whole["verdict"] == "redundant"
    assert whole["outside"] is None
    (content,) = whole["regions"]
    assert content["verdict"] == "redundant"
    assert content["writer"] == "db3"
    assert content["queue_leaders"] == {"conductor": "mq2"}
    assert {role["role"]: role["verdict"] for role in content["roles"]}["galera"] == "redundant"


def test_a_lab_serves_while_one_of_its_regions_does():
    whole = Topology("quorate-abc123", "10.123.44", 24680, regions=2)
    containers = {part.label: ContainerFacts(part.name, "", "running", True, site=part.site) for part in all_parts(2)}
    outside = assess_outside(whole, containers)
    good, lost = judged(healthy()), judged(Facts(containers={}))
    assert LabStatus("x", (good, good), outside).verdict is Verdict.REDUNDANT
    assert LabStatus("x", (good, lost), outside).verdict is Verdict.SERVING
    assert LabStatus("x", (lost, lost), outside).verdict is Verdict.FAILING
    slowed = assess_outside(whole, containers, "80 ms each way")
    assert LabStatus("x", (good, good), slowed).verdict is Verdict.SERVING
    containers["arbitrator"] = replace(containers["arbitrator"], state="exited")
    dead = LabStatus("x", (good, good), assess_outside(whole, containers))
    assert dead.verdict is Verdict.SERVING
    assert "arbitrator" in json.loads(as_json(dead))["outside"]["roles"][1]["parts"][0]["name"]


def test_the_shared_database_and_the_names_of_two_regions_are_told():
    two = Topology("quorate-abc123", "10.123.44", 24680, regions=2)
    both = ("10.123.44.10", "10.123.45.10")
    containers = {part.name: running(part.name) for part in two.parts}
    shared = {"sdb1": GaleraNode(UUID, 7, "up"), "sdb2": GaleraNode(UUID, 7, "lost")}
    names = {"dns": {"identity": both, "image": both, "object": both}}
    status = assess(two, Facts(containers=containers, shared=shared, names=names), "proxysql")
    assert part(status, "sdb1").health is Health.GOOD
    assert (part(status, "sdb2").health, part(status, "sdb2").says) == (
        Health.DOUBTFUL,
        "without a majority: reads only",
    )
    assert part(status, "dns").says == "sends to region-one and region-two"
    names["dns"]["image"] = both[1:]
    status = assess(two, Facts(containers=containers, names=names), "proxysql")
    assert "image: region-two" in part(status, "dns").says


def test_readiness_names_what_is_missing():
    facts = healthy()
    facts.galera["db2"] = GaleraNode(UUID, 7, "join")
    facts.containers["bootstrap"] = running("bootstrap")
    status = judged(facts)
    waited = {stage.title: missing(stage, status, facts.containers["bootstrap"]) for stage in STAGES}
    assert waited["Galera is synced"] == ["db2 (catches up)"]
    assert waited["Tables and first data are there"] == ["bootstrap (makes tables and first data)"]
    assert ended(facts.containers) == []
    facts.containers["mq1"] = replace(running("mq1"), state="exited", exit_code=1)
    facts.containers["bootstrap"] = replace(running("bootstrap"), state="exited", exit_code=1)
    assert [fact.name for fact in ended(facts.containers)] == ["mq1", "bootstrap"]


def test_engine_answers_are_read():
    labels = {"quorate.name": "db1"}
    up = {"Labels": labels, "Names": ["/x-one-db1"], "State": "running", "Status": "Up 3 seconds"}
    card = {"NetworkSettings": {"Networks": {"x": {"MacAddress": "02:42:0a:00:00:15"}}}}
    assert read_facts([up | card])["db1"] == ContainerFacts(
        "db1", "x-one-db1", "running", True, None, "02:42:0a:00:00:15"
    )
    dead = up | {"State": "exited", "Status": "Exited (137) 2 seconds ago", "NetworkSettings": {"Networks": {}}}
    assert read_facts([dead])["db1"].exit_code == 137


def test_probe_answers_are_read():
    assert read_state(f"1 {UUID} 42 up 3 -") == GaleraNode(UUID, 42, "up")
    assert read_state("nonsense") is None
    assert read_state(None) is None
    csv = "# pxname,svname,status,type,check_status,\ndb,FRONTEND,OPEN,0,,\ndb,db2,DOWN,2,L4TOUT,\ndb,db1,UP,2,L7OK,\n"
    rows = read_rows(table(csv))
    assert [row.server for row in rows] == ["db2", "db1"]
    assert galera_writer(rows) == "db1"
    weighed = "# pxname,svname,status,weight,type,\ngalera,db1,UP,0,2,\ngalera,db2,DOWN,1,2,\ngalera,db3,UP,1,2,\n"
    assert galera_writer(read_rows(table(weighed))) == "db3"
    arp = "IP address HW type Flags HW address Mask Device\n10.123.45.10 0x1 0x2 02:42:0a:00:00:0b * br\n"
    assert read_holder(arp, TOPOLOGY.vip, {"lb1": "02:42:0a:00:00:0b"}) == "lb1"
    assert read_holder(arp, TOPOLOGY.vip, {}) is None


def test_broker_and_agent_answers_are_read():
    nodes = [{"name": "rabbit@mq1", "running": True}, {"name": "rabbit@mq2", "running": False}]
    queues = [
        {"name": "q", "type": "quorum", "leader": "rabbit@mq1", "members": ["a", "b"], "online": ["a"]},
        {"name": "reply", "type": "classic", "node": "rabbit@mq2"},
    ]
    alarms = [{"node": "rabbit@mq1", "resource": "disk space"}, {"node": "rabbit@mq2", "resource": "memory"}]
    broker = read_broker(nodes, queues, {"status": "failed", "alarms": alarms})
    assert broker == Broker(frozenset({"mq1"}), (Queue("q", "mq1", 2, 1),), full=frozenset({"mq1"}))
    assert best_broker([None, broker, Broker(frozenset())]) == broker
    assert best_broker([None]) is None


def test_a_full_disk_is_told_though_one_broker_alone_knows_of_it():
    together = frozenset({"mq1", "mq2"})
    seen = best_broker([Broker(together), Broker(together, full=frozenset({"mq2"}))])
    assert seen == Broker(together, full=frozenset({"mq2"}))
    row = {"binary": "nova-compute", "host": "compute1", "state": "up", "status": "disabled"}
    assert read_agents([row]) == (Agent("nova-compute", "compute1", True, False),)
