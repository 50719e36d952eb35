"""Runs unmodified Tempest with a frozen list of tests, and counts honestly.

`tempest run --load-list` drops lines it does not know, a class that is skipped counts as one test, and a feature flag
turns tests into skips. So a run has passed only when every listed id was seen to succeed, and nothing else was
skipped than what a second frozen list allows.

    python tests/tempest/tempest_run.py --auth-url http://127.0.0.1:5000/v3 --password … [--only identity]
"""

from __future__ import annotations

import argparse
import subprocess
import sys
import tempfile
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

if __name__ == "__main__":
    sys.path.insert(0, str(Path(__file__).parents[2]))

from tests.tempest.boot_images import boot_images

HERE = Path(__file__).parent
LOAD_LIST = HERE / "loadlist.txt"
ALLOWED_SKIPS = HERE / "skips.txt"
BIN = Path(sys.executable).parent

#: Tempest's name of each service, and its type in the catalog.
SERVICES = {
    "nova": "compute",
    "glance": "image",
    "neutron": "network",
    "cinder": "block-storage",
    "swift": "object-store",
}


#: The highest microversion of the volume service's own that tests may ask for.
VOLUME_MICROVERSION = "3.67"

#: What object storage says of itself in `/info` and is tested for.
OBJECT_FEATURES = (
    "account_quotas", "bulk_delete", "bulk_upload", "container_quotas", "crossdomain", "formpost", "slo", "staticweb",
    "symlink", "tempurl", "versioned_writes",
)  # fmt: skip


@dataclass(frozen=True)
class Target:
    """The cloud under test. `services`: the types that are to be used of it, besides identity."""

    auth_url: str
    password: str
    username: str = "admin"
    project: str = "admin"
    domain: str = "Default"
    region: str = "region-one"
    services: frozenset[str] = frozenset({"image", "block-storage", "object-store"})


@dataclass(frozen=True)
class Verdict:
    """What became of the listed tests."""

    passed: tuple[str, ...]
    #: Id and outcome (`fail`, `skip`, `absent`, …) of each that did not succeed.
    others: Mapping[str, str]
    #: Skips that are not in the list of those allowed, listed tests or not.
    unexpected_skips: tuple[str, ...]

    @property
    def good(self) -> bool:
        return not self.others and not self.unexpected_skips


@dataclass
class Outcomes:
    """Collects the last status of each test from a result stream, and what failed tests said."""

    statuses: dict[str, str] = field(default_factory=dict)
    said: dict[str, list[str]] = field(default_factory=dict)

    def startTestRun(self) -> None: ...
    def stopTestRun(self) -> None: ...

    def status(
        self,
        test_id: str | None = None,
        test_status: str | None = None,
        file_name: str | None = None,
        file_bytes: bytes | None = None,
        **_rest: object,
    ) -> None:
        if test_id is None:
            return
        if file_name in ("traceback", "reason") and file_bytes:
            self.said.setdefault(test_id, []).append(bytes(file_bytes).decode(errors="replace"))
        if test_status is not None and test_status not in ("inprogress", "exists"):
            self.statuses[test_id] = test_status


def judge(listed: Sequence[str], statuses: Mapping[str, str], allowed_skips: Iterable[str] = ()) -> Verdict:
    """The verdict on `listed`, given what the result stream says of each id it mentions."""
    allowed = set(allowed_skips)
    others = {
        test_id: statuses.get(test_id, "absent")
        for test_id in listed
        if statuses.get(test_id) != "success" and not (statuses.get(test_id) == "skip" and test_id in allowed)
    }
    # Whatever fails without being listed is a class's or module's set-up.
    others |= {test_id: status for test_id, status in statuses.items() if status in ("fail", "uxsuccess")}
    skipped = {test_id for test_id, status in statuses.items() if status == "skip"}
    passed = tuple(test_id for test_id in listed if statuses.get(test_id) == "success")
    return Verdict(passed, others, tuple(sorted(skipped - allowed)))


def read_list(path: Path) -> list[str]:
    lines = (line.strip() for line in path.read_text().splitlines())
    return [line for line in lines if line and not line.startswith("#")]


#: Where the tests of a service are, if they are not called after its type.
FOLDERS = {"block-storage": "volume", "object-store": "object_storage"}


def select(listed: Sequence[str], services: Iterable[str]) -> list[str]:
    """The listed tests of identity and of `services`."""
    wanted = tuple(f"tempest.api.{FOLDERS.get(service, service)}." for service in {"identity", *services})
    return [test_id for test_id in listed if test_id.startswith(wanted)]


def configuration(target: Target, images: tuple[str, str]) -> str:
    """The profile of settings under which the whole list runs, with this cloud's own values."""
    available = "\n".join(f"{name} = {kind in target.services}" for name, kind in SERVICES.items())
    return f"""[DEFAULT]
log_file = tempest.log
debug = false

[auth]
admin_username = {target.username}
admin_password = {target.password}
admin_project_name = {target.project}
admin_domain_name = {target.domain}
use_dynamic_credentials = true
create_isolated_networks = false

[identity]
uri_v3 = {target.auth_url}
auth_version = v3
region = {target.region}
user_lockout_failure_attempts = 2
user_lockout_duration = 5
user_unique_last_password_count = 2

[identity-feature-enabled]
security_compliance = true

[image-feature-enabled]
image_format_enforcement = false

[compute]
image_ref = {images[0]}
image_ref_alt = {images[1]}

[volume]
catalog_type = block-storage
min_microversion = 3.0
max_microversion = {VOLUME_MICROVERSION}
storage_protocol = ceph

[object-storage]
operator_role = member
reseller_admin_role = ResellerAdmin

[object-storage-feature-enabled]
discoverable_apis = {", ".join(OBJECT_FEATURES)}
container_sync = false

[validation]
run_validation = false

[oslo_concurrency]
lock_path = locks

[service_available]
horizon = false
{available}
"""


def prepare(workspace: Path, target: Target, tests: Sequence[str]) -> None:
    """Lay out what `tempest init` would, without entering the workspace in the user's registry."""
    package = Path(subprocess.check_output(
        [sys.executable, "-c", "import tempest, os; print(os.path.dirname(tempest.__file__))"], text=True
    ).strip())  # fmt: skip
    for name in ("etc", "locks"):
        (workspace / name).mkdir(parents=True, exist_ok=True)
    images = boot_images(target) if "block-storage" in target.services else ("", "")
    (workspace / "etc" / "tempest.conf").write_text(configuration(target, images))
    (workspace / "list.txt").write_text("\n".join(tests) + "\n")
    (workspace / ".stestr.conf").write_text(
        f"[DEFAULT]\ntest_path={package}/test_discover\ntop_dir={package.parent}\ngroup_regex=([^\\.]*\\.)*\n"
    )


def run(target: Target, tests: Sequence[str], workspace: Path, concurrency: int = 2) -> tuple[Verdict, Outcomes]:
    """Run `tests` against `target` and judge what the result stream says."""
    from subunit import ByteStreamToStreamResult

    prepare(workspace, target, tests)
    command = [str(BIN / "tempest"), "run", "--load-list", "list.txt", "--concurrency", str(concurrency), "--subunit"]
    stream, log = workspace / "results.subunit", workspace / "tempest-run.log"
    with stream.open("wb") as out, log.open("wb") as err:
        subprocess.run(command, cwd=workspace, stdout=out, stderr=err, check=False, timeout=3600)
    outcomes = Outcomes()
    with stream.open("rb") as recorded:
        ByteStreamToStreamResult(recorded, non_subunit_name="output").run(outcomes)
    return judge(tests, outcomes.statuses, read_list(ALLOWED_SKIPS)), outcomes


def report(verdict: Verdict, outcomes: Outcomes, total: int) -> str:
    lines = [f"{len(verdict.passed)} of {total} listed tests succeeded"]
    for test_id, status in verdict.others.items():
        lines += [f"{status}: {test_id}", *outcomes.said.get(test_id, [])]
    lines += [f"skipped without leave: {test_id}" for test_id in verdict.unexpected_skips]
    return "\n".join(lines)


def main() -> None:
    options = argparse.ArgumentParser(description="Run the frozen Tempest list against a cloud.")
    options.add_argument("--auth-url", required=True)
    options.add_argument("--password", required=True)
    options.add_argument("--username", default="admin")
    options.add_argument("--region", default="region-one")
    options.add_argument(
        "--only", default="image,block-storage,object-store", help="service types to test besides identity, with commas"
    )
    options.add_argument("--list", type=Path, default=LOAD_LIST)
    options.add_argument("--workspace", type=Path)
    given = options.parse_args()
    services = frozenset(given.only.split(",")) - {"identity", ""}
    target = Target(given.auth_url, given.password, given.username, region=given.region, services=services)
    tests = select(read_list(given.list), services)
    workspace = given.workspace or Path(tempfile.mkdtemp(prefix="quorate-tempest-"))
    verdict, outcomes = run(target, tests, workspace)
    print(report(verdict, outcomes, len(tests)))
    print(f"workspace: {workspace}")
    sys.exit(0 if verdict.good else 1)


if __name__ == "__main__":
    main()
