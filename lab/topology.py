"""The shape of a lab: its sites, the parts of each, their addresses and ports. Pure.

A lab has one region or two, made from the same file, and with two of them a third site between.
"""

from dataclasses import dataclass, replace
from ipaddress import IPv4Network

from lab.design import DEFAULT, Balancers, Design

ONE, TWO, OUTSIDE = "one", "two", "outside"
SITES = (ONE, TWO, OUTSIDE)
VIP_SUFFIX = 10
PORTS_OF_A_REGION = 5
STATS_PORT, MONITOR_PORT = 8404, 6789


@dataclass(frozen=True)
class Part:
    """One container: its name, what it does, the end of its address, and the site where it stands."""

    name: str
    role: str
    suffix: int
    site: str = ONE

    @property
    def label(self) -> str:
        """Its name among all of the lab's: the second region's parts carry their site."""
        return label(self.site, self.name)


def label(site: str, name: str) -> str:
    """What a person calls a part: `lb1`, or `two/lb1` in the second region."""
    return f"{site}/{name}" if site == TWO else name


def _parts(role: str, first: int, count: int, name: str = "") -> tuple[Part, ...]:
    return tuple(Part(f"{name or role}{n}", role, first + n - 1) for n in range(1, count + 1))


#: Of one region.
PARTS: tuple[Part, ...] = (
    Part("edge", "edge", 5),
    *_parts("lb", 11, 2),
    *_parts("proxysql", 31, 2),
    *_parts("galera", 21, 3, name="db"),
    *_parts("shared-galera", 24, 2, name="sdb"),
    *_parts("rabbitmq", 41, 3, name="mq"),
    *_parts("identity", 51, 2),
    *_parts("image", 61, 2),
    *_parts("swift-proxy", 65, 2),
    *_parts("swift", 67, 2),
    *_parts("compute-api", 71, 2),
    *_parts("scheduler", 81, 2),
    *_parts("conductor", 91, 2),
    *_parts("compute", 101, 3),
    *_parts("volume", 116, 2),
    *_parts("mon", 111, 3),
    *_parts("osd", 121, 3),
    Part("dns", "dns", 7),
    Part("bootstrap", "bootstrap", 6),
)
#: Of the third site.
OUTSIDE_PARTS: tuple[Part, ...] = (
    Part("wan", "wan", 3, OUTSIDE),
    Part("arbitrator", "arbitrator", 24, OUTSIDE),
    Part("client", "client", 8, OUTSIDE),
)
#: What a region has only where there is another.
SHARED_ROLES = frozenset({"shared-galera", "dns"})
#: What a region with a single load balancer lacks.
SECOND_BALANCER = "lb2"


@dataclass(frozen=True)
class Topology:
    """One site of a lab: everything that follows from the lab's name, or was moved at first `up` to be free.

    `subnet` is the first three bytes of the site's own network; `port_base` is the lab's first port.
    """

    lab: str
    subnet: str
    port_base: int
    site: str = ONE
    regions: int = 1
    design: Design = DEFAULT

    @property
    def region(self) -> str:
        """The region's name in the catalog."""
        return f"region-{self.site}"

    @property
    def project(self) -> str:
        """The compose project."""
        return f"{self.lab}-{self.site}"

    @property
    def network(self) -> IPv4Network:
        """The site's own network."""
        return IPv4Network(f"{self.subnet}.0/24")

    @property
    def vip(self) -> str:
        """The address that the two load balancers of a region share."""
        return f"{self.subnet}.{VIP_SUFFIX}"

    @property
    def parts(self) -> tuple[Part, ...]:
        """The parts that this site has."""
        if self.site == OUTSIDE:
            return OUTSIDE_PARTS
        there = [part for part in PARTS if self.regions > 1 or part.role not in SHARED_ROLES]
        if self.design.balancers is Balancers.SINGLE:
            there = [part for part in there if part.name != SECOND_BALANCER]
        return tuple(replace(part, site=self.site) for part in there)

    def parts_with_role(self, role: str) -> tuple[Part, ...]:
        """Those of its parts that do the same thing."""
        return tuple(part for part in self.parts if part.role == role)

    @property
    def roles(self) -> tuple[str, ...]:
        """What its parts do, the one-shot job left out."""
        return tuple(dict.fromkeys(part.role for part in self.parts if part.role != "bootstrap"))

    def at(self, site: str) -> "Topology":
        """Another site of the same lab."""
        return replace(self, site=site, subnet=shifted(self.subnet, SITES.index(site) - SITES.index(self.site)))

    @property
    def anycast(self) -> str:
        """The address that every region announces; empty with one region."""
        return f"{shifted(self.at(ONE).subnet, len(SITES))}.1" if self.regions > 1 else ""

    @property
    def ports(self) -> dict[str, int]:
        """Ports published on localhost."""
        base = self.port_base + PORTS_OF_A_REGION * SITES.index(self.site)
        names = ("IDENTITY", "IMAGE", "COMPUTE", "VOLUME", "OBJECT")
        return {f"PORT_{name}": base + step for step, name in enumerate(names)}

    @property
    def identity_url(self) -> str:
        """Where clients on this machine find identity."""
        return f"http://127.0.0.1:{self.ports['PORT_IDENTITY']}"

    @property
    def image_url(self) -> str:
        """Where clients on this machine find image."""
        return f"http://127.0.0.1:{self.ports['PORT_IMAGE']}"

    @property
    def compute_url(self) -> str:
        """Where clients on this machine find compute."""
        return f"http://127.0.0.1:{self.ports['PORT_COMPUTE']}"

    @property
    def volume_url(self) -> str:
        """Where clients on this machine find volumes."""
        return f"http://127.0.0.1:{self.ports['PORT_VOLUME']}"

    @property
    def object_url(self) -> str:
        """Where clients on this machine find object storage."""
        return f"http://127.0.0.1:{self.ports['PORT_OBJECT']}"

    @property
    def urls(self) -> dict[str, str]:
        """Where clients on this machine find each service, by the service's name."""
        return {
            "identity": self.identity_url,
            "image": self.image_url,
            "compute": self.compute_url,
            "volume": self.volume_url,
            "object": self.object_url,
        }

    @property
    def monitors(self) -> list[str]:
        """The block store's monitors, each as `address:port`."""
        return [self.monitor(part) for part in parts_with_role("mon")]

    def monitor(self, part: Part) -> str:
        """Where one monitor listens."""
        return f"{self.address(part)}:{MONITOR_PORT}"

    def address(self, part: Part) -> str:
        """The fixed address of a part of this site."""
        return f"{self.subnet}.{part.suffix}"

    def container(self, name: str) -> str:
        """The container name of a part."""
        return f"{self.project}-{name}"


def shifted(subnet: str, steps: int) -> str:
    """The network so many steps further."""
    head, last = subnet.rsplit(".", 1)
    return f"{head}.{int(last) + steps}"


def all_parts(regions: int) -> tuple[Part, ...]:
    """Every part of a lab with so many regions."""
    first = Topology("", "10.0.0", 0, regions=regions)
    sites = (ONE,) if regions == 1 else SITES
    return tuple(part for site in sites for part in first.at(site).parts)


def parts_with_role(role: str) -> tuple[Part, ...]:
    """All parts of a region that do the same thing."""
    return tuple(part for part in PARTS if part.role == role)
