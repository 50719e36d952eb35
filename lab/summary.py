"""What `up` prints at its end: what runs where, the addresses, three things to try."""

from rich.console import Console, Group, RenderableType
from rich.text import Text

from lab.state import LabState
from lab.status_model import LabStatus
from lab.status_view import draw, proxy_sentence
from lab.topology import Topology

OPENSTACK = ".venv/bin/openstack --os-cloud quorate"


def closing(state: LabState, status: LabStatus, seconds: float) -> RenderableType:
    """The last words of `up`."""
    lines = [
        Text.assemble((f"\nThe lab is up after {seconds:.1f} s.", "bold green")),
        draw(status),
        Text("\nAddresses (user admin, project admin; clouds.yaml in this directory has the rest)", style="bold"),
    ]
    for topology in state.region_topologies:
        lines += [Text(line) for line in _addresses(topology)]
    if state.database_proxy != "proxysql":
        sentence = proxy_sentence(state.database_proxy, state.database_proxy_reason)
        lines.append(Text(f"\nBefore the database stands {sentence}.", style="yellow"))
    lines += [
        Text("\nThree things to try", style="bold"),
        Text(f"  {OPENSTACK} catalog list"),
        Text(f"  {OPENSTACK} image create --file README.md --disk-format raw demo && \\\n"
             f"    {OPENSTACK} server create --image demo --flavor m1.tiny --wait first"),
        Text("  .venv/bin/quorate kill lb1 db3 identity1; make status; .venv/bin/quorate heal"),
        Text("\nTo learn: .venv/bin/quorate exercise list"),
    ]  # fmt: skip
    return Group(*lines)


def _addresses(topology: Topology) -> list[str]:
    return [
        f"  {topology.region}",
        f"    identity  {topology.identity_url}/v3",
        f"    image     {topology.image_url}/v2",
        f"    compute   {topology.compute_url}/v2.1",
        f"    volume    {topology.volume_url}/v3",
        f"    object    {topology.object_url}/v1",
        f"    on the lab's own network, all of them at {topology.vip}; HAProxy: http://{topology.vip}:8404/stats",
    ]


def show(console: Console, state: LabState, status: LabStatus, seconds: float) -> None:
    """Print it."""
    console.print(closing(state, status, seconds), highlight=False, soft_wrap=not console.is_terminal)
