"""What goes to and comes from the tax office."""
