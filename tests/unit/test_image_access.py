"""Who may see and change an image."""

from dataclasses import dataclass

import pytest

from services.image.access import check_new_values, may_change, may_see
from services.platform.faults import Forbidden


@dataclass(frozen=True)
class Facts:
    owner: str | None
    visibility: str


@pytest.mark.parametrize(
    ("visibility", "project", "is_admin", "is_member", "sees"),
    [
        ("public", "other", False, False, True),
        ("community", "other", False, False, True),
        ("private", "other", False, False, False),
        ("private", "other", False, True, False),  # membership counts only while the image is shared
        ("private", "owner", False, False, True),
        ("private", "other", True, False, True),
        ("shared", "other", False, False, False),
        ("shared", "other", False, True, True),
        ("shared", None, False, False, False),
    ],
)
def test_who_sees(visibility: str, project: str | None, is_admin: bool, is_member: bool, sees: bool) -> None:
    assert may_see(Facts("owner", visibility), project, is_admin=is_admin, is_member=is_member) is sees


def test_an_image_without_owner_belongs_to_nobody() -> None:
    assert not may_see(Facts(None, "private"), None, is_admin=False, is_member=False)
    assert not may_change(Facts(None, "private"), None, is_admin=False)


def test_only_owner_and_administrators_change() -> None:
    assert may_change(Facts("owner", "public"), "owner", is_admin=False)
    assert may_change(Facts("owner", "public"), "other", is_admin=True)
    assert not may_change(Facts("owner", "public"), "other", is_admin=False)


@pytest.mark.parametrize("values", [{"visibility": "public"}, {"owner": "other"}, {"owner": None}])
def test_what_only_administrators_set(values: dict[str, str | None]) -> None:
    with pytest.raises(Forbidden):
        check_new_values(values, "mine", is_admin=False)
    check_new_values(values, "mine", is_admin=True)
    check_new_values({"visibility": "community", "owner": "mine"}, "mine", is_admin=False)
