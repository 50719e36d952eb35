"""Which roles follow from which assignments."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from services.identity.role_rules import Grant, Surroundings, effective, with_implied

LADDER = {"admin": {"manager"}, "manager": {"member"}, "member": {"reader"}}
#: domain d: project p, below it q; another project o.
TREE = {"p": {"d"}, "q": {"p", "d"}, "o": {"d"}}
AROUND = Surroundings(members={"g": {"ann", "bob"}, "empty": set()}, ancestors=TREE, implied={"member": {"reader"}})


def expand(*grants: Grant) -> set[tuple[str, str, str]]:
    found = list(effective(grants, AROUND))
    assert len(found) == len(set(found))
    assert all(grant.actor_type == "user" and not grant.inherited for grant in found)
    return {(grant.actor_id, grant.target_id, grant.role_id) for grant in found}


def test_roles_imply_all_the_way_down() -> None:
    assert with_implied(["manager"], LADDER) == {"manager", "member", "reader"}
    assert with_implied([], LADDER) == set()


def test_roles_that_imply_one_another_do_no_harm() -> None:
    assert with_implied(["a"], {"a": {"b"}, "b": {"a"}}) == {"a", "b"}


@given(st.dictionaries(st.integers(0, 9), st.sets(st.integers(0, 9))), st.sets(st.integers(0, 9)))
def test_what_is_implied_is_closed_and_holds_what_it_began_with(implied: dict[int, set[int]], start: set[int]) -> None:
    rules = {str(key): {str(value) for value in values} for key, values in implied.items()}
    roles = with_implied((str(role) for role in start), rules)
    assert {str(role) for role in start} <= roles
    assert all(rules.get(role, set()) <= roles for role in roles)


def test_a_users_role_on_a_project_is_for_that_project_alone() -> None:
    assert expand(Grant("user", "ann", "project", "p", "member")) == {("ann", "p", "member"), ("ann", "p", "reader")}


def test_a_groups_role_is_each_members() -> None:
    found = expand(Grant("group", "g", "project", "o", "reader"), Grant("group", "empty", "project", "o", "reader"))
    assert found == {("ann", "o", "reader"), ("bob", "o", "reader")}


def test_a_role_inherited_from_a_domain_is_on_all_projects_in_it_but_not_on_the_domain() -> None:
    found = expand(Grant("user", "ann", "domain", "d", "reader", inherited=True))
    assert found == {("ann", "p", "reader"), ("ann", "q", "reader"), ("ann", "o", "reader")}


def test_a_role_inherited_from_a_project_is_only_below_it() -> None:
    assert expand(Grant("user", "ann", "project", "p", "reader", inherited=True)) == {("ann", "q", "reader")}


def test_what_follows_twice_is_told_once() -> None:
    found = expand(Grant("user", "ann", "project", "o", "member"), Grant("group", "g", "project", "o", "reader"))
    assert ("ann", "o", "reader") in found
