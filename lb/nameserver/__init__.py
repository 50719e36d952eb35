"""What PowerDNS answers: the zone quorate.test, whose addresses follow the health of the regions."""
