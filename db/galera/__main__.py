"""Entry point of the container: a node, or with the word `arbitrator` the member that keeps no data."""

import sys

from galera import arbitrator, node

if sys.argv[1:] == ["arbitrator"]:
    arbitrator.main()
else:
    node.main()
