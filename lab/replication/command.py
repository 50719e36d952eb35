"""`quorate db …`: the database of a lab with a primary and replicas. A person decides who the primary is."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated

import typer

from lab.containers import LabEngine, open_engine
from lab.errors import BadNameError, LabError
from lab.look import running_lab
from lab.names import find_part
from lab.patience import wait_for
from lab.replication import gtid, plan
from lab.replication.binlog import Transaction, transactions
from lab.replication.members import Member, named, only_there, primary_of, sentence
from lab.replication.nodes import Nodes, nodes_of_this_lab
from lab.replication.perform import Performer, Told
from lab.topology import ONE

app = typer.Typer(no_args_is_help=True, help="The database's primary and replicas: who leads, and who shall.")

To = Annotated[str, typer.Option(metavar="NODE", help="Whom to promote; else the replica that has most.")]
Region = Annotated[str, typer.Option(help="Whose database: each region has its own. one or two.")]
REBUILT, MOST_SHOWN = 60.0, 20


@app.command()
def status(region: Region = ONE) -> None:
    """Say who is the primary, who follows whom, and what each of them has."""
    nodes = nodes_of_this_lab(region)
    members = nodes.all()
    primary = primary_of(members)
    for member in members:
        typer.echo(f"{member.name}  {member.position or '-':12}  {sentence(member, primary, nodes.names)}")
    if primary is None:
        whose = "" if region == ONE else f" --region {region}"
        typer.echo(f"Nobody takes writes: `quorate db failover{whose}`.")
        raise typer.Exit(1)


@app.command()
def switchover(to: To = "", region: Region = ONE) -> None:
    """Make a replica the primary, and the primary a replica: planned, and nothing is lost."""
    nodes = nodes_of_this_lab(region)
    with open_engine(running_lab().lab) as engine:
        Performer(nodes, engine, _say).perform(plan.switchover(nodes.all(), nodes.label(to)))


@app.command()
def failover(
    to: To = "",
    force: Annotated[bool, typer.Option("--force", help="Even if the primary lives: it is killed.")] = False,
    region: Region = ONE,
) -> None:
    """Promote a replica, for the primary is gone: what no replica had received is lost."""
    nodes = nodes_of_this_lab(region)
    with open_engine(running_lab().lab) as engine:
        fail_over(nodes, engine, nodes.all(), nodes.label(to), force=force, told=_say)
    for line in lost_sentences(nodes):
        typer.echo(line)


@app.command()
def lost(region: Region = ONE) -> None:
    """List the transactions that only a node has which is not the primary: what a failover lost."""
    for line in lost_sentences(nodes_of_this_lab(region)):
        typer.echo(line)


@app.command()
def rebuild(node: Annotated[str, typer.Argument(help="A node that has diverged, as db1 or two/db1.")]) -> None:
    """Throw a replica's data away, what it alone has included, and let it replay the primary's from the beginning."""
    part = find_part(node)
    node, nodes = part.label, nodes_of_this_lab(part.site)
    member = named(nodes.all(), node)
    if member is None:
        raise BadNameError(f"There is no database node {node!r}: {', '.join(nodes.addresses)}.")
    primary = primary_of(nodes.all())
    if member.is_writable or primary is None:
        raise LabError(f"{node} is not rebuilt: it would have nobody to replay from.")
    with open_engine(running_lab().lab) as engine:
        container = engine.client.containers.get(engine.containers()[node].container)
        if container.status != "running":
            raise LabError(f"{node} does not run; `quorate start {node}` first.")
        container.exec_run(["touch", "/var/lib/mysql/quorate.rebuild"])
        container.restart(timeout=10)
    if not wait_for(lambda: _has_come(nodes, node, gtid.advance(primary.position)), REBUILT):
        raise LabError(f"{node} is not in step with the primary after {REBUILT:.0f} s; `quorate logs {node}` says why.")
    typer.echo(f"{node} follows the primary, with the primary's data and no others.")


def fail_over(
    nodes: Nodes,
    engine: LabEngine,
    members: Sequence[Member],
    to: str = "",
    *,
    force: bool = False,
    told: Told = lambda sentence: None,
) -> str:
    """Promote a replica, given how the nodes are just now; returns its name. Raises LabError."""
    steps = plan.failover(members, to, plan.former_primary(members), force=force)
    Performer(nodes, engine, told).perform(steps)
    return steps[-1].node


def lost_transactions(nodes: Nodes, members: Sequence[Member]) -> dict[str, list[Transaction]]:
    """What each node has that the primary has not, by node; those left out that have nothing or do not answer."""
    primary = primary_of(members)
    found: dict[str, list[Transaction]] = {}
    for member in members:
        if primary is not None and member.answers and member is not primary:
            stretches = only_there(member, primary)
            if stretches:
                found[member.name] = transactions(nodes.log(member.name), stretches)
    return found


def lost_sentences(nodes: Nodes) -> list[str]:
    """What was lost, for a person."""
    members, lines = nodes.all(), []
    for name, found in lost_transactions(nodes, members).items():
        lines.append(f"{name} alone has {len(found)} transactions, which are lost to everybody else:")
        lines += [f"  {one}" for one in found[:MOST_SHOWN]]
        lines += [f"  and {len(found) - MOST_SHOWN} more"] if len(found) > MOST_SHOWN else []
    silent = [member.name for member in members if not member.answers]
    if silent:
        names = " and ".join(silent)
        lines.append(f"What {names} had and nobody else is seen when it is back: `quorate db lost`.")
    return lines or ["No node has anything that the primary has not."]


def _has_come(nodes: Nodes, name: str, advance: int) -> bool:
    member: Member = nodes.look(name)
    return member.receives and gtid.advance(member.position) >= advance


def _say(sentence: str) -> None:
    typer.echo(f"{sentence}.")
