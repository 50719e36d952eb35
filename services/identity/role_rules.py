"""Which roles follow from which assignments. Decisions only.

assignment of a group     ->  of each of its members
inherited, on a domain    ->  on each project of the domain (not on the domain itself)
inherited, on a project   ->  on each project below it (not on the project itself)
role that implies others  ->  those too, and what they imply
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, replace

Implications = Mapping[str, Collection[str]]


def with_implied(role_ids: Iterable[str], implied: Implications) -> set[str]:
    """The roles and all that they imply, however many steps away; circles are harmless."""
    reached: set[str] = set()
    ahead = list(role_ids)
    while ahead:
        role_id = ahead.pop()
        if role_id not in reached:
            reached.add(role_id)
            ahead.extend(implied.get(role_id, ()))
    return reached


@dataclass(frozen=True, slots=True)
class Grant:
    """One assignment as stored; or, expanded, one that takes effect."""

    actor_type: str
    actor_id: str
    target_type: str
    target_id: str
    role_id: str
    inherited: bool = False


@dataclass(frozen=True, slots=True)
class Surroundings:
    """What assignments are expanded with."""

    members: Mapping[str, Collection[str]]
    #: Every project with all that is above it: projects and its domain.
    ancestors: Mapping[str, Collection[str]]
    implied: Implications


def effective(grants: Iterable[Grant], around: Surroundings) -> Iterator[Grant]:
    """What the grants come to: of users only, on concrete targets only, each once."""
    below: dict[str, list[str]] = {}
    for project_id, above in around.ancestors.items():
        for ancestor_id in above:
            below.setdefault(ancestor_id, []).append(project_id)
    seen: set[Grant] = set()
    for grant in grants:
        for found in _on_targets(grant, below):
            for user_id in around.members.get(found.actor_id, ()) if found.actor_type == "group" else (found.actor_id,):
                for role_id in with_implied([found.role_id], around.implied):
                    result = replace(found, actor_type="user", actor_id=user_id, role_id=role_id)
                    if result not in seen:
                        seen.add(result)
                        yield result


def _on_targets(grant: Grant, below: Mapping[str, Collection[str]]) -> Iterator[Grant]:
    if not grant.inherited:
        yield grant
        return
    for project_id in below.get(grant.target_id, ()):
        yield replace(grant, target_type="project", target_id=project_id, inherited=False)
