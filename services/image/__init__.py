"""The image service: Glance's API v2 over one database and one store of image data."""
