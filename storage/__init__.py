"""The block store: pools of replicated objects, and block devices striped over them. Ceph's shape, small enough to read."""
