"""Whatever the OpenAPI documents allow is answered without a 500."""

from __future__ import annotations

import pytest
import schemathesis
from conftest import Cloud
from hypothesis import HealthCheck, Phase, given, settings
from openstack.connection import Connection

#: Examples per operation. Enough to find the usual mistakes again; raise it to hunt for new ones.
EXAMPLES = 10

#: Requests that would take away what the test itself stands on.
SPARED = {("DELETE", "/v3/auth/tokens")}

for number in (0, 1):
    schemathesis.serializer.alias(f"application/openstack-images-v2.{number}-json-patch", "application/json")

given_settings = settings(
    max_examples=EXAMPLES,
    deadline=None,
    derandomize=True,
    database=None,
    phases=[Phase.explicit, Phase.generate],
    suppress_health_check=list(HealthCheck),
)


@pytest.mark.timeout(600)
@pytest.mark.parametrize("service", ["identity", "image", "compute", "block-storage"])
def test_no_request_makes_a_500(cloud: Cloud, admin: Connection, service: str) -> None:
    if not cloud.ours:
        pytest.skip("random requests of an administrator are for a cloud made for these tests")
    headers = {"X-Auth-Token": admin.auth_token, "OpenStack-API-Version": "compute latest, volume latest"}
    schema = schemathesis.openapi.from_url(f"{cloud.url_of(service)}/openapi.json")
    failed: list[str] = []
    tried = 0

    def survives(case: schemathesis.Case) -> None:
        nonlocal tried
        tried += 1
        if service == "block-storage" and case.path_parameters:
            # Any other project is refused before anything else is looked at.
            case.path_parameters["project_id"] = admin.current_project_id
        answer = case.call(headers=headers)
        if answer.status_code >= 500:
            failed.append(f"{answer.status_code} {answer.text[:200]}\n  {case.as_curl_command()[:600]}")

    for found in schema.get_all_operations():
        operation = found.ok()
        if (operation.method.upper(), operation.path) not in SPARED:
            given_settings(given(case=operation.as_strategy())(survives))()
    assert tried > EXAMPLES
    assert not failed, "\n".join(failed[:10])
