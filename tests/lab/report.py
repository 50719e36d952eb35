"""`var/failover.md` and `var/failover.json`: what was measured, beside what was promised and what others published."""

import json
import statistics
from collections.abc import Sequence
from dataclasses import asdict
from itertools import groupby
from pathlib import Path

from tests.lab.machine import facts
from tests.lab.peers import PEERS
from tests.lab.record import REGION_TARGETS, TARGETS, Record

NOTE = """\
*Gap*: the longest time between two successes of a client that asks all the time: every 20 ms over fresh connections or
over one that is kept (identity, `GET /v3`); a small write every 30 ms (a tag on an image); four servers that are
rebooted all the time (RPC). *Calm*: the same client's longest gap just before the fault, the machine's own part.
*Requests*: of the load beside it (tokens, users, projects, images with data, servers). Those that are safe to repeat
were repeated; others that got no answer are *unknown*: they may have had their effect, once. *Lost*: acknowledged and
then gone. *Whole again*: from the moment when mending began to full redundancy."""


REGION_NOTE = """\
*Anycast* and *DNS*: a client at the third site that asks identity every 100 ms, by the announced address and by name
(it believes an answer for its TTL, two seconds, and takes the first region's address as long as the answer has it).
*Writes*: the small write of above, every 200 ms, in the region that is left. As something returns, each of the three
asks every half second. The load writes users, projects, images and objects in both regions at once; *lost* is the worse
of what each region has in the end."""


def write(folder: Path, records: Sequence[Record], slow: float) -> None:
    """Write both files."""
    machine = facts()
    whole = {"machine": machine, "slow": slow, "runs": [asdict(record) for record in records]}
    (folder / "failover.json").write_text(json.dumps(whole, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
    (folder / "failover.md").write_text(text(records, machine, slow), encoding="utf-8")


def text(records: Sequence[Record], machine: dict[str, str], slow: float) -> str:
    """The page. Pure."""
    every = [(key, list(runs)) for key, runs in groupby(sorted(records, key=_order), key=lambda one: one.fault)]
    by_fault = [(key, runs) for key, runs in every if key not in REGION_TARGETS]
    of_regions = [(key, runs) for key, runs in every if key in REGION_TARGETS]
    lines = ["# Failover, measured", "", "; ".join(f"{name}: {value}" for name, value in machine.items()) + "."]
    if slow != 1:
        lines.append(f"Bounds of the tests were multiplied by {slow:g} on this machine; the targets below are not.")
    lines += ["", NOTE, "", *_gaps(by_fault), *_ends(by_fault)]
    lines += [*_misses(by_fault), *_wrongs(by_fault), *_comparison(by_fault)]
    if of_regions:
        lines += ["", "# Regions", "", REGION_NOTE, "", *_gaps(of_regions), *_ends(of_regions), *_said(of_regions)]
        lines += [*_misses(of_regions), *_wrongs(of_regions)]
    return "\n".join(lines).rstrip() + "\n"


def spread(values: Sequence[float]) -> str:
    """Minimum, median and maximum."""
    return f"{min(values):.2f} / {statistics.median(values):.2f} / {max(values):.2f}"


def _order(record: Record) -> int:
    return list(TARGETS).index(record.fault)


def _gaps(by_fault: list[tuple[str, list[Record]]]) -> list[str]:
    lines = [
        "## Gaps, in seconds",
        "",
        "| fault | client | calm | min / median / max | at most | kept | as the part returned |",
        "|---|---|---|---|---|---|---|",
    ]
    for key, runs in by_fault:
        target = TARGETS[key]
        for number, meter in enumerate(runs[0].gaps):
            gaps = [run.gaps[meter] for run in runs if meter in run.gaps]
            limit = target.limits.get(meter)
            kept = "-" if limit is None else "✓" if max(gaps) <= limit else "missed"
            title = f"{target.title} (x{len(runs)})" if number == 0 else ""
            lines.append(
                f"| {title} | {meter} | {_most(runs, 'calm', meter)} | {spread(gaps)}"
                f" | {f'{limit:g}' if limit else '-'} | {kept} | {_most(runs, 'returning', meter)} |"
            )
    return [*lines, ""]


def _ends(by_fault: list[tuple[str, list[Record]]]) -> list[str]:
    lines = [
        "## Requests, data, redundancy",
        "",
        "| fault | requests | failed though repeated | refused | unknown | lost | whole again, s | verdict |",
        "|---|---|---|---|---|---|---|---|",
    ]
    for key, runs in by_fault:
        ruling = "valid" if all(run.ruling == "valid" for run in runs) else f"**{_worst(runs)}**"
        counts = [_sum(runs, name) for name in ("requests", "failed_safe", "refused", "unknown", "lost")]
        whole = spread([run.redundant_after for run in runs])
        cells = [f"{TARGETS[key].title} (x{len(runs)})", *map(str, counts), whole, ruling]
        lines.append(f"| {' | '.join(cells)} |")
    return [*lines, ""]


def _sum(runs: Sequence[Record], name: str) -> int:
    return sum(getattr(run, name) for run in runs)


def _worst(runs: Sequence[Record]) -> str:
    return "invalid" if any(run.ruling == "invalid" for run in runs) else "unknown"


def _most(runs: Sequence[Record], name: str, meter: str) -> str:
    values = [getattr(run, name)[meter] for run in runs if meter in getattr(run, name)]
    return f"{max(values):.2f}" if values else "-"


def _said(by_fault: list[tuple[str, list[Record]]]) -> list[str]:
    lines = [f"- {TARGETS[key].title}: {note}" for key, runs in by_fault for run in runs for note in run.notes]
    return ["## What was seen", "", *dict.fromkeys(lines), ""]


def _misses(by_fault: list[tuple[str, list[Record]]]) -> list[str]:
    lines = []
    for key, runs in by_fault:
        target = TARGETS[key]
        for meter, limit in target.limits.items():
            over = [run for run in runs if run.gaps.get(meter, 0.0) > limit]
            if over:
                calm = max(run.calm.get(meter, 0.0) for run in over)
                busy = (
                    f" The same client waited {calm:.2f} s just before the fault: the machine was busy."
                    if calm > 0.15
                    else ""
                )
                why = f" {target.why_missed}" if target.why_missed else ""
                lines.append(f"- {target.title}, {meter}: missed in {len(over)} of {len(runs)} runs.{why}{busy}")
        late = [run for run in runs if target.whole is not None and run.redundant_after > target.whole]
        if late:
            lines.append(
                f"- {target.title}, whole again within {target.whole:g} s: missed in {len(late)} of {len(runs)} runs"
                f" ({spread([run.redundant_after for run in late])}; of it since all of it ran:"
                f" {spread([run.converged_after for run in late])})."
            )
        failed = _sum(runs, "failed_safe")
        if target.failed is not None and failed > target.failed:
            lines.append(f"- {target.title}: {failed} safe requests failed. {target.why_missed}".rstrip())
    return ["## Targets that were missed", "", *(lines or ["None."]), ""]


def _wrongs(by_fault: list[tuple[str, list[Record]]]) -> list[str]:
    lines = [
        f"- {TARGETS[key].title}, run {run.run + 1}: {problem}"
        for key, runs in by_fault
        for run in runs
        for problem in run.problems
    ]
    return ["## What the verdict found wrong", "", *lines, ""] if lines else []


def _comparison(by_fault: list[tuple[str, list[Record]]]) -> list[str]:
    measured = dict(by_fault)
    lines = ["## Beside published numbers", "", "| published | scenario | here |", "|---|---|---|"]
    for peer in PEERS:
        runs = measured.get(peer.fault)
        lines.append(
            f"| {peer.published} | {peer.scenario} ({peer.source}) | {peer.here(runs) if runs else 'not run'} |"
        )
    return lines
