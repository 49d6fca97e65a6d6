"""Jobs and kernels on a host over SSH: nothing is needed there but Python and sshd."""
