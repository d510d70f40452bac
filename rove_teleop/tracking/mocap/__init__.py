"""Suits, cameras and gloves that stream a body: one decoder per openly documented protocol, one mapping to frames."""
