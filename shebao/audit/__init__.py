"""操作日志: append-only, who did or saw what, for whom, before and after."""
