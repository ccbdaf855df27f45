"""Open to everyone: home, sign-in, 办事指南, 凭证验真, help."""
