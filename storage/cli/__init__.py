"""`quorate rbd` and `quorate storage`: what `rbd` and `ceph` print, in their style."""
