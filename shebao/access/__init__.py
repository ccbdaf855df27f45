"""Accounts, posts and sign-ins: who may act, for which unit or agency, in which post."""
