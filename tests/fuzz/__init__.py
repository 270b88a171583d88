"""Bytes from anywhere, into everything that reads bytes: only our own errors ever come out."""
