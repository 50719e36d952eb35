"""What the tests of the APIs take from the cloud under test."""

from tests.cloud import Cloud, Raw

__all__ = ["Cloud", "Raw"]
