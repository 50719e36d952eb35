"""Exercises that grade themselves: a start state that is broken, a task, checks that measure, a record for the teacher."""
