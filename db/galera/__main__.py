"""Entry point of the container: a node, or with the word `arbitrator` the member that keeps no data.

DB_DESIGN says of which kind the node is: `replication` and `semisync` make it one of a primary and its replicas.
"""

import os
import sys

from replication import node as replicated

from galera import arbitrator, node

if sys.argv[1:] == ["arbitrator"]:
    arbitrator.main()
elif os.environ.get("DB_DESIGN") in {"replication", "semisync"}:
    replicated.main()
else:
    node.main()
