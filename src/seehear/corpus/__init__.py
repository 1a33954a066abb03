"""Clips on disk: prepared from media files, kept in shards with a manifest, read back at random, cached as views."""
