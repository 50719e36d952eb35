"""What an OSD has on its disk: a journal, blocks with checksums, and the index of both."""
