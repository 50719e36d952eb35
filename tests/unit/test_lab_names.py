"""Names: suggestions, completion, explanations of failures, what healing does first."""

from dataclasses import replace

import pytest

from lab import clouds
from lab.containers import ContainerFacts
from lab.errors import BadNameError, LabError
from lab.explain import explain, last_lines
from lab.faults import plan_healing
from lab.images import IMAGES, Image, digest
from lab.names import completions, find_part, find_parts
from lab.settle import parse_routes
from lab.topology import all_parts


@pytest.mark.parametrize(
    ("typed", "meant"),
    [("db9", "db1"), ("identiy1", "identity1"), ("db", "db1 or db2 or db3"), ("compute-api", "compute-api1"),
     ("quorate-abc123-one-mq2", "mq2"), ("quorate-abc123-two-mq2", "two/mq2"), ("two/db9", "two/db1"),
     ("LB1", "lb1"), ("condutor2", "conductor2")],
)  # fmt: skip
def test_a_wrong_name_gets_a_suggestion(typed, meant):
    with pytest.raises(BadNameError, match="Did you mean") as caught:
        find_part(typed)
    assert meant in caught.value.message


def test_a_strange_name_gets_the_list():
    with pytest.raises(BadNameError, match=r"Known: edge lb1"):
        find_part("zzzzzz")
    assert find_part("db1").role == "galera"
    assert find_part("one/db1") == find_part("db1")
    assert (find_part("two/db1").name, find_part("two/db1").site) == ("db1", "two")


def test_a_region_stands_for_all_of_its_parts():
    there = {part.label for part in all_parts(2)} - {"proxysql1", "proxysql2"}
    lost = find_parts(["region-one", "lb1", "two/mq1"], there)
    assert {part.site for part in lost[:-1]} == {"one"}
    assert [part.label for part in lost].count("lb1") == 1
    assert lost[-1].label == "two/mq1"
    assert not {"bootstrap", "proxysql1"} & {part.label for part in lost}
    assert find_parts(["region-two"], {"lb1"}) == []
    with pytest.raises(BadNameError):
        find_parts(["region-nine"], there)


def test_completion():
    assert completions("ident") == ["identity1", "identity2"]
    assert completions("two/ident") == ["two/identity1", "two/identity2"]
    assert "bootstrap" not in completions("")


@pytest.mark.parametrize(
    ("log", "code", "words"),
    [
        ("OSError: [Errno 28] No space left on device", 1, "disk is full"),
        ("(1045) Access denied for user 'identity'@'10.1.1.51'", 1, "quorate down"),
        ("bind: Address already in use", 1, "another process"),
        ("ModuleNotFoundError: No module named 'services.x'", 1, "incomplete"),
        ("", 137, "SIGKILL"),
        ("Error: signal 11", 139, "crashed"),
        ("something else", 3, "exit code 3"),
    ],
)
def test_an_ended_container_is_explained(log, code, words):
    sentence = explain("db1", code, log)
    assert words in sentence
    assert sentence.startswith("db1 ")
    assert "\n" not in sentence


def test_the_end_of_a_log():
    assert last_lines("a\nb\nc\n", 2) == "    b\n    c"


def test_healing_reconnects_before_it_starts():
    facts = {part.label: ContainerFacts(part.name, part.name, "running", True, site=part.site) for part in all_parts(2)}
    facts["db1"] = replace(facts["db1"], state="exited", is_connected=False)
    facts["lb1"] = replace(facts["lb1"], state="paused")
    facts["two/osd1"] = replace(facts["two/osd1"], state="exited")
    facts["bootstrap"] = replace(facts["bootstrap"], state="exited")
    assert [(part.label, fault) for part, fault in plan_healing(facts)] == [
        ("db1", "cut"),
        ("lb1", "frozen"),
        ("db1", "dead"),
        ("two/osd1", "dead"),
    ]


def test_clouds_yaml_keeps_other_entries(tmp_path):
    file = tmp_path / "clouds.yaml"
    file.write_text("clouds:\n  quorate-dev:\n    auth: {auth_url: http://127.0.0.1:1}\n")
    entry = clouds.entry("http://127.0.0.1:24680", "region-one", "secret")
    clouds.put(file, entry)
    assert "quorate-dev" in file.read_text()
    assert "http://127.0.0.1:24680/v3" in file.read_text()
    assert file.stat().st_mode & 0o777 == 0o600
    clouds.remove(file)
    assert "secret" not in file.read_text()
    clouds.put(file, entry)
    file.write_text("clouds: [")
    with pytest.raises(LabError, match="mend or remove"):
        clouds.put(file, entry)


def test_the_last_entry_takes_clouds_yaml_with_it(tmp_path):
    file = tmp_path / "clouds.yaml"
    clouds.remove(file)
    clouds.put(file, clouds.entry("http://127.0.0.1:24680", "region-one", "secret"))
    clouds.remove(file)
    assert not file.exists()


def test_routes_are_read():
    text = (
        "Iface\tDestination\tGateway\tFlags\tRefCnt\tUse\tMetric\tMask\tMTU\tWindow\tIRTT\n"
        "eth0\t00000000\t0100A8C0\t0003\t0\t0\t0\t00000000\t0\t0\t0\n"
        "br-1\t002D7B0A\t00000000\t0001\t0\t0\t0\t00FFFFFF\t0\t0\t0\n"
        "vpn0\t0000000A\t00000000\t0001\t0\t0\t0\t000000FF\t0\t0\t0\n"
    )
    assert [str(network) for network in parse_routes(text)] == ["10.123.45.0/24"]


def test_an_image_changes_with_its_inputs_only(tmp_path):
    (tmp_path / "lb").mkdir()
    (tmp_path / "lb" / "Dockerfile").write_text("FROM base")
    image = Image("quorate/lb", "lb/Dockerfile", "lb", ("lb",))
    first = digest(tmp_path, image, "base")
    (tmp_path / "other").write_text("x")
    assert digest(tmp_path, image, "base") == first
    assert digest(tmp_path, image, "newer base") != first
    (tmp_path / "lb" / "haproxy.cfg").write_text("x")
    assert digest(tmp_path, image, "base") != first
    assert image.tag("course-7") == "quorate/lb:course-7"
    assert len({each.tag("course-7") for each in IMAGES}) == len(IMAGES)
