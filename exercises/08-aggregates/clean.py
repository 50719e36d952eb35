"""Undoes what this exercise may have left: all aggregates, flavors with its names, hosts that take no servers."""

import contextlib

import openstack

FLAVORS = {"m1.fast", "m1.quick", "m1.swift"}

cloud = openstack.connect(cloud="quorate")
for aggregate in cloud.compute.aggregates():
    for host in aggregate.hosts or []:
        cloud.compute.remove_host_from_aggregate(aggregate, host)
    cloud.compute.delete_aggregate(aggregate)
for flavor in cloud.compute.flavors():
    if flavor.name in FLAVORS:
        with contextlib.suppress(openstack.exceptions.NotFoundException):
            cloud.compute.delete_flavor(flavor)
for service in cloud.compute.services(binary="nova-compute"):
    if service.status == "disabled":
        cloud.compute.enable_service(service)
cloud.close()
