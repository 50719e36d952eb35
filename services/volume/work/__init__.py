"""The work on the store: whatever a row says is to be done is done, by whichever replica lives."""
