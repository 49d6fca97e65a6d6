"""What jobs and kernels used of which compute, and what that cost."""
