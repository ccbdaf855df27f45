"""管理: accounts and posts for 系统管理员, the trace for 稽核审计, at /a/. Neither sees insured people's rows."""
