"""JSON patches of images."""

from typing import Any

import pytest

from services.image.patch import NEWER, OLDER, Changes, Operation, apply, parse
from services.platform.faults import BadRequest, Conflict, Fault, Forbidden, UnsupportedMedia


def test_both_forms_say_the_same() -> None:
    newer = [{"op": "replace", "path": "/name", "value": "x"}, {"op": "remove", "path": "/a~1b~0c"}]
    older = [{"replace": "/name", "value": "x"}, {"remove": "/a~1b~0c"}]
    wanted = [Operation("replace", "name", "x"), Operation("remove", "a/b~c")]
    assert parse(NEWER, newer) == parse(f"{OLDER}; charset=utf-8", older) == wanted


@pytest.mark.parametrize("media", ["", "application/json", "application/json-patch+json", "text/html"])
def test_other_media_types(media: str) -> None:
    with pytest.raises(UnsupportedMedia):
        parse(media, [])


@pytest.mark.parametrize(
    "body",
    [
        {},
        None,
        "x",
        [5],
        [{}],
        [{"op": "move", "path": "/a", "from": "/b"}],
        [{"op": ["add"], "path": "/a", "value": "x"}],
        [{"op": "add", "path": "/a"}],
        [{"op": "add", "value": "x"}],
        [{"op": "add", "path": 5, "value": "x"}],
        *([{"op": "add", "path": path, "value": "x"}] for path in ("", "a", "/", "//", "/a/b", "/a/", "/~", "/~2")),
    ],
)
def test_malformed_patches(body: Any) -> None:
    with pytest.raises(BadRequest):
        parse(NEWER, body)


@pytest.mark.parametrize("entry", [{"add": "/a", "replace": "/a", "value": 1}, {"value": 1}, {"add": None, "value": 1}])
def test_malformed_older_patches(entry: Any) -> None:
    with pytest.raises(BadRequest):
        parse(OLDER, [entry])


def test_operations_apply_in_order() -> None:
    operations = [
        Operation("add", "a", "1"),
        Operation("replace", "a", "2"),
        Operation("remove", "old"),
        Operation("add", "min_ram", 5),
        Operation("replace", "min_ram", 6),
    ]
    assert apply(operations, {"old": "x", "kept": "y"}) == Changes({"min_ram": 6}, {"kept": "y", "a": "2"})


@pytest.mark.parametrize(
    ("operation", "fault"),
    [
        (Operation("remove", "name"), Forbidden),
        (Operation("replace", "id", "x"), Forbidden),
        (Operation("replace", "status", "active"), Forbidden),
        (Operation("add", "deleted", True), Forbidden),
        (Operation("add", "os_glance_foo", "x"), Forbidden),
        (Operation("add", "locations", []), Forbidden),
        (Operation("replace", "absent", "x"), Conflict),
        (Operation("remove", "absent"), Conflict),
        (Operation("add", "x" * 256, "x"), BadRequest),
    ],
)
def test_what_may_not_be_patched(operation: Operation, fault: type[Fault]) -> None:
    before = {"kept": "y"}
    with pytest.raises(fault):
        apply([Operation("remove", "kept"), operation], before)
    assert before == {"kept": "y"}
