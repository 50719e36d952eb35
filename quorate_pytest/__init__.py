"""A pytest plugin: tests of OpenStack clients against Quorate, embedded or as the running lab."""
