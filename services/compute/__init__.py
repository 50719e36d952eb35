"""Compute (Nova v2.1): four processes, `api`, `scheduler`, `conductor` and `agent`, around one data model."""
