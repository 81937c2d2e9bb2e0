"""Accounts, permissions, the audit chain."""
