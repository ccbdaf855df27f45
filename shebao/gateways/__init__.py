"""Codecs and clients of partners. They know files and sockets, no insurance."""
