"""shebao: an open-source social-insurance (社会保险) service hall and the administration behind it."""
