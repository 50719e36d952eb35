"""Quorate's services: one package per OpenStack API, all standing on `services.platform`."""
