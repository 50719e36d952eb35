"""Identity: Keystone's v3 API. Who somebody is, what they may do where, and where the other services are."""
