"""The conductor: drives every task of every instance to its end, whoever began it."""
