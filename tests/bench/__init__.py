"""What things cost, with the figures of the real services beside them."""
