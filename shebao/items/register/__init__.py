"""What is registered of people and units: general information by the unit itself, key information at the counter."""
