"""The block store: pools of replicated objects, and devices striped over them. Ceph's shape, small enough to read."""
