"""The scheduler: which host an instance goes to, and the claim that makes it so."""
