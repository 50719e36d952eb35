"""Delays what one machine sends, where the kernel has no netem: each packet waits in a netfilter queue for its time."""
