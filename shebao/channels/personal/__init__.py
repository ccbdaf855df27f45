"""个人: what one insured person sees and does for themselves."""
