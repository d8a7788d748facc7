"""Searches: trials proposed by optuna, one after the other's result, under a sweep's ledger."""
