"""单位: a unit's operators at /u/."""
