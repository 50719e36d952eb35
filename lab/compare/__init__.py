"""The same load and the same fault on labs of several designs, one after the other, side by side at the end."""
