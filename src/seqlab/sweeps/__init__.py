"""Sweeps: many runs under one ledger, started, followed, resumed and added up."""
