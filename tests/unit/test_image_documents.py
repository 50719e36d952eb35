"""New images from documents, bodies, and the schema's check."""

from typing import Any

import pytest

from services.image.bodies import decode
from services.image.creation import new_image
from services.platform.faults import BadRequest, Fault, Forbidden, TooLarge

UUID = "fa4dac40-af0e-5b92-bfcd-4bea00b3ae7b"


def test_attributes_tags_and_properties_are_told_apart() -> None:
    image = new_image({"id": UUID, "name": "x", "min_ram": 5, "tags": ["b", "a", "b"], "os": "y"}, "p", is_admin=False)
    assert image.id == UUID
    assert image.attributes == {"name": "x", "min_ram": 5, "owner": "p"}
    assert (image.tags, image.properties) == (["b", "a"], {"os": "y"})


@pytest.mark.parametrize(
    ("document", "fault"),
    [
        ({"id": "x"}, BadRequest),
        ({"id": None}, BadRequest),
        ({"name": 5}, BadRequest),
        ({"name": "x" * 256}, BadRequest),
        ({"min_ram": True}, BadRequest),
        ({"min_ram": "5"}, BadRequest),
        ({"min_ram": 2**31}, BadRequest),
        ({"min_disk": -1}, BadRequest),
        ({"min_disk": None}, BadRequest),
        ({"protected": "yes"}, BadRequest),
        ({"visibility": "secret"}, BadRequest),
        ({"visibility": ["public"]}, BadRequest),
        ({"disk_format": "wrong"}, BadRequest),
        ({"container_format": {}}, BadRequest),
        ({"tags": "x"}, BadRequest),
        ({"tags": [5]}, BadRequest),
        ({"tags": ["x" * 256]}, BadRequest),
        ({"kernel_id": "x"}, BadRequest),
        ({"colour": 5}, BadRequest),
        ({"colour": None}, BadRequest),
        ({"x" * 256: "y"}, BadRequest),
        ({"status": "active"}, Forbidden),
        ({"deleted": "x"}, Forbidden),
        ({"os_glance_foo": "x"}, Forbidden),
        ({"locations": []}, Forbidden),
        ({"visibility": "public"}, Forbidden),
        ({"owner": "other"}, Forbidden),
        ({"tags": [str(n) for n in range(129)]}, TooLarge),
        ({str(n): "x" for n in range(129)}, TooLarge),
    ],
)
def test_documents_that_are_refused(document: dict[str, Any], fault: type[Fault]) -> None:
    with pytest.raises(fault) as caught:
        new_image(document, "mine", is_admin=False)
    assert type(caught.value) is fault


def test_what_may_be_null() -> None:
    document = dict.fromkeys(("name", "disk_format", "container_format", "kernel_id"))
    image = new_image(document, "mine", is_admin=False)
    assert image.properties == {"kernel_id": None}


@pytest.mark.parametrize(
    "raw",
    [
        b"", b"{", b"\xff", b'{"a": NaN}', b'"\\ud800"', b"[" * 100_000,
        b"1" * 10_000,
    ],
)  # fmt: skip
def test_bodies_that_are_no_storable_json(raw: bytes) -> None:
    with pytest.raises(BadRequest):
        decode(raw)


def test_bodies() -> None:
    assert decode(b'{"a": "\\u00e9\\ud83d\\ude00", "b": [1, null]}') == {"a": "é😀", "b": [1, None]}
