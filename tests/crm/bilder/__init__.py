"""Tests of the pictures of lots."""
