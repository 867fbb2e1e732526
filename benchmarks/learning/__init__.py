"""What recipes, networks and labels are worth: trainings compared by their figures."""
