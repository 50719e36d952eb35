"""Exercises that grade themselves: a broken start state, a task, checks that measure, a record for the teacher."""
