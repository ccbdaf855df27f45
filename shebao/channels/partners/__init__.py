"""What partners' programs call: signed messages instead of sign-ins."""
