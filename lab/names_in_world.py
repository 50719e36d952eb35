"""Asks the regions' own DNS servers what they answer for the names that the regions share."""

import dns.exception
import dns.message
import dns.query
import dns.rdatatype

SHARED_NAMES = ("identity", "image", "object")
ZONE = "quorate.test"
SECONDS = 1.0


def addresses_by_name(server: str) -> dict[str, tuple[str, ...]] | None:
    """What one server answers: a shared service's addresses by its name; None where it does not answer."""
    try:
        return {name: addresses(server, f"{name}.{ZONE}") for name in SHARED_NAMES}
    except (dns.exception.DNSException, OSError):
        return None


def addresses(server: str, name: str) -> tuple[str, ...]:
    """The addresses that a server gives for a name. Raises DNSException or OSError where there is no answer."""
    answer = dns.query.udp(dns.message.make_query(name, dns.rdatatype.A), server, timeout=SECONDS)
    return tuple(sorted(str(row) for rows in answer.answer if rows.rdtype == dns.rdatatype.A for row in rows))
