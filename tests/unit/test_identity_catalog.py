"""Endpoints with places to fill in."""

from __future__ import annotations

from services.identity.catalog import CatalogEndpoint, CatalogEntry, render, unknown_placeholder


def urls(url: str, project_id: str | None) -> list[str]:
    entry = CatalogEntry("s", "volume", "cinder", [CatalogEndpoint("e", "public", "region-one", url)])
    (shown,) = render([entry], user_id="u", project_id=project_id)
    return [endpoint["url"] for endpoint in shown["endpoints"]]


def test_both_notations_and_both_names_of_the_project_are_filled_in() -> None:
    assert urls("http://x/%(tenant_id)s/$(project_id)s/$(user_id)s", "p") == ["http://x/p/p/u"]


def test_an_endpoint_that_needs_a_project_is_left_out_without_one() -> None:
    assert urls("http://x/%(project_id)s", None) == []
    assert urls("http://x/", None) == ["http://x/"]


def test_percent_signs_of_other_kinds_are_kept() -> None:
    assert urls("http://x/a%20b%s", "p") == ["http://x/a%20b%s"]


def test_places_that_nobody_fills_in_are_named() -> None:
    assert unknown_placeholder("http://x/%(project_id)s/$(bogus)s") == "bogus"
    assert unknown_placeholder("http://x/%(project_id)s") is None
