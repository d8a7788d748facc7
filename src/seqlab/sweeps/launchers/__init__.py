"""What starts the processes of a sweep's jobs: on this machine, or through a cluster's engine."""
