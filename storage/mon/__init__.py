"""Monitors: they decide the cluster map, and keep it in etcd."""
