"""Watches the lab from outside: asks every function many times a second, records it, draws it, and judges it."""
