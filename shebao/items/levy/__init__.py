"""申报与缴费: items about what a unit declares and pays."""
