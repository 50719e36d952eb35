"""What `up` prints at its end: what runs where, the addresses, three things to try."""

from rich.console import Console, Group, RenderableType
from rich.text import Text

from lab.state import LabState
from lab.status_model import RegionStatus
from lab.status_view import draw, proxy_sentence

OPENSTACK = ".venv/bin/openstack --os-cloud quorate"


def closing(state: LabState, status: RegionStatus, seconds: float) -> RenderableType:
    """The last words of `up`."""
    topology = state.topology
    lines = [
        Text.assemble((f"\nThe lab is up after {seconds:.1f} s.", "bold green")),
        draw(status),
        Text("\nAddresses (user admin, project admin; clouds.yaml in this directory has the rest)", style="bold"),
        Text(f"  identity  {topology.identity_url}/v3"),
        Text(f"  image     {topology.image_url}/v2"),
        Text(f"  compute   {topology.compute_url}/v2.1"),
        Text(f"  volume    {topology.volume_url}/v3"),
        Text(f"  object    {topology.object_url}/v1"),
        Text(
            f"  On the lab's own network, all of them at {topology.vip}; HAProxy's page: http://{topology.vip}:8404/stats"
        ),
    ]
    if state.database_proxy != "proxysql":
        sentence = proxy_sentence(state.database_proxy, state.database_proxy_reason)
        lines.append(Text(f"\nBefore the database stands {sentence}.", style="yellow"))
    lines += [
        Text("\nThree things to try", style="bold"),
        Text(f"  {OPENSTACK} catalog list"),
        Text(f"  {OPENSTACK} image create --file README.md --disk-format raw demo && \\\n"
             f"    {OPENSTACK} server create --image demo --flavor m1.tiny --wait first"),
        Text("  .venv/bin/quorate kill lb1 db3 identity1; make status; .venv/bin/quorate heal"),
    ]  # fmt: skip
    return Group(*lines)


def show(console: Console, state: LabState, status: RegionStatus, seconds: float) -> None:
    """Print it."""
    console.print(closing(state, status, seconds), highlight=False, soft_wrap=not console.is_terminal)
