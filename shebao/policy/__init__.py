"""The policy kernel: dated rules and the formulas that use them. No Django, no clock, no I/O but its own YAML.

Entry points: rulebook.standard, levy.month_rates and levy.assess, levy_explained.explain_month, flexible.explain_tier,
late_fee.explain_late_fee, calendar.add_working_days.
"""
